//! How long after its uplink a device should listen, for the line to its gateway.
//!
//! Between the end of an uplink and RX1 lie the gathering of its copies, the way here and back, and
//! what the forwarder needs. Where a line is slow, a device that listens a second after its uplink
//! never hears us, and one that listens after five does.

use lns_lorawan::{RxDelay, TimeDelta};

/// What is needed besides the line: copies are gathered for 200 ms, a frame takes some 50 ms to be
/// filled and made durable, and forwarders need 50 ms.
const BESIDES: TimeDelta = TimeDelta::from_millis(300);

/// How many slow round trips must fit: the way here and back, and as much again for a line that is
/// slower than usual.
const ROUND_TRIPS: i64 = 3;

/// RxDelay for a device whose serving gateway has this 99th percentile of its round trips: 1 to 15 s.
///
/// With a `current` delay it changes only if it must: it grows when the line no longer fits, and
/// shrinks when a line half as slow again would fit, so that it does not swing.
pub fn suggested_rx_delay(current: Option<RxDelay>, round_trip: TimeDelta) -> RxDelay {
    let now = seconds(round_trip);
    let wanted = match current.map(RxDelay::seconds) {
        None => now,
        Some(current) if now > current => now,
        Some(current) => current.min(seconds(half_as_slow_again(round_trip))),
    };
    RxDelay::new(wanted).expect("1 to 15 are delays")
}

fn half_as_slow_again(round_trip: TimeDelta) -> TimeDelta {
    TimeDelta::from_micros(round_trip.times(3).micros() / 2)
}

fn seconds(round_trip: TimeDelta) -> u8 {
    let needed = BESIDES + round_trip.max(TimeDelta::ZERO).times(ROUND_TRIPS);
    let seconds = (needed.micros() + 999_999) / 1_000_000;
    u8::try_from(seconds.clamp(1, 15)).unwrap_or(15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn suggested(current: Option<u8>, millis: i64) -> u8 {
        let current = current.and_then(RxDelay::new);
        suggested_rx_delay(current, TimeDelta::from_millis(millis)).seconds()
    }

    #[test]
    fn a_slow_line_is_given_time_and_a_quick_one_is_not() {
        let table = [
            (None, 0, 1),
            (None, 233, 1),
            (None, 234, 2),
            (None, 1_000, 4),
            (None, 10_000, 15),
            // It grows at once …
            (Some(1), 234, 2),
            (Some(1), 900, 3),
            (Some(5), 2_000, 7),
            // … and shrinks only where there is room.
            (Some(2), 200, 2),
            (Some(2), 155, 1),
            (Some(5), 500, 3),
            (Some(15), 10_000, 15),
        ];
        for (current, millis, expected) in table {
            assert_eq!(suggested(current, millis), expected, "{current:?} {millis} ms");
        }
    }

    proptest! {
        #[test]
        fn a_line_that_varies_a_little_changes_nothing(millis in 0i64..4_000, percent in 70i64..100) {
            let settled = suggested(None, millis);
            prop_assert_eq!(suggested(Some(settled), millis * percent / 100), settled);
        }
    }
}
