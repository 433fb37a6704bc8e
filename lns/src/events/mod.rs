//! Events that somebody has opted into: what has become of things, devices that join, gateways that
//! come and go.
//!
//! AWS's names and documents on `$aws/…`, our own on `lorawan/…`. Which ones are published stands in
//! the registry's [`EventConfiguration`]s; nothing is until somebody asks for it. An event that rides
//! on a durable one is published with it, at least once and with the same id. The others are
//! published once and not stored: a crash, or a broker that takes no more, loses them.

mod registry_events;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::broker::{Broker, Message, Ticket};
use crate::clock::Clock;
use crate::registry::{EventConfiguration, Registry};

/// The subject of the switches for things.
const THINGS: &str = "iot";

/// Publishes what was opted into.
#[derive(Clone)]
pub struct Events {
    registry: Arc<Registry>,
    broker: Arc<dyn Broker>,
    clock: Clock,
}

impl Events {
    /// Events on this broker.
    pub fn new(registry: &Arc<Registry>, broker: &Arc<dyn Broker>, clock: &Clock) -> Self {
        Self { registry: Arc::clone(registry), broker: Arc::clone(broker), clock: clock.clone() }
    }

    /// Whether an event of a subject was opted into.
    fn is_on(&self, subject: &str, name: &str) -> bool {
        let record = self.registry.find::<EventConfiguration>(&subject.to_owned());
        record.is_some_and(|record| record.enabled.contains(name))
    }

    /// Publishes once, if the broker takes it now.
    fn publish(&self, topic: String, body: Map<String, Value>) {
        let message = Message::new(topic, Value::Object(body).to_string());
        if let Err(busy) = self.broker.publish(message, Ticket::nobody()) {
            let topic = busy.message.topic;
            tracing::warn!(topic, "the broker is busy or away: an event was not published");
        }
    }
}
