//! The end of a connection, of a session, and what becomes of a will.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::event::{
    Action, DisconnectClient, DisconnectReason, Note, Origin, Output, Peer, Presence, PresenceEvent,
};
use crate::message::Qos;
use crate::packet::{Disconnect, ServerPacket, Version, Will};
use crate::reason::ReasonCode;
use crate::record::Change;
use crate::session::{Entry, FlightState, Session};
use crate::time::Timestamp;
use crate::turn::Slot;

use super::Core;
use super::status::DepartedView;
use super::wake::Timer;
use crate::access::Rights;

/// How a connection ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving {
    /// What the client is told, where its MQTT has words for it.
    pub tell: Option<ReasonCode>,
    /// Whether there is still a socket to close.
    pub is_open: bool,
    pub reason: DisconnectReason,
    pub will: WillFate,
}

/// What becomes of the will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WillFate {
    /// Sent after its delay, or when the session ends, whatever is first.
    Send,
    /// Sent now if it has no delay; if it has one, the client is back in time.
    SendUnlessDelayed,
    /// Deleted.
    Delete,
}

impl Leaving {
    /// The socket has gone by itself.
    pub fn lost() -> Self {
        let reason = DisconnectReason::ConnectionLost;
        Self { tell: None, is_open: false, reason, will: WillFate::Send }
    }

    /// The client is told to go.
    pub fn told(tell: ReasonCode) -> Self {
        let reason = PRESENCE_REASONS
            .iter()
            .find(|(code, _)| *code == tell)
            .map_or(DisconnectReason::ClientError, |(_, reason)| *reason);
        Self { tell: Some(tell), is_open: true, reason, will: WillFate::Send }
    }
}

/// What presence events say of a connection that ends with a reason code. Every other one is the
/// client's error.
const PRESENCE_REASONS: [(ReasonCode, DisconnectReason); 12] = [
    (ReasonCode::NotAuthorized, DisconnectReason::ForbiddenAccess),
    (ReasonCode::Banned, DisconnectReason::ForbiddenAccess),
    (ReasonCode::BadUserNameOrPassword, DisconnectReason::AuthError),
    (ReasonCode::KeepAliveTimeout, DisconnectReason::KeepAliveTimeout),
    (ReasonCode::MessageRateTooHigh, DisconnectReason::Throttled),
    (ReasonCode::QuotaExceeded, DisconnectReason::Throttled),
    (ReasonCode::ServerShuttingDown, DisconnectReason::ServerInitiated),
    (ReasonCode::ServerBusy, DisconnectReason::ServerInitiated),
    (ReasonCode::ServerUnavailable, DisconnectReason::ServerInitiated),
    (ReasonCode::MaximumConnectTime, DisconnectReason::ServerInitiated),
    (ReasonCode::AdministrativeAction, DisconnectReason::ApiInitiated),
    (ReasonCode::UnspecifiedError, DisconnectReason::ServerError),
];

impl Core {
    /// Ends the session's connection, if it has one; and the session, if it is not kept.
    pub(super) fn leave(&mut self, slot: Slot, leaving: Leaving) {
        let turn = &mut self.turn;
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let Some(connection) = &session.connection else { return };
        let id = connection.id;
        if let Some(reason) = leaving.tell {
            turn.note(Note::Refused { client_id: session.client_id().clone(), reason });
            if connection.version == Version::V5 {
                let reason_string = connection.words(reason);
                let said = Disconnect { reason_string, ..Disconnect::because(reason) };
                turn.send(id, ServerPacket::Disconnect(said));
            }
        }
        if leaving.is_open {
            turn.out.push(Output::Close(id));
        }
        if let Some(at) = connection.check_at {
            self.timers.remove(&(at, Timer::KeepAlive(slot, id)));
        }
        self.connections.remove(&id);
        self.tell_presence(slot, PresenceEvent::Disconnected(leaving.reason));
        let Some(session) = self.sessions.get_mut(slot) else { return };
        session.left = Some(leaving.reason);
        session.detach(&mut self.turn);
        let is_kept = session.is_kept();
        self.settle_will(slot, leaving.will);
        if is_kept {
            self.keep(slot);
        } else {
            self.end_session(slot);
        }
    }

    /// Decides what becomes of the will of a client that has just gone.
    fn settle_will(&mut self, slot: Slot, fate: WillFate) {
        let now = self.turn.now;
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let Some(delay) = session.will.as_ref().map(|will| will.delay) else { return };
        let is_delayed = delay > 0 && session.is_kept();
        match fate {
            WillFate::Delete => session.will = None,
            WillFate::SendUnlessDelayed if is_delayed => session.will = None,
            WillFate::Send if is_delayed => {
                let due = now.plus_seconds(delay);
                session.will_due = Some(due);
                self.timers.insert((due, Timer::Will(slot, session.id)));
            }
            WillFate::Send | WillFate::SendUnlessDelayed => self.send_will(slot),
        }
    }

    /// Publishes the will of a session, if it has one and its client still may.
    pub(super) fn send_will(&mut self, slot: Slot) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let Some(will) = session.will.take() else { return };
        session.will_due = None;
        let (peer, rights) = (session.peer.clone(), session.rights.clone());
        let from = session.is_kept().then_some(slot);
        self.publish_will(*will, peer, (from, rights));
    }

    fn publish_will(&mut self, will: Will, peer: Arc<Peer>, by: (Option<Slot>, Option<Rights>)) {
        let (from, rights) = by;
        // Without rights, nobody can say that the client still may: after a restart, when its
        // principal is gone.
        let action = match rights {
            Some(mut rights) => self.may_publish(&will.message, &mut rights).err(),
            None => Some(Action::Will),
        };
        if action.is_some() {
            let (client_id, topic) = (peer.client_id.clone(), will.message.topic);
            return self.turn.note(Note::Denied { client_id, action: Action::Will, topic });
        }
        let publication = self.publication(will.message);
        // A will that does not fit among the retained messages is sent all the same.
        let _ = self.retain(&publication, true);
        if self.route(&publication, from).heard {
            self.hand_in(publication, Origin::Client(peer), None);
        }
    }

    /// A kept session waits for its client.
    fn keep(&mut self, slot: Slot) {
        if let Some(session) = self.sessions.get(slot) {
            self.turn.put(session.record());
        }
        self.arm_expiry(slot);
    }

    /// The session ends for good. A will that waits is sent now (§3.1.3.2.2), and what came through
    /// shared subscriptions goes to other members.
    pub(super) fn end_session(&mut self, slot: Slot) {
        self.disarm(slot);
        let Some(mut session) = self.sessions.remove(slot) else { return };
        self.turn.queued_bytes -= session.queued_bytes;
        for subscribed in &session.subscriptions {
            self.table.remove(&subscribed.filter, subscribed.leaf, slot);
        }
        self.departed.note(&session, self.turn.now);
        self.pass_on(&session);
        session.let_go_of_bodies(&mut self.turn);
        // Asked of the records, not of the expiry: DISCONNECT may just have set it to 0.
        if session.has_records {
            self.turn.change(Change::DeleteSession(session.id));
        }
        if let Some(will) = session.will.take() {
            self.publish_will(*will, session.peer.clone(), (None, session.rights.take()));
        }
    }

    /// Gives what came through shared subscriptions and was not acknowledged to other members.
    /// QoS 2 that the client may have is not given to anybody else (§4.8.2).
    fn pass_on(&mut self, session: &Session) {
        let flying = session.in_flight.iter().filter_map(|flight| {
            let entry = flight.entry.as_ref()?;
            let is_fresh = matches!(flight.state, FlightState::Unsent { dup: false, .. });
            (entry.qos == Qos::AtLeastOnce || is_fresh).then_some(entry)
        });
        let shared = |entry: &&Entry| entry.shared.is_some();
        let entries: Vec<Entry> = flying.chain(&session.queue).filter(shared).cloned().collect();
        for entry in entries {
            self.share_again(entry);
        }
    }

    pub(super) fn on_disconnect_client(&mut self, order: &DisconnectClient) {
        let Some(slot) = self.sessions.find(&order.client_id) else { return };
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if order.prevent_will {
            session.will = None;
        }
        self.leave(slot, Leaving::told(ReasonCode::AdministrativeAction));
        if order.clean_session {
            self.end_session(slot);
        }
    }

    pub(super) fn on_stop(&mut self) {
        let mut slots: Vec<Slot> = self.connections.values().copied().collect();
        slots.sort_unstable();
        for slot in slots {
            let told = Leaving::told(ReasonCode::ServerShuttingDown);
            self.leave(slot, Leaving { will: WillFate::Delete, ..told });
        }
    }

    pub(super) fn tell_presence(&mut self, slot: Slot, event: PresenceEvent) {
        let Some(session) = self.sessions.get(slot) else { return };
        let Some(connection) = &session.connection else { return };
        self.turn.out.push(Output::Presence(Presence {
            peer: session.peer.clone(),
            connection: connection.id,
            at: self.turn.now,
            version_number: session.version_number,
            event,
        }));
    }
}

/// How long a client that has gone is remembered, so that its version number goes on: as long as
/// AWS IoT Core remembers it.
const REMEMBERED_SECONDS: u32 = 3600;

/// Clients that have gone and are remembered. Beyond it the oldest start again from 0.
const REMEMBERED_CLIENTS: usize = 10_000;

/// Clients that have no session any more.
#[derive(Debug, Default)]
pub(super) struct Departed {
    clients: HashMap<Arc<str>, (u64, DepartedView)>,
    order: VecDeque<(Timestamp, Arc<str>)>,
}

impl Departed {
    fn note(&mut self, session: &Session, now: Timestamp) {
        self.forget_old(now);
        let client_id = session.client_id().clone();
        let view = DepartedView {
            thing: session.peer.thing.clone(),
            disconnected: session.disconnected.unwrap_or(now),
            left: session.left,
            forgotten: now,
        };
        self.order.push_back((now, client_id.clone()));
        self.clients.insert(client_id, (session.version_number, view));
    }

    /// The version number of a new session of this client.
    pub fn return_of(&mut self, client_id: &str, now: Timestamp) -> u64 {
        self.forget_old(now);
        self.clients.remove(client_id).map_or(0, |(number, _)| number + 1)
    }

    /// What is remembered of a client.
    pub fn find(&self, client_id: &str) -> Option<&DepartedView> {
        self.clients.get(client_id).map(|(_, view)| view)
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some((since, _)) = self.order.front() {
            let is_old = since.plus_seconds(REMEMBERED_SECONDS) <= now;
            if !is_old && self.order.len() < REMEMBERED_CLIENTS {
                return;
            }
            let Some((since, client_id)) = self.order.pop_front() else { return };
            if self.find(&client_id).is_some_and(|view| view.forgotten == since) {
                self.clients.remove(&client_id);
            }
        }
    }
}
