//! Class C: what is queued is sent at once, and never lost on the way.

use std::sync::Arc;

use lns_core::class::Class;
use lns_core::effect::{Reach, Stage};
use lns_core::event::{Fate, Purpose};
use lns_core::radio::plan::Start;
use lns_core::{Command, Event, Note, Profile};
use lns_lorawan::{MacVersion, TimeDelta, Timestamp, Window};

use crate::bench::*;

fn profile() -> Profile {
    Profile { supports_class_c: true, ..eu868(MacVersion::V1_0_4) }
}

/// A personalized class C device that was heard a minute ago.
fn heard() -> Bench {
    let mut bench = Bench::new(profile(), abp());
    bench.hear(&Up::at(0)).unwrap();
    bench.step(Event::OccasionPassed);
    bench.now += TimeDelta::from_secs(60);
    bench
}

/// The device is spoken to in RXC, and a gateway takes the frame.
fn speak(bench: &mut Bench) -> Down {
    let opening = bench.wake().expect("it has something to say");
    let step = bench.offer_in(&opening, 64);
    let down = bench.understand(&step).expect("a frame");
    bench.outcome(down.plan.id, Fate::Accepted);
    down
}

fn change_profile(bench: &mut Bench, change: impl FnOnce(&mut Profile)) {
    let mut about = (*bench.device.about).clone();
    change(Arc::make_mut(&mut about.profile));
    bench.step(Event::Command(Command::Describe(Arc::new(about))));
}

fn seconds_until_wake(bench: &Bench) -> f64 {
    bench.device.next_wake().expect("it will wake").since(bench.now).as_secs_f64()
}

#[test]
fn what_is_queued_is_asked_for_at_once_where_it_was_heard() {
    let mut bench = heard();
    bench.enqueue(1, false, b"on");
    let opening = bench.wake().expect("an occasion");
    assert_eq!(opening.purpose, Purpose::ClassC);
    let window = &opening.windows[0];
    assert_eq!(window.window, Window::Rxc);
    assert_eq!(window.frequency.hz(), 869_525_000, "RX2's");
    let Start::Soon { not_before, not_after } = window.start else { panic!("{window:?}") };
    assert!(not_before == bench.now && not_after > bench.now);
    let Reach::Known(paths) = &opening.reach else { panic!("{:?}", opening.reach) };
    assert_eq!(paths[0].gateway, GATEWAY);
    let step = bench.offer_in(&opening, 64);
    let down = bench.understand(&step).unwrap();
    assert_eq!(&*down.opened.frm_payload, b"on");
}

#[test]
fn a_frame_in_rxc_carries_no_mac_command_and_no_acknowledgement() {
    let mut bench = Bench::new(
        Profile { dev_status_interval: Some(TimeDelta::from_secs(1)), ..profile() },
        abp(),
    );
    bench.hear(&Up { f_opts: &[0x02, 0x0d], ..Up::confirmed(0) }).unwrap();
    bench.step(Event::OccasionPassed);
    bench.now += TimeDelta::from_secs(60);
    bench.enqueue(1, false, b"on");
    let down = speak(&mut bench);
    assert!(down.opened.f_opts.is_empty() && !down.opened.f_ctrl.ack);
    assert_eq!(down.opened.f_port, Some(10));
}

#[test]
fn a_device_that_was_never_heard_or_cannot_waits_for_an_uplink() {
    let mut silent = Bench::new(profile(), abp());
    silent.enqueue(1, false, b"on");
    assert_eq!((silent.device.next_wake(), silent.device.class()), (None, Class::A));
    let mut class_a = Bench::abp();
    class_a.hear(&Up::at(0)).unwrap();
    class_a.step(Event::OccasionPassed);
    class_a.enqueue(1, false, b"on");
    assert_eq!(class_a.device.next_wake(), None);
}

#[test]
fn rxc_is_silent_while_the_windows_of_an_uplink_are_open() {
    let mut bench = Bench::new(profile(), abp());
    bench.hear(&Up::at(0)).unwrap();
    bench.step(Event::OccasionPassed);
    let ended = bench.reception().air_time;
    bench.enqueue(1, false, b"on");
    let wake = bench.device.next_wake().unwrap();
    assert_eq!(wake.since(ended), TimeDelta::from_secs(3), "RX2 opens after 2 s, and listens");
    assert_eq!(bench.wake().map(|opening| opening.purpose), None);
}

/// Nothing is dropped because the air is taken or no gateway is there.
#[test]
fn without_a_place_it_asks_again_less_and_less_often_and_keeps_the_item() {
    let mut bench = heard();
    bench.enqueue(1, false, b"on");
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let opening = bench.wake().expect("an occasion");
        let step = bench.offer_in(&opening, 0);
        assert_eq!(step.notes, [Note::NoOffer]);
        pauses.push(seconds_until_wake(&bench));
        bench.now = bench.device.next_wake().unwrap();
    }
    assert!(pauses[0] >= 0.5 && pauses[0] < 0.63, "{pauses:?}");
    assert!(pauses.windows(2).all(|two| two[1] > two[0] || two[1] >= 64.0), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause < 80.0), "{pauses:?}");
    assert_eq!(bench.device.queue.len(), 1);
    assert_eq!(&*speak(&mut bench).opened.frm_payload, b"on");
}

#[test]
fn an_occasion_that_passes_is_tried_again() {
    let mut bench = heard();
    bench.enqueue(1, false, b"on");
    bench.wake().expect("an occasion");
    assert_eq!(bench.step(Event::OccasionPassed).notes, [Note::NoOffer]);
    bench.now = bench.device.next_wake().expect("it tries again");
    speak(&mut bench);
}

#[test]
fn what_a_gateway_refuses_is_tried_again_under_a_new_counter() {
    let mut bench = heard();
    bench.enqueue(1, false, b"on");
    let opening = bench.wake().unwrap();
    let step = bench.offer_in(&opening, 64);
    let plan = transmitted(&step).unwrap().clone();
    let step = bench.outcome(plan.id, Fate::Refused("COLLISION_PACKET".into()));
    assert!(matches!(&stages(&step)[..], [(1, Stage::Handed { again: true, .. })]));
    assert!(seconds_until_wake(&bench) >= 0.5);
    bench.now = bench.device.next_wake().unwrap();
    let down = speak(&mut bench);
    assert_eq!(down.opened.f_cnt_down.0, plan.f_cnt_down.unwrap().0 + 1);
}

#[test]
fn the_next_item_follows_when_the_one_before_has_left_the_air() {
    let mut bench = heard();
    bench.enqueue(1, false, b"one");
    bench.enqueue(2, false, b"two");
    let opening = bench.wake().unwrap();
    let step = bench.offer_in(&opening, 64);
    let first = bench.understand(&step).unwrap();
    assert_eq!(bench.device.next_wake(), None, "one is in flight");
    bench.outcome(first.plan.id, Fate::Accepted);
    let ends = first.plan.offers[0].starts + airtime_of(&first);
    let wake = bench.device.next_wake().unwrap();
    assert_eq!(wake.since(ends), TimeDelta::from_secs(1), "the profile's interval");
    bench.now = wake;
    let second = speak(&mut bench);
    assert_eq!(&*second.opened.frm_payload, b"two");
    assert!(second.opened.f_cnt_down > first.opened.f_cnt_down);
}

fn airtime_of(down: &Down) -> TimeDelta {
    lns_core::radio::lane::airtime(down.plan.offers[0].modulation, down.plan.phy_payload.len())
}

/// LoRaMac-node drops a downlink whose counter repeats, without acknowledging it.
#[test]
fn an_unacknowledged_item_is_repeated_after_the_time_out_and_given_up_in_the_end() {
    let mut bench = heard();
    bench.enqueue(1, true, b"on");
    let mut counters = Vec::new();
    for attempt in 1..=3 {
        let down = speak(&mut bench);
        assert!(down.opened.confirmed);
        counters.push(down.opened.f_cnt_down.0);
        let left = seconds_until_wake(&bench);
        assert!((8.0..12.0).contains(&left), "attempt {attempt}: {left} s");
        assert_eq!(bench.wake().map(|opening| opening.purpose), None, "not before the time-out");
        bench.now = bench.device.next_wake().unwrap();
    }
    assert_eq!(counters, [0, 1, 2]);
    let step = bench.step(Event::Wake);
    assert_eq!(stages(&step), [(1, Stage::Failed { attempts: 3 })]);
    assert!(bench.device.queue.is_empty());
}

#[test]
fn an_uplink_acknowledges_what_was_sent_in_rxc() {
    let mut bench = heard();
    bench.enqueue(1, true, b"on");
    let down = speak(&mut bench);
    let step = bench.hear(&Up::acking(1)).unwrap();
    let f_cnt_down = down.opened.f_cnt_down;
    assert!(step.notes.contains(&Note::Acked { f_cnt_down }));
    assert!(bench.device.queue.is_empty());
}

#[test]
fn an_uplink_that_began_before_the_frame_had_left_says_nothing_of_it() {
    let mut bench = heard();
    bench.enqueue(1, true, b"on");
    let opening = bench.wake().unwrap();
    let step = bench.offer_in(&opening, 64);
    let plan = transmitted(&step).unwrap().clone();
    bench.outcome(plan.id, Fate::Accepted);
    // `hear` lets ten seconds pass: back to just after the frame's start.
    bench.now = plan.offers[0].starts + TimeDelta::from_millis(100) - TimeDelta::from_secs(10);
    bench.hear(&Up::at(1)).unwrap();
    assert_eq!(bench.device.queue[0].attempts, 1);
    bench.step(Event::OccasionPassed);
    let step = bench.hear(&Up::acking(2)).unwrap();
    assert!(stages(&step).iter().any(|(_, stage)| matches!(stage, Stage::Acked { .. })));
}

/// The lanes may be slow to tell, and the windows of an uplink come in a second.
#[test]
fn a_frame_after_an_uplink_never_overtakes_one_that_is_under_way() {
    let mut bench = heard();
    bench.enqueue(1, false, b"on");
    let opening = bench.wake().unwrap();
    bench.offer_in(&opening, 64);
    bench.now = bench.now - TimeDelta::from_secs(10);
    bench.hear(&Up::confirmed(1)).unwrap();
    let in_flight = bench.device.in_flight.clone().expect("still");
    let (rx1, rx2) = (bench.an_offer(1, Window::Rx1, 64), bench.an_offer(2, Window::Rx2, 64));
    assert!(rx1.starts < in_flight.ends && rx2.starts >= in_flight.ends, "{in_flight:?}");
    let step = bench.offer(64, 64);
    let plan = transmitted(&step).expect("the acknowledgement");
    let windows: Vec<_> = plan.offers.iter().map(|offer| offer.window).collect();
    assert_eq!(windows, [Window::Rx2]);
    assert!(matches!(&stages(&step)[..], [(1, Stage::Handed { fate: Fate::Unknown, .. })]));
}

#[test]
fn an_uplink_takes_the_place_of_rxc() {
    let mut bench = heard();
    bench.enqueue(1, false, b"on");
    let rxc = bench.wake().unwrap();
    bench.now = bench.now - TimeDelta::from_secs(10);
    let step = bench.hear(&Up::at(1)).unwrap();
    assert_eq!(opening(&step).unwrap().purpose, Purpose::ClassA);
    let late = bench.offer_in(&rxc, 64);
    assert!(late.effects.is_empty() && late.notes.is_empty());
    assert_eq!(&*bench.listen().unwrap().opened.frm_payload, b"on");
}

#[test]
fn a_class_changes_without_a_join() {
    let mut bench = Bench::abp();
    bench.hear(&Up::at(0)).unwrap();
    bench.step(Event::OccasionPassed);
    bench.now += TimeDelta::from_secs(60);
    bench.enqueue(1, false, b"on");
    change_profile(&mut bench, |profile| profile.supports_class_c = true);
    assert_eq!(bench.device.class(), Class::C);
    speak(&mut bench);
    bench.enqueue(2, false, b"off");
    change_profile(&mut bench, |profile| profile.supports_class_c = false);
    assert_eq!((bench.device.class(), bench.device.next_wake()), (Class::A, None));
    change_profile(&mut bench, |profile| profile.supports_class_c = true);
    assert!(bench.device.next_wake().is_some());
}

#[test]
fn an_item_too_large_for_rxc_waits_for_an_uplink() {
    let mut bench = heard();
    bench.enqueue(1, false, &[0; 60]);
    assert_eq!(bench.device.next_wake(), None, "DR0 takes 51 bytes");
    bench.enqueue(2, false, b"on");
    assert_eq!(bench.device.next_wake(), None, "order is kept");
}

#[test]
fn a_session_that_the_device_has_not_used_yet_silences_rxc() {
    let mut bench =
        Bench::new(Profile { supports_class_c: true, ..eu868(MacVersion::V1_0_3) }, otaa());
    bench.join(1);
    bench.hear(&Up::at(0)).unwrap();
    bench.step(Event::OccasionPassed);
    bench.now += TimeDelta::from_secs(60);
    bench.enqueue(1, false, b"on");
    assert!(bench.device.next_wake().is_some());
    bench.join(2);
    let plan = bench.device.in_flight.clone().unwrap().plan;
    bench.outcome(plan, Fate::Accepted);
    assert_eq!(bench.device.next_wake(), None);
    bench.hear(&Up::at(0)).unwrap();
    bench.step(Event::OccasionPassed);
    bench.now = bench.device.next_wake().expect("the new session is in use");
    speak(&mut bench);
}

#[test]
fn a_deadline_survives_a_crash() {
    let mut bench = heard();
    bench.enqueue(1, true, b"on");
    let record = bench.record();
    bench.crash(&record);
    assert!(bench.device.next_wake().is_some_and(|at| at <= Timestamp::from_micros(0)));
}

/// In class A only the next uplink can tell whether a confirmed frame was heard, in class C too when
/// it was sent in RX1 or RX2 (TS001-1.0.4 §15).
#[test]
fn what_was_sent_in_a_window_of_class_a_is_not_repeated_before_an_uplink() {
    let mut bench = Bench::new(profile(), abp());
    bench.enqueue(1, true, b"on");
    bench.hear(&Up::at(0)).unwrap();
    let down = bench.listen().unwrap();
    bench.outcome(down.plan.id, Fate::Accepted);
    assert_eq!(bench.device.next_wake(), None);
}

#[test]
fn an_item_that_expires_while_its_acknowledgement_is_awaited_is_not_sent_again() {
    let mut bench = heard();
    let mut item = bench.item(1, true, b"on");
    item.expires_at = Some(bench.now + TimeDelta::from_secs(5));
    bench.step(Event::Command(Command::Enqueue(item)));
    speak(&mut bench);
    bench.now = bench.device.next_wake().unwrap();
    let step = bench.step(Event::Wake);
    assert_eq!(stages(&step), [(1, Stage::Expired)]);
    assert_eq!(bench.device.next_wake(), None);
}
