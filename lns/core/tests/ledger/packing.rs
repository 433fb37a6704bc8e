//! What fits into a frame, and in which order.

use lns_core::adr::{NbTrans, Target};
use lns_core::mac::Kind;
use lns_core::{Note, Profile};
use lns_lorawan::{DataRateIndex, MacVersion, Region, RxDelay, TimeDelta, TxPowerIndex};

use crate::bench::{Up, uplink};
use crate::talk::*;

fn many(profile: &mut Profile) {
    profile.rx_delay = RxDelay::new(5);
    profile.rx1_dr_offset = 1;
    profile.max_duty_cycle = 3;
    profile.dev_status_interval = Some(TimeDelta::from_secs(3600));
}

fn with_target(talk: &mut Talk) {
    talk.tell(Target {
        data_rate: DataRateIndex::new(4).unwrap(),
        tx_power: TxPowerIndex::new(1).unwrap(),
        nb_trans: NbTrans::ONCE,
    });
}

#[test]
fn requests_stand_in_the_order_of_urgency() {
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_3, many);
    talk.model.adr = true;
    talk.bench.device.mac.adr = true;
    with_target(&mut talk);
    let frame = talk.exchange(CLEAR);
    let expected =
        [0x03, 0x41, 0x07, 0x00, 0x01, 0x08, 0x05, 0x05, 0x10, 0xd2, 0xad, 0x84, 0x04, 0x03, 0x06];
    assert_eq!(frame, expected);
    talk.exchanges(3);
    talk.assert_true();
    assert!(talk.is_quiet());
}

#[test]
fn an_application_payload_goes_with_as_much_as_f_opts_hold() {
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_3, many);
    talk.bench.network.extra_channels =
        vec![lns_lorawan::Frequency::from_hz(867_100_000).into(); 1];
    with_target(&mut talk);
    talk.bench.enqueue(1, false, b"payload");
    let step = talk.bench.hear(&Up { f_opts: &[0x02], ..adr_up(0) }).unwrap();
    assert!(uplink(&step).is_some());
    let down = talk.bench.listen().unwrap();
    assert_eq!(&*down.opened.frm_payload, b"payload");
    assert_eq!(down.opened.f_opts[0], 0x02, "an answer goes first");
    assert!(down.opened.f_opts.len() <= 15);
    assert!(talk.is_outstanding(Kind::LinkAdr) && !talk.is_outstanding(Kind::NewChannel));
}

#[test]
fn without_a_payload_they_go_on_port_0() {
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_3, many);
    talk.bench.network.extra_channels =
        vec![lns_lorawan::Frequency::from_hz(867_100_000).into(); 1];
    with_target(&mut talk);
    talk.bench.hear(&adr_up(0)).unwrap();
    let down = talk.bench.listen().unwrap();
    assert_eq!(down.opened.f_port, Some(0));
    assert_eq!(down.opened.frm_payload.len(), 21);
    assert!(down.opened.f_opts.is_empty());
}

#[test]
fn a_block_that_f_opts_cannot_hold_is_not_torn_and_does_not_wait_for_ever() {
    let mut talk = Talk::new(Region::Us915, MacVersion::V1_0_3);
    talk.bench.network.sub_band = Some(2);
    talk.bench.frequency = lns_lorawan::Frequency::from_hz(903_900_000);
    talk.bench.enqueue(1, false, b"payload");
    talk.bench.hear(&Up::at(0)).unwrap();
    let down = talk.bench.listen().unwrap();
    assert_eq!((down.opened.f_port, down.opened.frm_payload.len()), (Some(0), 25));
    assert!(down.opened.f_ctrl.f_pending);
    // Where even that has no room, the payload goes and the block waits.
    talk.bench.hear(&Up::at(1)).unwrap();
    let step = talk.bench.offer(30, 30);
    let down = talk.bench.understand(&step).unwrap();
    assert_eq!(&*down.opened.frm_payload, b"payload");
    assert!(down.opened.f_opts.is_empty());
}

#[test]
fn a_frame_that_has_room_for_nothing_else_has_the_most_urgent_request() {
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_3, many);
    talk.bench.hear(&adr_up(0)).unwrap();
    let step = talk.bench.offer(14, 14);
    let down = talk.bench.understand(&step).unwrap();
    assert_eq!(down.opened.f_opts[..], [0x08, 0x05]);
    assert!(!step.notes.contains(&Note::NoOffer));
}

fn adr_up(f_cnt: u32) -> Up<'static> {
    let f_ctrl = lns_lorawan::FCtrlUp { adr: true, ..lns_lorawan::FCtrlUp::default() };
    Up { f_ctrl, ..Up::at(f_cnt) }
}
