//! The door to MQTT: what the server needs of a broker, whether it is our own or somebody else's.
//!
//! The server hands messages over ([`Broker::publish`]) and is called back for each when the broker
//! has taken responsibility for it. Of what is published, by clients or by the server itself, an
//! [`Intake`] gets what the server [listens](Broker::listen) to, and whoever published it waits
//! until everybody who took it has let it go.
//!
//! Everything is bounded. Outwards, [`Busy`] gives a message back when too many are on their way;
//! inwards, an intake that refuses makes the broker hold the sender. Topics and bodies are in
//! `docs/MQTT.md`.

mod convert;
mod embedded;
mod error;
mod external;
pub mod filter;
mod heard;
mod message;
mod publication;
mod status;
mod ticket;

use std::time::Duration;

pub use embedded::{
    Admitted, Caller, ConnectionSeen, Credentials, Embedded, EmbeddedConfig, Ends, Gate, NotSent,
    RetainedMessage, Stopped, Subscribed, Surroundings, Transport, WebSocketDoor,
};
pub use error::BrokerError;
pub use external::{BrokerTls, BrokerUrl, External, ExternalConfig, Speech};
pub use message::{Message, Properties, QoS};
pub use publication::{Client, Intake, Listener, Origin, Publication};
pub use status::Status;
pub use ticket::{Acknowledge, Taken, Ticket};

/// What the server listens to from the start: requests of applications, and everything that bridges
/// say.
pub const SERVER_FILTERS: [&str; 5] = [
    "lorawan/+/down",
    "lns/v1/gateway/+/up",
    "lns/v1/gateway/+/ack",
    "lns/v1/gateway/+/stat",
    "lns/v1/bridge/+/state",
];

/// The message was not taken, because too many are on their way or the broker has stopped. Hand it
/// over again when a ticket has come back, or a few milliseconds later.
#[derive(Debug)]
pub struct Busy {
    /// What was to be published.
    pub message: Message,
    /// Whom to tell.
    pub ticket: Ticket,
}

/// What the server needs of a broker.
pub trait Broker: Send + Sync {
    /// Hands over one message. Never blocks.
    ///
    /// The ticket comes back when the broker has taken responsibility: the embedded one when the
    /// message stands in its clients' queues, an external one with its PUBACK; and when those of the
    /// server's own rooms that hear it have let it go. Messages leave in the order of the calls.
    fn publish(&self, message: Message, ticket: Ticket) -> Result<(), Busy>;

    /// From now on `room` hears these topic filters, and nothing else; the intake gets what any room
    /// hears, once. Never blocks.
    ///
    /// An external broker is asked for them when it can be; until it has answered, what is published
    /// there is not heard.
    fn listen(&self, room: &'static str, filters: Vec<String>);

    /// Our own broker, if that is what it is: for what no other can be asked.
    fn embedded(&self) -> Option<&Embedded> {
        None
    }

    /// The way to somebody else's broker, if that is what it is.
    fn external(&self) -> Option<&External> {
        None
    }

    /// How it is doing, for metrics and `/healthz`.
    fn status(&self) -> Status;

    /// Takes no more messages, waits at most `patience` for those on their way to be acknowledged,
    /// and ends the broker's threads. A second call does nothing. Blocks: not for async code.
    fn stop(&self, patience: Duration);
}
