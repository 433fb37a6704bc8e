//! The sink, the broker and the application behind it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use lns::message::{CommandError, OutboundEvent, Reply, ToPartition};
use lns::store::Store;
use lns_core::device::home_of;
use lns_core::effect::Stage;
use lns_core::event::{Fate, QueueItem};
use lns_core::{Command, EventKind};
use lns_lorawan::TimeDelta;
use parking_lot::Mutex;

use super::transcript;
use super::{Happening, Within, World};
use crate::checkers::Verdict;

/// From one event to the next, and from an event to its PUBACK.
const DELIVERY: TimeDelta = TimeDelta::from_millis(2);

/// Where applications send, if nothing else is said.
pub(super) const F_PORT: u8 = 42;

/// How long a queued downlink is wanted.
pub(super) const WANTED: TimeDelta = TimeDelta::from_secs(600);

/// A downlink that an application wants sent.
#[derive(Clone, Debug)]
pub struct Wish {
    /// To which device, by its place in the setup.
    pub device: usize,
    /// FRMPayload.
    pub payload: Vec<u8>,
    /// Must the device acknowledge it?
    pub confirmed: bool,
}

/// What the application knows of its wishes, by the item's id.
#[derive(Default)]
pub(super) struct Known {
    pub device: usize,
    pub confirmed: bool,
    pub ended: bool,
}

type Answers = Arc<Mutex<BTreeMap<u64, Result<(), CommandError>>>>;

/// The sink, the broker and the application.
#[derive(Default)]
pub struct Application {
    backlog: VecDeque<Arc<OutboundEvent>>,
    /// The broker does not take anything.
    pub(super) away: bool,
    pub(super) wishes: BTreeMap<u64, Known>,
    pub(super) answers: Answers,
}

impl Application {
    /// The server has died, and its backlog with it.
    pub(super) fn forget_backlog(&mut self) {
        self.backlog.clear();
    }
}

impl World {
    /// An event for the sink.
    pub(super) fn publish(&mut self, event: Arc<OutboundEvent>) {
        let Some(rooms) = &self.rooms else { return };
        rooms.progress.issue(event.home, event.event.sequence);
        self.application.backlog.push_back(event);
        if self.application.backlog.len() == 1 {
            self.put_within(self.now + DELIVERY, Within::Deliver);
        }
    }

    /// The first of the backlog goes to the broker.
    pub(super) fn deliver(&mut self) -> Verdict {
        if self.application.away {
            return Ok(());
        }
        let Some(event) = self.application.backlog.pop_front() else { return Ok(()) };
        if !self.application.backlog.is_empty() {
            self.put_within(self.now + DELIVERY, Within::Deliver);
        }
        let (home, sequence) = (event.home, event.event.sequence);
        self.put_within(self.now + DELIVERY, Within::Acknowledged { home, sequence });
        let (mark, what, detail) = transcript::event(&event.event.kind);
        let name = &event.about.name;
        self.say(mark, "app", what, format!("{name} {detail}"));
        self.outbox.delivered(&event)?;
        self.counters.delivered(&event)?;
        self.hear_event(&event);
        Ok(())
    }

    fn hear_event(&mut self, outbound: &OutboundEvent) {
        match &outbound.event.kind {
            EventKind::Uplink(_) => self.answer_uplink(outbound),
            EventKind::Joined { .. }
            | EventKind::Counters { .. }
            | EventKind::Relayed(_)
            | EventKind::ProprietaryMac { .. } => {}
            EventKind::Downlink { id, stage, .. } => {
                if let Some(known) = self.application.wishes.get_mut(id) {
                    known.ended |= is_end(stage, known.confirmed);
                }
            }
        }
    }

    fn answer_uplink(&mut self, outbound: &OutboundEvent) {
        let Some(answer) = self.setup.answer.clone() else { return };
        let dev_eui = outbound.about.dev_eui;
        let device = self.setup.nodes.iter().position(|node| node.spec.dev_eui == dev_eui);
        let Some(device) = device else { return };
        let wish = Wish { device, payload: answer.payload, confirmed: answer.confirmed };
        let happening = Happening::Wish { f_port: F_PORT, wish };
        self.queue.put(self.now + answer.after, happening);
    }

    /// The application asks for a downlink now.
    pub(super) fn wish_now(&mut self, f_port: u8, wish: Wish) -> Verdict {
        let Some(rooms) = &self.rooms else { return Ok(()) };
        let id = self.application.wishes.len() as u64 + 1;
        let dev_eui = self.setup.nodes[wish.device].spec.dev_eui;
        let partition = rooms.router.partition_of(dev_eui);
        let item = QueueItem {
            id,
            f_port,
            payload: wish.payload.into(),
            confirmed: wish.confirmed,
            correlation_id: None,
            queued_at: self.now,
            expires_at: Some(self.now + WANTED),
        };
        let answers = Arc::clone(&self.application.answers);
        let reply = Reply::new(move |answer| {
            answers.lock().insert(id, answer);
        });
        let known = Known { device: wish.device, confirmed: wish.confirmed, ended: false };
        self.application.wishes.insert(id, known);
        let command = Command::Enqueue(item);
        let message = ToPartition::Command { dev_eui, command, reply };
        self.put_within(self.now, Within::Mail { partition, message });
        Ok(())
    }

    /// An administrator asks for something now; while the server is down, for nothing.
    pub(super) fn command_now(&mut self, device: usize, command: Command) -> Verdict {
        let Some(rooms) = &self.rooms else { return Ok(()) };
        let dev_eui = self.setup.nodes[device].spec.dev_eui;
        let partition = rooms.router.partition_of(dev_eui);
        let message = ToPartition::Command { dev_eui, command, reply: Reply::nobody() };
        self.put_within(self.now, Within::Mail { partition, message });
        Ok(())
    }

    pub(super) fn broker_gone(&mut self, time: TimeDelta) {
        self.application.away = true;
        self.say('✗', "broker", "is away", "");
        self.queue.put(self.now + time, Happening::BrokerBack);
    }

    pub(super) fn broker_back(&mut self) -> Verdict {
        self.application.away = false;
        self.say('✓', "broker", "is back", format!("{} wait", self.application.backlog.len()));
        if self.rooms.is_some() && !self.application.backlog.is_empty() {
            self.put_within(self.now + DELIVERY, Within::Deliver);
        }
        Ok(())
    }

    /// The sink's cursors become durable, once a second.
    pub(super) fn save_cursors(&mut self) -> Verdict {
        if let Some(rooms) = &self.rooms {
            // In memory, and no fault is commanded now; were it refused, more is delivered twice.
            let _ = self.store.commit(&rooms.progress.moved());
        }
        self.put_within(self.now + TimeDelta::from_secs(1), Within::SaveCursors);
        Ok(())
    }

    /// Whether a device's DevNonces are used once: where nonces are checked.
    pub(super) fn nonces_count(&self, dev_eui: lns_lorawan::DevEui) -> bool {
        use lns_core::profile::DevNoncePolicy;
        let node = self.setup.nodes.iter().find(|node| node.spec.dev_eui == dev_eui);
        debug_assert!(home_of(dev_eui) < 64);
        node.is_some_and(|node| node.profile.dev_nonce != DevNoncePolicy::Unchecked)
    }
}

/// Whether nothing more will become of a downlink.
fn is_end(stage: &Stage, confirmed: bool) -> bool {
    match stage {
        Stage::Queued => false,
        Stage::Handed { again: true, .. } => false,
        Stage::Handed { fate: Fate::Accepted | Fate::Unknown, .. } => !confirmed,
        Stage::Handed { fate: Fate::Refused(_) | Fate::Expired, .. } => true,
        Stage::Acked { .. }
        | Stage::Failed { .. }
        | Stage::Expired
        | Stage::Impossible(_)
        | Stage::Dropped => true,
    }
}
