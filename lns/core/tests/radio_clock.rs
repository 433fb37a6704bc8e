//! A concentrator's counter against our clock.

use lns_core::radio::clock::ConcentratorClock;
use lns_lorawan::{TimeDelta, Timestamp, Tmst};
use proptest::prelude::*;

/// A concentrator that started at a moment of ours and runs a little fast or slow.
struct Concentrator {
    started: Timestamp,
    ppm: i64,
}

impl Concentrator {
    fn shows(&self, at: Timestamp) -> Tmst {
        let ran = at.since(self.started).micros();
        Tmst((ran + ran * self.ppm / 1_000_000) as u32)
    }
}

const START: Timestamp = Timestamp::from_secs(1_700_000_000);

fn secs(seconds: i64) -> TimeDelta {
    TimeDelta::from_secs(seconds)
}

fn millis(millis: i64) -> TimeDelta {
    TimeDelta::from_millis(millis)
}

#[test]
fn arrival_stands_in_until_there_is_a_clock() {
    let clock = ConcentratorClock::new();
    assert_eq!(clock.air_time(Tmst(7), 0, START), START);
    assert_eq!(clock.tmst_at(START), None);
    assert_eq!(clock.freshness(START), None);
    assert_eq!(clock.lag_p99(), None);
}

#[test]
fn the_fastest_reception_tells_when_the_others_were_on_air() {
    let gateway = Concentrator { started: START, ppm: 0 };
    let mut clock = ConcentratorClock::new();
    // (seconds since start, ms under way, ms of lag that we should see)
    let cases = [(10, 30, 0), (11, 80, 50), (12, 20, 0), (13, 45, 25), (14, 900, 880)];
    for (at, under_way, lag) in cases {
        let on_air = START + secs(at);
        let arrived = on_air + millis(under_way);
        let air_time = clock.observe(gateway.shows(on_air), 0, arrived);
        let seen = arrived.since(air_time).micros();
        assert!((seen - lag * 1000).abs() < 200, "{at} s: lag {seen} µs");
    }
    assert_eq!(clock.freshness(START + secs(20)), Some(secs(6) - millis(900)));
    assert!(clock.lag_p99().unwrap() > millis(879));
}

#[test]
fn a_restarted_concentrator_starts_a_new_clock() {
    let mut clock = ConcentratorClock::new();
    clock.observe(Tmst(1_000_000), 1, START);
    clock.observe(Tmst(5_000), 2, START + secs(60));
    assert_eq!(clock.boot_epoch(), 2);
    // A straggler of the old boot cannot be placed.
    let straggler = START + secs(61);
    assert_eq!(clock.air_time(Tmst(60_000_000), 1, straggler), straggler);
    let later = clock.air_time(Tmst(5_000 + 1_000_000), 2, START + secs(61) + millis(40));
    assert!(later.since(START + secs(61)).abs() < millis(1));
}

#[test]
fn a_concentrator_that_restarts_unnoticed_is_believed_after_four_receptions() {
    let old = Concentrator { started: START, ppm: 0 };
    let new = Concentrator { started: START + secs(1_000), ppm: 0 };
    let mut clock = ConcentratorClock::new();
    for at in 0..20 {
        clock.observe(old.shows(START + secs(900 + at)), 0, START + secs(900 + at));
    }
    for at in 1_100..1_104 {
        clock.observe(new.shows(START + secs(at)), 0, START + secs(at));
    }
    let now = START + secs(1_200);
    assert!(now.since(clock.air_time(new.shows(now), 0, now)) < millis(5));
}

#[test]
fn a_backlog_does_not_turn_the_clock_over() {
    let gateway = Concentrator { started: START, ppm: 0 };
    let mut clock = ConcentratorClock::new();
    for at in 0..20 {
        clock.observe(gateway.shows(START + secs(at)), 0, START + secs(at) + millis(10));
    }
    // Ten frames of the last ten minutes, delivered at once.
    for frame in 0..10 {
        let on_air = START + secs(30 + frame * 60);
        let arrived = START + secs(700) + millis(frame);
        let air_time = clock.observe(gateway.shows(on_air), 0, arrived);
        assert!(air_time.since(on_air).abs() < millis(50), "frame {frame}");
    }
}

proptest! {
    /// Whatever the wraps, the drift, the silence and the line: the air time is never after the
    /// arrival, and never before the truth by more than clocks can drift.
    #[test]
    fn air_time_lies_between_the_truth_and_the_arrival(
        ppm in -20i64..=20,
        offset in 0i64..5_000,
        steps in prop::collection::vec((0i64..1_800_000, 0i64..3_000), 1..200),
    ) {
        let gateway = Concentrator { started: START - secs(offset), ppm };
        let mut clock = ConcentratorClock::new();
        let mut on_air = START;
        let mut arrived = START;
        for (pause, under_way) in steps {
            on_air += millis(pause);
            // Datagrams arrive in order here; `on_air` may lie back by a backlog.
            arrived = arrived.max(on_air + millis(10 + under_way));
            let air_time = clock.observe(gateway.shows(on_air), 0, arrived);
            prop_assert!(air_time <= arrived);
            prop_assert!(air_time.since(on_air) > -millis(1), "{}", air_time.since(on_air));
        }
    }

    /// With a fast reception every few seconds, the map is right to some milliseconds.
    #[test]
    fn a_busy_gateway_is_known_to_milliseconds(
        ppm in -20i64..=20,
        lags in prop::collection::vec(0i64..400, 300),
    ) {
        let gateway = Concentrator { started: START - secs(3), ppm };
        let mut clock = ConcentratorClock::new();
        for (index, lag) in (0i64..).zip(lags) {
            let lag = if index % 5 == 0 { 0 } else { lag };
            let on_air = START + secs(index * 20);
            let air_time = clock.observe(gateway.shows(on_air), 0, on_air + millis(lag));
            if index > 0 {
                prop_assert!(air_time.since(on_air).abs() < millis(10), "{index}");
                let shown = clock.tmst_at(on_air).unwrap();
                prop_assert!(shown.diff(gateway.shows(on_air)).abs() < 10_000);
            }
        }
    }
}
