//! The desk: attends to each new desired state once, and follows what becomes of it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crossbeam_channel::Sender;
use lns_core::effect::Stage;
use lns_core::event::{Fate, QueueItem};
use lns_lorawan::TimeDelta;
use lns_pipeline::codec::CodecSpec;
use lns_pipeline::shadow::{Answer, Delta, ShadowId, State};
use serde_json::json;

use super::attempt::{self, Attempt, MAX_TRIES, Place, Status};
use super::link;
use super::{LINK_SHADOW, Surroundings, Updated, Work, acknowledge, mode};
use crate::api::{Encoded, Encoding};
use crate::broker::Ticket;
use crate::entropy;
use crate::message::CommandError;
use crate::registry::{Route, ShadowMode, WirelessDevice};
use crate::sink::downlink_request::MAX_PAYLOAD;

/// The FPort of a downlink whose codec chooses none, as Cayenne LPP.
const F_PORT: u8 = 10;

/// How long after a wish the device may still hear of an older one: 15 s is the longest RX1 delay,
/// and RX2, the frame's time on air and the way to the gateway come on top.
const DOUBT: TimeDelta = TimeDelta::from_secs(20);

/// What attends to desired states. One thread's; it remembers one [`Attempt`] a bound thing.
pub(super) struct Desk {
    surroundings: Arc<Surroundings>,
    work: Sender<Work>,
    attempts: HashMap<Box<str>, Attempt>,
}

/// A bound thing as it is now.
struct Bound {
    route: Route,
    state: State,
}

/// What a look at a thing has shown.
enum Look {
    Bound(Box<Bound>),
    /// It stands for no device, or for one whose profile keeps desired states away.
    Unbound,
    /// Its shadow cannot be read.
    Unreadable,
}

impl Desk {
    pub fn new(surroundings: Arc<Surroundings>, work: Sender<Work>) -> Self {
        Desk { surroundings, work, attempts: HashMap::new() }
    }

    /// One piece of work; a break when it was the last.
    pub fn attend(&mut self, work: Work) -> ControlFlow<()> {
        match work {
            Work::Changed(thing) => self.changed(&thing),
            Work::Moved { thing, id, stage, ticket } => self.moved(&thing, (id, &stage), ticket),
            Work::Encoded { thing, id, result } => self.encoded(&thing, id, result),
            Work::TakeOff(place) => self.take_off(Some(place)),
            Work::Found(place) => self.found(place),
            Work::Noted { thing, item } => self.noted(&thing, item),
            Work::Queued { thing, id, result } => self.queued(&thing, id, result),
            Work::Stop => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Looks at every bound thing: the server may have ended between a wish and its downlink.
    pub fn begin(&mut self) {
        let mut things = Vec::new();
        self.surroundings.registry.walk(None, &mut |device: &Arc<WirelessDevice>| {
            things.extend(device.thing.clone());
            true
        });
        for thing in things {
            self.changed(&thing);
        }
    }

    /// The classic shadow of a thing has changed, or what it stands for.
    pub fn changed(&mut self, thing: &str) {
        let bound = match self.look(thing) {
            Look::Bound(bound) => bound,
            Look::Unbound => return self.let_go(thing),
            Look::Unreadable => return,
        };
        let dev_eui = bound.route.device.dev_eui;
        let desired = attempt::digest_of_desired(&bound.state);
        let settled = Delta::of(&bound.state).is_empty();
        let before = self.attempt(thing).filter(|it| it.status != Status::Unbound).cloned();
        let same = |it: &&Attempt| it.dev_eui == dev_eui && it.desired == desired;
        if let Some(before) = before.as_ref().filter(same) {
            return self.follow(thing, &bound, (before.clone(), settled));
        }
        if before.is_none() && bound.state.desired.is_empty() {
            return;
        }
        let replaces = before.as_ref().and_then(Attempt::waiting);
        if replaces.is_some() {
            self.surroundings.observer.shadow_downlink("superseded");
        }
        let same_device = before.as_ref().filter(|before| before.dev_eui == dev_eui);
        let doubt = same_device.is_some_and(Attempt::leaves_doubt);
        let doubt = doubt.then(|| self.surroundings.clock.now() + DOUBT);
        let first =
            |status| Attempt { replaces, doubt, ..Attempt::new((dev_eui, desired), status) };
        if settled {
            self.keep(thing, first(Status::Settled), Ticket::nobody());
        } else {
            self.start(thing, &bound, first(Status::Starting));
        }
    }

    /// A desired state that was attended to: has it come true?
    fn follow(&mut self, thing: &str, bound: &Bound, (before, settled): (Attempt, bool)) {
        match (before.status, settled) {
            (Status::Settled, settled) if before.doubt.is_some() => {
                self.doubted(thing, bound, (before, settled));
            }
            (Status::Settled, _) => {}
            (_, true) => {
                self.surroundings.observer.shadow_downlink("settled");
                let replaces = before.waiting();
                let status = Status::Settled;
                let after = Attempt { status, replaces, error: None, ..before };
                self.keep(thing, after, Ticket::nobody());
            }
            // Neither was in the queue for all we know, so it is no further try.
            (Status::Refused | Status::Unfinished, false) => self.start(thing, bound, before),
            (
                Status::Starting
                | Status::Queueing
                | Status::Queued
                | Status::Sent
                | Status::Acknowledged
                | Status::Failed
                | Status::GivenUp
                | Status::Dropped
                | Status::Unbound,
                false,
            ) => {}
        }
    }

    /// A wish that was true when it was made, while an older one was under way.
    fn doubted(&mut self, thing: &str, bound: &Bound, (before, settled): (Attempt, bool)) {
        if !settled {
            return self.start(thing, bound, Attempt { id: None, ..before });
        }
        let link = ShadowId::named(thing, LINK_SHADOW).ok();
        let link = link.and_then(|id| self.surroundings.shadows.read(&id).ok().flatten());
        let last = link.and_then(|shadow| link::Last::read(&shadow));
        if last.is_some_and(|last| Some(last.seen) >= before.doubt) {
            self.keep(thing, Attempt { doubt: None, ..before }, Ticket::nobody());
        }
    }

    /// The thing stands for no device any more: what it wanted of its last one is not to be sent.
    fn let_go(&mut self, thing: &str) {
        let before = self.attempt(thing).filter(|it| it.status != Status::Unbound).cloned();
        if let Some(before) = before {
            let (status, replaces) = (Status::Unbound, before.waiting());
            self.keep(thing, Attempt { status, replaces, ..before }, Ticket::nobody());
        }
        self.attempts.remove(thing);
    }

    /// Once more, if it was not tried often enough.
    fn again(&mut self, thing: &str, bound: &Bound, before: Attempt, ticket: Ticket) {
        if before.tries >= MAX_TRIES {
            self.surroundings.observer.shadow_downlink("given_up");
            return self.keep(thing, Attempt { status: Status::GivenUp, ..before }, ticket);
        }
        // The old one's end is not forgotten before it is durable that there is a new one.
        let (status, tries) = (Status::Starting, before.tries + 1);
        let next = Attempt { id: Some(entropy::u64()), tries, status, ..before };
        self.keep(thing, next.clone(), ticket);
        self.start(thing, bound, next);
    }

    /// Has the delta encoded.
    fn start(&mut self, thing: &str, bound: &Bound, before: Attempt) {
        let Bound { route, state } = bound;
        let (id, tries) = match before.id {
            Some(id) => (id, before.tries),
            None => (entropy::u64(), before.tries + 1),
        };
        let after = Attempt { id: Some(id), tries, status: Status::Starting, ..before };
        if route.codec == CodecSpec::None {
            return self.fail(thing, after, "the device has no codec".to_owned());
        }
        let mut delta = Vec::new();
        Delta::of(state).write(&mut delta);
        // Codecs know only numbers of 64 bits; a number beyond is their nearest.
        let object = match serde_json::from_slice(&delta) {
            Ok(object) => object,
            Err(error) => return self.fail(thing, after, error.to_string()),
        };
        self.attempts.insert(thing.into(), after);
        let wanted = Encoding {
            codec: route.codec.clone(),
            object,
            f_port: Some(F_PORT),
            variables: route.device.variables.clone(),
        };
        let (work, thing) = (self.work.clone(), Box::<str>::from(thing));
        self.surroundings.downlinks.encode(
            wanted,
            Box::new(move |result| {
                let _ = work.send(Work::Encoded { thing, id, result });
            }),
        );
    }

    /// The delta is encoded, or not. What is going to be queued is written down before it is.
    pub fn encoded(&mut self, thing: &str, id: u64, result: Result<Encoded, String>) {
        let Some(attempt) = self.current(thing, id) else { return };
        let fit = result.and_then(|encoded| {
            let f_port = encoded.f_port.filter(|port| (1..=223).contains(port));
            let f_port = f_port.ok_or("the codec chose no FPort from 1 to 223")?;
            let size = encoded.bytes.len();
            if size > MAX_PAYLOAD {
                return Err(format!("the codec made {size} bytes; at most {MAX_PAYLOAD} fit"));
            }
            Ok((f_port, encoded.bytes))
        });
        let (f_port, bytes) = match fit {
            Ok(fit) => fit,
            Err(why) => return self.fail(thing, attempt, why),
        };
        let now = self.surroundings.clock.now();
        let item = QueueItem {
            id,
            f_port,
            payload: bytes.into(),
            // So that the network knows whether the device has it.
            confirmed: true,
            correlation_id: Some(attempt::mark(id).into()),
            queued_at: now,
            expires_at: Some(now + self.surroundings.downlinks.expiry()),
        };
        let (work, name) = (self.work.clone(), Box::<str>::from(thing));
        let noted = Box::new(move |answer: Option<Answer>| {
            // Without an answer the room has closed: the next run of the server begins here.
            if answer.is_some() {
                let _ = work.send(Work::Noted { thing: name, item });
            }
        });
        self.write_down(thing, attempt, noted);
    }

    /// It is durable what is going to be queued; now it is, if it is still wanted.
    pub fn noted(&mut self, thing: &str, item: QueueItem) {
        let id = item.id;
        let Some(attempt) = self.current(thing, id) else { return };
        let wanted = match self.look(thing) {
            Look::Bound(bound) => {
                bound.route.device.dev_eui == attempt.dev_eui
                    && attempt::digest_of_desired(&bound.state) == attempt.desired
                    && !Delta::of(&bound.state).is_empty()
            }
            Look::Unbound => false,
            // It was wanted a moment ago.
            Look::Unreadable => true,
        };
        if !wanted {
            return self.changed(thing);
        }
        self.take_off(attempt.replaces);
        let (dev_eui, status) = (attempt.dev_eui, Status::Queueing);
        self.attempts.insert(thing.into(), Attempt { status, replaces: None, ..attempt });
        let (work, name) = (self.work.clone(), Box::<str>::from(thing));
        self.surroundings.downlinks.queue(
            dev_eui,
            item,
            Box::new(move |result| {
                let _ = work.send(Work::Queued { thing: name, id, result });
            }),
        );
    }

    /// The downlink is queued, or not.
    pub fn queued(&mut self, thing: &str, id: u64, result: Result<(), CommandError>) {
        let Some(attempt) = self.attempts.get(thing) else { return };
        if attempt.id != Some(id) || attempt.status != Status::Queueing {
            return;
        }
        let attempt = attempt.clone();
        match result {
            Ok(()) => {
                self.surroundings.observer.shadow_downlink("queued");
                let after = Attempt { status: Status::Queued, error: None, ..attempt };
                self.keep(thing, after, Ticket::nobody());
            }
            Err(CommandError::Impossible(why)) => self.fail(thing, attempt, why.into()),
            Err(
                error @ (CommandError::QueueFull { .. }
                | CommandError::UnknownDevice
                | CommandError::UnknownGroup
                | CommandError::Overload),
            ) => {
                self.surroundings.observer.shadow_downlink("failed");
                let error = Some(error.to_string());
                let after = Attempt { status: Status::Refused, error, ..attempt };
                self.keep(thing, after, Ticket::nobody());
            }
        }
    }

    /// A downlink of ours has moved.
    pub fn moved(&mut self, thing: &str, (id, stage): (u64, &Stage), ticket: Ticket) {
        let Some(attempt) = self.attempt(thing).filter(|it| it.id == Some(id)).cloned() else {
            return ticket.acknowledged();
        };
        let done = matches!(attempt.status, Status::Settled | Status::Unbound);
        let heard = matches!(
            stage,
            Stage::Acked { .. } | Stage::Handed { fate: Fate::Accepted, again: false, .. }
        );
        if done && !heard {
            return ticket.acknowledged();
        }
        match stage {
            Stage::Queued => ticket.acknowledged(),
            Stage::Acked { .. } | Stage::Handed { fate: Fate::Accepted, again: false, .. } => {
                let acknowledged = matches!(stage, Stage::Acked { .. });
                let heard = if acknowledged { Status::Acknowledged } else { Status::Sent };
                let status = if done { attempt.status } else { heard };
                let after = Attempt { status, error: None, doubt: None, ..attempt };
                self.keep(thing, after, ticket);
            }
            // It waits for its acknowledgement, or for another chance.
            Stage::Handed { again: true, .. } => ticket.acknowledged(),
            Stage::Handed { fate: Fate::Refused(_) | Fate::Unknown | Fate::Expired, .. }
            | Stage::Failed { .. }
            | Stage::Expired => match self.look(thing) {
                Look::Bound(bound) if !Delta::of(&bound.state).is_empty() => {
                    self.again(thing, &bound, attempt, ticket);
                }
                Look::Bound(_) | Look::Unbound | Look::Unreadable => ticket.acknowledged(),
            },
            Stage::Impossible(why) => {
                self.surroundings.observer.shadow_downlink("failed");
                let error = Some(why.to_string());
                self.keep(thing, Attempt { status: Status::Failed, error, ..attempt }, ticket);
            }
            Stage::Dropped => {
                self.keep(thing, Attempt { status: Status::Dropped, ..attempt }, ticket);
            }
        }
    }

    /// The attempt on its way to the queue, when it is still the one with this downlink.
    fn current(&self, thing: &str, id: u64) -> Option<Attempt> {
        let attempt = self.attempts.get(thing)?;
        (attempt.id == Some(id) && attempt.status == Status::Starting).then(|| attempt.clone())
    }

    fn fail(&mut self, thing: &str, attempt: Attempt, why: String) {
        self.surroundings.observer.shadow_downlink("failed");
        let after = Attempt { status: Status::Failed, error: Some(why), ..attempt };
        self.keep(thing, after, Ticket::nobody());
    }

    /// A downlink that an earlier life of the server has queued: is it still what somebody wants?
    fn found(&mut self, place: Place) {
        let registry = &self.surroundings.registry;
        let thing = registry.route(place.dev_eui).and_then(|route| route.thing);
        let attempt = thing.and_then(|thing| self.attempt(&thing).cloned());
        let known =
            attempt.is_some_and(|it| (it.dev_eui, it.id) == (place.dev_eui, Some(place.id)));
        if !known {
            self.take_off(Some(place));
        }
    }

    /// Remembers an attempt, here and in the shadow `lorawan`; when it is durable, the ticket comes
    /// back, and what it replaces is taken off its queue.
    fn keep(&mut self, thing: &str, attempt: Attempt, ticket: Ticket) {
        let (replaces, work) = (attempt.replaces, self.work.clone());
        let acknowledge = acknowledge(ticket);
        let done = Box::new(move |answer: Option<Answer>| {
            if let Some(place) = replaces.filter(|_| answer.is_some()) {
                let _ = work.send(Work::TakeOff(place));
            }
            acknowledge(answer);
        });
        self.write_down(thing, attempt, done);
    }

    /// Takes an older downlink off its queue, if it still waits there.
    fn take_off(&self, place: Option<Place>) {
        if let Some(Place { dev_eui, id }) = place {
            self.surroundings.downlinks.take_off(dev_eui, id);
        }
    }

    fn write_down(&mut self, thing: &str, attempt: Attempt, done: Updated) {
        let body = json!({ "state": { "reported": attempt.report() } }).to_string().into_bytes();
        self.attempts.insert(thing.into(), attempt);
        match ShadowId::named(thing, LINK_SHADOW) {
            Ok(id) => self.surroundings.shadows.update(id, body, done),
            // Things are registered under names that shadows can have.
            Err(_) => done(None),
        }
    }

    /// What was done last for a thing; read back from its shadow when it is not remembered.
    fn attempt(&mut self, thing: &str) -> Option<&Attempt> {
        if !self.attempts.contains_key(thing) {
            let id = ShadowId::named(thing, LINK_SHADOW).ok()?;
            let shadow = self.surroundings.shadows.read(&id).ok().flatten()?;
            let attempt = Attempt::read(&shadow)?;
            // The server may have ended before it could.
            self.take_off(attempt.replaces);
            self.attempts.insert(thing.into(), attempt);
        }
        self.attempts.get(thing)
    }

    /// The thing as it is now.
    fn look(&self, thing: &str) -> Look {
        let registry = &self.surroundings.registry;
        let route = registry
            .find_by_alias::<WirelessDevice>(thing)
            .and_then(|device| registry.route(device.dev_eui))
            .filter(|route| mode(&route.profile) == ShadowMode::On);
        let (Some(route), Ok(id)) = (route, ShadowId::classic(thing)) else { return Look::Unbound };
        match self.surroundings.shadows.read(&id) {
            Ok(shadow) => {
                let state = shadow.and_then(|shadow| shadow.state).unwrap_or_default();
                Look::Bound(Box::new(Bound { route, state }))
            }
            Err(error) => {
                tracing::error!(thing, %error, "a shadow cannot be read; its device is not told");
                Look::Unreadable
            }
        }
    }
}
