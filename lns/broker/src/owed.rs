//! What a subscription is still owed of the retained messages, beyond the first few.
//!
//! It stands in the session as a place in the order of delivery and a topic to go on from, not as
//! messages: a wildcard over a hundred thousand retained messages takes no memory for them, and a
//! client that reads slowly is looked up no more than it takes.

use std::sync::Arc;

use lns_pipeline::topic::TopicFilter;

use crate::event::DropCause;
use crate::message::{MessageId, Publication, Qos};
use crate::packet::Identifiers;
use crate::record::{Change, Key, OwedRecord, Record, Token};
use crate::retained::Slice;
use crate::session::{Entry, Session};
use crate::table::{Subscriber, Wanted};
use crate::turn::Turn;

/// Places in the order of delivery that are kept free for what is owed: more than there can be
/// retained messages, so that what came later stays behind.
const PLACES: u64 = 1 << 32;

/// What one subscription is still owed.
#[derive(Debug, Clone)]
pub(crate) struct Owed {
    /// As the client wrote it.
    pub text: Arc<str>,
    pub filter: TopicFilter,
    qos: Qos,
    identifier: Option<u32>,
    /// This one and later ones were given to the subscription when they came.
    before: MessageId,
    /// It has what is retained on topics up to this one.
    pub upto: Option<Arc<str>>,
    /// The first of its places, which names its record.
    number: u64,
    /// Of the next message.
    pub place: u64,
    /// Not sent before this is committed.
    after: Token,
    is_durable: bool,
}

impl Owed {
    /// All that is older than `before`, once `after` is committed.
    pub fn new(
        wanted: &Wanted,
        subscriber: Subscriber,
        (before, after): (MessageId, Token),
    ) -> Self {
        Self {
            text: wanted.text.clone(),
            filter: wanted.filter.clone(),
            qos: subscriber.options.qos,
            identifier: subscriber.identifier,
            before,
            upto: None,
            number: 0,
            place: 0,
            after,
            is_durable: false,
        }
    }

    /// What a crash has left; `None` when its filter is none.
    pub fn restored(record: OwedRecord, before: MessageId) -> Option<Self> {
        let wanted = Wanted::parse(&record.filter)?;
        Some(Self {
            text: wanted.text,
            filter: wanted.filter,
            qos: record.qos,
            identifier: record.identifier,
            before,
            upto: record.upto,
            number: record.number,
            place: record.place,
            after: Token(0),
            is_durable: true,
        })
    }

    /// One message of it.
    pub fn entry(&self, publication: Arc<Publication>) -> Entry {
        Entry {
            qos: publication.message.qos.min(self.qos),
            publication,
            retain: true,
            identifiers: self.identifier.map_or(Identifiers::None, Identifiers::One),
            shared: None,
            after: self.after,
            place: self.place,
            is_durable: false,
        }
    }
}

impl Session {
    /// Owes the client the rest of what is retained for a subscription, before whatever comes later.
    pub fn owe(&mut self, mut owed: Owed, turn: &mut Turn) {
        (owed.number, owed.place) = (self.next_place, self.next_place);
        self.next_place += PLACES;
        owed.is_durable = self.is_kept() && owed.qos != Qos::AtMostOnce;
        if owed.is_durable {
            turn.put(self.owed_record(&owed));
        }
        turn.wait(owed.after, self.slot);
        self.owed.push_back(owed);
        self.pump(turn);
    }

    /// Takes back up what was owed before a crash.
    pub fn owe_again(&mut self, owed: Owed) {
        self.next_place = self.next_place.max(owed.number + PLACES);
        let at = self.owed.partition_point(|other| other.number < owed.number);
        self.owed.insert(at, owed);
    }

    /// A subscription is owed nothing any more: it has ended, or begins again.
    pub fn cancel_owed(&mut self, text: &str, turn: &mut Turn) {
        let Some(at) = self.owed.iter().position(|owed| *owed.text == *text) else { return };
        if let Some(owed) = self.owed.remove(at) {
            self.forget_owed(&owed, turn);
        }
    }

    /// What is owed at QoS 0 is lost with the connection, like all else at QoS 0.
    pub fn detach_owed(&mut self) {
        self.owed.retain(|owed| owed.qos != Qos::AtMostOnce);
    }

    /// The records are gone: nothing has to be deleted any more.
    pub fn disown_owed(&mut self) {
        self.owed.iter_mut().for_each(|owed| owed.is_durable = false);
    }

    /// Whether a slice of what is owed is what the client can be sent next.
    pub fn is_hungry(&self, turn: &Turn) -> bool {
        let (Some(connection), Some(owed)) = (&self.connection, self.owed.front()) else {
            return false;
        };
        let is_next = self.queue.front().is_none_or(|first| first.place >= owed.place);
        let fits_window = owed.qos == Qos::AtMostOnce || self.in_flight.len() < connection.window;
        is_next && fits_window && turn.is_committed(owed.after) && connection.has_room(&turn.bounds)
    }

    /// Queues a slice of what is owed first, in its places, and sends what may be sent.
    ///
    /// Past the bounds of the queue, by one slice at most: to make room would drop what is newer.
    pub fn feed(&mut self, slice: Slice, turn: &mut Turn) {
        let Some(mut owed) = self.owed.pop_front() else { return };
        let mut entries = Vec::with_capacity(slice.found.len());
        for publication in slice.found.into_iter().filter(|one| one.id < owed.before) {
            if self.may_receive(&publication.message.topic) {
                entries.push(owed.entry(publication));
                owed.place += 1;
            } else {
                turn.note_drop(self.client_id(), DropCause::NotPermitted);
            }
        }
        for mut entry in entries.into_iter().rev() {
            self.book(&mut entry, turn);
            self.queue.push_front(entry);
        }
        if slice.is_last {
            self.forget_owed(&owed, turn);
        } else {
            owed.upto = slice.upto;
            if owed.is_durable {
                turn.put(self.owed_record(&owed));
            }
            self.owed.push_front(owed);
        }
        self.pump(turn);
    }

    fn forget_owed(&self, owed: &Owed, turn: &mut Turn) {
        if owed.is_durable {
            turn.change(Change::Delete(Key::Owed(self.id, owed.number)));
        }
    }

    fn owed_record(&self, owed: &Owed) -> Record {
        Record::Owed(OwedRecord {
            session: self.id,
            number: owed.number,
            place: owed.place,
            filter: owed.text.clone(),
            qos: owed.qos,
            identifier: owed.identifier,
            upto: owed.upto.clone(),
        })
    }
}
