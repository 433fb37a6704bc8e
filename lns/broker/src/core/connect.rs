//! CONNECT: who is let in, and which session it gets.

use std::sync::Arc;

use crate::access::Rights;
use crate::connection::Connection;
use crate::event::{
    Action, Connecting, DisconnectReason, Note, Output, Peer, Presence, PresenceEvent,
};
use crate::message::Message;
use crate::packet::{ConnAck, Connect, ServerPacket, Version, Will};
use crate::reason::ReasonCode;
use crate::record::{Change, SessionId};
use crate::session::{Session, Subscribed};
use crate::table::Wanted;
use crate::turn::{Slot, Turn};

use super::Core;
use super::leave::{Leaving, WillFate};
use super::publish::is_among;

impl Core {
    pub(super) fn on_connect(&mut self, connecting: Connecting) {
        if let Some(slot) = self.connections.get(&connecting.connection).copied() {
            // A second CONNECT is a protocol error (§3.1).
            return self.fail(slot, ReasonCode::ProtocolError);
        }
        match self.admit(&connecting) {
            Ok(rights) => self.welcome(connecting, rights),
            Err(reason) => self.turn_away(&connecting, reason),
        }
    }

    /// Whether the client may connect as it wants to.
    fn admit(&mut self, connecting: &Connecting) -> Result<Rights, ReasonCode> {
        let connect = &connecting.connect;
        let too_long = |limit| connect.client_id.len() > limit;
        if connect.client_id.is_empty() || self.config.limits.client_id_bytes.is_some_and(too_long)
        {
            return Err(ReasonCode::ClientIdentifierNotValid);
        }
        if connect.version == Version::V311 && connect.assigned && !connect.clean_start {
            // MQTT 3.1.1 §3.1.3.1: who has no name cannot come back to its session.
            return Err(ReasonCode::ClientIdentifierNotValid);
        }
        let (limits, now) = (&self.config.limits, self.turn.now);
        let is_in_time =
            self.arrivals.take_of(&connect.client_id, limits.client_connects_per_second, now)
                && self.arrivals.take(limits.connects_per_second, now);
        if !is_in_time {
            return Err(ReasonCode::ConnectionRateExceeded);
        }
        let access = connecting.access.clone()?;
        access.connect(connect)?;
        let mut rights = Rights::new(access);
        if let Some(will) = &connect.will {
            self.admit_will(will, &mut rights)?;
        }
        let is_new = self.sessions.find(&connect.client_id).is_none();
        if is_new && self.sessions.len() >= self.config.bounds.sessions {
            return Err(ReasonCode::QuotaExceeded);
        }
        Ok(rights)
    }

    /// A will is a publication, and is checked like one (§3.1.2.5).
    fn admit_will(&self, will: &Will, rights: &mut Rights) -> Result<(), ReasonCode> {
        self.check_message(&will.message)?;
        self.may_publish(&will.message, rights).map_err(|_| ReasonCode::NotAuthorized)
    }

    /// Whether a client may publish this message; what it may not do if not.
    pub(super) fn may_publish(&self, message: &Message, rights: &mut Rights) -> Result<(), Action> {
        if self.is_reserved(&message.topic) || !rights.publish(&message.topic) {
            return Err(Action::Publish);
        }
        if message.retain && !rights.retain(&message.topic) {
            return Err(Action::Retain);
        }
        Ok(())
    }

    /// Whether no client may publish to this topic, whatever its rights.
    pub(super) fn is_reserved(&self, topic: &str) -> bool {
        topic.starts_with('$') && !is_among(&self.config.client_topics, topic)
    }

    fn turn_away(&mut self, connecting: &Connecting, reason: ReasonCode) {
        let peer = peer_of(connecting);
        let client_id = peer.client_id.clone();
        if reason == ReasonCode::NotAuthorized {
            let (action, topic) = (Action::Connect, client_id.clone());
            self.turn.note(Note::Denied { client_id: client_id.clone(), action, topic });
        }
        self.turn.note(Note::Refused { client_id, reason });
        let connection = connecting.connection;
        let connect = &connecting.connect;
        let mut ack = ConnAck::because(reason);
        ack.reason_string = reason.words().filter(|_| connect.takes_words());
        self.turn.send(connection, ServerPacket::ConnAck(Box::new(ack)));
        self.turn.out.push(Output::Close(connection));
        let (at, event) = (self.turn.now, PresenceEvent::ConnectFailed(reason));
        let presence = Presence { peer, connection, at, version_number: 0, event };
        self.turn.out.push(Output::Presence(presence));
    }

    fn welcome(&mut self, connecting: Connecting, rights: Rights) {
        let peer = peer_of(&connecting);
        let Connecting { connection, mut connect, .. } = connecting;
        self.take_over(&connect);
        let present = self.sessions.find(&connect.client_id);
        present.into_iter().for_each(|slot| self.disarm(slot));
        let slot = present.unwrap_or_else(|| self.new_session(&peer, connect.version));
        let expiry = self.expiry_for(&connect);
        let (ack, patience) = self.conn_ack(&connect, present.is_some(), expiry);

        let mut fresh = Box::new(Connection::new(connection, &connect, &self.turn));
        fresh.patience = patience;
        self.connections.insert(connection, slot);
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let is_somebody_else = session.peer.principal != peer.principal;
        session.peer = peer;
        session.version = connect.version;
        session.connection = Some(fresh);
        session.rights = Some(rights);
        session.will = connect.will.take();
        session.will_due = None;
        session.version_number += u64::from(present.is_some());
        keep_for(session, expiry, &mut self.turn);
        if is_somebody_else {
            self.review_subscriptions(slot);
        }
        let Some(session) = self.sessions.get_mut(slot) else { return };
        self.turn.send(connection, ServerPacket::ConnAck(Box::new(ack)));
        session.resume(&mut self.turn);
        self.tell_presence(slot, PresenceEvent::Connected);
        self.arm_keep_alive(slot);
    }

    /// A session is taken up by another principal: of its subscriptions only those stay that this
    /// one might make.
    fn review_subscriptions(&mut self, slot: Slot) {
        let Some(session) = self.sessions.get(slot) else { return };
        let Some(rights) = &session.rights else { return };
        let is_refused = |one: &&Subscribed| {
            Wanted::parse(&one.filter).is_none_or(|of| !rights.subscribe(of.filter.as_str()))
        };
        let refused = session.subscriptions.iter().filter(is_refused);
        let refused: Vec<Arc<str>> = refused.map(|one| one.filter.clone()).collect();
        for filter in refused {
            self.remove_subscription(slot, &filter);
        }
    }

    /// Ends the client's other connection (§3.1.4), and its session if the client wants a new one.
    fn take_over(&mut self, connect: &Connect) {
        let Some(slot) = self.sessions.find(&connect.client_id) else { return };
        let will = if connect.clean_start { WillFate::Send } else { WillFate::SendUnlessDelayed };
        let tell = Some(ReasonCode::SessionTakenOver);
        let reason = DisconnectReason::DuplicateClientId;
        self.leave(slot, Leaving { tell, is_open: true, reason, will });
        if connect.clean_start {
            self.end_session(slot);
        }
    }

    fn new_session(&mut self, peer: &Arc<Peer>, version: Version) -> Slot {
        let id = SessionId(self.next_session);
        self.next_session += 1;
        let version_number = self.departed.return_of(&peer.client_id, self.turn.now);
        let session = self.sessions.create(id, peer.clone(), version);
        session.version_number = version_number;
        session.slot
    }

    /// Seconds that the session will outlive its connection.
    fn expiry_for(&self, connect: &Connect) -> u32 {
        let cap = self.config.session_expiry;
        match connect.version {
            Version::V311 if connect.clean_start => 0,
            Version::V311 => cap,
            Version::V5 => connect.session_expiry.unwrap_or(0).min(cap),
        }
    }

    /// The answer, and how much silence the connection is allowed.
    fn conn_ack(&self, connect: &Connect, present: bool, expiry: u32) -> (ConnAck, Option<u64>) {
        let bounds = &self.config.bounds;
        let keep_alive = self.keep_alive_for(connect);
        let mut ack = ConnAck::because(ReasonCode::Success);
        ack.session_present = present;
        if connect.version == Version::V5 {
            ack.session_expiry = (expiry != connect.session_expiry.unwrap_or(0)).then_some(expiry);
            ack.receive_maximum = Some(bounds.unacknowledged);
            ack.maximum_packet_size = Some(bounds.packet_bytes);
            ack.assigned_client_id = connect.assigned.then(|| connect.client_id.clone());
            ack.topic_alias_maximum = Some(bounds.topic_aliases);
            ack.server_keep_alive = (keep_alive != connect.keep_alive).then_some(keep_alive);
        }
        let patience = (keep_alive > 0).then(|| u64::from(keep_alive) * 1500);
        (ack, patience)
    }

    /// Seconds of keep alive that are in force; 0 is none.
    fn keep_alive_for(&self, connect: &Connect) -> u16 {
        match self.config.limits.keep_alive {
            Some((_, u16::MAX)) if connect.keep_alive == 0 => 0,
            Some((_, most)) if connect.keep_alive == 0 => most,
            Some((least, most)) => connect.keep_alive.clamp(least.min(most), most),
            None => connect.keep_alive,
        }
    }
}

/// Sets how long the session is kept from now on, and makes its records say so.
fn keep_for(session: &mut Session, expiry: u32, turn: &mut Turn) {
    session.expiry = expiry;
    session.disconnected = None;
    session.left = None;
    if session.is_kept() {
        session.has_records = true;
        turn.put(session.record());
    } else if session.has_records {
        session.has_records = false;
        turn.change(Change::DeleteSession(session.id));
        session.let_go_of_bodies(turn);
    }
}

fn peer_of(connecting: &Connecting) -> Arc<Peer> {
    Arc::new(Peer {
        client_id: connecting.connect.client_id.clone(),
        principal: connecting.principal.clone(),
        address: connecting.address,
        thing: connecting.thing.clone(),
    })
}

impl ConnAck {
    /// The answer with this reason, and nothing besides.
    fn because(reason: ReasonCode) -> Self {
        Self {
            session_present: false,
            reason,
            session_expiry: None,
            receive_maximum: None,
            maximum_packet_size: None,
            assigned_client_id: None,
            topic_alias_maximum: None,
            server_keep_alive: None,
            reason_string: None,
        }
    }
}
