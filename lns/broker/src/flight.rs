//! What the client answers to what it was sent, and what a lost connection leaves open.

use crate::connection::HeldAck;
use crate::event::{DropCause, Output};
use crate::message::Qos;
use crate::packet::{Ack, PacketId, ServerPacket};
use crate::reason::ReasonCode;
use crate::record::{Change, Key, QueuedRecord, Record, Token};
use crate::session::{Entry, FlightState, InFlight, Session};
use crate::turn::Turn;

impl Session {
    /// PUBACK: a QoS 1 message has arrived, or the client will not have it.
    pub fn on_pub_ack(&mut self, packet_id: PacketId, turn: &mut Turn) {
        let is_it = |flight: &InFlight| {
            let qos = flight.entry.as_ref().map(|entry| entry.qos);
            flight.packet_id == packet_id && qos == Some(Qos::AtLeastOnce)
        };
        if let Some(at) = self.in_flight.iter().position(is_it) {
            self.end_flight(at, turn);
            self.pump(turn);
        }
    }

    /// PUBREC: a QoS 2 message has arrived. From here on only its packet identifier counts.
    pub fn on_pub_rec(&mut self, ack: &Ack, turn: &mut Turn) {
        let Some(at) = self.exactly_once_at(ack.packet_id) else {
            return self.release_unknown(ack.packet_id, turn);
        };
        if ack.reason.is_refusal() {
            self.end_flight(at, turn);
            return self.pump(turn);
        }
        let flight = &mut self.in_flight[at];
        self.unsent -= usize::from(flight.is_unsent());
        let (place, is_durable, entry) = (flight.place, flight.is_durable, flight.entry.take());
        if let (true, Some(entry)) = (is_durable, entry) {
            turn.put(self.released(place, &entry, ack.packet_id));
            turn.let_go(&entry.publication);
        }
        self.in_flight[at].state = FlightState::Unreleased { after: turn.token() };
        self.unsent += 1;
        turn.wait(turn.token(), self.slot);
        self.pump(turn);
    }

    /// PUBCOMP: a QoS 2 message is done.
    pub fn on_pub_comp(&mut self, packet_id: PacketId, turn: &mut Turn) {
        let Some(at) = self.exactly_once_at(packet_id) else { return };
        if self.in_flight[at].entry.is_none() {
            self.end_flight(at, turn);
            self.pump(turn);
        }
    }

    /// The record of a QoS 2 delivery of which only the packet identifier is left.
    fn released(&self, place: u64, entry: &Entry, packet_id: PacketId) -> Record {
        Record::Queued(QueuedRecord {
            session: self.id,
            place,
            message: None,
            qos: Qos::ExactlyOnce,
            retain: false,
            identifiers: Default::default(),
            packet_id: Some(packet_id),
            shared: entry.shared.clone(),
        })
    }

    fn exactly_once_at(&self, packet_id: PacketId) -> Option<usize> {
        self.in_flight.iter().position(|flight| {
            let at_least_once = flight.entry.as_ref().is_some_and(|e| e.qos == Qos::AtLeastOnce);
            flight.packet_id == packet_id && !at_least_once
        })
    }

    /// A PUBREC for what we do not know: the client must be able to end its part (§4.3.3).
    fn release_unknown(&self, packet_id: PacketId, turn: &mut Turn) {
        if let Some(connection) = &self.connection {
            let ack = Ack::because(packet_id, ReasonCode::PacketIdentifierNotFound);
            turn.send(connection.id, ServerPacket::PubRel(ack));
        }
    }

    /// Takes a message out of flight, with what is durable of it.
    fn end_flight(&mut self, at: usize, turn: &mut Turn) {
        let Some(flight) = self.in_flight.remove(at) else { return };
        self.unsent -= usize::from(flight.is_unsent());
        if let Some(receipt) = flight.receipt {
            turn.out.push(Output::Settled(receipt, Ok(())));
        }
        self.forget_flight(&flight, turn);
    }

    fn forget_flight(&self, flight: &InFlight, turn: &mut Turn) {
        match &flight.entry {
            Some(entry) => self.forget(entry, turn),
            None if flight.is_durable => {
                turn.change(Change::Delete(Key::Queued(self.id, flight.place)));
            }
            None => {}
        }
    }

    /// PUBREL: the client has seen our PUBREC. The answer waits until it is durable that the packet
    /// identifier is free, or its next message would be taken for this one.
    pub fn on_pub_rel(&mut self, packet_id: PacketId, turn: &mut Turn) {
        let mut reason = ReasonCode::PacketIdentifierNotFound;
        if self.received.remove(&packet_id).is_some() {
            reason = ReasonCode::Success;
            if self.is_kept() {
                turn.change(Change::Delete(Key::Received(self.id, packet_id)));
            }
        }
        self.answer_after_all(ServerPacket::PubComp(Ack::because(packet_id, reason)), turn);
    }

    /// Answers the client once what this turn has changed is durable.
    pub fn answer(&mut self, packet: ServerPacket, turn: &mut Turn) {
        let after = turn.token();
        self.answer_after(HeldAck { packet, after, hold: None }, turn);
    }

    /// Answers the client that something is gone, once that is durable: an earlier turn may have
    /// seen to it, and the answer of that one may have been lost with its connection.
    pub fn answer_after_all(&mut self, packet: ServerPacket, turn: &mut Turn) {
        let after = if self.is_kept() { turn.newest() } else { Token(0) };
        self.answer_after(HeldAck { packet, after, hold: None }, turn);
    }

    /// Answers the client once this is committed.
    pub fn answer_after(&mut self, ack: HeldAck, turn: &mut Turn) {
        let after = ack.after;
        if let Some(connection) = &mut self.connection {
            connection.answer(ack, turn);
            turn.wait(after, self.slot);
        }
    }

    /// Messages of the client that it may believe we have not dealt with.
    pub fn unacknowledged(&self) -> usize {
        self.connection.as_ref().map_or(0, |c| c.pub_acks) + self.received.len()
    }

    /// Looks again at everything that waits for a commit.
    pub fn advance(&mut self, turn: &mut Turn) {
        if let Some(connection) = &mut self.connection {
            connection.release(turn);
        }
        self.pump(turn);
        self.throttle(turn);
    }

    /// Has the shell read no more from a client that is far ahead of us, or read on.
    pub fn throttle(&mut self, turn: &mut Turn) {
        if let Some(connection) = &mut self.connection {
            connection.throttle(turn);
        }
    }

    /// Its queue is not durable any more: nothing refers to the bodies for its sake.
    pub fn let_go_of_bodies(&mut self, turn: &mut Turn) {
        let flying = self.in_flight.iter_mut().filter_map(|flight| {
            flight.is_durable = false;
            flight.entry.as_mut()
        });
        for entry in self.queue.iter_mut().chain(flying) {
            if std::mem::take(&mut entry.is_durable) {
                turn.let_go(&entry.publication);
            }
        }
        self.disown_owed();
    }

    /// The connection is gone. What it has sent may have arrived or not.
    pub fn detach(&mut self, turn: &mut Turn) {
        self.connection = None;
        self.disconnected = Some(turn.now);
        let at_most_once = self.queue.iter().filter(|entry| entry.qos == Qos::AtMostOnce);
        let bytes: usize = at_most_once.map(|entry| entry.publication.weight()).sum();
        self.queued_bytes -= bytes;
        turn.queued_bytes -= bytes;
        self.queue.retain(|entry| entry.qos != Qos::AtMostOnce);
        self.in_flight.retain(|flight| {
            let lost = |receipt| Output::Settled(receipt, Err(ReasonCode::NoMatchingSubscribers));
            turn.out.extend(flight.receipt.map(lost));
            flight.receipt.is_none()
        });
        self.queued_at_most_once = 0;
        self.detach_owed();
        for flight in &mut self.in_flight {
            flight.state = match flight.state {
                FlightState::Sent => FlightState::Unsent { after: Token(0), dup: true },
                FlightState::Released => FlightState::Unreleased { after: Token(0) },
                FlightState::Unsent { .. } | FlightState::Unreleased { .. } => flight.state,
            };
        }
        self.unsent = self.in_flight.len();
    }

    /// A new connection takes the session up: what stood in flight is sent again, in its order,
    /// except what this connection cannot take or its client may not have any more.
    pub fn resume(&mut self, turn: &mut Turn) {
        let flights = std::mem::take(&mut self.in_flight);
        for flight in flights {
            match self.reason_to_drop_again(&flight) {
                Some(cause) => {
                    self.forget_flight(&flight, turn);
                    turn.note_drop(self.client_id(), cause);
                }
                None => self.in_flight.push_back(flight),
            }
        }
        self.unsent = self.in_flight.len();
        self.pump(turn);
    }

    fn reason_to_drop_again(&mut self, flight: &InFlight) -> Option<DropCause> {
        let entry = flight.entry.as_ref()?;
        if !self.may_receive(&entry.publication.message.topic) {
            return Some(DropCause::NotPermitted);
        }
        self.is_too_large(entry).then_some(DropCause::TooLarge)
    }
}

impl InFlight {
    fn is_unsent(&self) -> bool {
        match self.state {
            FlightState::Unsent { .. } | FlightState::Unreleased { .. } => true,
            FlightState::Sent | FlightState::Released => false,
        }
    }
}
