//! One client's session: what it is owed, and what it has been sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::access::Rights;
use crate::connection::Connection;
use crate::event::{DisconnectReason, DropCause, Peer, Receipt};
use crate::message::{Publication, Qos};
use crate::owed::Owed;
use crate::packet::{Delivery, Identifiers, PacketId, ServerPacket, Version, Will};
use crate::reason::ReasonCode;
use crate::record::{Change, Key, QueuedRecord, Record, SessionId, SessionRecord, Token};
use crate::size::{self, Shape};
use crate::time::Timestamp;
use crate::turn::{Slot, Turn};

/// One client's session.
#[derive(Debug)]
pub(crate) struct Session {
    pub slot: Slot,
    pub id: SessionId,
    pub peer: Arc<Peer>,
    pub version: Version,
    pub connection: Option<Box<Connection>>,
    /// Seconds that it outlives its connection.
    pub expiry: u32,
    /// Whether a store has records of it.
    pub has_records: bool,
    pub disconnected: Option<Timestamp>,
    /// Why its last connection has ended; `None`: it has one, or nobody knows after a restart.
    pub left: Option<DisconnectReason>,
    /// Connections of this client before the present one.
    pub version_number: u64,
    /// `None` after a restart, where the shell could not say.
    pub rights: Option<Rights>,
    pub will: Option<Box<Will>>,
    /// When the will is sent, once the connection is lost.
    pub will_due: Option<Timestamp>,
    /// Ordered by filter.
    pub subscriptions: Vec<Subscribed>,
    /// What has not been sent.
    pub queue: VecDeque<Entry>,
    pub queued_bytes: usize,
    /// How many in the queue are QoS 0.
    pub queued_at_most_once: usize,
    /// What its subscriptions are still owed of retained messages, in the order of delivery. At most
    /// one for each subscription.
    pub owed: VecDeque<Owed>,
    /// It stands among the hungry.
    pub waits_for_food: bool,
    /// What has been sent, or is about to be, in the order of sending.
    pub in_flight: VecDeque<InFlight>,
    /// How many of them are about to be sent.
    pub unsent: usize,
    /// QoS 2 messages that the client has sent and not released.
    pub received: BTreeMap<PacketId, Received>,
    pub next_place: u64,
    pub next_packet_id: u16,
    /// Whether a message in flight may have any packet identifier, so that each has to be looked at.
    pub ids_are_mixed: bool,
}

/// One subscription, as the session knows it.
#[derive(Debug, Clone)]
pub(crate) struct Subscribed {
    /// As the client wrote it.
    pub filter: Arc<str>,
    /// Where the filter stands in the table of subscriptions.
    pub leaf: u32,
}

/// A message that the client is owed.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub publication: Arc<Publication>,
    pub qos: Qos,
    pub retain: bool,
    pub identifiers: Identifiers,
    /// The shared subscription that it came through, as the client wrote it.
    pub shared: Option<Arc<str>>,
    /// Not sent before this is committed.
    pub after: Token,
    pub place: u64,
    pub is_durable: bool,
}

/// A message that the client has, perhaps.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub packet_id: PacketId,
    pub place: u64,
    pub state: FlightState,
    /// `None` once the client of a QoS 2 delivery has said that it has the message.
    pub entry: Option<Entry>,
    pub is_durable: bool,
    /// Of a direct message: who wants to know that it has arrived.
    pub receipt: Option<Receipt>,
}

/// How far a message in flight has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlightState {
    /// PUBLISH is to be sent once this is committed.
    Unsent { after: Token, dup: bool },
    /// PUBLISH has been sent.
    Sent,
    /// PUBREL is to be sent once this is committed.
    Unreleased { after: Token },
    /// PUBREL has been sent.
    Released,
}

/// A QoS 2 message that the client has sent and not released.
#[derive(Debug)]
pub(crate) struct Received {
    /// PUBREC is not sent before this is committed.
    pub after: Token,
    /// Whether the server itself has taken it, if it wants it.
    pub taken: bool,
    /// The intake holds it.
    pub hold: Option<u64>,
}

impl Session {
    /// A session without connection and without anything that it is owed.
    pub fn new(slot: Slot, id: SessionId, peer: Arc<Peer>, version: Version) -> Self {
        Self {
            slot,
            id,
            peer,
            version,
            connection: None,
            expiry: 0,
            has_records: false,
            disconnected: None,
            left: None,
            version_number: 0,
            rights: None,
            will: None,
            will_due: None,
            subscriptions: Vec::new(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            queued_at_most_once: 0,
            owed: VecDeque::new(),
            waits_for_food: false,
            in_flight: VecDeque::new(),
            unsent: 0,
            received: BTreeMap::new(),
            next_place: 0,
            next_packet_id: 1,
            ids_are_mixed: false,
        }
    }

    /// Whether it outlives its connection: then it is durable.
    pub fn is_kept(&self) -> bool {
        self.expiry > 0
    }

    pub fn client_id(&self) -> &Arc<str> {
        &self.peer.client_id
    }

    /// Its record, as it is now.
    pub fn record(&self) -> Record {
        Record::Session(SessionRecord {
            session: self.id,
            client_id: self.peer.client_id.clone(),
            principal: self.peer.principal.clone(),
            thing: self.peer.thing.clone(),
            version: self.version,
            expiry: self.expiry,
            disconnected: self.disconnected,
            version_number: self.version_number,
            will: self.will.clone(),
        })
    }

    /// Whether the client may receive this message, as far as is known now.
    pub fn may_receive(&mut self, topic: &Arc<str>) -> bool {
        self.rights.as_mut().is_none_or(|rights| rights.receive(topic))
    }

    /// Owes the client one more message.
    ///
    /// QoS 0 goes out at once or not at all, except behind retained messages that wait for their
    /// SUBACK or their turn, and behind what waits for these: an older state must not arrive after a
    /// newer one.
    pub fn offer(&mut self, entry: Entry, turn: &mut Turn) {
        let waits = self.queue.front().is_some_and(|first| !turn.is_committed(first.after));
        let is_behind = waits || !self.owed.is_empty() || self.queued_at_most_once > 0;
        if entry.qos == Qos::AtMostOnce && !(is_behind && self.connection.is_some()) {
            self.offer_now(entry, turn);
        } else {
            self.enqueue(entry, turn);
        }
    }

    /// Owes the client one more message, in its turn.
    pub fn enqueue(&mut self, mut entry: Entry, turn: &mut Turn) {
        if !self.may_receive(&entry.publication.message.topic) {
            return turn.note_drop(self.client_id(), DropCause::NotPermitted);
        }
        if !self.make_room(entry.publication.weight(), turn) {
            return turn.note_drop(self.client_id(), DropCause::QueueFull);
        }
        entry.place = self.next_place;
        self.next_place += 1;
        turn.wait(entry.after, self.slot);
        self.book(&mut entry, turn);
        self.queue.push_back(entry);
        self.pump(turn);
    }

    /// Counts what is about to stand in the queue, and makes it durable if it has to be.
    pub fn book(&mut self, entry: &mut Entry, turn: &mut Turn) {
        if self.is_kept() && entry.qos != Qos::AtMostOnce {
            entry.is_durable = true;
            turn.refer(&entry.publication);
            turn.put(self.queued(entry, None));
        }
        self.queued_at_most_once += usize::from(entry.qos == Qos::AtMostOnce);
        self.queued_bytes += entry.publication.weight();
        turn.queued_bytes += entry.publication.weight();
    }

    /// QoS 0: now, or never.
    fn offer_now(&mut self, entry: Entry, turn: &mut Turn) {
        let Some(has_room) = self.connection.as_ref().map(|c| c.has_room(&turn.bounds)) else {
            return;
        };
        if !self.may_receive(&entry.publication.message.topic) {
            return turn.note_drop(self.client_id(), DropCause::NotPermitted);
        }
        if has_room {
            self.send(&entry, None, false, turn);
        } else {
            turn.note_drop(self.client_id(), DropCause::SlowReader);
        }
    }

    /// Sends a direct message at once, past the queue; or says why not.
    pub fn send_direct(
        &mut self,
        entry: Entry,
        receipt: Receipt,
        turn: &mut Turn,
    ) -> Result<(), ReasonCode> {
        let connection = self.connection.as_ref().ok_or(ReasonCode::NoMatchingSubscribers)?;
        let is_full = self.in_flight.len() >= connection.window && entry.qos != Qos::AtMostOnce;
        if is_full || !connection.has_room(&turn.bounds) {
            return Err(ReasonCode::QuotaExceeded);
        }
        if !self.may_receive(&entry.publication.message.topic) {
            return Err(ReasonCode::NotAuthorized);
        }
        if self.is_too_large(&entry) {
            return Err(ReasonCode::PacketTooLarge);
        }
        if entry.qos == Qos::AtMostOnce {
            self.send(&entry, None, false, turn);
            return Ok(());
        }
        let (packet_id, place) = (self.free_packet_id(), self.next_place);
        self.next_place += 1;
        self.send(&entry, Some(packet_id), false, turn);
        self.in_flight.push_back(InFlight {
            packet_id,
            place,
            state: FlightState::Sent,
            entry: Some(entry),
            is_durable: false,
            receipt: Some(receipt),
        });
        Ok(())
    }

    /// Drops the oldest messages while one of this weight would pass the bounds. `false` when that
    /// is not enough, because others have taken all the room there is for those who are away.
    fn make_room(&mut self, weight: usize, turn: &mut Turn) -> bool {
        while self.is_full(weight, turn) {
            let Some(oldest) = self.dequeue(turn) else { return false };
            self.discard(&oldest, DropCause::QueueFull, turn);
        }
        true
    }

    fn is_full(&self, weight: usize, turn: &Turn) -> bool {
        let bounds = &turn.bounds;
        let is_own = self.queue.len() >= bounds.queued_messages
            || self.queued_bytes + weight > bounds.queued_bytes;
        let is_behind = self.connection.is_none() || !self.queue.is_empty();
        // A message that is larger than the whole queue still may go to who waits for nothing else.
        (is_own && !self.queue.is_empty())
            || (is_behind && turn.queued_bytes + weight > bounds.all_queued_bytes)
    }

    fn dequeue(&mut self, turn: &mut Turn) -> Option<Entry> {
        let entry = self.queue.pop_front()?;
        self.queued_at_most_once -= usize::from(entry.qos == Qos::AtMostOnce);
        self.queued_bytes -= entry.publication.weight();
        turn.queued_bytes -= entry.publication.weight();
        Some(entry)
    }

    fn discard(&self, entry: &Entry, cause: DropCause, turn: &mut Turn) {
        self.forget(entry, turn);
        turn.note_drop(self.client_id(), cause);
    }

    /// Deletes what is durable of an entry.
    pub fn forget(&self, entry: &Entry, turn: &mut Turn) {
        if entry.is_durable {
            turn.change(Change::Delete(Key::Queued(self.id, entry.place)));
            turn.let_go(&entry.publication);
        }
    }

    /// The record of an entry.
    pub fn queued(&self, entry: &Entry, packet_id: Option<PacketId>) -> Record {
        Record::Queued(QueuedRecord {
            session: self.id,
            place: entry.place,
            message: Some(entry.publication.id),
            qos: entry.qos,
            retain: entry.retain,
            identifiers: entry.identifiers.clone(),
            packet_id,
            shared: entry.shared.clone(),
        })
    }

    /// Sends what may be sent: first what the client may have had before, then the queue.
    pub fn pump(&mut self, turn: &mut Turn) {
        if self.unsent > 0 {
            self.send_unsent(turn);
        }
        while self.may_send_next(turn) {
            let Some(entry) = self.dequeue(turn) else { return };
            self.send_next(entry, turn);
        }
        if !self.waits_for_food && self.is_hungry(turn) {
            self.waits_for_food = true;
            turn.hungry.push_back(self.slot);
        }
    }

    fn may_send_next(&self, turn: &Turn) -> bool {
        let (Some(connection), Some(next)) = (&self.connection, self.queue.front()) else {
            return false;
        };
        if self.owed.front().is_some_and(|owed| owed.place <= next.place) {
            return false;
        }
        let fits_window = next.qos == Qos::AtMostOnce || self.in_flight.len() < connection.window;
        fits_window && turn.is_committed(next.after) && connection.has_room(&turn.bounds)
    }

    fn send_next(&mut self, entry: Entry, turn: &mut Turn) {
        if let Some(cause) = self.reason_to_drop(&entry, turn) {
            return self.discard(&entry, cause, turn);
        }
        if entry.qos == Qos::AtMostOnce {
            self.send(&entry, None, false, turn);
            return;
        }
        let packet_id = self.free_packet_id();
        let place = entry.place;
        let is_durable = entry.is_durable;
        let state = if entry.qos == Qos::ExactlyOnce && is_durable {
            // The client may remember this packet identifier for ever, so we must.
            turn.put(self.queued(&entry, Some(packet_id)));
            turn.wait(turn.token(), self.slot);
            self.unsent += 1;
            FlightState::Unsent { after: turn.token(), dup: false }
        } else {
            self.send(&entry, Some(packet_id), false, turn);
            FlightState::Sent
        };
        let entry = Some(entry);
        let receipt = None;
        self.in_flight.push_back(InFlight { packet_id, place, state, entry, is_durable, receipt });
    }

    /// Why a queued message is not sent after all.
    fn reason_to_drop(&mut self, entry: &Entry, turn: &Turn) -> Option<DropCause> {
        if entry.publication.has_expired(turn.now) {
            return Some(DropCause::Expired);
        }
        if !self.may_receive(&entry.publication.message.topic) {
            return Some(DropCause::NotPermitted);
        }
        self.is_too_large(entry).then_some(DropCause::TooLarge)
    }

    /// Whether the connection's client takes no packet as large.
    pub fn is_too_large(&self, entry: &Entry) -> bool {
        self.connection.as_ref().is_some_and(|connection| {
            let shape = shape(connection, entry, entry.qos != Qos::AtMostOnce);
            size::publish(&entry.publication.message, &shape) > connection.maximum_packet_size
        })
    }

    /// Sends what stands in flight and has not been sent on this connection, in its order.
    fn send_unsent(&mut self, turn: &mut Turn) {
        for at in 0..self.in_flight.len() {
            let Some(connection) = &self.connection else { return };
            if !connection.has_room(&turn.bounds) || at >= connection.window {
                return;
            }
            let flight = &self.in_flight[at];
            match flight.state {
                FlightState::Unsent { after, dup } if turn.is_committed(after) => {
                    let (entry, packet_id) = (flight.entry.clone(), flight.packet_id);
                    if let Some(entry) = entry {
                        self.send(&entry, Some(packet_id), dup, turn);
                    }
                    self.in_flight[at].state = FlightState::Sent;
                    self.unsent -= 1;
                }
                FlightState::Unreleased { after } if turn.is_committed(after) => {
                    let ack = crate::packet::Ack::success(flight.packet_id);
                    turn.send(connection.id, ServerPacket::PubRel(ack));
                    self.in_flight[at].state = FlightState::Released;
                    self.unsent -= 1;
                }
                FlightState::Unsent { .. } | FlightState::Unreleased { .. } => {}
                FlightState::Sent | FlightState::Released => {}
            }
        }
    }

    /// Sends one message. Whether the client takes one as large is asked here for QoS 0 alone: of
    /// the others it was asked before they got a packet identifier.
    fn send(&mut self, entry: &Entry, packet_id: Option<PacketId>, dup: bool, turn: &mut Turn) {
        let Some(connection) = &mut self.connection else { return };
        let topic = &entry.publication.message.topic;
        let shape = shape(connection, entry, packet_id.is_some());
        let (alias, size) = (shape.alias, size::publish(&entry.publication.message, &shape));
        if size > connection.maximum_packet_size {
            return turn.note_drop(&self.peer.client_id, DropCause::TooLarge);
        }
        connection.learn(topic, alias);
        connection.unwritten += size;
        let delivery = Delivery {
            publication: entry.publication.clone(),
            packet_id,
            dup,
            qos: entry.qos,
            retain: entry.retain,
            expiry: entry.publication.expires.map(|end| end.seconds_left(turn.now)),
            alias,
            subscription_identifiers: entry.identifiers.clone(),
            size,
        };
        turn.send(connection.id, ServerPacket::Publish(delivery));
    }

    /// A packet identifier that no message in flight has.
    ///
    /// They are given in a circle. Until the circle closes, none can be taken.
    fn free_packet_id(&mut self) -> PacketId {
        loop {
            let id = self.next_packet_id;
            self.next_packet_id = id.checked_add(1).unwrap_or(1);
            // The circle has closed: older messages may be anywhere on it.
            self.ids_are_mixed |= self.next_packet_id == 1;
            let Some(id) = PacketId::new(id) else { continue };
            if self.in_flight.is_empty() {
                self.ids_are_mixed = false;
            }
            let taken = self.ids_are_mixed && self.in_flight.iter().any(|f| f.packet_id == id);
            if !taken {
                return id;
            }
        }
    }
}

fn shape<'a>(connection: &Connection, entry: &'a Entry, has_packet_id: bool) -> Shape<'a> {
    Shape {
        version: connection.version,
        has_packet_id,
        has_expiry: entry.publication.expires.is_some(),
        alias: connection.alias(&entry.publication.message.topic),
        identifiers: &entry.identifiers,
    }
}
