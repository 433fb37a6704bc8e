//! One transmission heard by several gateways; one frame sent several times.

use std::sync::Arc;
use std::time::Duration;

use system_tests::harness::{Node, eui_text};

use crate::{APP_KEY, DEV_EUI, GATEWAY, Terms, Walk};

crate::in_every_region! {
    two_gateways_hear_one_frame_and_one_event_comes
    a_repeat_is_acknowledged_again_and_not_delivered_again
}

fn two_gateways_hear_one_frame_and_one_event_comes(terms: Terms) {
    let mut walk = Walk::start(terms);
    let second = walk.live.gateway(GATEWAY + 1, terms.tmst.wrapping_add(77_000_000));
    let both = [Arc::clone(&walk.gateway), second];
    walk.node = Node::new(terms.configuration(), &both, DEV_EUI, APP_KEY);
    walk.join();
    for f_cnt in 0..3 {
        walk.node.report(2, b"\x00\x01");
        let event = walk.application.uplink(DEV_EUI, f_cnt);
        let heard_by = event.body["WirelessMetadata"]["LoRaWAN"]["Gateways"].clone();
        let mut heard_by: Vec<&str> = (heard_by.as_array().expect("a list").iter())
            .filter_map(|gateway| gateway["GatewayEui"].as_str())
            .collect();
        heard_by.sort_unstable();
        assert_eq!(heard_by, [eui_text(GATEWAY), eui_text(GATEWAY + 1)]);
    }
    // A confirmed uplink is acknowledged by one of them, once.
    let outcome = walk.node.send(2, b"\x00\x01", true);
    assert!(outcome.heard().opened.as_ref().expect("a data frame").ack);
    walk.node.report(2, b"\x00\x02");
    walk.application.uplink(DEV_EUI, 4);
    assert_eq!(walk.application.all(|message| message.is(DEV_EUI, "up")).len(), 5);
    assert!(both[1].unheard().is_empty(), "{:#?}", both[1].unheard());
    walk.end();
}

fn a_repeat_is_acknowledged_again_and_not_delivered_again(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let first = walk.node.send(2, b"\x00\x01", true);
    let first = first.heard().opened.clone().expect("a data frame");
    let frame = walk.node.sent();
    // Copies within a second of air time are one transmission; the device repeats after two.
    let (sent_at, keys) = (walk.node.sent_at(), walk.node.keys());
    std::thread::sleep(Duration::from_secs(2).saturating_sub(sent_at.elapsed()));
    let tmst = walk.gateway.hear(&frame);
    let deadline = std::time::Instant::now() + Duration::from_secs(1);
    let again = walk
        .gateway
        .emitted(deadline, |downlink| downlink.tmst == Some(tmst.wrapping_add(1_000_000)));
    let again = again.expect("the repeat is answered in its RX1");
    let again = keys.open(&again.bytes).expect("a frame of the session");
    assert!(again.ack);
    assert!(again.f_cnt > first.f_cnt, "{again:?} after {first:?}");
    // What comes later has come after everything that was published for the repeat.
    walk.node.report(2, b"\x00\x02");
    walk.application.uplink(DEV_EUI, 1);
    let delivered = walk.application.all(|message| message.is(DEV_EUI, "up"));
    assert_eq!(delivered.iter().filter(|message| message.f_cnt() == Some(0)).count(), 1);
    walk.end();
}
