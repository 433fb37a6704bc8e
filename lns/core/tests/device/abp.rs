//! A personalized device that forgets its counters.

use lns_core::effect::Recount;
use lns_core::event::Freshness;
use lns_core::profile::FCntResetPolicy;
use lns_core::{Command, Event, EventKind, Note, Profile, Reject, Step};
use lns_lorawan::{FCntDown, FCntUp, MacVersion, RxDelay};

use crate::bench::*;

fn another(f_cnt: u32) -> Up<'static> {
    Up { payload: b"after the battery", ..Up::at(f_cnt) }
}

/// Its server has accepted 0 to 99 of a device, and answered once.
fn old(policy: FCntResetPolicy, version: MacVersion) -> Bench {
    let profile = Profile { f_cnt_reset: policy, ..eu868(version) };
    let mut bench = Bench::new(profile, abp());
    bench.hear(&Up::confirmed(0)).unwrap();
    bench.listen().unwrap();
    for f_cnt in 1..100 {
        bench.hear(&Up::at(f_cnt)).unwrap();
    }
    bench
}

fn refusing() -> Bench {
    old(FCntResetPolicy::Refuse, MacVersion::V1_0_4)
}

fn recounts(step: &Step) -> Vec<(u32, u32, Recount)> {
    let kinds = published(step).into_iter().filter_map(|kind| match kind {
        EventKind::Counters { got, last, recount } => Some((got.0, last.0, *recount)),
        EventKind::Uplink(_)
        | EventKind::Joined { .. }
        | EventKind::Downlink { .. }
        | EventKind::Relayed(_)
        | EventKind::ProprietaryMac { .. } => None,
    });
    kinds.collect()
}

fn last(bench: &Bench) -> Option<FCntUp> {
    bench.device.session.as_ref().unwrap().f_cnt_up
}

#[test]
fn by_default_a_reset_is_told_and_refused_until_somebody_allows_it_once() {
    let mut bench = refusing();
    assert_eq!(bench.hear(&another(0)).unwrap_err(), Reject::FCntReset { got: 0, last: 99 });
    assert!(bench.device.behind.unwrap().is_reset);
    bench.step(Event::Command(Command::AllowReset));
    let step = bench.hear(&another(1)).unwrap();
    assert_eq!(recounts(&step), [(1, 99, Recount::Accepted { hears_us: true })]);
    assert_eq!(&*uplink(&step).unwrap().frm_payload, b"after the battery");
    assert_eq!(last(&bench), Some(FCntUp(1)));
    assert_eq!(bench.device.behind, None);
    bench.hear(&another(2)).unwrap();
    // Once: the next time it is asked for again.
    let again = Up { payload: b"and again", ..Up::at(0) };
    assert_eq!(bench.hear(&again).unwrap_err(), Reject::FCntReplayed { got: 0, last: 2 });
}

#[test]
fn downlink_counters_go_on_over_a_reset() {
    let mut bench = refusing();
    bench.step(Event::Command(Command::AllowReset));
    bench.hear(&Up { confirmed: true, ..another(0) }).unwrap();
    assert_eq!(bench.listen().unwrap().opened.f_cnt_down, FCntDown(1));
}

#[test]
fn the_permission_is_durable_and_ends_with_a_frame_that_does_not_need_it() {
    let mut bench = refusing();
    bench.step(Event::Command(Command::AllowReset));
    let record = bench.record();
    bench.crash(&record);
    assert!(bench.device.reset_allowed);
    bench.hear(&Up::at(100)).unwrap();
    assert!(!bench.device.reset_allowed, "it has not forgotten");
    assert!(bench.hear(&another(0)).is_err());
}

#[test]
fn a_permission_is_not_used_up_by_a_recording_that_we_remember() {
    let mut bench = refusing();
    bench.step(Event::Command(Command::AllowReset));
    for f_cnt in [0, 3, 90] {
        let replay = if f_cnt == 0 { Up::confirmed(0) } else { Up::at(f_cnt) };
        let verdict = bench.hear(&replay).unwrap_err();
        assert_eq!(verdict, Reject::FCntReplayed { got: f_cnt, last: 99 });
    }
    assert!(bench.device.reset_allowed);
}

#[test]
fn a_profile_that_accepts_resets_takes_a_device_at_its_word_once_it_is_told_from_a_replay() {
    let mut bench = old(FCntResetPolicy::Accept, MacVersion::V1_0_4);
    for f_cnt in 1..8 {
        let verdict = bench.hear(&Up::at(f_cnt)).unwrap_err();
        assert_eq!(verdict, Reject::FCntReplayed { got: f_cnt, last: 99 }, "a recording");
    }
    bench.hear(&another(0)).unwrap();
    bench.hear(&another(1)).unwrap();
    // A device that resets with every frame.
    let step = bench.hear(&Up { payload: b"again", ..Up::at(0) }).unwrap();
    assert_eq!(recounts(&step).len(), 1);
    assert_eq!(last(&bench), Some(FCntUp(0)));
}

#[test]
fn a_device_that_has_forgotten_its_counters_has_forgotten_what_it_was_told() {
    let mut bench = old(FCntResetPolicy::Accept, MacVersion::V1_0_4);
    bench.device.session.as_mut().unwrap().current_mut().rx.rx_delay = RxDelay::new(9).unwrap();
    bench.hear(&another(0)).unwrap();
    let session = bench.device.session.as_ref().unwrap();
    assert_eq!(session.current.rx.rx_delay.seconds(), 1);
}

#[test]
fn it_is_said_when_a_device_can_no_longer_hear_us() {
    for (version, next, hears_us) in [
        (MacVersion::V1_0_3, 16_384, true),
        (MacVersion::V1_0_3, 16_385, false),
        (MacVersion::V1_0_4, 16_385, true),
        (MacVersion::V1_0_4, 65_536, false),
    ] {
        let mut bench = old(FCntResetPolicy::Accept, version);
        bench.device.session.as_mut().unwrap().n_f_cnt_down.next = FCntDown(next);
        let step = bench.hear(&another(0)).unwrap();
        assert_eq!(
            recounts(&step),
            [(0, 99, Recount::Accepted { hears_us })],
            "{version} at {next}"
        );
    }
}

#[test]
fn people_are_told_of_a_reset() {
    let mut bench = refusing();
    let (got, last) = (FCntUp(0), FCntUp(99));
    let step = bench.step(Event::CountersForgotten { got, last });
    assert_eq!(recounts(&step), [(0, 99, Recount::Forgotten)]);
    assert!(step.notes.contains(&Note::CountersForgotten { got, last }));
}

#[test]
fn a_device_that_joins_is_to_join_again() {
    let profile = Profile { f_cnt_reset: FCntResetPolicy::Accept, ..eu868(MacVersion::V1_0_3) };
    let mut bench = Bench::new(profile, otaa());
    bench.join(1);
    for f_cnt in 0..3 {
        bench.hear(&Up::at(f_cnt)).unwrap();
    }
    bench.step(Event::Command(Command::AllowReset));
    assert!(!bench.device.reset_allowed);
    assert_eq!(bench.hear(&another(1)).unwrap_err(), Reject::FCntReset { got: 1, last: 2 });
}

#[test]
fn a_reset_that_was_overtaken_by_a_good_frame_is_judged_anew() {
    let mut bench = refusing();
    bench.step(Event::Command(Command::AllowReset));
    let bytes = bench.frame(&another(5));
    let reset = bench.matched(&bytes).unwrap();
    assert_eq!(reset.freshness, Freshness::Reset);
    bench.hear(&Up::at(100)).unwrap();
    let step = bench.step(Event::Uplink(Box::new(reset)));
    assert_refused(&step, Reject::FCntReplayed { got: 5, last: 100 });
}
