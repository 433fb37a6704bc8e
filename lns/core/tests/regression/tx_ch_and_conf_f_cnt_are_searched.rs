//! What the MIC of a 1.1 uplink covers is looked for, among a few.
//!
//! It covers the index of the channel and the counter of the downlink that ACK stands for. The
//! reference device acknowledges the last downlink of any kind, others the last confirmed one
//! (LoRaMac-node, `LoRaMacCrypto.c`, ConfFCnt); and a device may send on a channel that it was given a
//! moment ago, before the server has seen its answer. A server that tries one combination only is
//! deaf to such a device until it joins again.

use lns_core::mac::Ledger;
use lns_core::session::{Channels, DeviceChannel, Slot};
use lns_lorawan::{FCntDown, Frequency};

use crate::abp_1_1::{Up11, device};

fn on_channel(tx_ch: u8) -> Vec<u8> {
    Up11 { tx_ch, ..Up11::default() }.bytes()
}

#[test]
fn an_acknowledgement_may_cover_the_last_downlink_of_either_counter() {
    for (what, conf, verifies) in [
        ("the confirmed one's", 6, true),
        ("the last with an application's port", 9, true),
        ("the last without", 12, true),
        ("any other", 7, false),
    ] {
        let mut bench = device(0);
        let session = bench.device.session.as_mut().unwrap();
        session.confirmed_f_cnt_down = Some(FCntDown(6));
        session.a_f_cnt_down.next = FCntDown(10);
        session.n_f_cnt_down.next = FCntDown(0x1_000d);
        assert_eq!(
            bench.matched(&Up11 { conf: Some(conf), ..Up11::default() }.bytes()).is_ok(),
            verifies,
            "{what}"
        );
    }
}

#[test]
fn a_frame_may_come_on_a_channel_that_was_asked_for_and_not_confirmed_yet() {
    let extra = Frequency::from_hz(867_500_000);
    let with = |session: &lns_core::Session, slots: &[Slot]| {
        let before = session.current.channels.slots().map(|(_, slot)| slot);
        Channels::of(before.chain(slots.iter().copied()))
    };
    let mut bench = device(0);
    bench.frequency = extra;
    assert!(bench.matched(&on_channel(4)).is_err(), "nobody knows of it");

    let session = bench.device.session.clone().unwrap();
    let rates = session.current.channels.slot(0).channel().unwrap().data_rates;
    let asked = Slot::Channel(DeviceChannel::new(extra, rates));
    let mut ledger = Ledger::new(&session.current);
    ledger.asked.channels = with(&session, &[Slot::Free, asked]);
    bench.device.mac.ledger = Some(Box::new(ledger));
    let heard = bench.matched(&on_channel(4)).unwrap();
    assert_eq!(heard.channel, Some(4), "the MIC says which it was");

    bench.device.mac.ledger = None;
    let unknown = with(&session, &[Slot::Free, Slot::Unknown]);
    bench.device.session.as_mut().unwrap().current_mut().channels = unknown;
    assert_eq!(bench.matched(&on_channel(4)).unwrap().channel, Some(4));
    assert!(bench.matched(&on_channel(5)).is_err());
}

#[test]
fn of_two_channels_with_one_frequency_the_mic_says_which_it_was() {
    let mut bench = device(0);
    let session = bench.device.session.as_mut().unwrap();
    let first = session.current.channels.slot(0);
    let twice = session.current.channels.slots().map(|(_, slot)| slot).chain([first]);
    session.current_mut().channels = Channels::of(twice.collect::<Vec<_>>());
    for channel in [0, 3] {
        let bytes = Up11 { f_cnt: u32::from(channel), tx_ch: channel, ..Up11::default() }.bytes();
        assert_eq!(bench.matched(&bytes).unwrap().channel, Some(channel));
    }
}
