//! From records back to a broker.

use std::collections::HashMap;
use std::sync::Arc;

use crate::access::{Access, Rights};
use crate::config::Config;
use crate::event::{Output, Peer};
use crate::message::{MessageId, Publication, Qos};
use crate::owed::Owed;
use crate::record::{
    Change, Key, MessageRecord, OwedRecord, QueuedRecord, ReceivedRecord, Record, RetainedRecord,
    SessionId, SessionRecord, SubscriptionRecord, Token,
};
use crate::retained::Kept;
use crate::session::{Entry, FlightState, InFlight, Received, Session, Subscribed};
use crate::table::{Subscriber, Wanted};
use crate::time::Timestamp;
use crate::turn::Slot;

use super::Core;
use super::wake::Timer;

/// Says what the client of a kept session may do, as far as is known; `None` when its principal is
/// gone. Without, its will is not sent, and what it may receive is asked when it is back.
pub type AccessOf<'a> = &'a mut dyn FnMut(&SessionRecord) -> Option<Arc<dyn Access>>;

/// Records, apart by kind.
#[derive(Default)]
struct Sorted {
    sessions: Vec<SessionRecord>,
    subscriptions: Vec<SubscriptionRecord>,
    queued: Vec<QueuedRecord>,
    received: Vec<ReceivedRecord>,
    messages: Vec<MessageRecord>,
    retained: Vec<RetainedRecord>,
    owed: Vec<OwedRecord>,
}

impl Core {
    /// A broker that goes on where another has stopped or died. Records come in any order; those
    /// that nothing belongs to are deleted with what is written to `outputs`.
    ///
    /// No client is connected. A session that had a connection has lost it `now`, and its will is
    /// due from now on.
    pub fn restore(
        config: Config,
        now: Timestamp,
        records: impl IntoIterator<Item = Record>,
        access: AccessOf<'_>,
    ) -> (Self, Vec<Output>) {
        let mut core = Self::new(config);
        core.turn.now = now;
        let sorted = sort(records);
        let slots = core.restore_sessions(sorted.sessions, access);
        core.restore_subscriptions(sorted.subscriptions, &slots);
        core.restore_queues(sorted.queued, sorted.messages, &slots);
        core.restore_received(&sorted.received, &slots);
        core.restore_retained(sorted.retained);
        core.restore_owed(sorted.owed, &slots);
        core.turn.close();
        let outputs = std::mem::take(&mut core.turn.out);
        (core, outputs)
    }

    fn restore_sessions(
        &mut self,
        records: Vec<SessionRecord>,
        access: AccessOf<'_>,
    ) -> HashMap<SessionId, Slot> {
        let mut slots = HashMap::new();
        for record in records {
            self.next_session = self.next_session.max(record.session.0 + 1);
            if self.sessions.find(&record.client_id).is_some() {
                self.turn.change(Change::DeleteSession(record.session));
                continue;
            }
            let rights = access(&record).map(Rights::new);
            slots.insert(record.session, self.restore_session(record, rights));
        }
        slots
    }

    fn restore_session(&mut self, record: SessionRecord, rights: Option<Rights>) -> Slot {
        let now = self.turn.now;
        let peer = Arc::new(Peer {
            client_id: record.client_id,
            principal: record.principal,
            address: None,
            thing: record.thing,
        });
        let session = self.sessions.create(record.session, peer, record.version);
        let slot = session.slot;
        session.expiry = record.expiry;
        session.has_records = true;
        let was_connected = record.disconnected.is_none();
        session.disconnected = Some(record.disconnected.unwrap_or(now));
        session.version_number = record.version_number;
        session.rights = rights;
        if let Some(will) = record.will {
            let due = record.disconnected.unwrap_or(now).plus_seconds(will.delay);
            session.will_due = Some(due);
            session.will = Some(will);
            self.timers.insert((due, Timer::Will(slot, record.session)));
        }
        if was_connected {
            self.turn.put(session.record());
        }
        self.arm_expiry(slot);
        slot
    }

    fn restore_subscriptions(
        &mut self,
        records: Vec<SubscriptionRecord>,
        slots: &HashMap<SessionId, Slot>,
    ) {
        for record in records {
            let slot = slots.get(&record.session).copied();
            let session = slot.and_then(|slot| self.sessions.get_mut(slot));
            let (Some(session), Some(wanted)) = (session, Wanted::parse(&record.filter)) else {
                let key = Key::Subscription(record.session, record.filter);
                self.turn.change(Change::Delete(key));
                continue;
            };
            let (options, identifier) = (record.options, record.identifier);
            let subscriber = Subscriber { slot: session.slot, options, identifier };
            let (leaf, _) = self.table.insert(&wanted, subscriber);
            session.subscriptions.push(Subscribed { filter: wanted.text, leaf });
        }
        for session in self.sessions.iter_mut() {
            session.subscriptions.sort_by(|a, b| a.filter.cmp(&b.filter));
        }
    }

    fn restore_queues(
        &mut self,
        mut records: Vec<QueuedRecord>,
        messages: Vec<MessageRecord>,
        slots: &HashMap<SessionId, Slot>,
    ) {
        let bodies: HashMap<MessageId, Arc<Publication>> = messages
            .into_iter()
            .map(|m| (m.id, Arc::new(Publication::restored(m.id, m.message, m.expires))))
            .collect();
        let newest = bodies.keys().map(|id| id.0).max();
        self.next_message = self.next_message.max(newest.map_or(1, |id| id + 1));
        records.sort_by_key(|record| (record.session, record.place));
        for record in records {
            let slot = slots.get(&record.session);
            let session = slot.and_then(|slot| self.sessions.get_mut(*slot));
            let key = Key::Queued(record.session, record.place);
            if !session.is_some_and(|session| restore_queued(session, record, &bodies)) {
                self.turn.change(Change::Delete(key));
            }
        }
        self.turn.queued_bytes = self.sessions.iter().map(|session| session.queued_bytes).sum();
        for publication in bodies.values().filter(|body| !body.is_referred_to()) {
            self.turn.change(Change::Delete(Key::Message(publication.id)));
        }
    }

    fn restore_received(&mut self, records: &[ReceivedRecord], slots: &HashMap<SessionId, Slot>) {
        for record in records {
            let slot = slots.get(&record.session);
            let Some(session) = slot.and_then(|slot| self.sessions.get_mut(*slot)) else {
                let key = Key::Received(record.session, record.packet_id);
                self.turn.change(Change::Delete(key));
                continue;
            };
            let received = Received { after: Token(0), taken: record.taken, hold: None };
            session.received.insert(record.packet_id, received);
        }
    }

    fn restore_retained(&mut self, records: Vec<RetainedRecord>) {
        for RetainedRecord { message, expires, published } in records {
            let topic = message.topic.clone();
            let id = MessageId(self.next_message);
            self.next_message += 1;
            let publication = Arc::new(Publication::restored(id, message, expires));
            self.retained.put(Kept { publication, published });
            if let Some(end) = expires {
                self.timers.insert((end, Timer::Retained(topic)));
            }
        }
    }

    /// What came after the subscription is owed again: better twice than never.
    fn restore_owed(&mut self, records: Vec<OwedRecord>, slots: &HashMap<SessionId, Slot>) {
        let before = MessageId(self.next_message);
        for record in records {
            let key = Key::Owed(record.session, record.number);
            let slot = slots.get(&record.session).copied();
            let session = slot.and_then(|slot| self.sessions.get_mut(slot));
            match session.zip(Owed::restored(record, before)) {
                Some((session, owed)) => session.owe_again(owed),
                None => self.turn.change(Change::Delete(key)),
            }
        }
    }
}

/// Puts one message back where it stood. `false` when its body is gone.
fn restore_queued(
    session: &mut Session,
    record: QueuedRecord,
    bodies: &HashMap<MessageId, Arc<Publication>>,
) -> bool {
    session.next_place = session.next_place.max(record.place + 1);
    let entry = match record.message {
        Some(id) => {
            let Some(publication) = bodies.get(&id) else { return false };
            publication.refer();
            Some(Entry {
                publication: publication.clone(),
                qos: record.qos,
                retain: record.retain,
                identifiers: record.identifiers,
                shared: record.shared,
                after: Token(0),
                place: record.place,
                is_durable: true,
            })
        }
        None => None,
    };
    match (entry, record.packet_id) {
        (Some(entry), Some(packet_id)) if record.qos == Qos::ExactlyOnce => {
            let state = FlightState::Unsent { after: Token(0), dup: true };
            session.put_in_flight(packet_id, record.place, (state, Some(entry)));
        }
        (None, Some(packet_id)) => {
            let state = FlightState::Unreleased { after: Token(0) };
            session.put_in_flight(packet_id, record.place, (state, None));
        }
        (Some(entry), _) => {
            session.queued_bytes += entry.publication.weight();
            session.queue.push_back(entry);
        }
        (None, None) => return false,
    }
    true
}

impl Session {
    fn put_in_flight(
        &mut self,
        packet_id: crate::PacketId,
        place: u64,
        (state, entry): (FlightState, Option<Entry>),
    ) {
        self.ids_are_mixed = true;
        self.unsent += 1;
        self.in_flight.push_back(InFlight {
            packet_id,
            place,
            state,
            entry,
            is_durable: true,
            receipt: None,
        });
    }
}

fn sort(records: impl IntoIterator<Item = Record>) -> Sorted {
    let mut sorted = Sorted::default();
    for record in records {
        match record {
            Record::Session(record) => sorted.sessions.push(record),
            Record::Subscription(record) => sorted.subscriptions.push(record),
            Record::Queued(record) => sorted.queued.push(record),
            Record::Received(record) => sorted.received.push(record),
            Record::Message(record) => sorted.messages.push(record),
            Record::Retained(record) => sorted.retained.push(record),
            Record::Owed(record) => sorted.owed.push(record),
        }
    }
    sorted
}
