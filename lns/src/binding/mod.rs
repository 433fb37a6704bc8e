//! A LoRaWAN device and the shadow of its thing.
//!
//! Upwards: what the codec makes of an uplink is merged into `reported` of the classic shadow, and
//! the state of the link into the named shadow `lorawan`; the outbox's cursor moves on when both are
//! durable. Downwards: each new value of `desired` that differs from `reported` becomes one downlink
//! by the codec's encoder, which takes the place of an older one that was not sent yet.
//!
//! There are no loops: a downlink follows from a value of `desired` that was not attended to, and
//! the binding never writes `desired`. What was attended to stands in the shadow `lorawan`, so that
//! a restart neither forgets nor repeats it.

mod attempt;
mod desk;
mod link;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, unbounded};
use lns_core::effect::{Stage, UplinkEvent};
use lns_core::event::QueueItem;
use lns_core::{AppEvent, EventKind};
use lns_lorawan::{DevEui, TimeDelta};
use lns_pipeline::shadow::{Answer, Shadow, ShadowId};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::api::{Encoded, Encoding};
use crate::broker::Ticket;
use crate::clock::Clock;
use crate::message::CommandError;
use crate::observe::Observer;
use crate::outbox::Follower;
use crate::registry::{DeviceProfile, Registry, Route, ShadowMode, WirelessDevice};
use crate::store::StoreError;

use attempt::Place;
use desk::Desk;

/// The named shadow with the state of the link.
pub const LINK_SHADOW: &str = "lorawan";

/// Downlink events that may wait; more make the outbox wait.
const MANY: usize = 4096;

/// What is done with the answer of a shadow; `None`: the room has closed.
pub type Updated = Box<dyn FnOnce(Option<Answer>) + Send>;

/// What is done with an encoded object.
pub type EncodeDone = Box<dyn FnOnce(Result<Encoded, String>) + Send>;

/// What is done with the answer to a queued downlink.
pub type QueueDone = Box<dyn FnOnce(Result<(), CommandError>) + Send>;

/// The shadows, as the binding sees them.
pub trait Shadows: Send + Sync {
    /// The shadow, if there is one.
    fn read(&self, id: &ShadowId) -> Result<Option<Shadow>, StoreError>;

    /// Updates a shadow, in the order of the calls and until it is durable or refused for good.
    fn update(&self, id: ShadowId, body: Vec<u8>, done: Updated);
}

/// The devices' downlinks, as the binding sees them.
pub trait Downlinks: Send + Sync {
    /// Encodes an object by a codec.
    fn encode(&self, wanted: Encoding, done: EncodeDone);

    /// Queues a downlink; answered when it is durable.
    fn queue(&self, dev_eui: DevEui, item: QueueItem, done: QueueDone);

    /// Takes a downlink off the queue, if it waits there.
    fn take_off(&self, dev_eui: DevEui, id: u64);

    /// How long a downlink waits.
    fn expiry(&self) -> TimeDelta;
}

/// What the binding works with.
pub struct Surroundings {
    /// Which device stands for which thing.
    pub registry: Arc<Registry>,
    /// The shadows.
    pub shadows: Arc<dyn Shadows>,
    /// The downlinks.
    pub downlinks: Arc<dyn Downlinks>,
    /// Metrics.
    pub observer: Arc<Observer>,
    /// The clock.
    pub clock: Clock,
}

/// To the desk, which attends to desired states.
enum Work {
    /// The classic shadow of a thing has changed, or what it stands for. At most one a thing waits.
    Changed(Box<str>),
    /// A downlink of ours has moved. The outbox waits while [`MANY`] wait.
    Moved { thing: Box<str>, id: u64, stage: Stage, ticket: Ticket },
    /// An object is encoded, or not. One a thing.
    Encoded { thing: Box<str>, id: u64, result: Result<Encoded, String> },
    /// It is durable that this is going to be queued. One a thing.
    Noted { thing: Box<str>, item: QueueItem },
    /// It is durable that a downlink is not wanted any more. One a thing for each thing that was
    /// wanted of it.
    TakeOff(Place),
    /// This was in a device's queue when the server started. One for each that was.
    Found(Place),
    /// A downlink is queued, or not. One a thing.
    Queued { thing: Box<str>, id: u64, result: Result<(), CommandError> },
    /// Finish.
    Stop,
}

/// The door to the binding.
pub struct Binding {
    surroundings: Arc<Surroundings>,
    // Unbounded, because those who send must not wait; each kind of work says what bounds it.
    work: Sender<Work>,
    changed: Arc<Mutex<HashSet<Box<str>>>>,
    /// Devices that were heard in this life of the server: what they report is new.
    heard: Mutex<HashSet<DevEui>>,
}

impl Binding {
    /// The binding, and the thread of its desk, which begins with what was not attended to before.
    pub fn start(surroundings: Surroundings) -> std::io::Result<(Self, JoinHandle<()>)> {
        let surroundings = Arc::new(surroundings);
        let (work, inbox) = unbounded();
        let changed = Arc::<Mutex<HashSet<Box<str>>>>::default();
        let mut desk = Desk::new(Arc::clone(&surroundings), work.clone());
        let waiting = Arc::clone(&changed);
        let thread = std::thread::Builder::new().name("binding".into()).spawn(move || {
            desk.begin();
            for work in inbox {
                if let Work::Changed(thing) = &work {
                    waiting.lock().remove(thing);
                }
                if desk.attend(work).is_break() {
                    return;
                }
            }
        })?;
        let heard = Mutex::default();
        Ok((Binding { surroundings, work, changed, heard }, thread))
    }

    /// A shadow has changed, and that is durable. Never waits.
    pub fn shadow_changed(&self, id: &ShadowId) {
        let registry = &self.surroundings.registry;
        if id.name().is_none() && registry.find_by_alias::<WirelessDevice>(id.thing()).is_some() {
            self.bound(id.thing());
        }
    }

    /// The thing stands for another device from now on, or for none; or there is something new to
    /// be wanted of the one that it stands for. Never waits.
    pub fn bound(&self, thing: &str) {
        if self.changed.lock().insert(thing.into()) {
            let _ = self.work.send(Work::Changed(thing.into()));
        }
    }

    /// These downlinks were in a device's queue when the server started. Its last life may have
    /// ended when a thing was let go, and before what it had wanted was taken off. Never waits.
    pub fn found<'a>(&self, dev_eui: DevEui, queue: impl Iterator<Item = &'a QueueItem>) {
        for item in queue.filter(|item| attempt::is_ours(item.correlation_id.as_deref())) {
            let _ = self.work.send(Work::Found(Place { dev_eui, id: item.id }));
        }
    }

    /// Ends the desk's thread when it has done what came before.
    pub fn stop(&self) {
        let _ = self.work.send(Work::Stop);
    }

    /// Whether an uplink was reported before the server ended, and comes again because its message
    /// was not delivered: to report it again would let the shadow fall back for a moment.
    fn comes_again(&self, thing: &str, dev_eui: DevEui, event: &AppEvent) -> bool {
        if self.heard.lock().contains(&dev_eui) {
            return false;
        }
        let link = ShadowId::named(thing, LINK_SHADOW).ok();
        let link = link.and_then(|id| self.surroundings.shadows.read(&id).ok().flatten());
        let last = link.and_then(|shadow| link::Last::read(&shadow));
        let known = last.is_some_and(|last| last.covers(dev_eui, event));
        if !known {
            self.heard.lock().insert(dev_eui);
        }
        known
    }

    fn report(
        &self,
        (thing, dev_eui): (&str, DevEui),
        (event, uplink): (&AppEvent, &UplinkEvent),
        object: Option<&Value>,
        ticket: Ticket,
    ) {
        if self.comes_again(thing, dev_eui, event) {
            return ticket.acknowledged();
        }
        let object = object.filter(|object| object.is_object());
        let link = link::report((dev_eui, event), uplink);
        // The link comes last: when it is durable, so is the rest.
        let reports = object.map(|object| (None, object)).into_iter();
        let reports: Vec<_> = reports.chain([(Some(LINK_SHADOW), &link)]).collect();
        let tickets = ticket.split(reports.len());
        for ((name, values), ticket) in reports.into_iter().zip(tickets) {
            // Things are registered under names that shadows can have.
            let Ok(id) = ShadowId::new(thing, name) else { continue };
            let body = json!({ "state": { "reported": values } }).to_string().into_bytes();
            self.surroundings.shadows.update(id, body, acknowledge(ticket));
        }
    }
}

impl Follower for Binding {
    fn wants(&self, route: &Route) -> bool {
        route.thing.is_some() && mode(&route.profile) != ShadowMode::Off
    }

    fn has_room(&self) -> bool {
        self.work.len() < MANY
    }

    fn follow(&self, route: &Route, event: &AppEvent, object: Option<&Value>, ticket: Ticket) {
        let Some(thing) = &route.thing else { return ticket.acknowledged() };
        match &event.kind {
            EventKind::Uplink(uplink) => {
                self.report((thing, route.device.dev_eui), (event, uplink), object, ticket);
            }
            EventKind::Downlink { id, correlation_id, stage, .. }
                if attempt::is_ours(correlation_id.as_deref()) =>
            {
                let (thing, stage) = (thing.clone(), stage.clone());
                let _ = self.work.send(Work::Moved { thing, id: *id, stage, ticket });
            }
            EventKind::Downlink { .. }
            | EventKind::Joined { .. }
            | EventKind::Counters { .. }
            | EventKind::Relayed(_)
            | EventKind::ProprietaryMac { .. } => ticket.acknowledged(),
        }
    }
}

/// What a profile lets shadows do.
fn mode(profile: &DeviceProfile) -> ShadowMode {
    ShadowMode::of(profile.shadow.as_deref())
}

/// Gives a ticket back when the shadow is durable, or refused for good: an object that no shadow can
/// hold is no reason to deliver its uplink for ever. When the room has closed it is kept, and the
/// uplink comes again after the next start.
fn acknowledge(ticket: Ticket) -> Updated {
    Box::new(move |answer| match answer {
        None => {}
        Some(Answer::Accepted(_)) => ticket.acknowledged(),
        Some(Answer::Rejected { why, .. }) => {
            tracing::warn!(%why, "what an uplink reports is not taken by its thing's shadow");
            ticket.acknowledged();
        }
    })
}
