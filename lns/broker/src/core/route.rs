//! From one publication to everybody who wants it.

use std::sync::Arc;

use crate::event::{Accepted, Hold, Origin, Output};
use crate::message::{Message, MessageId, Publication, Qos};
use crate::packet::Identifiers;
use crate::reason::ReasonCode;
use crate::record::{Change, Key, Record, RetainedRecord, Token};
use crate::retained::Kept;
use crate::session::Entry;
use crate::sessions::Sessions;
use crate::table::{Subscriber, Table};
use crate::turn::Slot;

use super::Core;
use super::publish::is_among;
use super::wake::Timer;

/// Lists that are used for each publication and keep their memory.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    leaves: Vec<u32>,
    targets: Vec<Target>,
}

/// One session that gets a copy.
#[derive(Debug)]
struct Target {
    slot: Slot,
    qos: Qos,
    retain: bool,
    identifiers: Identifiers,
    shared: Option<Arc<str>>,
}

/// Whom a publication has reached.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reach {
    /// The server itself wants to hear it.
    pub heard: bool,
    /// Somebody is subscribed, or the server wants to hear it.
    pub anybody: bool,
}

impl Core {
    /// Gives a message its identity.
    pub(super) fn publication(&mut self, message: Message) -> Arc<Publication> {
        let id = MessageId(self.next_message);
        self.next_message += 1;
        Arc::new(Publication::new(id, message, self.turn.now))
    }

    /// Brings a publication to every session that wants it.
    pub(super) fn route(&mut self, publication: &Arc<Publication>, from: Option<Slot>) -> Reach {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.leaves.clear();
        scratch.targets.clear();
        self.table.find(&publication.message.topic, &mut scratch.leaves);
        let heard = scratch.leaves.iter().any(|at| self.table.leaf(*at).is_heard);
        if !is_among(&self.config.server_only_topics, &publication.message.topic) {
            for at in &scratch.leaves {
                self.collect(*at, &publication.message, from, &mut scratch.targets);
            }
        }
        if scratch.leaves.len() > 1 {
            merge(&mut scratch.targets);
        }
        let anybody = heard || !scratch.targets.is_empty();
        for target in scratch.targets.drain(..) {
            self.deliver(publication, target);
        }
        self.scratch = scratch;
        Reach { heard, anybody }
    }

    /// Adds the sessions that one filter stands for.
    fn collect(
        &mut self,
        at: u32,
        message: &Message,
        from: Option<Slot>,
        targets: &mut Vec<Target>,
    ) {
        for subscriber in &self.table.leaf(at).plain {
            if !(subscriber.options.no_local && from == Some(subscriber.slot)) {
                targets.push(Target::new(subscriber, message, None));
            }
        }
        for group in 0..self.table.leaf(at).groups.len() {
            let chosen = choose(&mut self.table, &mut self.sessions, (at, group), &message.topic);
            if let Some((member, name)) = chosen {
                targets.push(Target::new(&member, message, Some(name)));
            }
        }
    }

    fn deliver(&mut self, publication: &Arc<Publication>, target: Target) {
        let Some(session) = self.sessions.get_mut(target.slot) else { return };
        let entry = Entry {
            publication: publication.clone(),
            qos: target.qos,
            retain: target.retain,
            identifiers: target.identifiers,
            shared: target.shared,
            after: Token(0),
            place: 0,
            is_durable: false,
        };
        session.offer(entry, &mut self.turn);
    }

    /// A member of a shared subscription has gone for good: what it was owed goes to another.
    pub(super) fn share_again(&mut self, entry: Entry) {
        let Some(name) = entry.shared.clone() else { return };
        let Some(place) = self.table.group(&name) else { return };
        let topic = &entry.publication.message.topic;
        let chosen = choose(&mut self.table, &mut self.sessions, place, topic);
        if let Some((member, name)) = chosen {
            let target = Target::new(&member, &entry.publication.message, Some(name));
            self.deliver(&entry.publication.clone(), target);
        }
    }

    /// Keeps a publication for later subscribers, if its publisher wants that.
    ///
    /// What a client publishes below `$` is never retained: on AWS's reserved topics it is not.
    pub(super) fn retain(
        &mut self,
        publication: &Arc<Publication>,
        by_client: bool,
    ) -> Result<(), ReasonCode> {
        let message = &publication.message;
        if !message.retain || (by_client && message.topic.starts_with('$')) {
            return Ok(());
        }
        if by_client && self.retains_too_often(&message.topic) {
            return Err(ReasonCode::QuotaExceeded);
        }
        if message.payload.is_empty() {
            self.forget_retained(&message.topic);
            return Ok(());
        }
        let bounds = &self.config.bounds;
        let is_full = !self.retained.contains(&message.topic)
            && self.retained.len() >= bounds.retained_messages;
        if is_full || self.retained.bytes_with(publication) > bounds.retained_bytes {
            return Err(ReasonCode::QuotaExceeded);
        }
        self.disarm_retained(&message.topic);
        let (published, expires) = (self.turn.now, publication.expires);
        let record = RetainedRecord { message: message.clone(), expires, published };
        self.turn.put(Record::Retained(record));
        if let Some(end) = expires {
            self.timers.insert((end, Timer::Retained(message.topic.clone())));
        }
        self.retained.put(Kept { publication: publication.clone(), published });
        Ok(())
    }

    fn retains_too_often(&self, topic: &str) -> bool {
        let Some(interval) = self.config.limits.retain_interval else { return false };
        let last = self.retained.get(topic).map(|kept| kept.published);
        last.is_some_and(|last| last.plus_millis(interval) > self.turn.now)
    }

    /// Forgets the retained message of a topic, if there is one.
    pub(super) fn forget_retained(&mut self, topic: &Arc<str>) {
        self.disarm_retained(topic);
        if self.retained.remove(topic) {
            self.turn.change(Change::Delete(Key::Retained(topic.clone())));
        }
    }

    fn disarm_retained(&mut self, topic: &Arc<str>) {
        let end = self.retained.get(topic).and_then(|kept| kept.publication.expires);
        if let Some(end) = end {
            self.timers.remove(&(end, Timer::Retained(topic.clone())));
        }
    }

    /// What has to be committed before this publication is acknowledged. Clearing what an earlier
    /// turn has cleared changes nothing, and still promises that it is gone.
    pub(super) fn durable(&self, publication: &Publication) -> Token {
        if publication.message.retain { self.turn.newest() } else { self.turn.token() }
    }

    /// Gives the server itself a publication.
    pub(super) fn hand_in(
        &mut self,
        publication: Arc<Publication>,
        origin: Origin,
        hold: Option<Hold>,
    ) {
        self.turn.out.push(Output::Accepted(Accepted { publication, origin, hold }));
    }
}

impl Target {
    fn new(subscriber: &Subscriber, message: &Message, shared: Option<Arc<str>>) -> Self {
        Self {
            slot: subscriber.slot,
            qos: message.qos.min(subscriber.options.qos),
            retain: message.retain && subscriber.options.retain_as_published,
            identifiers: subscriber.identifier.map_or(Identifiers::None, Identifiers::One),
            shared,
        }
    }
}

/// Makes one copy of several for the same session: at the highest QoS, with the identifiers of all
/// (§3.3.4). A shared subscription stays apart.
fn merge(targets: &mut Vec<Target>) {
    targets.sort_by_key(|target| (target.slot, target.shared.is_some()));
    targets.dedup_by(|later, kept| {
        let same = later.slot == kept.slot && later.shared.is_none() && kept.shared.is_none();
        if same {
            kept.qos = kept.qos.max(later.qos);
            kept.retain |= later.retain;
            later.identifiers.as_slice().iter().for_each(|id| kept.identifiers.push(*id));
        }
        same
    });
}

/// The member of a shared subscription that gets the next message, and the subscription's name:
/// the next that is connected and may receive it, or else one whose session is kept.
fn choose(
    table: &mut Table,
    sessions: &mut Sessions,
    place: (u32, usize),
    topic: &Arc<str>,
) -> Option<(Subscriber, Arc<str>)> {
    let group = table.leaf_mut(place.0).groups.get_mut(place.1)?;
    let name = group.name.clone();
    let mut choose = |connected: bool| {
        group.choose(|member| {
            sessions.get_mut(member.slot).is_some_and(|session| {
                session.connection.is_some() == connected && session.may_receive(topic)
            })
        })
    };
    let member = choose(true).or_else(|| choose(false))?;
    Some((member, name))
}
