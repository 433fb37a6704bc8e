//! Uplinks: what the application reads, counters, acknowledgements.

use lorawan_device::nb_device::Response;
use system_tests::harness::eui_text;

use crate::{DEV_EUI, GATEWAY, Terms, Walk};

crate::in_every_region! {
    uplinks_arrive_decoded_and_in_order
    a_confirmed_uplink_is_acknowledged_in_rx1
    the_counter_rolls_over_sixteen_bits
}

fn uplinks_arrive_decoded_and_in_order(terms: Terms) {
    let mut walk = Walk::joined(terms);
    for (f_cnt, port, payload) in [(0, 2, [0x0a, 0x8c]), (1, 223, [0xff, 0x9c]), (2, 1, [0, 1])] {
        walk.node.report(port, &payload);
        let event = walk.application.uplink(DEV_EUI, f_cnt);
        assert_eq!(event.payload(), payload);
        let lorawan = &event.body["WirelessMetadata"]["LoRaWAN"];
        assert_eq!(lorawan["FPort"], port);
        assert_eq!(lorawan["DevEui"], eui_text(DEV_EUI));
        assert_eq!(lorawan["DevAddr"], walk.node.dev_addr());
        assert_eq!(lorawan["SpreadingFactor"], 7);
        assert_eq!(lorawan["Frequency"], walk.node.sent().frequency_hz.to_string());
        assert_eq!(lorawan["Gateways"][0]["GatewayEui"], eui_text(GATEWAY));
        let degrees = f64::from(i16::from_be_bytes(payload)) / 100.0;
        assert_eq!(event.body["DecodedPayload"]["temperature"], degrees);
        assert_eq!(event.body["DecodedPayload"]["port"], port);
        assert_eq!(walk.node.sent().datr, terms.up_datr);
    }
    let order = walk.application.all(|message| message.is(DEV_EUI, "up"));
    let order: Vec<_> = order.iter().filter_map(|message| message.f_cnt()).collect();
    assert_eq!(order, [0, 1, 2]);
    walk.end();
}

fn a_confirmed_uplink_is_acknowledged_in_rx1(terms: Terms) {
    let mut walk = Walk::joined(terms);
    for f_cnt in 0..2 {
        let outcome = walk.node.send(2, b"\x00\x01", true);
        assert!(matches!(outcome.response, Response::DownlinkReceived(_)), "{outcome:?}");
        let heard = outcome.heard();
        assert_eq!((heard.window, heard.opened_ms), (1, 1000));
        assert!(heard.opened.as_ref().expect("a data frame").ack);
        let event = walk.application.uplink(DEV_EUI, f_cnt);
        assert_eq!(event.body["WirelessMetadata"]["LoRaWAN"]["MType"], "ConfirmedDataUp");
    }
    walk.end();
}

fn the_counter_rolls_over_sixteen_bits(terms: Terms) {
    let mut walk = Walk::joined(terms);
    // Not further at once than MAX_FCNT_GAP, 16384, of LoRaWAN up to 1.0.3.
    for f_cnt in [16_000, 32_000, 48_000, 64_000, 65_520] {
        walk.node.set_f_cnt_up(f_cnt);
        walk.node.report(2, b"\x00\x01");
        walk.application.uplink(DEV_EUI, f_cnt.into());
    }
    for f_cnt in 65_521..=65_540_u32 {
        let payload = (f_cnt as u16).to_be_bytes();
        walk.node.report(2, &payload);
        assert_eq!(walk.application.uplink(DEV_EUI, f_cnt.into()).payload(), payload);
    }
    let outcome = walk.node.send(2, b"\x00\x01", true);
    assert!(outcome.heard().opened.as_ref().expect("a data frame").ack);
    walk.end();
}
