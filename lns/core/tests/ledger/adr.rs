//! ADR against the model device: from what is heard of it to what it does.

use std::sync::Arc;

use lns_core::adr::{Decision, Mode, Policy, Why};
use lns_core::{Event, Note};
use lns_lorawan::{Db, MacVersion, Region};

use crate::bench::Up;
use crate::talk::*;

/// A device at its slowest data rate whose SNR at full power would be this.
struct Link {
    talk: Talk,
    snr: f64,
}

impl Link {
    fn new(region: Region, version: MacVersion, snr: f64) -> Self {
        let mut talk = Talk::new(region, version);
        talk.model.data_rate = 0;
        let about = Arc::make_mut(&mut talk.bench.device.about);
        about.adr = Policy { mode: Mode::Dynamic, ..Policy::default() };
        Link { talk, snr }
    }

    fn exchange(&mut self, air: Air) -> Vec<u8> {
        let power = f64::from(self.talk.model.tx_power) * 2.0;
        self.talk.bench.snr = Db::from_f64(self.snr - power);
        self.talk.exchange(air)
    }

    fn exchanges(&mut self, count: usize) -> usize {
        (0..count).filter(|_| !self.exchange(CLEAR).is_empty()).count()
    }

    /// Data rate, power and NbTrans of the device.
    fn does(&self) -> (u8, u8, u8) {
        let model = &self.talk.model;
        (model.data_rate, model.tx_power, model.nb_trans)
    }

    fn why(&self) -> Why {
        self.talk.bench.device.adr.why.expect("an uplink was judged")
    }
}

#[test]
fn a_device_is_made_fast_at_once_and_quiet_later_and_then_left_in_peace() {
    for version in [MacVersion::V1_0_1, MacVersion::V1_0_3, MacVersion::V1_0_4, MacVersion::V1_1_0]
    {
        let mut link = Link::new(Region::Eu868, version, 9.0);
        assert_eq!(link.exchange(CLEAR)[..2], [0x03, 0x50], "DR5, full power");
        let told = |note: &Note| matches!(note, Note::Adr(why) if why.decision == Decision::Faster);
        assert!(link.talk.notes.iter().any(told), "{:?}", link.talk.notes);
        link.exchange(CLEAR);
        assert_eq!(link.does(), (5, 0, 1), "{version}");
        link.exchanges(40);
        // 9 dB are 6.5 more than SF7 and the margin of 10 dB need: two steps of 2 dB each.
        assert_eq!(link.does(), (5, 2, 1), "{version}");
        assert_eq!(link.exchanges(300), 0, "{version}");
        assert_eq!(link.why().margin, Some(Db::from_f64(2.5)));
        link.talk.assert_true();
        assert!(link.talk.is_quiet());
    }
}

#[test]
fn lost_requests_and_answers_only_delay_it() {
    let mut link = Link::new(Region::Eu868, MacVersion::V1_0_3, 9.0);
    for air in [DOWN_LOST, UP_LOST, CLEAR, UP_LOST, DOWN_LOST, DOWN_LOST, CLEAR] {
        link.exchange(air);
    }
    link.exchanges(60);
    assert_eq!(link.does(), (5, 2, 1));
    link.talk.assert_true();
    assert_eq!(link.exchanges(100), 0);
}

#[test]
fn after_a_crash_a_device_stays_as_it_is() {
    let mut link = Link::new(Region::Eu868, MacVersion::V1_0_3, 9.0);
    link.exchanges(60);
    link.talk.crash();
    assert_eq!(link.exchanges(60), 0);
    assert_eq!(link.does(), (5, 2, 1));
    assert_eq!(link.why().samples, 20);
}

#[test]
fn us915_goes_up_to_sf7_and_keeps_its_sub_band() {
    let mut link = Link::new(Region::Us915, MacVersion::V1_0_3, 6.0);
    link.talk.bench.network.sub_band = Some(2);
    link.exchanges(60);
    // DR3 is SF7; 6 dB are 3.5 more than it and the margin need.
    assert_eq!(link.does(), (3, 1, 1));
    link.talk.assert_true();
    assert_eq!(link.exchanges(100), 0);
}

#[test]
fn a_device_that_slowed_itself_down_is_not_hurried_again_at_once() {
    let mut link = Link::new(Region::Eu868, MacVersion::V1_0_3, 9.0);
    link.exchanges(60);
    let model = &mut link.talk.model;
    (model.data_rate, model.tx_power) = (4, 0);
    link.exchange(CLEAR);
    assert_eq!(link.why().decision, Decision::BackedOff);
    link.exchanges(18);
    assert_eq!(link.does(), (4, 0, 1), "full power is what it should have now");
    link.exchanges(10);
    assert_eq!(link.does().0, 5, "{:?}", link.why());
    link.talk.assert_true();
}

#[test]
fn a_refused_data_rate_is_replaced_by_the_next_best() {
    let mut link = Link::new(Region::Eu868, MacVersion::V1_0_3, 4.0);
    link.talk.model.cannot.data_rates = vec![5];
    link.exchanges(6);
    assert_eq!(link.does(), (4, 0, 1));
    let asked_for_dr5 = (0..200).any(|_| link.exchange(CLEAR).get(1).is_some_and(|b| b >> 4 == 5));
    assert!(!asked_for_dr5, "it has said that it cannot");
    link.talk.assert_true();
}

#[test]
fn a_device_without_its_adr_bit_is_left_alone() {
    let mut link = Link::new(Region::Eu868, MacVersion::V1_0_3, 20.0);
    link.talk.model.adr = false;
    assert_eq!(link.exchanges(50), 0);
    assert_eq!((link.does(), link.why().decision), ((0, 0, 1), Decision::AdrBitOff));
}

#[test]
fn the_downlinks_adr_bit_says_that_the_server_chooses() {
    for (mode, adr) in [(Mode::Dynamic, true), (Mode::Off, false)] {
        let mut link = Link::new(Region::Eu868, MacVersion::V1_0_4, -15.0);
        Arc::make_mut(&mut link.talk.bench.device.about).adr.mode = mode;
        link.talk.bench.hear(&Up::confirmed(0)).unwrap();
        let down = link.talk.bench.listen().expect("an acknowledgement");
        assert_eq!(down.opened.f_ctrl.adr, adr);
    }
}

#[test]
fn a_late_copy_counts() {
    let mut link = Link::new(Region::Eu868, MacVersion::V1_0_4, -15.0);
    link.exchange(CLEAR);
    link.talk.bench.snr = Db::from_whole(3);
    let copy = link.talk.bench.reception();
    link.talk.bench.step(Event::LateCopy(Box::new(copy)));
    let newest = link.talk.bench.device.adr.history.frames().next().expect("a frame");
    assert_eq!((newest.0, newest.1), (Some(Db::from_whole(3)), 2));
}

#[test]
fn a_new_session_starts_without_history() {
    let mut link = Link::new(Region::Eu868, MacVersion::V1_0_4, 9.0);
    link.exchanges(30);
    link.talk.describe(|profile| profile.region = Region::Eu433);
    assert!(link.talk.bench.device.adr.history.is_empty());
}
