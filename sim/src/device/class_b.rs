//! Class B: the device learns the time, finds a beacon, tells how often it listens, and opens ping
//! slots. TS001-1.0.4, chapters on class B; LoRaWAN 1.1 §8 to §15.

use lns_lorawan::mac::{BeaconTimingAns, DeviceTimeAns};
use lns_lorawan::{
    DevAddr, Frequency, GpsTime, Modulation, TimeDelta, Timestamp, Window, ping_slot_rand,
};

use super::mac::MacState;
use super::plan::Place;
use super::{Listen, Unheard};

/// From one beacon to the next.
pub const BEACON_INTERVAL: TimeDelta = TimeDelta::from_secs(128);
/// What a beacon may take; the first ping slot can begin then.
pub const BEACON_RESERVED: TimeDelta = TimeDelta::from_millis(2120);
/// Before a beacon nothing may be sent.
pub const BEACON_GUARD: TimeDelta = TimeDelta::from_secs(3);
/// From one ping slot to the next possible one; 4096 of them are between two beacons.
const PING_SLOT: TimeDelta = TimeDelta::from_millis(30);
const PING_SLOTS: u32 = 4096;
/// How late after the full second a beacon begins (LoRaWAN 1.1 §15.1).
pub const BEACON_DELAY: TimeDelta = TimeDelta::from_micros(1500);
/// How long a device stays in class B without a beacon (LoRaWAN 1.1 §12).
const BEACONLESS: TimeDelta = TimeDelta::from_secs(2 * 60 * 60);
/// How far off a beacon may be for a device that has the time from DeviceTimeAns, which is right
/// within 100 ms (LoRaWAN 1.0.3 §5.9).
const SEARCH: TimeDelta = TimeDelta::from_millis(100);

/// A beacon in the air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beacon {
    /// When its preamble begins.
    pub starts: Timestamp,
    /// The GPS second that it announces, a multiple of 128.
    pub time: u32,
    /// Its frequency.
    pub frequency: Frequency,
    /// Its modulation.
    pub modulation: Modulation,
    /// Bytes of its frame.
    pub length: usize,
}

/// A device on its way to class B, or there.
#[derive(Debug, Clone, Default)]
pub(super) struct ClassB {
    /// GPS time less ours, µs, as far as the device knows.
    clock: Option<i64>,
    /// The last beacon: the GPS second that it announced, and when that second began on our clock.
    beacon: Option<(u32, Timestamp)>,
    /// The network knows how often the device listens.
    announced: bool,
}

impl ClassB {
    /// Must the device ask for the time?
    pub(super) const fn wants_time(&self) -> bool {
        self.clock.is_none()
    }

    /// Is it time to tell the network how often the device listens?
    pub(super) fn wants_to_announce(&self, at: Timestamp) -> bool {
        self.has_beacon(at) && !self.announced
    }

    /// PingSlotInfoAns has come.
    pub(super) fn announced(&mut self) {
        self.announced = true;
    }

    fn has_beacon(&self, at: Timestamp) -> bool {
        self.beacon.is_some_and(|(_, began)| at - began < BEACONLESS)
    }

    /// Does the device open ping slots?
    pub(super) fn is_active(&self, at: Timestamp) -> bool {
        self.announced && self.has_beacon(at)
    }

    /// After two hours without a beacon the device is in class A again and starts over.
    pub(super) fn notice_loss(&mut self, at: Timestamp) {
        if self.beacon.is_some() && !self.has_beacon(at) {
            *self = Self::default();
        }
    }

    /// DeviceTimeAns: GPS time at the end of the uplink that asked.
    pub(super) fn learn(&mut self, answer: DeviceTimeAns, uplink_ended: Timestamp) {
        let micros =
            i64::from(answer.seconds) * 1_000_000 + i64::from(answer.fraction) * 1_000_000 / 256;
        // The seconds are cut to 32 bits, which is enough until 2116.
        self.clock = Some(micros - uplink_ended.micros());
    }

    /// BeaconTimingAns: the next beacon begins so many slots of 30 ms after the end of the downlink,
    /// or up to one slot later. Which second that is it does not say, so the device takes the next
    /// multiple of 128 s on a clock that it sets itself.
    pub(super) fn learn_timing(&mut self, answer: BeaconTimingAns, downlink_ended: Timestamp) {
        let begins = downlink_ended + PING_SLOT.times(i64::from(answer.delay));
        let near = GpsTime::from_timestamp(begins + TimeDelta::from_secs(1)).map_or(0, secs);
        self.clock = Some(i64::from(near / 128 * 128) * 1_000_000 - begins.micros());
    }

    /// A beacon is in the air. Whether the device receives it, and whether it is the first one.
    pub(super) fn hear(&mut self, beacon: &Beacon, mac: &MacState) -> Result<bool, Unheard> {
        let clock = self.clock.ok_or(Unheard::NotListening)?;
        let expected = self.expected(beacon.starts, clock);
        let offset = beacon.starts - (expected.1 + BEACON_DELAY);
        if offset.abs() > SEARCH {
            return Err(Unheard::NotListening);
        }
        let wanted = mac.beacon_frequency.unwrap_or_else(|| mac.beacon_place().at(expected.0, 0));
        if wanted != beacon.frequency {
            return Err(Unheard::WrongFrequency { wanted, got: beacon.frequency });
        }
        if beacon.length != mac.plan.beacon_length() {
            return Err(Unheard::Malformed);
        }
        let first = !self.has_beacon(beacon.starts);
        let began = beacon.starts - BEACON_DELAY;
        self.beacon = Some((beacon.time, began));
        self.clock = Some(i64::from(beacon.time) * 1_000_000 - began.micros());
        Ok(first)
    }

    /// The beacon nearest to a moment: its second, and when that begins on our clock.
    fn expected(&self, at: Timestamp, clock: i64) -> (u32, Timestamp) {
        let interval = BEACON_INTERVAL.micros();
        let gps = at.micros() + clock;
        let nearest = (gps + interval / 2).div_euclid(interval) * interval;
        let second = u32::try_from(nearest / 1_000_000).unwrap_or(0);
        (second, Timestamp::from_micros(nearest - clock))
    }

    /// If sending at this moment would get into a beacon's way, when it is over. The guard before it
    /// is as long as the longest frame.
    pub(super) fn after_beacon(&self, at: Timestamp) -> Option<Timestamp> {
        let clock = self.clock.filter(|_| self.is_active(at))?;
        let (_, begins) = self.expected(at, clock);
        let clear = begins + BEACON_RESERVED;
        (begins - BEACON_GUARD..clear).contains(&at).then_some(clear)
    }

    /// The ping slot nearest to a moment.
    pub(super) fn slot_near(
        &self,
        at: Timestamp,
        (dev_addr, periodicity): (DevAddr, u8),
    ) -> Option<Slot> {
        let (time, began) = self.beacon.filter(|_| self.is_active(at))?;
        let periods = (at - began).micros().div_euclid(BEACON_INTERVAL.micros());
        let time = time.wrapping_add(u32::try_from(periods.max(0)).ok()?.wrapping_mul(128));
        let period = PING_SLOTS >> (7 - periodicity.min(7));
        let offset = u32::from(ping_slot_rand(time, dev_addr)) % period;
        let begins = began + BEACON_INTERVAL.times(periods);
        let first = begins + BEACON_RESERVED + PING_SLOT.times(i64::from(offset));
        let step = PING_SLOT.times(i64::from(period)).micros();
        let count = i64::from(PING_SLOTS / period);
        let nearest = ((at - first).micros() + step / 2).div_euclid(step).clamp(0, count - 1);
        Some(Slot { nominal: first + TimeDelta::from_micros(step * nearest), time, began })
    }
}

/// A ping slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// When a frame in it should begin.
    pub nominal: Timestamp,
    /// The beacon period's GPS second.
    pub time: u32,
    /// When the last beacon's second began: what a drifting clock is right at.
    pub began: Timestamp,
}

impl Slot {
    /// The window of a slot: at `place`, or at the region's frequency for the address.
    pub(super) fn listen(
        self,
        default: Place,
        (dev_addr, place): (DevAddr, Option<Frequency>),
        (modulation, error): (Modulation, TimeDelta),
    ) -> Listen {
        let default = default.at(self.time, dev_addr.value());
        let tuned = (place.unwrap_or(default), modulation);
        Listen::new(Window::Ping, self.nominal, tuned, error)
    }
}

const fn secs(time: GpsTime) -> u32 {
    time.seconds()
}
