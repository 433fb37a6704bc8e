//! Class B: ping slots, moments that device and network both know. TS001-1.0.4 §11.2.
//!
//! Between the reserved time after a beacon and the guard before the next lie 4,096 slots of 30 ms.
//! A device listens at the start of every 2⁵⁺ⁿ-th of them, n being its *periodicity*. The first is
//! drawn for each beacon period from the beacon's time and the device's address, so that two devices
//! whose slots fell together once do not meet again in the next period.
//!
//! Slots count from the beacon's nominal time.
// DEPARTURE LoRaWAN 1.0.2 §15.4 — there, a network may send its beacons up to 50 ms late, and slots
// count from what it sends; the forwarders of gateways send at the full second.

use lns_lorawan::{DevAddr, GpsTime, RegionTables, TimeDelta, Window, ping_slot_rand};

use super::beacon::{BEACON_RESERVED, beacon_after, beacon_before};
use crate::radio::plan::{Start, WindowPlan, plan};
use crate::session::{PingChannel, Place};

/// How long a slot is.
pub const SLOT: TimeDelta = TimeDelta::from_millis(30);

/// Slots in a beacon period.
pub const SLOTS: u16 = 4_096;

/// The periodicity of a device that has not said otherwise: one slot a beacon period (RP002-1.0.5,
/// chapter on default settings, PING_SLOT_PERIODICITY).
pub const DEFAULT_PERIODICITY: Periodicity = Periodicity(7);

/// How often a device listens: every 2⁵⁺ⁿ slots, which is about every 2ⁿ seconds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Periodicity(u8);

/// When somebody listens between beacons: a device, or the members of a multicast group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingSlots {
    /// Its address.
    pub dev_addr: DevAddr,
    /// How often it listens.
    pub periodicity: Periodicity,
}

/// One moment at which a device listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// When it starts.
    pub starts: GpsTime,
    /// The beacon that begins its period, by which its channel hops.
    pub beacon: GpsTime,
}

impl Periodicity {
    /// `None` above 7.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 7 { Some(Periodicity(value)) } else { None }
    }

    /// From the lowest three bits, as PingSlotInfoReq carries it (TS001-1.0.4 §12.1).
    pub const fn from_low_bits(value: u8) -> Self {
        Periodicity(value & 7)
    }

    /// The one whose slots are at most so many slots apart; 32 is the least there is.
    pub fn from_period(slots: u32) -> Self {
        let power = slots.max(1).ilog2().saturating_sub(5);
        Periodicity(u8::try_from(power).unwrap_or(7).min(7))
    }

    /// 0 to 7.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// From one of its slots to the next, in slots.
    pub const fn period(self) -> u16 {
        1 << (5 + self.0)
    }

    /// Its slots in a beacon period.
    pub const fn count(self) -> u16 {
        SLOTS / self.period()
    }
}

impl PingSlots {
    /// The first slot that does not start before a moment.
    pub fn first_from(&self, moment: GpsTime) -> Slot {
        let beacon = beacon_before(moment);
        let both = self.of_period(beacon).chain(self.of_period(beacon_after(moment)));
        let mut to_come = both.skip_while(|slot| slot.starts < moment);
        to_come.next().expect("every period has a slot, and the next one's are all to come")
    }

    /// The slots of the period that a beacon begins.
    pub fn of_period(self, beacon: GpsTime) -> impl Iterator<Item = Slot> {
        let period = self.periodicity.period();
        let offset = ping_slot_rand(beacon.seconds(), self.dev_addr) % period;
        (0..self.periodicity.count()).map(move |n| {
            let since = BEACON_RESERVED + SLOT.times(i64::from(offset + n * period));
            let starts = GpsTime::from_micros(beacon.micros() + since.micros().unsigned_abs());
            Slot { starts, beacon }
        })
    }
}

/// A ping slot as a window: where PingSlotChannelReq has put it, else where the region has it. `None`
/// where the region has no such data rate or forbids sending there.
pub fn window(
    tables: &RegionTables,
    dev_addr: DevAddr,
    slot: Slot,
    channel: &PingChannel,
) -> Option<WindowPlan> {
    let frequency = match channel.place {
        Place::Default => tables.beacon.ping_slot_frequency(dev_addr, slot.beacon.seconds()),
        Place::At(frequency) => frequency,
    };
    let data_rate = channel.data_rate.unwrap_or(tables.beacon.ping_slot_data_rate);
    plan(tables, Window::Ping, Start::At(slot.starts), (frequency, data_rate))
}
