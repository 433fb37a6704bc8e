//! Devices that fall silent: not heard for several of their intervals, and heard again.
//!
//! A device's interval is its profile's, else it is learned from the device itself: a moving average
//! of the time between its uplinks, in which one gap counts for at most four intervals, so that an
//! outage does not pass for a habit, and a new habit is found within a few uplinks.
//!
//! In memory: after a restart, devices whose profile has an interval are watched at once, the others
//! from their second uplink on.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lns_core::event::Freshness;
use lns_lorawan::{DevEui, TimeDelta, Timestamp};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::{Events, message};
use crate::message::Seen;
use crate::registry::{DeviceProfile, WirelessDevice};

/// Shards, so that partitions seldom wait for each other or for a look around.
const SHARDS: usize = 64;

/// After how many intervals a device is silent, where its profile does not say.
const INTERVALS: u32 = 3;

/// A new gap's share of the average: one in so many.
const SMOOTHING: i64 = 4;

/// For how many intervals a gap counts at most.
const LONGEST: i64 = 4;

/// The shortest interval that is learned. Bursts of a few frames are no rhythm.
const SHORTEST: TimeDelta = TimeDelta::from_secs(10);

/// When a device was last heard, and when it should be heard again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rhythm {
    last: Timestamp,
    /// Learned or configured; `None` before the second uplink.
    interval: Option<TimeDelta>,
    intervals: u32,
    silent: bool,
}

impl Rhythm {
    /// It is heard. What is configured beats what is learned.
    fn beat(&mut self, at: Timestamp, configured: Option<TimeDelta>) {
        let gap = at.since(self.last);
        self.interval = configured.or_else(|| Some(learned(self.interval, gap)));
        self.last = self.last.max(at);
        self.silent = false;
    }

    /// When it is silent, unless it is heard before.
    fn due(&self) -> Option<Timestamp> {
        let interval = self.interval.filter(|_| !self.silent)?;
        Some(self.last + interval.times(i64::from(self.intervals)))
    }
}

fn learned(before: Option<TimeDelta>, gap: TimeDelta) -> TimeDelta {
    let Some(before) = before else { return gap.max(SHORTEST) };
    let gap = gap.min(before.times(LONGEST));
    let step = (gap.micros() - before.micros()) / SMOOTHING;
    TimeDelta::from_micros(before.micros() + step).max(SHORTEST)
}

/// One shard of devices.
type Shard = Mutex<HashMap<DevEui, Rhythm>>;

/// The rhythm of every device that is watched. Bounded by the devices that are registered: one that
/// is not is forgotten when it is due.
pub(super) struct Rhythms {
    shards: [Shard; SHARDS],
    /// Whether they were watched at the last look.
    running: AtomicBool,
}

impl Default for Rhythms {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), running: AtomicBool::new(false) }
    }
}

impl Rhythms {
    fn shard(&self, dev_eui: DevEui) -> &Shard {
        &self.shards[usize::from(lns_core::device::home_of(dev_eui)) % SHARDS]
    }

    /// How many devices should have been heard until `now`.
    #[cfg(test)]
    pub(super) fn due(&self, now: Timestamp) -> usize {
        let is_due = |rhythm: &&Rhythm| rhythm.due().is_some_and(|at| at <= now);
        self.shards.iter().map(|shard| shard.lock().values().filter(is_due).count()).sum()
    }

    fn clear(&self) {
        self.shards.iter().for_each(|shard| shard.lock().clear());
    }
}

/// Takes down who is due in a shard.
fn fall_silent(shard: &mut HashMap<DevEui, Rhythm>, now: Timestamp) -> Vec<(DevEui, Rhythm)> {
    let is_due = |rhythm: &Rhythm| rhythm.due().is_some_and(|at| at <= now);
    let due = shard.iter_mut().filter(|(_, rhythm)| is_due(rhythm));
    due.map(|(dev_eui, rhythm)| {
        rhythm.silent = true;
        (*dev_eui, *rhythm)
    })
    .collect()
}

impl Events {
    /// A device was heard.
    pub(super) fn heard(&self, seen: &Seen, freshness: Freshness) {
        let is_new = match freshness {
            Freshness::New | Freshness::Reset => true,
            Freshness::Repeat => false,
        };
        let Some(dev_eui) = seen.dev_eui.filter(|_| is_new && self.watches()) else { return };
        let Some(device) = self.registry.device(dev_eui) else { return };
        let (configured, intervals) = self.expected(&device);
        let first = Rhythm { last: seen.at, interval: configured, intervals, silent: false };
        let mut before = None;
        let after = *self
            .rhythms
            .shard(dev_eui)
            .lock()
            .entry(dev_eui)
            .and_modify(|rhythm| {
                before = Some(*rhythm);
                rhythm.intervals = intervals;
                rhythm.beat(seen.at, configured);
            })
            .or_insert(first);
        if let Some(before) = before.filter(|before| before.silent) {
            self.tell("heard", &device, (before.last, after));
        }
    }

    /// The interval of a device's profile, and after how many it is silent.
    fn expected(&self, device: &WirelessDevice) -> (Option<TimeDelta>, u32) {
        let profile = self.registry.find::<DeviceProfile>(&device.device_profile_id);
        let Some(profile) = profile else { return (None, INTERVALS) };
        let interval = profile.uplink_interval_s.filter(|seconds| *seconds > 0);
        let interval = interval.map(|seconds| TimeDelta::from_secs(i64::from(seconds)));
        (interval, profile.silent_after_intervals.unwrap_or(INTERVALS))
    }

    /// Looks who has fallen silent. To be called about once a second.
    pub fn look_around(&self) {
        let watches = self.watches();
        if watches != self.rhythms.running.swap(watches, Ordering::AcqRel) {
            self.rhythms.clear();
            if watches {
                self.expect_all();
            }
        }
        if !watches {
            return;
        }
        self.silent_since(self.clock.now());
    }

    /// Tells of devices that should have been heard until `now`.
    pub(super) fn silent_since(&self, now: Timestamp) {
        for shard in &self.rhythms.shards {
            let due = fall_silent(&mut shard.lock(), now);
            due.into_iter().for_each(|(dev_eui, rhythm)| self.silent(dev_eui, rhythm));
        }
    }

    /// Devices with an interval are expected from now on, though they were not heard yet.
    fn expect_all(&self) {
        let now = self.clock.now();
        self.registry.walk(None, &mut |device: &Arc<WirelessDevice>| {
            if let (interval @ Some(_), intervals) = self.expected(device) {
                let rhythm = Rhythm { last: now, interval, intervals, silent: false };
                self.rhythms.shard(device.dev_eui).lock().entry(device.dev_eui).or_insert(rhythm);
            }
            true
        });
    }

    fn silent(&self, dev_eui: DevEui, rhythm: Rhythm) {
        match self.registry.device(dev_eui) {
            Some(device) => self.tell("silent", &device, (rhythm.last, rhythm)),
            None => {
                self.rhythms.shard(dev_eui).lock().remove(&dev_eui);
            }
        }
    }

    /// `lorawan/{DevEUI}/silent` or `…/heard`; since when nothing was heard before.
    fn tell(&self, word: &str, device: &WirelessDevice, (since, rhythm): (Timestamp, Rhythm)) {
        let now = self.clock.now();
        let mut body = Map::new();
        let id = format!("{}-{}", device.dev_eui, now.micros());
        body.insert("EventId".to_owned(), id.into());
        body.insert("DevEui".to_owned(), json!(device.dev_eui));
        body.insert("WirelessDeviceId".to_owned(), json!(device.id));
        if let Some(name) = &device.name {
            body.insert("DeviceName".to_owned(), json!(name));
        }
        body.insert("Timestamp".to_owned(), now.to_rfc3339().into());
        body.insert("SilentSince".to_owned(), since.to_rfc3339().into());
        let seconds = rhythm.interval.map(|interval| interval.micros() / 1_000_000);
        body.insert("IntervalSeconds".to_owned(), Value::from(seconds));
        self.publish(message(format!("lorawan/{}/{word}", device.dev_eui), body));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn rhythm(beats: &[i64]) -> Rhythm {
        let (first, rest) = beats.split_first().unwrap();
        let mut rhythm =
            Rhythm { last: at(*first), interval: None, intervals: INTERVALS, silent: false };
        rest.iter().for_each(|beat| rhythm.beat(at(*beat), None));
        rhythm
    }

    #[test]
    fn an_interval_is_learned_from_the_second_uplink_on() {
        assert_eq!(rhythm(&[0]).due(), None);
        assert_eq!(rhythm(&[0, 600]).due(), Some(at(600 + 3 * 600)));
        let steady: Vec<i64> = (0..50).map(|n| n * 60).collect();
        assert_eq!(rhythm(&steady).interval, Some(TimeDelta::from_secs(60)));
        assert_eq!(rhythm(&[0, 1, 2, 3]).interval, Some(SHORTEST), "a burst is no rhythm");
    }

    #[test]
    fn a_new_habit_is_found_and_an_outage_is_none() {
        let mut beats: Vec<i64> = (0..10).map(|n| n * 60).collect();
        let outage = [&beats[..], &[100_000]].concat();
        let interval = rhythm(&outage).interval.unwrap();
        assert!(interval < TimeDelta::from_secs(120), "{interval:?}");
        beats.extend((1..12).map(|n| 540 + n * 3600));
        let interval = rhythm(&beats).interval.unwrap();
        assert!(interval > TimeDelta::from_secs(1800), "{interval:?}");
    }

    #[test]
    fn what_is_configured_beats_what_is_learned() {
        let mut rhythm = rhythm(&[0, 60, 120]);
        rhythm.beat(at(180), Some(TimeDelta::from_secs(600)));
        assert_eq!(rhythm.due(), Some(at(180 + 1800)));
        rhythm.silent = true;
        assert_eq!(rhythm.due(), None, "it is said once");
    }
}
