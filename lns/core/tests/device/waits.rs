use lns_core::device::{Missed, Waits};
use lns_core::event::{Fate, Purpose};
use lns_core::radio::lane::NoOffer;
use lns_core::radio::shortage::Shortage;
use lns_core::{Event, Occasion, Profile};
use lns_lorawan::{FCntDown, MacVersion, TimeDelta};

use crate::bench::*;

fn waits(bench: &Bench) -> Vec<(u64, Waits)> {
    let waiting = bench.device.waiting(bench.now);
    waiting.map(|(queued, waits)| (queued.item.id, waits)).collect()
}

/// The lanes have nothing, for this reason.
fn no_offer(bench: &mut Bench, shortage: Option<Shortage>) {
    let purpose = Purpose::ClassA;
    bench.step(Event::Occasion(Occasion { purpose, offers: Vec::new(), shortage }));
}

#[test]
fn a_class_a_item_waits_for_an_uplink_and_the_others_for_their_turn() {
    let mut bench = Bench::abp();
    for id in 1..=3 {
        bench.enqueue(id, false, b"on");
    }
    let behind = Waits::Turn { behind: 1 };
    assert_eq!(waits(&bench), [(1, Waits::Uplink), (2, behind), (3, behind)]);
    bench.hear(&Up::at(0)).unwrap();
    assert_eq!(waits(&bench)[0], (1, Waits::Window));
    let down = bench.listen().unwrap();
    assert_eq!(waits(&bench)[0], (1, Waits::Outcome));
    bench.outcome(down.plan.id, Fate::Accepted);
    assert_eq!(waits(&bench), [(2, Waits::Uplink), (3, Waits::Turn { behind: 2 })]);
}

#[test]
fn a_confirmed_item_waits_for_its_acknowledgement_and_holds_the_others_back() {
    let mut bench = Bench::abp();
    bench.enqueue(1, true, b"on");
    bench.enqueue(2, false, b"off");
    bench.hear(&Up::at(0)).unwrap();
    let down = bench.listen().unwrap();
    bench.outcome(down.plan.id, Fate::Accepted);
    let ack = Waits::Ack { f_cnt_down: FCntDown(0) };
    assert_eq!(waits(&bench), [(1, ack), (2, Waits::Turn { behind: 1 })]);
}

#[test]
fn without_a_session_an_item_waits_for_a_join() {
    let mut bench = Bench::new(eu868(MacVersion::V1_0_4), otaa());
    bench.enqueue(1, false, b"on");
    assert_eq!(waits(&bench), [(1, Waits::Join)]);
}

#[test]
fn an_item_that_fits_no_window_says_how_much_would_have_fitted() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, &[7; 60]);
    bench.hear(&Up::at(0)).unwrap();
    bench.offer(40, 40);
    assert_eq!(waits(&bench), [(1, Waits::Room { room: 27 })]);
}

#[test]
fn what_the_lanes_lacked_is_remembered_until_they_have_it() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, b"on");
    bench.hear(&Up::at(0)).unwrap();
    let until = Some(bench.now + TimeDelta::from_secs(600));
    let shortage = Shortage { reason: NoOffer::DutyCycle, until };
    no_offer(&mut bench, Some(shortage));
    let missed = Missed { at: bench.now, shortage };
    assert_eq!(waits(&bench), [(1, Waits::Gateway(missed))]);

    // Nobody asked the lanes in time.
    bench.hear(&Up::at(1)).unwrap();
    bench.step(Event::OccasionPassed);
    let shortage = Shortage { reason: NoOffer::TooLate, until: None };
    let missed = Missed { at: bench.now, shortage };
    assert_eq!(waits(&bench), [(1, Waits::Gateway(missed))]);

    bench.now += TimeDelta::from_secs(1);
    bench.enqueue(2, false, b"off");
    bench.hear(&Up::at(2)).unwrap();
    let down = bench.listen().unwrap();
    bench.outcome(down.plan.id, Fate::Accepted);
    assert_eq!(waits(&bench), [(2, Waits::Uplink)]);
}

#[test]
fn an_item_queued_after_a_missed_occasion_has_missed_nothing() {
    let mut bench = Bench::abp();
    bench.hear(&Up::confirmed(0)).unwrap();
    no_offer(&mut bench, Some(Shortage { reason: NoOffer::Offline, until: None }));
    bench.now += TimeDelta::from_secs(1);
    bench.enqueue(1, false, b"on");
    assert_eq!(waits(&bench), [(1, Waits::Uplink)]);
}

#[test]
fn a_class_c_item_waits_for_its_moment_between_uplinks() {
    let profile = Profile { supports_class_c: true, ..eu868(MacVersion::V1_0_4) };
    let mut bench = Bench::new(profile, abp());
    bench.hear(&Up::at(0)).unwrap();
    bench.step(Event::OccasionPassed);
    bench.enqueue(1, false, b"on");
    let at = bench.device.next_wake().unwrap();
    assert!(at > bench.now, "the windows of its uplink are still open");
    assert_eq!(waits(&bench), [(1, Waits::Moment { at })]);
    bench.now = at;
    bench.wake().unwrap();
    assert_eq!(waits(&bench), [(1, Waits::Window)]);
}
