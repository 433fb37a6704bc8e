//! What is promised of one gateway's air, and where it is free.
//!
//! Distances are taken on the concentrator's own counter wherever both ends are known by it, so
//! that a better guess of its clock never moves two promises together.

use lns_lorawan::{Frequency, Modulation, TimeDelta, Timestamp, Tmst};

use super::forwarder::{BEACON_PERIOD, ForwarderModel};

/// Longer than any frame: room where nothing follows.
pub(super) const NO_NEIGHBOUR: TimeDelta = TimeDelta::from_secs(3600);

/// How binding a promise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Until then.
    Held(Timestamp),
    /// Handed over to the gateway.
    Taken,
}

/// A start, on our clock and where it is known on the concentrator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub at: Timestamp,
    pub counter: Option<Tmst>,
}

impl Moment {
    /// From `self` to `later`; negative if that is earlier.
    pub fn until(&self, later: &Moment) -> TimeDelta {
        match (self.counter, later.counter) {
            (Some(from), Some(to)) => TimeDelta::from_micros(to.diff(from)),
            (Some(_) | None, Some(_) | None) => later.at.since(self.at),
        }
    }
}

/// A place on the air.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub id: u64,
    pub ask: u64,
    pub starts: Moment,
    /// How long it is on air.
    pub air: TimeDelta,
    /// How long it keeps others off.
    pub busy: TimeDelta,
    pub frequency: Frequency,
    pub modulation: Modulation,
    pub stage: Stage,
}

/// When beacons are sent, where they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beacons {
    /// The last one not after what is asked about, on our clock.
    pub before: Timestamp,
    /// Whether a ping slot is asked about, which must keep the guard free.
    pub ping_slot: bool,
}

/// How long the air is free from a moment on; `None` if it is not. Offers of the same asking are
/// alternatives and do not count.
pub(super) fn room(
    promises: &[Promise],
    model: ForwarderModel,
    ask: u64,
    starts: &Moment,
) -> Option<TimeDelta> {
    let mut room = NO_NEIGHBOUR;
    for other in promises.iter().filter(|other| other.ask != ask) {
        let until = starts.until(&other.starts);
        if until >= TimeDelta::ZERO {
            room = room.min(until - model.gap());
        } else if -until < other.busy + model.gap() {
            return None;
        }
    }
    (room > TimeDelta::ZERO).then_some(room)
}

/// The same for beacons.
pub(super) fn room_before_beacon(
    beacons: &Beacons,
    model: ForwarderModel,
    starts: Timestamp,
) -> Option<TimeDelta> {
    if starts.since(beacons.before) < model.after_beacon() {
        return None;
    }
    let next = beacons.before + BEACON_PERIOD;
    let room = next.since(starts) - model.before_beacon(beacons.ping_slot);
    (room > TimeDelta::ZERO).then_some(room)
}

/// Where it is worth looking for free air from a moment on: there, and after each promise. In
/// order of time, from that moment on.
pub(super) fn candidates(
    promises: &[Promise],
    model: ForwarderModel,
    (ask, earliest): (u64, &Moment),
) -> Vec<TimeDelta> {
    let others = promises.iter().filter(|other| other.ask != ask);
    let after = others.map(|other| earliest.until(&other.starts) + other.busy + model.gap());
    let mut all: Vec<TimeDelta> =
        after.filter(|later| *later > TimeDelta::ZERO).chain([TimeDelta::ZERO]).collect();
    all.sort_unstable();
    all
}
