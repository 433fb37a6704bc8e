//! Retained messages for new subscriptions: a slice at a time, so that a wildcard over very many of
//! them holds up nobody else.

use crate::message::MessageId;
use crate::owed::Owed;
use crate::retained::Budget;
use crate::table::{Subscriber, Wanted};

use super::Core;

impl Core {
    /// Owes a session what is retained for a new subscription, after its SUBACK: what the budget
    /// allows now, the rest when the client has taken that.
    pub(super) fn owe_retained(
        &mut self,
        wanted: &Wanted,
        subscriber: Subscriber,
        budget: &mut Budget,
    ) {
        let turn = &mut self.turn;
        let Some(session) = self.sessions.get_mut(subscriber.slot) else { return };
        session.cancel_owed(&wanted.text, turn);
        let mut owed = Owed::new(wanted, subscriber, (MessageId(self.next_message), turn.token()));
        let slice = self.retained.slice(&wanted.filter, None, turn.now, budget);
        for publication in slice.found {
            session.enqueue(owed.entry(publication), turn);
        }
        if !slice.is_last {
            owed.upto = slice.upto;
            session.owe(owed, turn);
        }
    }

    /// Feeds the session that has waited longest for it one slice of what it is owed. One that takes
    /// more waits again, behind the others.
    pub(super) fn feed(&mut self) {
        let turn = &mut self.turn;
        let Some(slot) = turn.hungry.pop_front() else { return };
        let Some(session) = self.sessions.get_mut(slot) else { return };
        session.waits_for_food = false;
        if !session.is_hungry(turn) {
            return;
        }
        let Some(owed) = session.owed.front() else { return };
        let (filter, upto, mut budget) =
            (&owed.filter, owed.upto.as_deref(), Budget::new(&turn.bounds));
        let slice = self.retained.slice(filter, upto, turn.now, &mut budget);
        session.feed(slice, turn);
    }
}
