//! How a broker is doing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lns_broker::Version;

/// How a broker is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether it can be reached; the embedded one always can.
    pub connected: bool,
    /// Messages handed over and not yet acknowledged.
    pub in_flight: u64,
    /// The most there may be of these.
    pub bound: u64,
    /// Messages acknowledged since the start.
    pub acknowledged: u64,
    /// How often a message was given back.
    pub busy: u64,
    /// Messages taken in from clients.
    pub taken_in: u64,
    /// Copies that a slow client lost because its queue was full; to and from an external broker,
    /// messages that were too large, too old, or too many at QoS 0.
    pub dropped: u64,
    /// Publishes and subscriptions that the access rules refused, an external broker's to us.
    pub refused: u64,
    /// Connections made: clients' to the embedded broker, ours to an external one.
    pub connections: u64,
    /// The protocol level that an external broker is spoken to in: 4 for MQTT 3.1.1, 5; else 0.
    pub protocol: u64,
}

/// The counters behind a [`Status`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub connected: AtomicBool,
    pub in_flight: AtomicU64,
    pub acknowledged: AtomicU64,
    pub busy: AtomicU64,
    pub taken_in: AtomicU64,
    pub dropped: AtomicU64,
    pub refused: AtomicU64,
    pub connections: AtomicU64,
    pub protocol: AtomicU64,
}

impl Counters {
    /// Adds one to a counter.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// An external broker is there.
    pub fn is_there(&self, version: Version) {
        let level = match version {
            Version::V311 => 4,
            Version::V5 => 5,
        };
        self.protocol.store(level, Ordering::Relaxed);
        self.connected.store(true, Ordering::Relaxed);
    }

    /// What an external broker is spoken to in; `None`: it is away.
    pub fn version(&self) -> Option<Version> {
        match self.protocol.load(Ordering::Relaxed) {
            4 => Some(Version::V311),
            5 => Some(Version::V5),
            _ => None,
        }
    }

    /// It is not any more.
    pub fn is_gone(&self) {
        self.connected.store(false, Ordering::Relaxed);
        self.protocol.store(0, Ordering::Relaxed);
    }

    /// One more message is on its way, or none is when there are `bound` already.
    pub fn admit(&self, bound: u64) -> bool {
        let admitted = self
            .in_flight
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| (n < bound).then_some(n + 1))
            .is_ok();
        if !admitted {
            Self::count(&self.busy);
        }
        admitted
    }

    /// A message that was admitted is acknowledged.
    pub fn acknowledge(&self) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        Self::count(&self.acknowledged);
    }

    /// A message that was admitted could not be queued after all.
    pub fn give_back(&self) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        Self::count(&self.busy);
    }

    /// As of now.
    pub fn status(&self, bound: u64) -> Status {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Status {
            connected: self.connected.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Acquire),
            bound,
            acknowledged: of(&self.acknowledged),
            busy: of(&self.busy),
            taken_in: of(&self.taken_in),
            dropped: of(&self.dropped),
            refused: of(&self.refused),
            connections: of(&self.connections),
            protocol: of(&self.protocol),
        }
    }
}
