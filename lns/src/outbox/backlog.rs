//! Events waiting for a worker: bounded in number and bytes, never blocking whoever adds.

use std::collections::VecDeque;
use std::time::Duration;

use lns_core::EventKind;
use parking_lot::{Condvar, Mutex};

use crate::message::OutboundEvent;

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Events.
    pub events: usize,
    /// Bytes of memory, approximately.
    pub bytes: usize,
}

/// A queue from the committer to one worker.
pub struct Backlog {
    bounds: Bounds,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<OutboundEvent>,
    bytes: usize,
    closed: bool,
}

impl Backlog {
    /// An empty queue.
    pub fn new(bounds: Bounds) -> Self {
        Backlog { bounds, waiting: Mutex::default(), arrived: Condvar::new() }
    }

    /// Adds an event; answers the oldest ones that had to go to make room.
    pub fn add(&self, event: OutboundEvent) -> Vec<OutboundEvent> {
        let mut waiting = self.waiting.lock();
        waiting.bytes += size(&event);
        waiting.events.push_back(event);
        let mut skipped = Vec::new();
        while waiting.events.len() > self.bounds.events || waiting.bytes > self.bounds.bytes {
            let Some(oldest) = waiting.events.pop_front() else { break };
            waiting.bytes -= size(&oldest);
            skipped.push(oldest);
        }
        drop(waiting);
        self.arrived.notify_one();
        skipped
    }

    /// The oldest event; waits at most `patience` for one. `Err` once closed.
    pub fn take(&self, patience: Duration) -> Result<Option<OutboundEvent>, Closed> {
        let mut waiting = self.waiting.lock();
        if waiting.events.is_empty() && !waiting.closed {
            self.arrived.wait_for(&mut waiting, patience);
        }
        if waiting.closed {
            return Err(Closed);
        }
        let event = waiting.events.pop_front();
        if let Some(event) = &event {
            waiting.bytes -= size(event);
        }
        Ok(event)
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.waiting.lock().closed
    }

    /// Wakes the worker and sends it home. What still waits is in the store.
    pub fn close(&self) {
        self.waiting.lock().closed = true;
        self.arrived.notify_all();
    }
}

/// The backlog was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// What an event costs in memory, approximately.
fn size(event: &OutboundEvent) -> usize {
    const BASE: usize = 160;
    const RECEPTION: usize = 160;
    BASE + match &event.event.kind {
        EventKind::Uplink(uplink) => {
            uplink.frm_payload.len() + 128 + RECEPTION * uplink.receptions.len()
        }
        EventKind::Joined { receptions, .. } => RECEPTION * receptions.len(),
        EventKind::Downlink { .. } | EventKind::Counters { .. } => 128,
        EventKind::Relayed(relayed) => relayed.phy_payload.len() + 128,
        EventKind::ProprietaryMac { commands, .. } => commands.len() + 32,
    }
}
