//! LinkADR: the block, by version, by plan and by the device's ADR bit.

use lns_core::adr::{NbTrans, Target};
use lns_core::mac::Kind;
use lns_lorawan::{ChMask, DataRateIndex, MacVersion, Region, TxPowerIndex};

use crate::talk::*;

fn target(data_rate: u8, tx_power: u8, nb_trans: u8) -> Target {
    Target {
        data_rate: DataRateIndex::new(data_rate).unwrap(),
        tx_power: TxPowerIndex::new(tx_power).unwrap(),
        nb_trans: NbTrans::clamped(nb_trans),
    }
}

#[test]
fn a_target_is_asked_for_and_done() {
    for version in [MacVersion::V1_0_1, MacVersion::V1_0_3, MacVersion::V1_0_4, MacVersion::V1_1_0]
    {
        let mut talk = Talk::new(Region::Eu868, version);
        talk.exchange(CLEAR);
        talk.tell(target(3, 2, 2));
        assert_eq!(talk.exchange(CLEAR), [0x03, 0x32, 0x07, 0x00, 0x02], "{version}");
        assert_eq!(talk.exchange(CLEAR), [0u8; 0]);
        talk.assert_true();
        assert_eq!((talk.model.data_rate, talk.model.tx_power, talk.model.nb_trans), (3, 2, 2));
        talk.exchange(CLEAR);
        assert!(talk.is_quiet(), "{version}");
    }
}

#[test]
fn with_the_adr_bit_off_nothing_is_asked_of_data_rate_and_power() {
    let mut talk = Talk::new(Region::Eu868, MacVersion::V1_0_3);
    talk.model.adr = false;
    talk.tell(target(3, 2, 2));
    assert_eq!(talk.exchanges(3), vec![Vec::<u8>::new(); 3]);
}

#[test]
fn a_refused_power_is_not_asked_again_and_another_is() {
    let mut talk = Talk::new(Region::Eu868, MacVersion::V1_0_3);
    talk.exchange(CLEAR);
    talk.model.cannot.tx_powers = vec![7];
    talk.tell(target(5, 7, 1));
    assert!(!talk.exchange(CLEAR).is_empty());
    for _ in 0..20 {
        assert_eq!(talk.exchange(CLEAR), [0u8; 0]);
        talk.assert_true();
    }
    talk.tell(target(5, 6, 1));
    assert_eq!(talk.exchange(CLEAR), [0x03, 0x56, 0x07, 0x00, 0x01]);
    talk.exchanges(2);
    talk.assert_true();
    assert_eq!(talk.model.tx_power, 6);
}

#[test]
fn a_device_that_says_yes_and_does_otherwise_is_not_asked_for_ever() {
    let mut talk = Talk::new(Region::Eu868, MacVersion::V1_0_3);
    talk.exchange(CLEAR);
    talk.tell(target(3, 0, 1));
    let asked = (0..200).filter(|_| {
        talk.model.data_rate = 5;
        !talk.exchange(CLEAR).is_empty()
    });
    let asked = asked.count();
    assert!((4..=8).contains(&asked), "{asked}");
}

#[test]
fn a_lost_answer_leaves_power_unknown_until_it_is_asked_again() {
    let mut talk = Talk::new(Region::Eu868, MacVersion::V1_0_3);
    talk.exchange(CLEAR);
    talk.tell(target(5, 3, 2));
    talk.exchange(CLEAR);
    talk.exchange(UP_LOST);
    let frame = talk.exchange(CLEAR);
    assert_eq!(frame, [0x03, 0x53, 0x07, 0x00, 0x02]);
    assert_eq!((talk.current().tx_power, talk.current().nb_trans), (None, None));
    assert!(talk.current().ch_mask.is_some(), "the mask was not to change");
    talk.exchange(CLEAR);
    talk.assert_true();
    assert_eq!(talk.current().nb_trans, Some(2));
}

/// On sub-band 2, about which it has not been told.
fn us915(version: MacVersion, adr: bool) -> Talk {
    let mut talk = Talk::new(Region::Us915, version);
    talk.bench.network.sub_band = Some(2);
    talk.model.adr = adr;
    talk
}

#[test]
fn a_sub_band_is_selected_however_the_device_judges() {
    for version in [MacVersion::V1_0_1, MacVersion::V1_0_3, MacVersion::V1_0_4, MacVersion::V1_1_0]
    {
        for adr in [true, false] {
            let mut talk = us915(version, adr);
            let frame = talk.exchange(CLEAR);
            assert_eq!(frame.len(), if adr { 10 } else { 25 }, "{version}");
            talk.exchanges(2);
            talk.assert_true();
            assert_eq!(talk.current().ch_mask, ChMask::bank(1), "{version}, ADR {adr}");
            assert!(talk.is_quiet());
        }
    }
}

#[test]
fn another_sub_band_is_selected_when_the_network_moves() {
    for adr in [true, false] {
        let mut talk = us915(MacVersion::V1_0_3, adr);
        talk.exchanges(3);
        talk.bench.network.sub_band = Some(5);
        talk.exchanges(3);
        talk.assert_true();
        assert_eq!(talk.current().ch_mask, ChMask::bank(4));
    }
}

#[test]
fn a_block_whose_answer_was_lost_is_asked_again_for_any_state() {
    for adr in [true, false] {
        let mut talk = us915(MacVersion::V1_0_3, adr);
        talk.exchanges(3);
        talk.bench.network.sub_band = Some(5);
        talk.exchange(CLEAR);
        talk.exchange(UP_LOST);
        talk.bench.network.sub_band = Some(2);
        talk.exchange(CLEAR);
        assert_eq!(talk.current().ch_mask, None, "one sub-band or the other");
        talk.exchanges(3);
        talk.assert_true();
        assert_eq!(talk.current().ch_mask, ChMask::bank(1), "ADR {adr}");
    }
}

#[test]
fn an_answer_without_a_request_changes_nothing() {
    let mut talk = us915(MacVersion::V1_0_3, true);
    talk.exchange(UP_LOST);
    talk.model.hear(&[0x04, 0x00]);
    talk.exchange(CLEAR);
    let unexpected = lns_core::Note::UnexpectedMacAnswer { cid: Kind::DutyCycle.cid() };
    assert!(talk.notes.contains(&unexpected), "{:?}", talk.notes);
}
