//! The room of device shadows: one owner decides, commits in groups, and only then answers.
//!
//! Requests come from MQTT, from the API, from rules and from the binding of LoRaWAN devices, into
//! one bounded mailbox. The owner takes what has come, lets [`apply`](lns_pipeline::shadow::apply)
//! decide each, writes every shadow that has changed as one group, and when that is durable answers
//! and publishes. A store that refuses is answered with 500: nothing has happened, or nobody has
//! been told that it has.
//!
//! Shadows lie in the store and nowhere else, so that a million of them cost no memory; whoever
//! only wants to look reads there, past the owner.

mod door;
mod flights;
mod owner;
#[cfg(test)]
mod tests;
mod voice;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use crossbeam_channel::{Sender, TrySendError, bounded};
use lns_pipeline::shadow::{Answer, RecordError, Rejection, Seconds, Shadow, ShadowId, Verb};

use crate::broker::{Broker, Taken};
use crate::clock::Clock;
use crate::observe::Observer;
use crate::store::{Store, StoreError, Table};

pub use lns_pipeline::shadow::topic::REQUESTS;

use flights::Flights;
use owner::Owner;
use voice::Voice;

/// Requests that may wait for the owner: a second's work. Beyond it the broker holds its clients,
/// and other doors are told to try again.
const MAILBOX: usize = 16_384;

/// What the room works with.
pub struct Surroundings {
    /// Where shadows lie.
    pub store: Arc<dyn Store>,
    /// Who hears of changes.
    pub broker: Arc<dyn Broker>,
    /// Metrics.
    pub observer: Arc<Observer>,
    /// The clock.
    pub clock: Clock,
    /// How many requests of one connection for one thing may be under way; 0: any number.
    pub in_flight: usize,
}

/// Called by the owner with each shadow that has changed, when that is durable. It must not block.
pub type Watch = Box<dyn Fn(&ShadowId, &Shadow) + Send + Sync>;

/// What is done with an answer; `None`: the room has closed, and nothing was done.
type Answered = Box<dyn FnOnce(Option<Answer>) + Send>;

/// The door to the room.
pub struct Shadows {
    mailbox: Sender<ToOwner>,
    flights: Flights,
    shared: Arc<Shared>,
}

/// What the owner and its door share.
struct Shared {
    surroundings: Surroundings,
    voice: voice::Waiting,
    watch: OnceLock<Watch>,
    closed: AtomicBool,
}

/// To the owner.
enum ToOwner {
    /// Something asked of a shadow.
    Ask(Ask),
    /// Finish what has come, and stop.
    Stop,
}

/// A request on its way.
struct Ask {
    id: ShadowId,
    verb: Verb,
    payload: Bytes,
    /// How many rules it has been through: what is published of it carries the same.
    hops: u8,
    /// Rejected before it came here.
    refused: Option<Rejection>,
    /// Whether it is decided again when the store refuses, before whatever came later.
    insist: bool,
    then: Then,
}

/// Who waits for the answer.
enum Then {
    /// Whoever published it: the answer is published, then the request let go.
    Publish { _taken: Taken, _flight: Option<flights::Flight> },
    /// Whoever called: the answer is theirs, and published only when it has changed something.
    Call(Caller),
}

/// Told once, even when the work is dropped on the way.
struct Caller(Option<Answered>);

impl Caller {
    fn answer(mut self, answer: Answer) {
        if let Some(done) = self.0.take() {
            done(Some(answer));
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(None);
        }
    }
}

impl Shadows {
    /// The room, and its owner's thread.
    pub fn start(surroundings: Surroundings) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (mailbox, inbox) = bounded(MAILBOX);
        let flights = Flights::new(surroundings.in_flight);
        let voice = Voice::new(Arc::clone(&surroundings.broker));
        let shared = Arc::new(Shared {
            surroundings,
            voice: voice.waiting(),
            watch: OnceLock::new(),
            closed: AtomicBool::new(false),
        });
        let owner = Owner::new(inbox, Arc::clone(&shared), voice);
        let thread =
            std::thread::Builder::new().name("shadows".into()).spawn(move || owner.run())?;
        Ok((Shadows { mailbox, flights, shared }, thread))
    }

    /// From now on `watch` is shown every change. The first one stays.
    pub fn watch(&self, watch: Watch) {
        let _ = self.shared.watch.set(watch);
    }

    /// Asks something of a shadow; `done` is called once, on the owner's thread after the commit,
    /// or here when the request could not be taken. `hops` as in [`Message`](crate::broker::Message).
    pub fn ask(
        &self,
        (id, verb): (ShadowId, Verb),
        payload: impl Into<Bytes>,
        hops: u8,
        done: impl FnOnce(Answer) + Send + 'static,
    ) {
        let clock = self.shared.surroundings.clock.clone();
        let closed = move || rejected(Rejection::Internal, seconds(&clock));
        let done = move |answer: Option<Answer>| done(answer.unwrap_or_else(closed));
        let then = Then::Call(Caller(Some(Box::new(done))));
        let ask =
            Ask { id, verb, payload: payload.into(), hops, refused: None, insist: false, then };
        if let Err(TrySendError::Full(ToOwner::Ask(ask))) = self.mailbox.try_send(ToOwner::Ask(ask))
            && let Then::Call(caller) = ask.then
        {
            let why = Rejection::TooManyRequests { limit: MAILBOX };
            caller.answer(rejected(why, seconds(&self.shared.surroundings.clock)));
        }
    }

    /// Updates a shadow, however often the store refuses, and in the order of the calls. Waits while
    /// the room is full. `done` is called on the owner's thread after the commit; with `None` when
    /// the room has closed before.
    pub fn insist(
        &self,
        id: ShadowId,
        payload: impl Into<Bytes>,
        done: impl FnOnce(Option<Answer>) + Send + 'static,
    ) {
        let (verb, payload) = (Verb::Update, payload.into());
        let then = Then::Call(Caller(Some(Box::new(done))));
        let ask = Ask { id, verb, payload, hops: 0, refused: None, insist: true, then };
        // A closed mailbox drops the request, and its caller is told so.
        let _ = self.mailbox.send(ToOwner::Ask(ask));
    }

    /// The shadow as it lies in the store; `None` for one that is not there.
    ///
    /// It may be one that is just being written. Cheap: a look at the store, past the owner.
    pub fn read(&self, id: &ShadowId) -> Result<Option<Shadow>, StoreError> {
        let shadow = load(&*self.shared.surroundings.store, id)?;
        Ok(Some(shadow).filter(|shadow| shadow.state.is_some()))
    }

    /// What a get would answer, without asking the owner: for whoever must not wait.
    pub fn document(&self, id: &ShadowId) -> Result<Answer, StoreError> {
        let surroundings = &self.shared.surroundings;
        let shadow = load(&*surroundings.store, id)?;
        let request = lns_pipeline::shadow::Request { id, verb: Verb::Get, payload: b"" };
        Ok(lns_pipeline::shadow::apply(&shadow, &request, seconds(&surroundings.clock)).answer)
    }

    /// The named shadows of a thing behind the name `after`, at most `limit`, and whether there are
    /// more.
    pub fn named(
        &self,
        thing: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<String>, bool), StoreError> {
        let (mut names, mut more) = (Vec::new(), false);
        let mut broken = Ok(());
        let prefix = ShadowId::prefix(thing);
        self.shared.surroundings.store.scan(Table::Shadows, &prefix, &mut |key, record| {
            let id = ShadowId::from_key(key);
            let Some(name) = id.as_ref().and_then(ShadowId::name) else {
                return ControlFlow::Continue(());
            };
            if after.is_some_and(|after| name <= after) {
                return ControlFlow::Continue(());
            }
            match Shadow::from_record(record) {
                Err(error) => broken = Err(unreadable(key, &error)),
                Ok(Shadow { state: None, .. }) => {}
                Ok(_) if names.len() == limit => more = true,
                Ok(_) => names.push(name.to_owned()),
            }
            if more || broken.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        broken.map(|()| (names, more))
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.mailbox.len()
    }

    /// Takes no more from MQTT, lets the owner finish what has come, and ends its thread.
    pub fn stop(&self) {
        self.shared.closed.store(true, Ordering::Release);
        let _ = self.mailbox.send(ToOwner::Stop);
    }
}

/// The present, as shadows have it.
fn seconds(clock: &Clock) -> Seconds {
    u64::try_from(clock.now().micros() / 1_000_000).unwrap_or(0)
}

fn rejected(why: Rejection, now: Seconds) -> Answer {
    let document = why.document(now, None);
    Answer::Rejected { why, document }
}

/// The shadow in the store, with the version of one that was deleted.
fn load(store: &dyn Store, id: &ShadowId) -> Result<Shadow, StoreError> {
    let key = id.key();
    match store.load(Table::Shadows, &key)? {
        None => Ok(Shadow::default()),
        Some(record) => Shadow::from_record(&record).map_err(|error| unreadable(&key, &error)),
    }
}

fn unreadable(key: &[u8], error: &RecordError) -> StoreError {
    StoreError::Corrupt {
        what: format!("the shadow at {} cannot be read: {error}", hex::encode(key)),
    }
}
