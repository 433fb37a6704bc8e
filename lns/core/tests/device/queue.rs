use lns_core::effect::{Durable, Stage};
use lns_core::event::{Fate, QueueItem};
use lns_core::{Command, Event, Profile};
use lns_lorawan::{MacVersion, TimeDelta};

use crate::bench::*;

/// What became of a frame, and whether the item is tried again.
fn handed(step: &lns_core::Step) -> Vec<(u64, Fate, bool)> {
    let handed = stages(step).into_iter().filter_map(|(id, stage)| match stage {
        Stage::Handed { fate, again, .. } => Some((id, fate, again)),
        _ => None,
    });
    handed.collect()
}

#[test]
fn an_item_is_durable_before_anybody_hears_that_it_is_queued() {
    let mut bench = Bench::abp();
    let step = bench.enqueue(1, false, b"on");
    assert_eq!(stages(&step), [(1, Stage::Queued)]);
    assert_eq!(step.durable, Durable::Record);
    assert!(!bench.device.has_something_to_say(bench.now), "the device does not listen yet");
}

#[test]
fn an_item_that_comes_in_time_makes_the_open_occasion() {
    let mut bench = Bench::abp();
    bench.hear(&Up::at(0)).unwrap();
    assert!(!bench.device.has_something_to_say(bench.now));
    bench.enqueue(1, false, b"on");
    assert!(bench.device.has_something_to_say(bench.now));
    let down = bench.listen().unwrap();
    assert_eq!((&*down.opened.frm_payload, down.opened.f_port), (&b"on"[..], Some(10)));
    assert!(!bench.device.has_something_to_say(bench.now), "an occasion serves once");
}

#[test]
fn an_unconfirmed_item_ends_with_what_may_have_been_sent() {
    let refused = Fate::Refused("TOO_LATE".into());
    let cases = [
        (Fate::Accepted, false, 0),
        (Fate::Unknown, false, 0),
        (refused, true, 1),
        (Fate::Expired, true, 1),
    ];
    for (fate, again, left) in cases {
        let mut bench = Bench::abp();
        bench.enqueue(1, false, b"on");
        bench.hear(&Up::at(0)).unwrap();
        let down = bench.listen().unwrap();
        let step = bench.outcome(down.plan.id, fate.clone());
        assert_eq!(handed(&step), [(1, fate.clone(), again)]);
        assert_eq!(bench.device.queue.len(), left, "{fate:?}");
        bench.hear(&Up::at(1)).unwrap();
        let next = bench.listen();
        assert_eq!(next.is_some(), again, "{fate:?}");
        if let Some(next) = next {
            assert!(
                next.opened.f_cnt_down > down.opened.f_cnt_down,
                "a new attempt, a new counter"
            );
        }
    }
}

#[test]
fn an_item_that_no_gateway_takes_has_an_end() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, b"on");
    let mut tries = 0;
    for f_cnt in 0..100 {
        bench.hear(&Up::at(f_cnt)).unwrap();
        let Some(down) = bench.listen() else { break };
        tries += 1;
        let step = bench.outcome(down.plan.id, Fate::Refused("TX_FREQ".into()));
        assert_eq!(handed(&step)[0].2, tries < 16);
    }
    assert_eq!(tries, 16);
    assert!(bench.device.queue.is_empty());
}

#[test]
fn a_confirmed_item_waits_for_its_acknowledgement() {
    let mut bench = Bench::abp();
    bench.enqueue(1, true, b"on");
    bench.hear(&Up::at(0)).unwrap();
    let down = bench.listen().unwrap();
    assert!(down.opened.confirmed);
    bench.outcome(down.plan.id, Fate::Accepted);

    let step = bench.hear(&Up::acking(1)).unwrap();
    let f_cnt_down = down.opened.f_cnt_down;
    let acked = Stage::Acked { f_cnt_down, f_cnt_up: lns_lorawan::FCntUp(1) };
    assert_eq!(stages(&step), [(1, acked)]);
    assert_eq!(uplink(&step).unwrap().acked, Some(1));
    assert!(bench.device.queue.is_empty());
}

#[test]
fn a_confirmed_item_fails_after_the_profiles_attempts_each_with_a_new_counter() {
    let profile = Profile { confirmed_attempts: 3, ..eu868(MacVersion::V1_0_4) };
    let mut bench = Bench::new(profile, abp());
    bench.enqueue(1, true, b"on");
    bench.enqueue(2, false, b"next");
    let mut counters = Vec::new();
    for f_cnt in 0..3 {
        let step = bench.hear(&Up::at(f_cnt)).unwrap();
        assert!(stages(&step).is_empty());
        let down = bench.listen().unwrap();
        assert_eq!(&*down.opened.frm_payload, b"on", "the second waits for the first");
        assert!(down.opened.f_ctrl.f_pending);
        counters.push(down.opened.f_cnt_down.0);
        bench.outcome(down.plan.id, Fate::Accepted);
    }
    assert_eq!(counters, [0, 1, 2]);
    let step = bench.hear(&Up::at(3)).unwrap();
    assert_eq!(stages(&step), [(1, Stage::Failed { attempts: 3 })]);
    let down = bench.listen().unwrap();
    assert_eq!(&*down.opened.frm_payload, b"next");
    assert!(!down.opened.f_ctrl.f_pending);
}

#[test]
fn a_repeated_uplink_says_nothing_of_the_item_that_answered_the_first() {
    let mut bench = Bench::abp();
    bench.enqueue(1, true, b"on");
    bench.hear(&Up::confirmed(0)).unwrap();
    let down = bench.listen().unwrap();
    bench.outcome(down.plan.id, Fate::Accepted);
    let step = bench.hear(&Up::confirmed(0)).unwrap();
    assert!(stages(&step).is_empty());
    let again = bench.listen().unwrap();
    assert!(again.opened.f_ctrl.ack && again.opened.frm_payload.is_empty());
}

#[test]
fn the_same_id_queues_once() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, b"on");
    let step = bench.enqueue(1, false, b"on");
    assert_eq!(stages(&step), [(1, Stage::Queued)], "answered again");
    assert_eq!(bench.device.queue.len(), 1);
}

#[test]
fn what_can_never_be_sent_is_said_at_once() {
    let mut bench = Bench::abp();
    let sized = |size: usize| vec![0; size];
    let item = |bench: &Bench, f_port, size: usize| QueueItem {
        f_port,
        ..bench.item(1, false, &sized(size))
    };
    for (f_port, size, reason) in [
        (0, 1, "cannot send on FPort 0; choose 1 to 223, or 224 for tests"),
        (225, 1, "cannot send on FPort 225; choose 1 to 223, or 224 for tests"),
        (1, 243, "payload of 243 bytes is too large; the region allows 242"),
    ] {
        let queued = item(&bench, f_port, size);
        let step = bench.step(Event::Command(Command::Enqueue(queued)));
        assert_eq!(stages(&step), [(1, Stage::Impossible(reason.into()))]);
    }
    for id in 0..8 {
        bench.enqueue(id, false, b"on");
    }
    let step = bench.enqueue(8, false, b"on");
    let full = "queue is full: it holds 8 downlinks; drop some or wait";
    assert_eq!(stages(&step), [(8, Stage::Impossible(full.into()))]);
}

#[test]
fn items_expire_at_their_time_and_not_while_a_frame_carries_them() {
    let mut bench = Bench::abp();
    let expires_at = Some(bench.now + TimeDelta::from_secs(15));
    let item = QueueItem { expires_at, ..bench.item(1, false, b"on") };
    bench.step(Event::Command(Command::Enqueue(item)));
    assert_eq!(bench.device.next_wake(), expires_at);
    bench.hear(&Up::at(0)).unwrap();
    let down = bench.listen().unwrap();
    assert_eq!(bench.device.next_wake(), None);
    bench.now += TimeDelta::from_secs(10);
    assert!(stages(&bench.step(Event::Wake)).is_empty());
    bench.outcome(down.plan.id, Fate::Expired);
    let step = bench.step(Event::Wake);
    assert_eq!(stages(&step), [(1, Stage::Expired)]);
    assert!(bench.device.queue.is_empty());
}

#[test]
fn a_sent_item_does_not_expire_before_the_device_had_its_say() {
    for (up, expected) in [(Up::acking(1), true), (Up::at(1), false)] {
        let mut bench = Bench::abp();
        let expires_at = Some(bench.now + TimeDelta::from_secs(15));
        let item = QueueItem { expires_at, ..bench.item(1, true, b"on") };
        bench.step(Event::Command(Command::Enqueue(item)));
        bench.hear(&Up::at(0)).unwrap();
        let down = bench.listen().unwrap();
        bench.outcome(down.plan.id, Fate::Accepted);
        assert_eq!(bench.device.next_wake(), None);
        bench.now += TimeDelta::from_secs(3600);
        assert!(bench.step(Event::Wake).effects.is_empty());
        let step = bench.hear(&up).unwrap();
        match stages(&step)[..] {
            [(1, Stage::Acked { .. })] => assert!(expected),
            [(1, Stage::Expired)] => assert!(!expected, "not sent once more"),
            ref other => panic!("{other:?}"),
        }
    }
}

#[test]
fn items_can_be_dropped_one_by_one_or_all() {
    let mut bench = Bench::abp();
    for id in 1..=3 {
        bench.enqueue(id, false, b"on");
    }
    let step = bench.step(Event::Command(Command::Drop(2)));
    assert_eq!(stages(&step), [(2, Stage::Dropped)]);
    let step = bench.step(Event::Command(Command::Clear));
    assert_eq!(stages(&step), [(1, Stage::Dropped), (3, Stage::Dropped)]);
}

#[test]
fn a_lane_that_reports_twice_or_on_an_unknown_frame_changes_nothing() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, b"on");
    bench.hear(&Up::at(0)).unwrap();
    let down = bench.listen().unwrap();
    bench.outcome(down.plan.id, Fate::Accepted);
    for plan in [down.plan.id, 0] {
        let step = bench.outcome(plan, Fate::Refused("late".into()));
        assert!(step.effects.is_empty() && step.notes.is_empty());
    }
}

#[test]
fn a_device_heard_again_before_its_lane_reported_settles_the_frame_as_unknown() {
    let mut bench = Bench::abp();
    bench.enqueue(1, true, b"on");
    bench.hear(&Up::at(0)).unwrap();
    bench.listen().unwrap();
    let step = bench.hear(&Up::acking(1)).unwrap();
    assert_eq!(handed(&step), [(1, Fate::Unknown, false)]);
    assert!(matches!(stages(&step)[..], [_, (1, Stage::Acked { .. })]));
}

#[test]
fn a_marked_request_queues_once_a_day_even_when_its_downlink_is_long_gone() {
    let mut bench = Bench::abp();
    let marked = |bench: &Bench| QueueItem {
        id: 7,
        f_port: 10,
        payload: b"open".as_slice().into(),
        confirmed: false,
        correlation_id: Some("open-42".into()),
        queued_at: bench.now,
        expires_at: None,
    };
    let item = marked(&bench);
    bench.step(Event::Command(Command::Enqueue(item)));
    bench.step(Event::Command(Command::Clear));
    let item = marked(&bench);
    let step = bench.step(Event::Command(Command::Enqueue(item)));
    assert_eq!(stages(&step), [(7, Stage::Queued)], "answered as the first was");
    assert!(bench.device.queue.is_empty());
    bench.now += TimeDelta::from_secs(24 * 3600 + 1);
    let item = marked(&bench);
    bench.step(Event::Command(Command::Enqueue(item)));
    assert_eq!(bench.device.queue.len(), 1, "a day later it is a new request");
}
