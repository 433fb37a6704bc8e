//! Downlinks: queued over MQTT, received by the device in the window it opened.

use lorawan_device::nb_device::Response;
use serde_json::json;
use system_tests::harness::{Application, Message, eui_text};

use crate::{DEV_EUI, GATEWAY, Terms, Walk};

crate::in_every_region! {
    a_queued_downlink_comes_in_rx1
    a_refused_rx1_is_followed_by_rx2
    a_confirmed_downlink_is_acknowledged
    several_queued_downlinks_come_one_by_one_with_f_pending
}

/// The event about this downlink, on this topic, with this status.
fn event(application: &Application, topic: &str, mark: &str, status: &str) -> Message {
    application.wait(&format!("{mark} to be {status}"), |message| {
        message.is(DEV_EUI, topic)
            && message.text("CorrelationId") == mark
            && message.text("Status") == status
    })
}

fn a_queued_downlink_comes_in_rx1(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let request = json!({ "FPort": 10, "PayloadData": "AQI=", "CorrelationId": "open-1" });
    let id = walk.application.queue(DEV_EUI, &request);
    let outcome = walk.node.send(2, b"\x00\x01", false);
    assert!(matches!(outcome.response, Response::DownlinkReceived(_)), "{outcome:?}");
    assert_eq!(walk.node.take_downlink(), Some((10, vec![1, 2])));
    let heard = outcome.heard();
    assert_eq!((heard.window, heard.opened_ms), (1, 1000));
    assert_eq!(heard.downlink.datr, terms.rx1_datr);
    let taken = event(&walk.application, "txack", "open-1", "accepted");
    assert_eq!(taken.text("MessageId"), id);
    assert_eq!(taken.text("Window"), "RX1");
    assert_eq!(taken.text("Gateway"), eui_text(GATEWAY));
    let f_cnt = heard.opened.as_ref().expect("a data frame").f_cnt;
    assert_eq!(taken.body["FCntDown"], f_cnt);
    walk.end();
}

fn a_refused_rx1_is_followed_by_rx2(terms: Terms) {
    let mut walk = Walk::joined(terms);
    for (mark, error) in [("late", "TOO_LATE"), ("early", "TOO_EARLY")] {
        let request = json!({ "FPort": 11, "PayloadData": "//8=", "CorrelationId": mark });
        walk.application.queue(DEV_EUI, &request);
        walk.gateway.refuse_next(error);
        let outcome = walk.node.send(2, b"\x00\x01", false);
        assert!(matches!(outcome.response, Response::DownlinkReceived(_)), "{outcome:?}");
        assert_eq!(walk.node.take_downlink(), Some((11, vec![0xff, 0xff])));
        let heard = outcome.heard();
        assert_eq!((heard.window, heard.opened_ms), (2, 2000));
        assert_eq!((heard.downlink.frequency_hz, heard.downlink.datr.as_str()), terms.rx2);
        let taken = event(&walk.application, "txack", mark, "accepted");
        assert_eq!(taken.text("Window"), "RX2");
    }
    walk.end();
}

fn a_confirmed_downlink_is_acknowledged(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let request = json!({
        "FPort": 10, "PayloadData": "AQ==", "Confirmed": true, "CorrelationId": "valve",
    });
    let id = walk.application.queue(DEV_EUI, &request);
    let outcome = walk.node.send(2, b"\x00\x01", false);
    assert_eq!(walk.node.take_downlink(), Some((10, vec![1])));
    // MType 5 is Confirmed Data Down.
    assert_eq!(outcome.heard().downlink.bytes[0] >> 5, 5);
    event(&walk.application, "txack", "valve", "accepted");
    // The stack puts ACK into its next frame.
    let acknowledging = walk.node.f_cnt_up();
    walk.node.report(2, b"\x00\x02");
    let acked = event(&walk.application, "ack", "valve", "acked");
    assert_eq!(acked.text("MessageId"), id);
    assert_eq!(acked.body["FCntUp"], acknowledging);
    assert_eq!(acked.body["FCntDown"], outcome.heard().opened.as_ref().expect("data").f_cnt);
    let uplink = walk.application.uplink(DEV_EUI, acknowledging.into());
    assert_eq!(uplink.text("AckedMessageId"), id);
    walk.end();
}

fn several_queued_downlinks_come_one_by_one_with_f_pending(terms: Terms) {
    let mut walk = Walk::joined(terms);
    for number in 0..3_u8 {
        let request = json!({
            "FPort": 20 + number, "PayloadData": "AA==", "CorrelationId": format!("n-{number}"),
        });
        walk.application.queue(DEV_EUI, &request);
    }
    let mut last = None;
    for number in 0..3_u8 {
        let outcome = walk.node.send(2, b"\x00\x01", false);
        assert_eq!(walk.node.take_downlink(), Some((20 + number, vec![0])));
        let heard = outcome.heard();
        // FCtrl is the sixth byte; FPending its fifth bit, in frames down.
        let pending = heard.downlink.bytes[5] & 0x10 != 0;
        assert_eq!(pending, number < 2);
        let f_cnt = heard.opened.as_ref().expect("a data frame").f_cnt;
        assert!(last < Some(f_cnt), "FCntDown {f_cnt} after {last:?}");
        last = Some(f_cnt);
    }
    walk.end();
}
