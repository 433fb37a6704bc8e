//! One worker: takes an event, decodes it, renders it, and hands it to the broker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use lns_core::EventKind;
use lns_core::effect::UplinkEvent;
use lns_lorawan::TimeDelta;
use lns_pipeline::codec::{CodecSpec, DecodeInput, Decoded, Limits, Worker as Codecs};
use serde_json::Value;

use super::backlog::Backlog;
use super::{Progress, Surroundings};
use crate::broker::{Acknowledge, Broker, Busy, Message, Ticket};
use crate::message::OutboundEvent;
use crate::registry::Route;
use crate::sink::render::{self, Decoding, DeviceLabel, Where};

/// How long a worker waits for an event before it looks around.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long it waits when the broker takes no more.
const BUSY: Duration = Duration::from_millis(2);

/// Room for most bodies.
const BODY: usize = 1024;

/// Sequences fill the lower bits of a ticket, the home the upper ones.
const HOME_SHIFT: u32 = 56;

/// One thread of the outbox.
pub(super) struct Worker {
    pub backlog: Arc<Backlog>,
    pub broker: Arc<dyn Broker>,
    pub surroundings: Arc<Surroundings>,
    pub progress: Arc<Progress>,
    pub max_age: TimeDelta,
    /// For tests: called with each event inside the guard against panics.
    #[cfg(test)]
    pub sabotage: Option<fn(&OutboundEvent)>,
}

impl Worker {
    /// Works until the backlog is closed.
    pub fn run(self, limits: Limits) {
        let mut codecs = Codecs::new(limits);
        let progress = Arc::clone(&self.progress);
        let acknowledge: Acknowledge = Arc::new(move |ticket| {
            progress.done((ticket >> HOME_SHIFT) as u8, ticket & ((1 << HOME_SHIFT) - 1));
        });
        while let Ok(event) = self.backlog.take(PATIENCE) {
            let Some(event) = event else { continue };
            let (home, sequence) = (event.home, event.event.sequence);
            let delivered = catch_unwind(AssertUnwindSafe(|| {
                #[cfg(test)]
                if let Some(sabotage) = self.sabotage {
                    sabotage(&event);
                }
                self.deliver(event, &mut codecs, &acknowledge);
            }));
            if delivered.is_err() {
                // Our bug. The event is given up, so that those behind it are not, and the codecs
                // begin anew: nobody knows in what state they are.
                tracing::error!(
                    home,
                    sequence,
                    "delivering an event panicked; it is skipped. Please report this with the lines above"
                );
                self.surroundings.observer.outbox_skipped.inc();
                self.progress.done(home, sequence);
                codecs = Codecs::new(limits);
            }
        }
    }

    fn deliver(&self, event: OutboundEvent, codecs: &mut Codecs, acknowledge: &Acknowledge) {
        let now = self.surroundings.clock.now();
        let OutboundEvent { home, about, event } = event;
        let ticket = u64::from(home) << HOME_SHIFT | event.sequence;
        if now.since(event.at) > self.max_age {
            self.surroundings.observer.outbox_skipped.inc();
            self.progress.done(home, event.sequence);
            return;
        }
        let Some(route) = self.surroundings.registry.route(about.dev_eui) else {
            // Deleted since: nobody is left to be told.
            self.progress.done(home, event.sequence);
            return;
        };
        let decoded = match &event.kind {
            EventKind::Uplink(uplink) => self.decode(&route, uplink, codecs),
            EventKind::Joined { .. }
            | EventKind::Downlink { .. }
            | EventKind::Counters { .. }
            | EventKind::Relayed(_)
            | EventKind::ProprietaryMac { .. } => None,
        };
        let ticket = Ticket::new(ticket, Arc::clone(acknowledge));
        let object = decoded.as_ref().and_then(|decoded| Some(&decoded.as_ref().ok()?.data));
        let Some(ticket) = self.share((&route, &event), object, ticket) else { return };
        let mut messages = vec![self.message(&route, &event, decoded.as_ref())];
        messages.extend((self.surroundings.companions)(&route.device, &event));
        let tickets = ticket.split(messages.len());
        for (message, ticket) in messages.into_iter().zip(tickets) {
            if !self.publish(message, ticket) {
                return;
            }
        }
        self.surroundings.observer.published.with_label_values(&["mqtt"]).inc();
        if let EventKind::Uplink(uplink) = &event.kind
            && let Some(first) = uplink.receptions.iter().map(|copy| copy.arrived).min()
        {
            let surroundings = &self.surroundings;
            surroundings.last_uplinks.note(about.dev_eui, event.at, uplink);
            let after = surroundings.clock.now().since(first);
            surroundings.observer.uplink_delivered(after);
        }
    }

    /// Gives the follower its part, however long it takes; what is left of the ticket is the
    /// broker's. `None` when the worker was sent home meanwhile.
    fn share(
        &self,
        (route, event): (&Route, &lns_core::AppEvent),
        object: Option<&Value>,
        ticket: Ticket,
    ) -> Option<Ticket> {
        let follower = self.surroundings.follower.as_ref().filter(|it| it.wants(route));
        let Some(follower) = follower else { return Some(ticket) };
        while !follower.has_room() {
            if self.backlog.is_closed() {
                return None;
            }
            std::thread::sleep(BUSY);
        }
        let mut parts = ticket.split(2);
        let part = parts.pop().expect("it was split in two");
        follower.follow(route, event, object, part);
        parts.pop()
    }

    fn message(
        &self,
        route: &Route,
        event: &lns_core::AppEvent,
        decoded: Option<&Result<Decoded, String>>,
    ) -> Message {
        self.show(route, event, decoded);
        let id = route.device.id.to_string();
        let label = DeviceLabel {
            dev_eui: route.device.dev_eui,
            wireless_device_id: &id,
            name: route.device.name.as_deref().unwrap_or_default(),
        };
        let decoding = match decoded {
            None => Decoding::None,
            Some(Ok(Decoded { data, warnings })) => Decoding::Object { data, warnings },
            Some(Err(why)) => Decoding::Failed(why),
        };
        let gateways = &self.surroundings.gateways;
        let locate = |gateway| {
            gateways.find(gateway)?.location().map(|place| render::Location {
                latitude: place.latitude,
                longitude: place.longitude,
                altitude: place.altitude,
            })
        };
        let mut body = Vec::with_capacity(BODY);
        let topic = match render::event(&mut body, (&label, event), decoding, &locate) {
            Where::Destination => route.destination.topic_of(label.dev_eui),
            Where::Topic(topic) => topic.topic(),
        };
        Message::new(topic, body)
    }

    /// What the device's codec makes of the payload; `None` when there is nothing to decode or
    /// nobody to do it.
    fn decode(
        &self,
        route: &Route,
        uplink: &UplinkEvent,
        codecs: &mut Codecs,
    ) -> Option<Result<Decoded, String>> {
        let port = uplink.f_port.filter(|port| *port > 0 && route.codec != CodecSpec::None)?;
        let observer = &self.surroundings.observer;
        let arrived = uplink.receptions.first().map_or(0, |copy| copy.arrived.micros());
        let variables = Some(&route.device.variables).filter(|variables| !variables.is_empty());
        let input =
            DecodeInput { bytes: &uplink.frm_payload, port, received_at_us: arrived, variables };
        let begun = std::time::Instant::now();
        let decoded = codecs.decode(&route.codec, &input, self.surroundings.clock.now().micros());
        observer.decode_seconds.observe(begun.elapsed().as_secs_f64());
        Some(decoded.map_err(|error| {
            observer.codec_errors.with_label_values(&[error.label()]).inc();
            format!("codec {}: {error}", route.codec_name().unwrap_or_default())
        }))
    }

    /// Hands the message over, however long the broker takes: what comes after waits its turn.
    /// `false` when the worker was sent home meanwhile.
    fn publish(&self, message: Message, ticket: Ticket) -> bool {
        let mut next = Some((message, ticket));
        while let Some((message, ticket)) = next.take() {
            if let Err(Busy { message, ticket }) = self.broker.publish(message, ticket) {
                if self.backlog.is_closed() {
                    return false;
                }
                std::thread::sleep(BUSY);
                next = Some((message, ticket));
            }
        }
        true
    }

    /// A line of the live view for what no note shows: the decoded payload.
    fn show(
        &self,
        route: &Route,
        event: &lns_core::AppEvent,
        decoded: Option<&Result<Decoded, String>>,
    ) {
        let EventKind::Uplink(uplink) = &event.kind else { return };
        if !self.surroundings.observer.is_watched() {
            return;
        }
        let what = match decoded {
            Some(Ok(decoded)) => decoded.data.to_string(),
            Some(Err(why)) => format!("not decoded: {why}"),
            None => hex::encode(&uplink.frm_payload),
        };
        let name = match route.device.name.as_deref() {
            Some(name) => name.to_owned(),
            None => route.device.dev_eui.to_string(),
        };
        let heard_by = uplink.receptions.len();
        let line =
            format!("uplink         FCntUp {}  heard by {heard_by}  {what}", uplink.f_cnt_up.0);
        self.surroundings.observer.show(event.at, '▲', &name, &line);
    }
}

#[cfg(test)]
mod tests {
    use lns_core::effect::{AppEvent, Stage};
    use lns_core::{Activation, Description, Profile};
    use lns_lorawan::{AppKey, DevEui, MacVersion, RegParamsRevision, Region};

    use super::*;
    use crate::broker::Status;
    use crate::clock::Clock;
    use crate::observe::Observer;
    use crate::outbox::Bounds;
    use crate::registry::{Defaults, Registry};
    use crate::store::MemoryStore;

    struct NoBroker;

    impl Broker for NoBroker {
        fn publish(&self, _: Message, ticket: Ticket) -> Result<(), Busy> {
            drop(ticket);
            Ok(())
        }
        fn listen(&self, _: &'static str, _: Vec<String>) {}
        fn status(&self) -> Status {
            Status::default()
        }
        fn stop(&self, _: Duration) {}
    }

    fn event(sequence: u64, at: lns_lorawan::Timestamp) -> OutboundEvent {
        let profile =
            Profile::new(Region::Eu868, MacVersion::V1_0_3, RegParamsRevision::Rp002_1_0_5);
        let app_key = AppKey::from_bytes([1; 16]);
        let about = Description {
            dev_eui: DevEui::new(1),
            name: String::new(),
            activation: Activation::Otaa10 { join_eui: None, app_key },
            profile: Arc::new(profile),
            adr: Default::default(),
        };
        let kind =
            EventKind::Downlink { id: 1, correlation_id: None, f_port: 1, stage: Stage::Queued };
        let event = AppEvent { sequence, number: sequence, at, kind };
        OutboundEvent { home: 3, about: Arc::new(about), event }
    }

    #[test]
    fn an_event_that_panics_is_skipped_and_those_behind_it_are_delivered() {
        let clock = Clock::start();
        let registry = Registry::open(Arc::new(MemoryStore::new()), Defaults::of(Region::Eu868));
        let surroundings = Arc::new(Surroundings {
            registry: Arc::new(registry.expect("an empty store")),
            gateways: Arc::default(),
            observer: Arc::new(Observer::new()),
            last_uplinks: Arc::default(),
            companions: Arc::new(|_, _| Vec::new()),
            follower: None,
            clock: clock.clone(),
        });
        let progress = Arc::new(Progress::new(crate::message::watermarks()));
        let backlog = Arc::new(Backlog::new(Bounds { events: 100, bytes: 1 << 20 }));
        for sequence in 1..=3 {
            progress.issue(3, sequence);
            backlog.add(event(sequence, clock.now()));
        }
        let worker = Worker {
            backlog: Arc::clone(&backlog),
            broker: Arc::new(NoBroker),
            surroundings: Arc::clone(&surroundings),
            progress: Arc::clone(&progress),
            max_age: TimeDelta::from_secs(60),
            sabotage: Some(|event| assert_ne!(event.event.sequence, 2, "a bug")),
        };
        let thread = std::thread::spawn(move || worker.run(Limits::default()));
        let give_up = std::time::Instant::now() + Duration::from_secs(20);
        while progress.on_their_way() > 0 && std::time::Instant::now() < give_up {
            std::thread::yield_now();
        }
        backlog.close();
        thread.join().expect("the worker lives on");
        assert_eq!(surroundings.observer.outbox_skipped.get(), 1);
        assert_eq!(progress.on_their_way(), 0);
    }
}
