//! Beacons: the pulse by which class B devices keep time. TS001-1.0.4, chapters
//! on the timing of class B downlinks and on beacons.
//!
//! Gateways with satellite time send one every 128 s of GPS time, which knows no leap seconds: a
//! beacon's time modulo 2³² is a multiple of 128 for ever. Around it the air is kept free: before it
//! for the *guard*, in which no ping slot starts, so that the longest frame has ended; after it for
//! the *reserved* time, in which the beacon itself is on air.

use lns_lorawan::{GpsTime, TimeDelta};

/// From one beacon to the next.
pub const BEACON_PERIOD: TimeDelta = TimeDelta::from_secs(128);

/// From a beacon to the first ping slot.
pub const BEACON_RESERVED: TimeDelta = TimeDelta::from_millis(2_120);

/// Before a beacon, in which no ping slot starts.
pub const BEACON_GUARD: TimeDelta = TimeDelta::from_secs(3);

/// BeaconTimingAns counts in these.
const TIMING_STEP: TimeDelta = TimeDelta::from_millis(30);

/// The last beacon that was due at a moment.
pub fn beacon_before(at: GpsTime) -> GpsTime {
    GpsTime::from_micros(at.micros() - since_beacon(at))
}

/// The first beacon that is due after a moment.
pub fn beacon_after(at: GpsTime) -> GpsTime {
    GpsTime::from_micros(at.micros() - since_beacon(at) + period())
}

/// Whether a moment lies in the guard before a beacon or in the time reserved for it.
pub fn is_kept_free(at: GpsTime) -> bool {
    let since = i64::try_from(since_beacon(at)).unwrap_or(i64::MAX);
    since < BEACON_RESERVED.micros() || since >= (BEACON_PERIOD - BEACON_GUARD).micros()
}

/// What BeaconTimingAns says in a frame that ends at a moment: how many steps of 30 ms are left
/// until the next beacon, rounded down (LoRaWAN 1.0.2 §14.5).
pub fn timing_delay(frame_ends: GpsTime) -> u16 {
    let left = beacon_after(frame_ends).micros() - frame_ends.micros();
    let step = TIMING_STEP.micros().unsigned_abs();
    u16::try_from(left / step).unwrap_or(u16::MAX)
}

/// How long ago the last beacon was due, µs.
fn since_beacon(at: GpsTime) -> u64 {
    at.micros() % period()
}

const fn period() -> u64 {
    BEACON_PERIOD.micros().unsigned_abs()
}
