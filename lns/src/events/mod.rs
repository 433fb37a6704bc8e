//! Events that somebody has opted into: what has become of things, devices that join or fall silent,
//! gateways that come and go.
//!
//! AWS's names and documents on `$aws/…`, our own on `lorawan/…`. Which ones are published stands in
//! the registry's [`EventConfiguration`]s; nothing is until somebody asks for it. An event that rides
//! on a durable one is published with it, at least once and with the same id. The others are
//! published once and not stored: a crash, or a broker that takes no more, loses them.

mod certificates;
mod registry_events;
mod silence;
#[cfg(test)]
mod tests;
mod wireless;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Map, Value};

use crate::broker::{Broker, Message, Ticket};
use crate::clock::Clock;
use crate::registry::{EventConfiguration, Registry};

use silence::Rhythms;

/// Whose switches those for things are, and those for all devices and gateways.
const THINGS: &str = "iot";
/// See [`THINGS`].
const WIRELESS: &str = "iotwireless";

/// The switch of devices that fall silent.
const SILENCE: &str = "DeviceSilence";

/// Publishes what was opted into.
pub struct Events {
    registry: Arc<Registry>,
    broker: Arc<dyn Broker>,
    clock: Clock,
    rhythms: Rhythms,
    /// Whether devices' rhythms are watched, and as of which version of the switches that is known:
    /// it is asked at every uplink.
    watched: AtomicBool,
    known: AtomicU64,
}

impl Events {
    /// Events on this broker.
    pub fn new(registry: &Arc<Registry>, broker: &Arc<dyn Broker>, clock: &Clock) -> Self {
        Self {
            registry: Arc::clone(registry),
            broker: Arc::clone(broker),
            clock: clock.clone(),
            rhythms: Rhythms::default(),
            watched: AtomicBool::new(false),
            known: AtomicU64::new(u64::MAX),
        }
    }

    /// Whether an event of a subject was opted into.
    fn is_on(&self, subject: &str, name: &str) -> bool {
        let record = self.registry.find::<EventConfiguration>(&subject.to_owned());
        record.is_some_and(|record| record.enabled.contains(name))
    }

    /// Whether somebody wants to know of devices that fall silent.
    fn watches(&self) -> bool {
        let version = self.registry.version_of::<EventConfiguration>();
        if self.known.load(Ordering::Acquire) != version {
            self.watched.store(self.is_on(WIRELESS, SILENCE), Ordering::Release);
            self.known.store(version, Ordering::Release);
        }
        self.watched.load(Ordering::Acquire)
    }

    /// Publishes once, if the broker takes it now.
    fn publish(&self, message: Message) {
        if let Err(busy) = self.broker.publish(message, Ticket::nobody()) {
            let topic = busy.message.topic;
            tracing::warn!(topic, "the broker is busy or away: an event was not published");
        }
    }
}

/// A message with a JSON body.
fn message(topic: String, body: Map<String, Value>) -> Message {
    Message::new(topic, Value::Object(body).to_string())
}
