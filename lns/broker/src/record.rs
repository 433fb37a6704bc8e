//! What has to be durable, as records that the shell writes and reads back.
//!
//! A store is a map from [`Key`] to [`Record`]. A [`Change`] puts or deletes one record, and all
//! changes of one [`crate::Output::Write`] are made together or not at all. After a crash,
//! [`crate::Core::restore`] takes the records in any order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::message::{Message, MessageId, Qos};
use crate::packet::{Identifiers, PacketId, SubscriptionOptions, Version, Will};
use crate::time::Timestamp;

/// Names a session among the records; a new session of the same client has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

/// Changes up to and including this one are durable, or are to become so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Token(pub u64);

/// One change of the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Writes the record under its [`Record::key`], over what may stand there.
    Put(Record),
    /// Deletes what stands under the key, if anything does.
    Delete(Key),
    /// Deletes all records of the session: those whose key begins with it.
    DeleteSession(SessionId),
}

/// Under what a record stands. A session's records are next to each other when a store orders keys
/// by kind and then by field, queued messages in the order of delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Key {
    /// [`Record::Session`].
    Session(SessionId),
    /// [`Record::Subscription`], by its whole filter.
    Subscription(SessionId, Arc<str>),
    /// [`Record::Queued`], by its place.
    Queued(SessionId, u64),
    /// [`Record::Received`].
    Received(SessionId, PacketId),
    /// [`Record::Message`].
    Message(MessageId),
    /// [`Record::Retained`], by its topic.
    Retained(Arc<str>),
    /// [`Record::Owed`], by the first of its places.
    Owed(SessionId, u64),
}

/// What is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A session that outlives its connection.
    Session(SessionRecord),
    /// One of its subscriptions.
    Subscription(SubscriptionRecord),
    /// A message that it is owed.
    Queued(QueuedRecord),
    /// A QoS 2 message that it has sent and not yet released.
    Received(ReceivedRecord),
    /// The body of queued messages.
    Message(MessageRecord),
    /// A retained message.
    Retained(RetainedRecord),
    /// What one of its subscriptions is still owed of the retained messages.
    Owed(OwedRecord),
}

/// A session that outlives its connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub client_id: Arc<str>,
    /// As whom the client had authenticated, so that the shell can say again what it may do.
    pub principal: Option<Arc<str>>,
    /// The thing that belongs to the principal.
    pub thing: Option<Arc<str>>,
    /// Which MQTT its client spoke.
    pub version: Version,
    /// Seconds that it is kept without a connection.
    pub expiry: u32,
    /// Since when it is without one; `None` while it has one.
    pub disconnected: Option<Timestamp>,
    /// Connections of its client before the last one: the `versionNumber` of presence events.
    pub version_number: u64,
    /// What is to be published for its client.
    pub will: Option<Box<Will>>,
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionRecord {
    /// Whose.
    pub session: SessionId,
    /// As the client wrote it, `$share/{group}/` included.
    pub filter: Arc<str>,
    /// How it wants its messages.
    pub options: SubscriptionOptions,
    /// Its identifier.
    pub identifier: Option<u32>,
}

/// A message that a session is owed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueuedRecord {
    /// Whose.
    pub session: SessionId,
    /// Its place in the order of delivery.
    pub place: u64,
    /// Which message; `None` once the client of a QoS 2 delivery has it (PUBREC).
    pub message: Option<MessageId>,
    /// The QoS of the delivery.
    pub qos: Qos,
    /// The RETAIN flag of the delivery.
    pub retain: bool,
    /// The subscriptions that match.
    pub identifiers: Identifiers,
    /// The packet identifier, where the client may know the message by it: QoS 2 only.
    pub packet_id: Option<PacketId>,
    /// The shared subscription that it came through, as the client wrote it.
    pub shared: Option<Arc<str>>,
}

/// A QoS 2 message that a client has sent and not yet released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedRecord {
    /// Whose.
    pub session: SessionId,
    /// Its packet identifier.
    pub packet_id: PacketId,
    /// Whether the server itself has taken it; if not, it gets it again when the client repeats it.
    pub taken: bool,
}

/// The body of queued messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// Which.
    pub id: MessageId,
    /// The message.
    pub message: Message,
    /// When it expires.
    pub expires: Option<Timestamp>,
}

/// A retained message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetainedRecord {
    /// The message.
    pub message: Message,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// When it was published.
    pub published: Timestamp,
}

/// What a subscription is still owed of the retained messages, beyond those that are queued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwedRecord {
    /// Whose.
    pub session: SessionId,
    /// The first of its places in the order of delivery.
    pub number: u64,
    /// The place of the next message.
    pub place: u64,
    /// The filter as the client wrote it.
    pub filter: Arc<str>,
    /// The highest QoS that is wanted.
    pub qos: Qos,
    /// The subscription's identifier.
    pub identifier: Option<u32>,
    /// The messages of topics up to this one are queued or sent.
    pub upto: Option<Arc<str>>,
}

impl Record {
    /// Under what it stands.
    pub fn key(&self) -> Key {
        match self {
            Self::Session(of) => Key::Session(of.session),
            Self::Subscription(of) => Key::Subscription(of.session, of.filter.clone()),
            Self::Queued(of) => Key::Queued(of.session, of.place),
            Self::Received(of) => Key::Received(of.session, of.packet_id),
            Self::Message(of) => Key::Message(of.id),
            Self::Retained(of) => Key::Retained(of.message.topic.clone()),
            Self::Owed(of) => Key::Owed(of.session, of.number),
        }
    }
}

impl Key {
    /// The session that it belongs to, for [`Change::DeleteSession`].
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Session(session)
            | Self::Subscription(session, _)
            | Self::Queued(session, _)
            | Self::Received(session, _)
            | Self::Owed(session, _) => Some(*session),
            Self::Message(_) | Self::Retained(_) => None,
        }
    }
}
