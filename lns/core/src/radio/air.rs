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
    /// The same for a frame of modest size: what others leave to a place that is only held.
    pub least: TimeDelta,
    /// The largest frame that it holds.
    pub largest: usize,
    /// Whether the same asking holds an earlier place here.
    pub fallback: bool,
    pub frequency: Frequency,
    pub modulation: Modulation,
    pub stage: Stage,
}

impl Promise {
    fn is_held(&self) -> bool {
        match self.stage {
            Stage::Held(_) => true,
            Stage::Taken => false,
        }
    }

    /// How long it keeps off somebody who asks for a place after it.
    fn keeps_off(&self) -> TimeDelta {
        if self.is_held() { self.least } else { self.busy }
    }
}

/// Who asks for a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    /// Offers of one asking are alternatives and do not count against each other.
    pub ask: u64,
    /// Whether it holds an earlier place here. A first place displaces what others hold as fallback.
    pub fallback: bool,
}

impl Asker {
    /// Whether a promise stands in its way.
    pub fn minds(&self, other: &Promise) -> bool {
        let yields = other.fallback && other.is_held() && !self.fallback;
        other.ask != self.ask && !yields
    }
}

/// What a new place takes from those that others only hold: its neighbours keep what ends before it,
/// and fallbacks in its way go.
#[derive(Debug, Default)]
pub(super) struct Displaced {
    /// Fallbacks that go.
    pub gone: Vec<u64>,
    /// Neighbours, and how long each may keep the air.
    pub squeezed: Vec<(u64, TimeDelta)>,
}

/// What a place that begins at `starts` and keeps the air for `busy` takes from others.
pub(super) fn displaced(
    promises: &[Promise],
    model: ForwarderModel,
    asker: Asker,
    (starts, busy): (&Moment, TimeDelta),
) -> Displaced {
    let mut displaced = Displaced::default();
    for other in promises.iter().filter(|other| other.ask != asker.ask && other.is_held()) {
        let until = starts.until(&other.starts);
        let before = until < TimeDelta::ZERO;
        let meets =
            if before { -until < other.busy + model.gap() } else { until < busy + model.gap() };
        if meets && !asker.minds(other) {
            displaced.gone.push(other.id);
        } else if meets && before {
            displaced.squeezed.push((other.id, -until - model.gap()));
        }
    }
    displaced
}

/// When beacons are sent, where they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beacons {
    /// The last one not after what is asked about, on our clock.
    pub before: Timestamp,
    /// Whether a ping slot is asked about, which must keep the guard free.
    pub ping_slot: bool,
}

/// How long the air is free from a moment on; `None` if it is not.
pub(super) fn room(
    promises: &[Promise],
    model: ForwarderModel,
    asker: Asker,
    starts: &Moment,
) -> Option<TimeDelta> {
    let mut room = NO_NEIGHBOUR;
    for other in promises.iter().filter(|other| asker.minds(other)) {
        let until = starts.until(&other.starts);
        if until >= TimeDelta::ZERO {
            room = room.min(until - model.gap());
        } else if -until < other.keeps_off() + model.gap() {
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
    (asker, earliest): (Asker, &Moment),
) -> Vec<TimeDelta> {
    let others = promises.iter().filter(|other| asker.minds(other));
    let after = others.map(|other| earliest.until(&other.starts) + other.keeps_off() + model.gap());
    let mut all: Vec<TimeDelta> =
        after.filter(|later| *later > TimeDelta::ZERO).chain([TimeDelta::ZERO]).collect();
    all.sort_unstable();
    all
}
