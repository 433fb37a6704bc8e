//! The moment that the shell tells with every input.

use serde::{Deserialize, Serialize};

/// A moment on the server's clock: microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This many seconds later; saturates.
    pub const fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds as i64 * 1_000_000))
    }

    /// This many milliseconds later; saturates.
    pub const fn plus_millis(self, millis: u64) -> Self {
        let micros = millis.saturating_mul(1000);
        let micros = if micros > i64::MAX as u64 { i64::MAX } else { micros as i64 };
        Self(self.0.saturating_add(micros))
    }

    /// Whole seconds from `earlier` to this, 0 when it is not earlier.
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        let micros = self.0.saturating_sub(earlier.0);
        if micros <= 0 { 0 } else { micros as u64 / 1_000_000 }
    }

    /// Seconds from `now` until this, rounded up; 0 when it has passed.
    pub const fn seconds_left(self, now: Self) -> u32 {
        let micros = self.0.saturating_sub(now.0);
        if micros <= 0 {
            return 0;
        }
        let seconds = (micros as u64).div_ceil(1_000_000);
        if seconds > u32::MAX as u64 { u32::MAX } else { seconds as u32 }
    }
}
