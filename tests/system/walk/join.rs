//! Over-the-air activation.

use system_tests::harness::{Node, eui_text};

use crate::{DEV_EUI, GATEWAY, Terms, Walk};

crate::in_every_region! {
    a_device_joins_in_rx1
    a_device_joins_in_rx2_when_rx1_is_refused
    a_device_that_joins_again_has_another_session
    a_wrong_root_key_gets_no_answer
}

fn a_device_joins_in_rx1(terms: Terms) {
    let mut walk = Walk::start(terms);
    let outcome = walk.node.join();
    let heard = outcome.heard();
    assert_eq!((heard.window, heard.opened_ms), (1, 5000));
    let event = walk.application.wait("the join", |message| message.is(DEV_EUI, "join"));
    assert_eq!(event.text("DevAddr"), walk.node.dev_addr());
    assert_eq!(event.text("JoinEui"), eui_text(Node::JOIN_EUI));
    assert_eq!(event.body["Gateways"][0]["GatewayEui"], eui_text(GATEWAY));
    walk.end();
}

fn a_device_joins_in_rx2_when_rx1_is_refused(terms: Terms) {
    if terms.rx2_dr.is_some() {
        // Until it has joined, a device listens as the region has it, and the stack otherwise.
        return;
    }
    let mut walk = Walk::start(terms);
    walk.gateway.refuse_next("TOO_LATE");
    let outcome = walk.node.join();
    let heard = outcome.heard();
    assert_eq!((heard.window, heard.opened_ms), (2, 6000));
    assert_eq!((heard.downlink.frequency_hz, heard.downlink.datr.as_str()), terms.rx2);
    walk.end();
}

fn a_device_that_joins_again_has_another_session(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let first = walk.node.keys();
    walk.node.report(2, b"\x00\x01");
    walk.application.uplink(DEV_EUI, 0);
    walk.join();
    let second = walk.node.keys();
    assert_ne!(first.nwk_s_key, second.nwk_s_key);
    assert_ne!(first.app_s_key, second.app_s_key);
    walk.node.report(2, b"\x00\x02");
    let came = walk.application.wait("an uplink of the new session", |message| {
        message.is(DEV_EUI, "up") && message.payload() == b"\x00\x02"
    });
    assert_eq!(came.f_cnt(), Some(0));
    walk.end();
}

fn a_wrong_root_key_gets_no_answer(terms: Terms) {
    let walk = Walk::start(terms);
    let gateways = [std::sync::Arc::clone(&walk.gateway)];
    let mut stranger = Node::new(terms.configuration(), &gateways, DEV_EUI, [7; 16]);
    stranger.set_data_rate(terms.join_dr);
    stranger.join_in_vain();
    let http = walk.live.http();
    system_tests::harness::eventually("the refusal", || http.rejects("join_mic_mismatch") == 1.0);
    assert!(walk.gateway.downlinks().is_empty());
    assert!(walk.application.all(|message| message.is(DEV_EUI, "join")).is_empty());
}
