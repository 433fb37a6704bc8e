//! The owner: takes what has come, decides it all, writes it once, then answers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use lns_pipeline::shadow::{
    Answer, Outcome, Rejection, Request, Seconds, Shadow, ShadowId, Verb, apply,
};

use super::voice::Voice;
use super::{Ask, Shared, Then, ToOwner, load, seconds};
use crate::broker::Message;
use crate::store::{StoreError, Table, Write};

/// Requests decided before one commit: enough to share a flush, few enough that the first does not
/// wait for the last.
const TURN: usize = 512;

/// How long the owner sleeps when nothing comes.
const IDLE: Duration = Duration::from_millis(500);

/// How long it waits for requests while the broker is busy.
const BUSY: Duration = Duration::from_millis(2);

/// How long it waits for requests after the store has refused some that are insisted on.
const RETRY: Duration = Duration::from_millis(200);

/// How long a stopping owner tries to say what it has to.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The one writer of shadows.
pub(super) struct Owner {
    inbox: Receiver<ToOwner>,
    shared: Arc<Shared>,
    voice: Voice,
    /// What the store has refused and is insisted on, in order; at most a turn of it.
    again: Vec<Ask>,
}

/// A request and what becomes of it.
struct Decided {
    ask: Ask,
    outcome: Outcome,
}

impl Owner {
    pub fn new(inbox: Receiver<ToOwner>, shared: Arc<Shared>, voice: Voice) -> Self {
        Owner { inbox, shared, voice, again: Vec::new() }
    }

    /// Works until it is told to stop, or nobody is left to ask.
    pub fn run(mut self) {
        let mut stop = false;
        while !stop || !self.inbox.is_empty() {
            let patience = match (self.voice.speak(), self.again.is_empty()) {
                (true, true) => IDLE,
                (true, false) => RETRY,
                (false, _) => BUSY,
            };
            let first = match self.inbox.recv_timeout(patience) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) if self.again.is_empty() => continue,
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut asks = std::mem::take(&mut self.again);
            let rest = self.inbox.try_iter().take(TURN.saturating_sub(asks.len() + 1));
            for message in first.into_iter().chain(rest) {
                match message {
                    ToOwner::Ask(ask) => asks.push(ask),
                    ToOwner::Stop => stop = true,
                }
            }
            self.turn(asks);
        }
        let give_up = Instant::now() + LAST_WORDS;
        while !self.voice.speak() && Instant::now() < give_up {
            std::thread::sleep(BUSY);
        }
    }

    fn turn(&mut self, asks: Vec<Ask>) {
        let now = seconds(&self.shared.surroundings.clock);
        let mut shadows = HashMap::new();
        let mut decided: Vec<Decided> =
            asks.into_iter().map(|ask| self.decide(ask, &mut shadows, now)).collect();
        let changed = decided.iter().any(|decided| decided.outcome.after.is_some());
        if changed && let Err(error) = self.commit(&decided, &shadows) {
            let observer = &self.shared.surroundings.observer;
            observer.store_refused_shadows(&error);
            // What a get was told may have been of a change that did not happen: nobody is told.
            let (again, told) =
                decided.into_iter().partition(|decided: &Decided| decided.ask.insist);
            decided = told;
            let again: Vec<Decided> = again;
            self.again = again.into_iter().map(|decided| decided.ask).collect();
            for Decided { outcome, .. } in &mut decided {
                *outcome = Outcome::rejected(Rejection::Internal, now, None);
            }
        }
        for decided in decided {
            self.answer(decided);
        }
    }

    /// Decides a request by the shadow as earlier ones of the turn have left it.
    fn decide(
        &self,
        mut ask: Ask,
        shadows: &mut HashMap<ShadowId, Shadow>,
        now: Seconds,
    ) -> Decided {
        let outcome = match ask.refused.take() {
            Some(why) => {
                let token = lns_pipeline::shadow::client_token(&ask.payload);
                Outcome::rejected(why, now, token.as_deref())
            }
            None => self.decide_fit(&ask, shadows, now).unwrap_or_else(|error| {
                self.shared.surroundings.observer.store_refused_shadows(&error);
                Outcome::rejected(Rejection::Internal, now, None)
            }),
        };
        Decided { ask, outcome }
    }

    fn decide_fit(
        &self,
        ask: &Ask,
        shadows: &mut HashMap<ShadowId, Shadow>,
        now: Seconds,
    ) -> Result<Outcome, StoreError> {
        let shadow = match shadows.entry(ask.id.clone()) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => place.insert(load(&*self.shared.surroundings.store, &ask.id)?),
        };
        let request = Request { id: &ask.id, verb: ask.verb, payload: &ask.payload };
        let outcome = catch_unwind(AssertUnwindSafe(|| apply(shadow, &request, now)));
        let outcome = outcome.unwrap_or_else(|_| {
            tracing::error!(
                thing = ask.id.thing(),
                body = hex::encode(&ask.payload),
                "deciding a shadow's request panicked; it is refused. Please report this with the \
                 lines above"
            );
            Outcome::rejected(Rejection::Internal, now, None)
        });
        if let Some(after) = &outcome.after {
            *shadow = after.clone();
        }
        Ok(outcome)
    }

    /// Writes every shadow that has changed, as the turn has left it.
    fn commit(
        &self,
        decided: &[Decided],
        shadows: &HashMap<ShadowId, Shadow>,
    ) -> Result<(), StoreError> {
        let surroundings = &self.shared.surroundings;
        let mut changed: Vec<&ShadowId> = decided
            .iter()
            .filter(|decided| decided.outcome.after.is_some())
            .map(|decided| &decided.ask.id)
            .collect();
        changed.sort_unstable();
        changed.dedup();
        let writes: Vec<Write> = changed
            .into_iter()
            .map(|id| Write::Put {
                table: Table::Shadows,
                key: id.key(),
                value: shadows[id].to_record(),
            })
            .collect();
        let begun = Instant::now();
        surroundings.store.commit(&writes)?;
        surroundings.observer.committed(writes.len(), begun.elapsed());
        Ok(())
    }

    /// Tells whoever waits, and everybody who listens.
    fn answer(&mut self, Decided { ask, mut outcome }: Decided) {
        let surroundings = &self.shared.surroundings;
        let code = match &outcome.answer {
            Answer::Accepted(_) => 200,
            Answer::Rejected { why, .. } => why.code(),
        };
        surroundings.observer.shadow_asked(ask.verb.name(), code);
        let after = outcome.after.take();
        if let (Some(watch), Some(after)) = (self.shared.watch.get(), &after) {
            watch(&ask.id, after);
        }
        let Ask { id, verb, hops, then, .. } = ask;
        let (held, aloud) = match then {
            Then::Publish { .. } => (Some(then), true),
            Then::Call(caller) => {
                caller.answer(outcome.answer.clone());
                // As AWS has it: a change is told to all, a refusal only to whoever asked.
                (None, after.is_some())
            }
        };
        if aloud {
            self.publish(&id, (verb, hops), outcome);
        }
        drop(held);
    }

    fn publish(&mut self, id: &ShadowId, (verb, hops): (Verb, u8), outcome: Outcome) {
        for (reply, document) in outcome.messages() {
            let topic = id.topic(verb, reply);
            let message = Message { hops, ..Message::new(topic, document) };
            let dropped = self.voice.say(message);
            let observer = &self.shared.surroundings.observer;
            observer.shadow_said(reply.name(), dropped);
        }
    }
}
