//! Our clock. The only file of the server that asks the system for the time.
//!
//! The wall clock is right on average and may step; the monotonic clock never steps and knows no
//! date. Ours starts at the wall clock and advances with the monotonic one, so that spans between
//! two readings are true. [`Clock::discipline`], called about once a second, brings it back to the
//! wall clock:
//! * an error below [`STEP`] is slewed away by at most 1 ms a second: nobody notices, and
//!   [`Clock::now`] never goes back;
//! * a larger one means that somebody set the clock, or that the machine slept. It is followed at
//!   once, in both directions, because DeviceTimeAns and event times must be right. The caller is
//!   told, and forgets what it derived from the difference between our clock and others.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lns_lorawan::{TimeDelta, Timestamp};
use parking_lot::Mutex;

/// From this error on, the wall clock was set, and is followed at once.
pub const STEP: TimeDelta = TimeDelta::from_secs(1);

/// Slewing changes the length of a second by one part in so many.
const SLEW: i64 = 1000;

/// Our clock. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    origin: Instant,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// Our time at `origin`, corrected: now = base + time since origin.
    base: Timestamp,
    /// When it was last disciplined, since `origin`.
    disciplined: TimeDelta,
}

impl Clock {
    /// A clock that starts at the system's.
    pub fn start() -> Self {
        let state = Mutex::new(State { base: wall(), disciplined: TimeDelta::ZERO });
        Self { shared: Arc::new(Shared { origin: Instant::now(), state }) }
    }

    /// The time. Goes back only when the system's clock was set back by [`STEP`] or more.
    pub fn now(&self) -> Timestamp {
        let base = self.shared.state.lock().base;
        base + self.elapsed()
    }

    /// Compares with the system's clock and corrects. To be called about once a second.
    ///
    /// Returns how far the clock stepped, positive when forward, if it did.
    pub fn discipline(&self) -> Option<TimeDelta> {
        let elapsed = self.elapsed();
        let mut state = self.shared.state.lock();
        let error = wall() - (state.base + elapsed);
        let correction = correction(error, elapsed - state.disciplined);
        state.base += correction;
        state.disciplined = elapsed;
        (error.abs() >= STEP).then_some(correction)
    }

    fn elapsed(&self) -> TimeDelta {
        TimeDelta::from_std(self.shared.origin.elapsed())
    }
}

/// By how much to correct an `error`, this long after the last correction.
fn correction(error: TimeDelta, since_last: TimeDelta) -> TimeDelta {
    if error.abs() >= STEP {
        return error;
    }
    let most = (since_last.micros() / SLEW).max(0);
    TimeDelta::from_micros(error.micros().clamp(-most, most))
}

/// The system's clock. A date before 1970 is a machine without one: it counts as 1970.
fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(TimeDelta::from_std(since).micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_advances_and_agrees_with_the_system() {
        let clock = Clock::start();
        let first = clock.now();
        let second = clock.clone().now();
        assert!(second >= first);
        assert!((wall() - second).abs() < STEP);
        assert_eq!(clock.discipline(), None);
    }

    #[test]
    fn a_small_error_is_slewed_and_a_large_one_followed() {
        let cases = [
            // error, since the last correction → correction, in microseconds
            (500, 1_000_000, 500),
            (-500, 1_000_000, -500),
            (200_000, 1_000_000, 1_000),
            (-200_000, 1_000_000, -1_000),
            (-200_000, 0, 0),
            (1_000_000, 1_000_000, 1_000_000),
            (-86_400_000_000, 1_000_000, -86_400_000_000),
        ];
        for (error, since, expected) in cases {
            let corrected =
                correction(TimeDelta::from_micros(error), TimeDelta::from_micros(since));
            assert_eq!(corrected.micros(), expected, "error {error} after {since}");
        }
    }

    #[test]
    fn a_clock_that_was_set_is_followed_and_said() {
        let clock = Clock::start();
        clock.shared.state.lock().base += TimeDelta::from_secs(-3600);
        let step = clock.discipline().unwrap();
        assert!((step - TimeDelta::from_secs(3600)).abs() < STEP);
        assert!((wall() - clock.now()).abs() < STEP);
    }
}
