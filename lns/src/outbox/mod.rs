//! From durable events to a broker's messages: decoded, rendered, published, and ticked off.
//!
//! Events come from the committer in the order of their home's sequence. Each device belongs to one
//! worker, so that its events leave in order; decoding happens here, off the radio's path, and a
//! codec that fails costs its message the decoding and nothing else. A broker that is away costs
//! memory up to a bound; beyond it the oldest events are skipped, counted and said. What is on its
//! way when the process dies is read back from the store and published again under the same id.

mod backlog;
mod progress;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use lns_core::AppEvent;
use lns_lorawan::Timestamp;
use lns_pipeline::codec::Limits;
use serde_json::Value;

pub use backlog::Bounds;
pub use progress::{Progress, read as read_cursors};

use crate::broker::{Broker, Message, Ticket};
use crate::clock::Clock;
use crate::gateways::Gateways;
use crate::last_uplinks::LastUplinks;
use crate::message::OutboundEvent;
use crate::observe::Observer;
use crate::registry::{Registry, Route, WirelessDevice};
use backlog::Backlog;

/// At least so long between two log lines about skipped events.
const SAY_EVERY: i64 = 10_000_000;

/// What the outbox is told once.
#[derive(Clone)]
pub struct Settings {
    /// How many workers decode and publish.
    pub workers: usize,
    /// How much may wait for each of them.
    pub bounds: Bounds,
    /// Events older than this are skipped.
    pub max_age: lns_lorawan::TimeDelta,
    /// What a payload codec may use.
    pub limits: Limits,
}

/// Somebody who wants devices' events beside the broker. An event is done when both have it.
pub trait Follower: Send + Sync {
    /// Whether it wants the events of a device on this route.
    fn wants(&self, route: &Route) -> bool;

    /// Whether it has room for one more now; the worker waits until it has.
    fn has_room(&self) -> bool;

    /// Takes an event, an uplink with what its codec made of it. The ticket comes back when whatever
    /// must be durable is; one that is kept has the event delivered again after the next start.
    fn follow(&self, route: &Route, event: &AppEvent, object: Option<&Value>, ticket: Ticket);
}

/// What every worker knows.
pub struct Surroundings {
    /// Who a device is and where its messages go.
    pub registry: Arc<Registry>,
    /// Where gateways are.
    pub gateways: Arc<Gateways>,
    /// Metrics, logs and the live view.
    pub observer: Arc<Observer>,
    /// Every device's last uplink, for whoever asks.
    pub last_uplinks: Arc<LastUplinks>,
    /// Further messages that ride on an event: with it they are delivered, or tried again.
    pub companions: Companions,
    /// Who wants events beside the broker.
    pub follower: Option<Arc<dyn Follower>>,
    /// The clock.
    pub clock: Clock,
}

/// Gives the messages that ride on a device's event.
pub type Companions = Arc<dyn Fn(&WirelessDevice, &AppEvent) -> Vec<Message> + Send + Sync>;

/// The room between the committer and the broker.
pub struct Outbox {
    backlogs: Vec<Arc<Backlog>>,
    progress: Arc<Progress>,
    surroundings: Arc<Surroundings>,
    said: AtomicI64,
}

impl Outbox {
    /// The room, and its workers' threads.
    pub fn start(
        settings: &Settings,
        surroundings: Arc<Surroundings>,
        progress: Arc<Progress>,
        broker: &Arc<dyn Broker>,
    ) -> std::io::Result<(Self, Vec<JoinHandle<()>>)> {
        let mut backlogs = Vec::new();
        let mut threads = Vec::new();
        for number in 0..settings.workers.max(1) {
            let backlog = Arc::new(Backlog::new(settings.bounds));
            let worker = worker::Worker {
                backlog: Arc::clone(&backlog),
                broker: Arc::clone(broker),
                surroundings: Arc::clone(&surroundings),
                progress: Arc::clone(&progress),
                max_age: settings.max_age,
                #[cfg(test)]
                sabotage: None,
            };
            let limits = settings.limits;
            // QuickJS's stack limit is counted from where a call starts; leave it room.
            let stack = 1024 * 1024 + limits.stack_bytes;
            let thread = std::thread::Builder::new()
                .name(format!("codec-{number}"))
                .stack_size(stack)
                .spawn(move || worker.run(limits))?;
            backlogs.push(backlog);
            threads.push(thread);
        }
        let outbox = Outbox { backlogs, progress, surroundings, said: AtomicI64::new(0) };
        Ok((outbox, threads))
    }

    /// Takes an event in. Never waits.
    pub fn add(&self, event: OutboundEvent) {
        self.progress.issue(event.home, event.event.sequence);
        let at = (event.about.dev_eui.value() % self.backlogs.len() as u64) as usize;
        let skipped = self.backlogs[at].add(event);
        if skipped.is_empty() {
            return;
        }
        let now = self.surroundings.clock.now();
        for event in &skipped {
            self.progress.done(event.home, event.event.sequence);
        }
        self.surroundings.observer.outbox_skipped.inc_by(skipped.len() as u64);
        self.say_skipped(now);
    }

    /// How many events wait for a worker or are on their way.
    pub fn waiting(&self) -> usize {
        self.progress.on_their_way()
    }

    /// How far the sink is.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Waits until nothing waits, at most for `patience`, then sends the workers home.
    pub fn stop(&self, patience: Duration) {
        let give_up = std::time::Instant::now() + patience;
        while self.waiting() > 0 && std::time::Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(5));
        }
        for backlog in &self.backlogs {
            backlog.close();
        }
    }

    fn say_skipped(&self, now: Timestamp) {
        let said = self.said.load(Ordering::Relaxed);
        if now.micros() - said < SAY_EVERY {
            return;
        }
        self.said.store(now.micros(), Ordering::Relaxed);
        tracing::warn!(
            skipped = self.surroundings.observer.outbox_skipped.get(),
            "the broker takes too little: the oldest undelivered events are skipped. \
             Raise mqtt.backlog_size, or see why the broker is slow"
        );
    }
}
