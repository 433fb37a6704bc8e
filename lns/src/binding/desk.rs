//! The desk: attends to each new desired state once, and follows what becomes of it.

use std::collections::HashMap;
use std::sync::Arc;

use crossbeam_channel::Sender;
use lns_core::effect::Stage;
use lns_core::event::{Fate, QueueItem};
use lns_pipeline::codec::CodecSpec;
use lns_pipeline::shadow::{Delta, ShadowId, State};
use serde_json::json;

use super::attempt::{self, Attempt, MAX_TRIES, Status};
use super::{LINK_SHADOW, Surroundings, Work, acknowledge, mode};
use crate::api::{Encoded, Encoding};
use crate::broker::Ticket;
use crate::message::{CommandError, downlink_id};
use crate::registry::{Route, ShadowMode, WirelessDevice};
use crate::sink::downlink_request::MAX_PAYLOAD;

/// The FPort of a downlink whose codec chooses none, as Cayenne LPP.
const F_PORT: u8 = 10;

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

impl Desk {
    pub fn new(surroundings: Arc<Surroundings>, work: Sender<Work>) -> Self {
        Desk { surroundings, work, attempts: HashMap::new() }
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

    /// The classic shadow of a thing has changed.
    pub fn changed(&mut self, thing: &str) {
        let Some(bound) = self.look(thing) else { return };
        let desired = attempt::digest_of_desired(&bound.state);
        let settled = Delta::of(&bound.state).is_empty();
        let before = self.attempt(thing).cloned();
        if let Some(before) = before.as_ref().filter(|before| before.desired == desired) {
            return self.follow(thing, &bound, (before.clone(), settled));
        }
        if let Some(before) = before.as_ref().filter(|before| before.status.is_waiting()) {
            if let Some(id) = before.id {
                self.surroundings.downlinks.take_off(bound.route.device.dev_eui, id);
            }
            self.surroundings.observer.shadow_downlink("superseded");
        } else if before.is_none() && bound.state.desired.is_empty() {
            return;
        }
        if settled {
            self.keep(thing, Attempt::new(desired, Status::Settled), Ticket::nobody());
        } else {
            self.start(thing, &bound, Attempt::new(desired, Status::Starting));
        }
    }

    /// A desired state that was attended to: has it come true?
    fn follow(&mut self, thing: &str, bound: &Bound, (before, settled): (Attempt, bool)) {
        match (before.status, settled) {
            (Status::Settled, _) | (Status::Starting, _) => {}
            (_, true) => {
                if let Some(id) = before.id.filter(|_| before.status.is_waiting()) {
                    self.surroundings.downlinks.take_off(bound.route.device.dev_eui, id);
                }
                self.surroundings.observer.shadow_downlink("settled");
                let after = Attempt { status: Status::Settled, error: None, ..before };
                self.keep(thing, after, Ticket::nobody());
            }
            (Status::Refused, false) => self.again(thing, bound, before, Ticket::nobody()),
            (
                Status::Queued | Status::Sent | Status::Failed | Status::GivenUp | Status::Dropped,
                false,
            ) => {}
        }
    }

    /// Once more, if it was not tried often enough.
    fn again(&mut self, thing: &str, bound: &Bound, before: Attempt, ticket: Ticket) {
        if before.tries >= MAX_TRIES {
            self.surroundings.observer.shadow_downlink("given_up");
            return self.keep(thing, Attempt { status: Status::GivenUp, ..before }, ticket);
        }
        self.start(thing, bound, before);
        ticket.acknowledged();
    }

    /// Has the delta encoded.
    fn start(&mut self, thing: &str, bound: &Bound, before: Attempt) {
        let Bound { route, state } = bound;
        let tries = before.tries + 1;
        let mark = attempt::mark(state, tries);
        let id = downlink_id(route.device.dev_eui, Some(&mark));
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

    /// The delta is encoded, or not.
    pub fn encoded(&mut self, thing: &str, id: u64, result: Result<Encoded, String>) {
        let Some(attempt) = self.current(thing, id) else { return };
        let Some(bound) = self.look(thing) else { return };
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
            correlation_id: Some(attempt::mark(&bound.state, attempt.tries).into()),
            queued_at: now,
            expires_at: Some(now + self.surroundings.downlinks.expiry()),
        };
        let (work, name) = (self.work.clone(), Box::<str>::from(thing));
        self.surroundings.downlinks.queue(
            bound.route.device.dev_eui,
            item,
            Box::new(move |result| {
                let _ = work.send(Work::Queued { thing: name, id, result });
            }),
        );
    }

    /// The downlink is queued, or not.
    pub fn queued(&mut self, thing: &str, id: u64, result: Result<(), CommandError>) {
        let Some(attempt) = self.current(thing, id) else { return };
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
        if attempt.status == Status::Settled {
            return ticket.acknowledged();
        }
        match stage {
            Stage::Queued => ticket.acknowledged(),
            Stage::Acked { .. } | Stage::Handed { fate: Fate::Accepted, again: false, .. } => {
                self.keep(thing, Attempt { status: Status::Sent, error: None, ..attempt }, ticket);
            }
            // It waits for its acknowledgement, or for another chance.
            Stage::Handed { again: true, .. } => ticket.acknowledged(),
            Stage::Handed { fate: Fate::Refused(_) | Fate::Unknown | Fate::Expired, .. }
            | Stage::Failed { .. }
            | Stage::Expired => match self.look(thing) {
                Some(bound) if !Delta::of(&bound.state).is_empty() => {
                    self.again(thing, &bound, attempt, ticket);
                }
                Some(_) | None => ticket.acknowledged(),
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

    /// The attempt under way, when it is still the one with this downlink.
    fn current(&self, thing: &str, id: u64) -> Option<Attempt> {
        let attempt = self.attempts.get(thing)?;
        (attempt.id == Some(id) && attempt.status == Status::Starting).then(|| attempt.clone())
    }

    fn fail(&mut self, thing: &str, attempt: Attempt, why: String) {
        self.surroundings.observer.shadow_downlink("failed");
        let after = Attempt { status: Status::Failed, error: Some(why), ..attempt };
        self.keep(thing, after, Ticket::nobody());
    }

    /// Remembers an attempt, here and in the shadow `lorawan`; the ticket comes back when it is
    /// durable.
    fn keep(&mut self, thing: &str, attempt: Attempt, ticket: Ticket) {
        let body = json!({ "state": { "reported": attempt.report() } }).to_string().into_bytes();
        self.attempts.insert(thing.into(), attempt);
        match ShadowId::named(thing, LINK_SHADOW) {
            Ok(id) => self.surroundings.shadows.update(id, body, acknowledge(ticket)),
            Err(_) => ticket.acknowledged(),
        }
    }

    /// What was done last for a thing; read back from its shadow when it is not remembered.
    fn attempt(&mut self, thing: &str) -> Option<&Attempt> {
        if !self.attempts.contains_key(thing) {
            let id = ShadowId::named(thing, LINK_SHADOW).ok()?;
            let shadow = self.surroundings.shadows.read(&id).ok().flatten()?;
            self.attempts.insert(thing.into(), Attempt::read(&shadow)?);
        }
        self.attempts.get(thing)
    }

    /// A thing that stands for a device whose profile lets desired states through.
    fn look(&mut self, thing: &str) -> Option<Bound> {
        let registry = &self.surroundings.registry;
        let route = registry
            .find_by_alias::<WirelessDevice>(thing)
            .and_then(|device| registry.route(device.dev_eui))
            .filter(|route| mode(&route.profile) == ShadowMode::On);
        let Some(route) = route else {
            self.attempts.remove(thing);
            return None;
        };
        let id = ShadowId::classic(thing).ok()?;
        let shadow = match self.surroundings.shadows.read(&id) {
            Ok(shadow) => shadow,
            Err(error) => {
                tracing::error!(thing, %error, "a shadow cannot be read; its device is not told");
                return None;
            }
        };
        let state = shadow.and_then(|shadow| shadow.state).unwrap_or_default();
        Some(Bound { route, state })
    }
}
