//! Uplinks of a relay, and on the other ports that the standard reserves.

use lns_core::effect::RelayedUplink;
use lns_core::{EventKind, Note, Step};
use lns_lorawan::{
    DataRateIndex, Db, Dbm, DevAddr, DevEui, DevNonce, FCntUp, Frequency, JoinRequest,
};

use crate::bench::*;

fn relayed(step: &Step) -> Vec<RelayedUplink> {
    let kinds = published(step).into_iter().filter_map(|kind| match kind {
        EventKind::Relayed(relayed) => Some((**relayed).clone()),
        EventKind::Uplink(_)
        | EventKind::Joined { .. }
        | EventKind::Downlink { .. }
        | EventKind::Counters { .. }
        | EventKind::ProprietaryMac { .. } => None,
    });
    kinds.collect()
}

fn forward(frame: &[u8]) -> Step {
    let mut bench = Bench::abp();
    let payload = [&[0xc5, 0xaa, 0x01, 0x28, 0x76, 0x84], frame].concat();
    bench.hear(&Up { f_port: Some(226), payload: &payload, ..Up::at(7) }).unwrap()
}

#[test]
fn a_forwarded_frame_is_told_with_what_the_relay_measured() {
    let mut other = Bench::abp();
    other.dev_addr = DevAddr::new(0x2601_1bda);
    let frame = other.frame(&Up::at(3));
    let step = forward(&frame);
    let expected = RelayedUplink {
        f_cnt_up: FCntUp(7),
        data_rate: DataRateIndex::new(5).unwrap(),
        frequency: Frequency::from_hz(868_100_000),
        rssi: Dbm::from_whole(-100),
        snr: Db::from_whole(-8),
        second_channel: true,
        phy_payload: frame.into(),
        dev_addr: Some(DevAddr::new(0x2601_1bda)),
        dev_eui: None,
    };
    assert_eq!(relayed(&step), [expected]);
    assert!(uplink(&step).is_none(), "it is the network's, not the application's");
    assert!(step.notes.contains(&Note::Relayed { readable: true }));
}

#[test]
fn a_forwarded_join_request_is_told_with_its_dev_eui() {
    let dev_eui = DevEui::new(0x1122);
    let frame = JoinRequest::build_1_0(JOIN_EUI, dev_eui, DevNonce(1), &app_key());
    let told = relayed(&forward(&frame));
    assert_eq!((told[0].dev_addr, told[0].dev_eui), (None, Some(dev_eui)));
}

#[test]
fn what_a_relay_forwards_unreadably_is_counted_and_moves_its_counter() {
    let mut bench = Bench::abp();
    let step = bench.hear(&Up { f_port: Some(226), payload: &[1, 2, 3], ..Up::at(7) }).unwrap();
    assert!(step.notes.contains(&Note::Relayed { readable: false }));
    assert!(published(&step).is_empty());
    assert_eq!(bench.device.session.unwrap().f_cnt_up, Some(FCntUp(7)));
}

#[test]
fn uplinks_on_other_reserved_ports_are_delivered_and_noted() {
    for f_port in [223, 224, 225, 227, 255] {
        let mut bench = Bench::abp();
        let step = bench.hear(&Up { f_port: Some(f_port), ..Up::at(0) }).unwrap();
        assert_eq!(uplink(&step).unwrap().f_port, Some(f_port));
        let noted = step.notes.contains(&Note::ReservedFPort { f_port });
        assert_eq!(noted, f_port > 224, "{f_port}");
    }
}
