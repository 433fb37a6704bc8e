//! Class B's facts: where and how beacons and ping slots are sent. RP002-1.0.5, "Class B beacon"
//! of each region's chapter.

use super::plan::DownlinkGrid;
use crate::dev_addr::DevAddr;
use crate::units::{DataRateIndex, Frequency};

/// From one beacon to the next in seconds (BEACON_INTERVAL).
pub const BEACON_INTERVAL_SECS: u32 = 128;

/// Where beacons or ping slots are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// Always here.
    One(Frequency),
    /// Here and there, by time (and by address, for ping slots).
    Hopping(DownlinkGrid),
}

impl Places {
    /// The place of this hop.
    const fn at(&self, hop: u32) -> Frequency {
        match self {
            Self::One(frequency) => *frequency,
            Self::Hopping(grid) => grid.frequency((hop % grid.count as u32) as u8),
        }
    }
}

/// A region's beacons and ping slots, until BeaconFreqReq and PingSlotChannelReq change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beacon {
    /// The downlink data rate of beacons.
    pub data_rate: DataRateIndex,
    /// Where beacons are sent.
    pub places: Places,
    /// Reserved bytes before the beacon's parameters, and before its second CRC.
    pub rfu: (u8, u8),
    /// The downlink data rate of ping slots.
    pub ping_slot_data_rate: DataRateIndex,
    /// Where ping slots are.
    pub ping_slots: Places,
}

/// Reserved bytes of a beacon at SF9, 125 kHz.
pub(super) const SF9_RFU: (u8, u8) = (1, 0);
/// Reserved bytes of a beacon at SF12, 500 kHz.
pub(super) const SF12_500_RFU: (u8, u8) = (4, 3);
/// Reserved bytes of a beacon at SF8, 125 kHz.
pub(super) const SF8_RFU: (u8, u8) = (0, 3);
/// Reserved bytes of a beacon at SF10, 125 kHz.
pub(super) const SF10_RFU: (u8, u8) = (2, 1);

/// Param 1, Time 4, CRC 2, GwSpecific 7, CRC 2.
const BEACON_WITHOUT_RFU: u8 = 16;

impl Beacon {
    /// Bytes of a beacon: 17, 19 or 23.
    pub const fn length(&self) -> u8 {
        let (first, second) = self.rfu;
        first + BEACON_WITHOUT_RFU + second
    }

    /// Where the beacon of this time is sent. `beacon_time` is in GPS seconds, a multiple of 128.
    pub const fn frequency(&self, beacon_time: u32) -> Frequency {
        self.places.at(beacon_time / BEACON_INTERVAL_SECS)
    }

    /// Where a device's ping slots are in the period that begins with the beacon of this time.
    pub fn ping_slot_frequency(&self, dev_addr: DevAddr, beacon_time: u32) -> Frequency {
        let hop = (beacon_time / BEACON_INTERVAL_SECS).wrapping_add(dev_addr.value());
        self.ping_slots.at(hop)
    }
}
