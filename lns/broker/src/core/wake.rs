//! Deadlines.

use std::sync::Arc;

use crate::event::Note;
use crate::packet::ConnectionId;
use crate::reason::ReasonCode;
use crate::record::SessionId;
use crate::session::Session;
use crate::time::Timestamp;
use crate::turn::Slot;

use super::Core;

/// What happens when a moment has come. Looked at again then: the reason may be gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Has the connection been silent too long?
    KeepAlive(Slot, ConnectionId),
    /// Is the will still to be sent?
    Will(Slot, SessionId),
    /// Is the session still without connection?
    Session(Slot, SessionId),
    /// Has the retained message of this topic expired?
    Retained(Arc<str>),
}

impl Core {
    pub(super) fn on_wake(&mut self) {
        self.keep_deadlines();
        self.feed();
    }

    fn keep_deadlines(&mut self) {
        while let Some((at, _)) = self.timers.first() {
            if *at > self.turn.now {
                return;
            }
            let Some((_, timer)) = self.timers.pop_first() else { return };
            match timer {
                Timer::KeepAlive(slot, connection) => self.check_keep_alive(slot, connection),
                Timer::Will(slot, session) => self.check_will(slot, session),
                Timer::Session(slot, session) => self.check_session(slot, session),
                Timer::Retained(topic) => self.check_retained(&topic),
            }
        }
    }

    /// A connection is not asked with every packet, but when the deadline of an earlier one comes.
    fn check_keep_alive(&mut self, slot: Slot, id: ConnectionId) {
        let connection = self.sessions.get(slot).and_then(|session| session.connection.as_ref());
        let Some(connection) = connection.filter(|connection| connection.id == id) else { return };
        let Some(patience) = connection.patience else { return };
        if connection.last_heard.plus_millis(patience) <= self.turn.now {
            self.fail(slot, ReasonCode::KeepAliveTimeout);
        } else {
            self.arm_keep_alive(slot);
        }
    }

    /// Has the connection's silence looked at when it may have lasted too long.
    pub(super) fn arm_keep_alive(&mut self, slot: Slot) {
        let connection = self.sessions.get_mut(slot).and_then(|one| one.connection.as_mut());
        let Some(connection) = connection else { return };
        connection.check_at =
            connection.patience.map(|patience| connection.last_heard.plus_millis(patience));
        if let Some(at) = connection.check_at {
            self.timers.insert((at, Timer::KeepAlive(slot, connection.id)));
        }
    }

    /// Has the session end when its time is over.
    pub(super) fn arm_expiry(&mut self, slot: Slot) {
        if let Some((end, session)) = self.sessions.get(slot).and_then(expiry_of) {
            self.timers.insert((end, Timer::Session(slot, session)));
        }
    }

    /// Takes back what was to happen to the session while it has no connection. Clients that come
    /// and go must not leave a deadline behind each time.
    pub(super) fn disarm(&mut self, slot: Slot) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if let Some((end, id)) = expiry_of(session) {
            self.timers.remove(&(end, Timer::Session(slot, id)));
        }
        if let Some(due) = session.will_due.take() {
            self.timers.remove(&(due, Timer::Will(slot, session.id)));
        }
    }

    fn check_will(&mut self, slot: Slot, id: SessionId) {
        let now = self.turn.now;
        let is_due = self.sessions.get(slot).is_some_and(|session| {
            session.id == id && session.will_due.is_some_and(|due| due <= now)
        });
        if is_due {
            self.send_will(slot);
            if let Some(session) = self.sessions.get(slot) {
                self.turn.put(session.record());
            }
        }
    }

    fn check_session(&mut self, slot: Slot, id: SessionId) {
        let now = self.turn.now;
        let Some(session) = self.sessions.get(slot).filter(|session| session.id == id) else {
            return;
        };
        let Some(since) = session.disconnected.filter(|_| session.connection.is_none()) else {
            return;
        };
        if session.expiry == u32::MAX || since.plus_seconds(session.expiry) > now {
            return;
        }
        let client_id = session.client_id().clone();
        self.turn.note(Note::SessionExpired { client_id });
        self.end_session(slot);
    }

    fn check_retained(&mut self, topic: &Arc<str>) {
        let now = self.turn.now;
        let is_over = |kept: &crate::retained::Kept| kept.publication.has_expired(now);
        if self.retained.get(topic).is_some_and(is_over) {
            self.forget_retained(topic);
        }
    }
}

/// When a session without connection ends, if ever.
fn expiry_of(session: &Session) -> Option<(Timestamp, SessionId)> {
    let since = session.disconnected.filter(|_| session.expiry != u32::MAX)?;
    Some((since.plus_seconds(session.expiry), session.id))
}
