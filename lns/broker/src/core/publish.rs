//! PUBLISH from a client.

use lns_pipeline::topic::is_topic_name;

use crate::connection::HeldAck;
use crate::event::{Hold, Note, Origin};
use crate::message::{Message, Qos};
use crate::packet::{Ack, PacketId, Publish, ServerPacket, Version};
use crate::reason::ReasonCode;
use crate::record::{Change, Key, ReceivedRecord, Record, Token};
use crate::session::Received;
use crate::turn::Slot;

use super::Core;
use super::leave::{Leaving, WillFate};

/// A PUBLISH that was not taken.
enum Refusal {
    /// The connection ends: the client breaks the protocol.
    Close(ReasonCode),
    /// The message alone is refused.
    Answer(ReasonCode),
    /// The message goes nowhere, and the connection goes on.
    PassOver,
}

impl Core {
    pub(super) fn on_publish(&mut self, slot: Slot, mut publish: Publish) {
        let answer = (publish.packet_id, publish.message.qos);
        if let Err(refusal) = self.try_publish(slot, &mut publish) {
            match refusal {
                Refusal::Close(reason) => self.fail(slot, reason),
                Refusal::Answer(reason) => self.refuse_publish(slot, answer, reason),
                Refusal::PassOver => self.pass_over(slot, answer),
            }
        }
    }

    fn try_publish(&mut self, slot: Slot, publish: &mut Publish) -> Result<(), Refusal> {
        if publish.has_subscription_identifier {
            return Err(Refusal::Close(ReasonCode::ProtocolError));
        }
        if publish.packet_id.is_some() != (publish.message.qos != Qos::AtMostOnce) {
            return Err(Refusal::Close(ReasonCode::MalformedPacket));
        }
        self.resolve_alias(slot, publish)?;
        if !is_topic_name(&publish.message.topic) {
            return Err(Refusal::Close(ReasonCode::TopicNameInvalid));
        }
        let response =
            publish.message.properties.as_ref().and_then(|p| p.response_topic.as_deref());
        if response.is_some_and(|topic| !is_topic_name(topic)) {
            return Err(Refusal::Close(ReasonCode::ProtocolError));
        }
        if let Some(packet_id) = publish.packet_id
            && self.is_known(slot, packet_id, publish)?
        {
            return Ok(());
        }
        self.check_rate(slot, publish.message.qos)?;
        self.check_message(&publish.message).map_err(Refusal::Answer)?;
        self.check_rights(slot, &publish.message)?;
        if let Some(most) = self.config.limits.message_expiry {
            publish.message.expiry = publish.message.expiry.map(|expiry| expiry.min(most));
        }
        self.accept(slot, publish)
    }

    /// Whether the client, and all of them together, may publish one more in this second. What is
    /// said at QoS 0 beyond that is dropped: nothing is promised of it.
    fn check_rate(&mut self, slot: Slot, qos: Qos) -> Result<(), Refusal> {
        let (limits, now) = (&self.config.limits, self.turn.now);
        let (each, all) = (limits.publishes_per_second, limits.all_publishes_per_second);
        if each.or(all).is_none() {
            return Ok(());
        }
        let Some(session) = self.sessions.get_mut(slot) else { return Ok(()) };
        let Some(connection) = &mut session.connection else { return Ok(()) };
        if connection.allowance.takes(each, now) && self.publishing.takes(all, now) {
            return Ok(());
        }
        if qos != Qos::AtMostOnce {
            return Err(Refusal::Answer(ReasonCode::QuotaExceeded));
        }
        let client_id = session.client_id().clone();
        self.turn.note(Note::Ignored { client_id, reason: ReasonCode::MessageRateTooHigh });
        Err(Refusal::PassOver)
    }

    /// Puts the topic in the place of its alias, and learns what an alias stands for (§3.3.2.3.4).
    fn resolve_alias(&mut self, slot: Slot, publish: &mut Publish) -> Result<(), Refusal> {
        let maximum = usize::from(self.config.bounds.topic_aliases);
        let connection = self.sessions.get_mut(slot).and_then(|s| s.connection.as_mut());
        let Some((connection, alias)) = connection.zip(publish.topic_alias) else { return Ok(()) };
        let invalid = Refusal::Close(ReasonCode::TopicAliasInvalid);
        let Some(at) = usize::from(alias).checked_sub(1).filter(|at| *at < maximum) else {
            return Err(invalid);
        };
        if connection.aliases_in.len() <= at {
            connection.aliases_in.resize(at + 1, None);
        }
        if !publish.message.topic.is_empty() {
            connection.aliases_in[at] = Some(publish.message.topic.clone());
            return Ok(());
        }
        let Some(topic) = &connection.aliases_in[at] else {
            return Err(Refusal::Close(ReasonCode::ProtocolError));
        };
        publish.message.topic = topic.clone();
        Ok(())
    }

    /// Whether a message of this packet identifier has come before: then it is answered, and that
    /// is all (§4.3.3).
    fn is_known(
        &mut self,
        slot: Slot,
        packet_id: PacketId,
        publish: &Publish,
    ) -> Result<bool, Refusal> {
        let Some(session) = self.sessions.get_mut(slot) else { return Ok(true) };
        let Some(received) = session.received.get(&packet_id) else { return Ok(false) };
        if publish.message.qos != Qos::ExactlyOnce {
            return Err(Refusal::Answer(ReasonCode::PacketIdentifierInUse));
        }
        let (after, hold, taken) = (received.after, received.hold, received.taken);
        if !taken && hold.is_none() {
            // It was made durable, and we stopped before the server itself had taken it. What is
            // repeated need not be what was checked then.
            let checked = self.check_message(&publish.message).map_err(Refusal::Answer);
            let checked = checked.and_then(|()| self.check_rights(slot, &publish.message));
            if checked.is_err() {
                // The client takes the identifier for free now.
                self.forget_received(slot, packet_id);
            }
            checked?;
            self.hand_in_again(slot, packet_id, publish);
            return Ok(true);
        }
        let packet = ServerPacket::PubRec(Ack::success(packet_id));
        session.answer_after(HeldAck { packet, after, hold }, &mut self.turn);
        Ok(true)
    }

    fn forget_received(&mut self, slot: Slot, packet_id: PacketId) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if session.received.remove(&packet_id).is_some() && session.is_kept() {
            self.turn.change(Change::Delete(Key::Received(session.id, packet_id)));
        }
    }

    fn hand_in_again(&mut self, slot: Slot, packet_id: PacketId, publish: &Publish) {
        let publication = self.publication(publish.message.clone());
        let mut leaves = Vec::new();
        self.table.find(&publication.message.topic, &mut leaves);
        let heard = leaves.into_iter().any(|at| self.table.leaf(at).is_heard);
        let hold = heard.then(|| self.next_hold(slot)).flatten();
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let origin = Origin::Client(session.peer.clone());
        let number = hold.map(|hold| hold.number);
        if let Some(received) = session.received.get_mut(&packet_id) {
            received.hold = number;
            received.taken = !heard;
        }
        let (packet, after) = (ServerPacket::PubRec(Ack::success(packet_id)), Token(0));
        session.answer_after(HeldAck { packet, after, hold: number }, &mut self.turn);
        if heard {
            self.hand_in(publication, origin, hold);
        }
    }

    /// What no client may publish, whatever its rights.
    pub(super) fn check_message(&self, message: &Message) -> Result<(), ReasonCode> {
        let limits = &self.config.limits;
        if !is_topic_name(&message.topic) || !self.topic_fits(&message.topic) {
            return Err(ReasonCode::TopicNameInvalid);
        }
        let user = || message.properties.iter().flat_map(|properties| &properties.user);
        let user_bytes = || user().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if limits.payload_bytes.is_some_and(|limit| message.payload.len() > limit)
            || limits.user_property_bytes.is_some_and(|limit| user_bytes() > limit)
        {
            return Err(ReasonCode::QuotaExceeded);
        }
        Ok(())
    }

    /// Whether a topic name or filter keeps to the limits that are set. Levels are not counted below
    /// `$`: AWS's own topics are deeper than its limit.
    pub(super) fn topic_fits(&self, topic: &str) -> bool {
        let limits = &self.config.limits;
        let slashes = || topic.bytes().filter(|byte| *byte == b'/').count();
        let shallow = |limit| topic.starts_with('$') || slashes() <= limit;
        limits.topic_bytes.is_none_or(|limit| topic.len() <= limit)
            && limits.topic_slashes.is_none_or(shallow)
    }

    fn check_rights(&mut self, slot: Slot, message: &Message) -> Result<(), Refusal> {
        let is_nobodys = self.is_reserved(&message.topic)
            && !is_among(&self.config.guarded_topics, &message.topic);
        let Some(session) = self.sessions.get_mut(slot) else { return Ok(()) };
        let client_id = session.client_id().clone();
        if is_nobodys {
            self.turn.note(Note::Ignored { client_id, reason: ReasonCode::NotAuthorized });
            return Err(Refusal::PassOver);
        }
        // Taken out and put back, because the broker itself is asked too.
        let Some(mut rights) = session.rights.take() else {
            return Err(Refusal::Answer(ReasonCode::NotAuthorized));
        };
        let verdict = self.may_publish(message, &mut rights);
        if let Some(session) = self.sessions.get_mut(slot) {
            session.rights = Some(rights);
        }
        verdict.map_err(|action| {
            self.turn.note(Note::Denied { client_id, action, topic: message.topic.clone() });
            Refusal::Answer(ReasonCode::NotAuthorized)
        })
    }

    /// Takes the message: retained, routed, handed in, answered.
    fn accept(&mut self, slot: Slot, publish: &mut Publish) -> Result<(), Refusal> {
        let Publish { packet_id, message, .. } = publish.clone();
        let qos = message.qos;
        if packet_id.is_some() {
            self.check_receive_maximum(slot)?;
        }
        let publication = self.publication(message);
        self.retain(&publication, true).map_err(Refusal::Answer)?;
        let reach = self.route(&publication, Some(slot));
        let is_held = reach.heard && packet_id.is_some();
        let hold = is_held.then(|| self.next_hold(slot)).flatten();
        let number = hold.map(|hold| hold.number);
        let reason = match reach.anybody {
            true => ReasonCode::Success,
            false => ReasonCode::NoMatchingSubscribers,
        };
        let after = self.durable(&publication);
        if let Some(packet_id) = packet_id {
            let ack = (Ack::because(packet_id, reason), after);
            match qos {
                Qos::AtMostOnce => {}
                Qos::AtLeastOnce => self.acknowledge(slot, ack, number),
                Qos::ExactlyOnce => self.receive(slot, ack, number),
            }
        }
        let Some(session) = self.sessions.get(slot) else { return Ok(()) };
        let origin = Origin::Client(session.peer.clone());
        if reach.heard {
            self.hand_in(publication, origin, hold);
        }
        Ok(())
    }

    fn acknowledge(&mut self, slot: Slot, (ack, after): (Ack, Token), hold: Option<u64>) {
        if let Some(session) = self.sessions.get_mut(slot) {
            let packet = ServerPacket::PubAck(ack);
            session.answer_after(HeldAck { packet, after, hold }, &mut self.turn);
        }
    }

    /// Remembers the packet identifier of a QoS 2 message until the client releases it.
    fn receive(&mut self, slot: Slot, (ack, after): (Ack, Token), hold: Option<u64>) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let taken = hold.is_none();
        if session.is_kept() {
            let (session, packet_id) = (session.id, ack.packet_id);
            self.turn.put(Record::Received(ReceivedRecord { session, packet_id, taken }));
        }
        let after = after.max(self.turn.token());
        session.received.insert(ack.packet_id, Received { after, taken, hold });
        let packet = ServerPacket::PubRec(ack);
        session.answer_after(HeldAck { packet, after, hold }, &mut self.turn);
    }

    /// MQTT 5.0 §3.3.4: more than the receive maximum is a protocol error. MQTT 3.1.1 has none.
    fn check_receive_maximum(&self, slot: Slot) -> Result<(), Refusal> {
        let maximum = usize::from(self.config.bounds.unacknowledged);
        let exceeds = self.sessions.get(slot).is_some_and(|session| {
            session.version == Version::V5 && session.unacknowledged() >= maximum
        });
        if exceeds { Err(Refusal::Close(ReasonCode::ReceiveMaximumExceeded)) } else { Ok(()) }
    }

    /// Answers a message that was not taken. MQTT 3.1.1 has no words for it, and an acknowledgement
    /// would be a lie: the connection ends.
    fn refuse_publish(
        &mut self,
        slot: Slot,
        (packet_id, qos): (Option<PacketId>, Qos),
        reason: ReasonCode,
    ) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if session.version == Version::V311 {
            let reason = Leaving::told(reason).reason;
            let will = WillFate::Send;
            return self.leave(slot, Leaving { tell: None, is_open: true, reason, will });
        }
        let Some(packet_id) = packet_id else { return };
        let reason_string = session.connection.as_ref().and_then(|one| one.words(reason));
        let ack = Ack { packet_id, reason, reason_string };
        let packet = match qos {
            Qos::AtMostOnce => return,
            Qos::AtLeastOnce => ServerPacket::PubAck(ack),
            Qos::ExactlyOnce => ServerPacket::PubRec(ack),
        };
        session.answer(packet, &mut self.turn);
    }

    /// Answers a message that nobody hears. MQTT 3.1.1 §3.3.5 has two ways with what is not allowed:
    /// to acknowledge it all the same, or to close. Closing is for clients that overstep their rights;
    /// below `$` a client has mostly tried whether `#` meets such topics. No reason string: clients of
    /// the first days of MQTT 5 take no acknowledgement longer than four bytes.
    fn pass_over(&mut self, slot: Slot, (packet_id, qos): (Option<PacketId>, Qos)) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let Some(packet_id) = packet_id else { return };
        let ack = Ack::because(packet_id, ReasonCode::NotAuthorized);
        match qos {
            Qos::AtMostOnce => {}
            Qos::AtLeastOnce => session.answer(ServerPacket::PubAck(ack), &mut self.turn),
            Qos::ExactlyOnce => session.answer(ServerPacket::PubRec(ack), &mut self.turn),
        }
    }

    fn next_hold(&mut self, slot: Slot) -> Option<Hold> {
        let session = self.sessions.get(slot)?;
        let number = self.next_hold;
        self.next_hold += 1;
        Some(Hold { session: Some((slot, session.id)), number })
    }

    pub(super) fn on_taken(&mut self, hold: Hold) {
        let Some((slot, id)) = hold.session else { return self.own.taken(hold, &mut self.turn) };
        let Some(session) = self.sessions.get_mut(slot).filter(|session| session.id == id) else {
            return;
        };
        let is_kept = session.is_kept();
        let held = session.received.iter_mut().find(|(_, one)| one.hold == Some(hold.number));
        if let Some((packet_id, received)) = held {
            (received.taken, received.hold) = (true, None);
            if is_kept {
                let record = ReceivedRecord { session: id, packet_id: *packet_id, taken: true };
                self.turn.put(Record::Received(record));
            }
        }
        if let Some(connection) = &mut session.connection {
            connection.taken(hold.number, &mut self.turn);
        }
        session.throttle(&mut self.turn);
    }
}

/// Whether a topic begins with one of these prefixes.
pub(super) fn is_among(prefixes: &[String], topic: &str) -> bool {
    prefixes.iter().any(|prefix| topic.starts_with(prefix.as_str()))
}
