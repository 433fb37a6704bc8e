//! BeaconTimingReq / BeaconTimingAns: when and where the next beacon is. LoRaWAN 1.0.2 §14.4 and §14.5;
//! from 1.0.3 on devices ask for the time instead.
//!
//! The answer counts from the end of the frame that carries it. So it holds for one window only, and
//! is written when everything else in the frame is.

use lns_lorawan::mac::{BeaconTimingAns, DownlinkMacCommand};
use lns_lorawan::region::Places;
use lns_lorawan::{GpsTime, RegionTables, Timestamp};

use crate::class::beacon::{BEACON_PERIOD, beacon_after, timing_delay};

/// Bytes of the answer.
pub const LENGTH: usize = 4;

/// The answer in a frame that ends at a moment; `None` before 1980.
pub fn answer(tables: &RegionTables, frame_ends: Timestamp) -> Option<Vec<u8>> {
    let ends = GpsTime::from_timestamp(frame_ends)?;
    let channel = match tables.beacon.places {
        Places::One(_) => 0,
        Places::Hopping(grid) => {
            let beacons = beacon_after(ends).micros() / BEACON_PERIOD.micros().unsigned_abs();
            u8::try_from(beacons % u64::from(grid.count.max(1))).unwrap_or(0)
        }
    };
    let mut bytes = Vec::with_capacity(LENGTH);
    let answer = BeaconTimingAns { delay: timing_delay(ends), channel };
    super::write(DownlinkMacCommand::BeaconTimingAns(answer), &mut bytes);
    Some(bytes)
}
