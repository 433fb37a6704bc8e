//! The server stops and starts again; the device does not notice.

use lorawan_device::nb_device::Response;
use serde_json::json;

use crate::{DEV_EUI, Terms, Walk};

crate::in_every_region! {
    a_session_goes_on_after_a_restart
    a_queued_downlink_survives_a_restart
}

fn restart(walk: &mut Walk) {
    let before = walk.application.subscriptions();
    walk.live.restart();
    walk.application.subscribed(before + 1);
    walk.gateway.connect();
}

fn a_session_goes_on_after_a_restart(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let mut last = None;
    for life in 0..3_u64 {
        let f_cnt_up = 2 * life;
        let outcome = walk.node.send(2, b"\x00\x01", true);
        assert!(matches!(outcome.response, Response::DownlinkReceived(_)), "{outcome:?}");
        let f_cnt = outcome.heard().opened.as_ref().expect("a data frame").f_cnt;
        assert!(last < Some(f_cnt), "FCntDown {f_cnt} after {last:?}");
        last = Some(f_cnt);
        let event = walk.application.uplink(DEV_EUI, f_cnt_up);
        restart(&mut walk);
        walk.node.report(2, &[0, life as u8]);
        walk.application.uplink(DEV_EUI, f_cnt_up + 1);
        // What was published before may come again, but only under its name.
        let again = walk.application.all(|message| message.f_cnt() == Some(f_cnt_up));
        assert!(again.iter().all(|m| m.text("EventId") == event.text("EventId")), "{again:?}");
    }
    walk.end();
}

fn a_queued_downlink_survives_a_restart(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let request = json!({ "FPort": 9, "PayloadData": "CQ==", "CorrelationId": "patient" });
    walk.application.queue(DEV_EUI, &request);
    restart(&mut walk);
    let outcome = walk.node.send(2, b"\x00\x01", false);
    assert!(matches!(outcome.response, Response::DownlinkReceived(_)), "{outcome:?}");
    assert_eq!(walk.node.take_downlink(), Some((9, vec![9])));
    walk.end();
}
