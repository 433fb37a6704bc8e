//! The door to MQTT: what the server needs of a broker, whether it is our own or somebody else's.
//!
//! The server hands messages over ([`Broker::publish`]) and is called back for each when the broker
//! has taken responsibility for it. What clients publish to the server comes in through an
//! [`Intake`], and a client's PUBACK is held back until the intake has taken the message.
//!
//! Everything is bounded. Outwards, [`Busy`] gives a message back when too many are on their way;
//! inwards, an intake that refuses makes the broker hold the sender. Topics and bodies are in
//! `docs/MQTT.md`.

mod embedded;
mod error;
mod external;
pub mod filter;
mod status;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use embedded::{Credentials, Embedded, EmbeddedConfig};
pub use error::BrokerError;
pub use external::{BrokerUrl, External, ExternalConfig};
pub use status::Status;

/// What the server listens to: requests of applications, and everything that bridges say.
pub const SERVER_FILTERS: [&str; 5] = [
    "lorawan/+/down",
    "lns/v1/gateway/+/up",
    "lns/v1/gateway/+/ack",
    "lns/v1/gateway/+/stat",
    "lns/v1/bridge/+/state",
];

/// A message on its way in or out. Outwards always QoS 1, never retained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic; no wildcards.
    pub topic: String,
    /// The body.
    pub payload: Bytes,
}

impl Message {
    /// A message of these.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), payload: payload.into() }
    }
}

/// Called with a ticket's number, on the broker's own thread: it must not block.
pub type Acknowledge = Arc<dyn Fn(u64) + Send + Sync>;

/// Whom to tell when a message is the broker's responsibility.
///
/// Called once per message, in the order of publishing as far as the broker answers in order. Never
/// called for a message that was given back, or that the broker had not taken when it stopped.
#[derive(Clone)]
pub struct Ticket {
    number: u64,
    acknowledge: Option<Acknowledge>,
}

impl Ticket {
    /// Calls `acknowledge` with `number`.
    pub fn new(number: u64, acknowledge: Acknowledge) -> Self {
        Self { number, acknowledge: Some(acknowledge) }
    }

    /// For a message whose fate nobody waits for.
    pub fn nobody() -> Self {
        Self { number: 0, acknowledge: None }
    }

    /// The number it was made with.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Says that the broker has taken the message.
    fn acknowledged(self) {
        if let Some(acknowledge) = self.acknowledge {
            acknowledge(self.number);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({})", self.number)
    }
}

/// The message was not taken, because too many are on their way or the broker has stopped. Hand it
/// over again when a ticket has come back, or a few milliseconds later.
#[derive(Debug)]
pub struct Busy {
    /// What was to be published.
    pub message: Message,
    /// Whom to tell.
    pub ticket: Ticket,
}

/// Takes what clients publish to the server.
///
/// Gives the message back when there is no room for it *now*: the broker then holds the sender's
/// PUBACK and tries again. Called on the broker's own threads: it must not block.
pub type Intake = Arc<dyn Fn(Message) -> Result<(), Message> + Send + Sync>;

/// What the server needs of a broker.
pub trait Broker: Send + Sync {
    /// Hands over one message, QoS 1. Never blocks.
    ///
    /// The ticket comes back when the broker has taken responsibility: the embedded one when the
    /// message stands in its clients' queues, an external one with its PUBACK. Messages leave in
    /// the order of the calls.
    fn publish(&self, message: Message, ticket: Ticket) -> Result<(), Busy>;

    /// How it is doing, for metrics and `/healthz`.
    fn status(&self) -> Status;

    /// Takes no more messages, waits at most `patience` for those on their way to be acknowledged,
    /// and ends the broker's threads. A second call does nothing. Blocks: not for async code.
    fn stop(&self, patience: Duration);
}
