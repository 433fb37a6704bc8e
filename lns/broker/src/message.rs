//! A message as an application sees it, and the one copy of it that all its recipients share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The delivery that is promised (MQTT 5.0 §4.3).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[repr(u8)]
pub enum Qos {
    /// At most once.
    #[default]
    AtMostOnce = 0,
    /// At least once.
    AtLeastOnce = 1,
    /// Exactly once.
    ExactlyOnce = 2,
}

impl Qos {
    /// From the two bits on the wire; `None` for 3.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// The properties of MQTT 5 that travel with a message from its publisher to every recipient.
///
/// Unchanged, all of them (MQTT 5.0 §3.3.2.3): the broker reads none. The message expiry interval
/// is not here but in [`Message`], because it is counted down.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Properties {
    /// Payload format indicator: `true` says UTF-8 text.
    pub payload_is_text: Option<bool>,
    /// What the payload is, for example `application/json`.
    pub content_type: Option<String>,
    /// Where an answer is expected.
    pub response_topic: Option<String>,
    /// What the answer is to carry.
    pub correlation_data: Option<Bytes>,
    /// Names and values in the order of the publisher.
    pub user: Vec<(String, String)>,
}

impl Properties {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One application message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The topic name; never a wildcard.
    pub topic: Arc<str>,
    /// The body.
    pub payload: Bytes,
    /// The QoS with which it was published.
    pub qos: Qos,
    /// Whether the publisher wants it kept for later subscribers.
    pub retain: bool,
    /// Seconds after which nobody wants it any more.
    pub expiry: Option<u32>,
    /// Properties of MQTT 5; boxed, because most messages have none.
    pub properties: Option<Box<Properties>>,
}

impl Message {
    /// A message without properties, at this QoS, not retained.
    pub fn new(topic: impl Into<Arc<str>>, payload: impl Into<Bytes>, qos: Qos) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos,
            retain: false,
            expiry: None,
            properties: None,
        }
    }

    /// The same, retained.
    pub fn retained(mut self) -> Self {
        self.retain = true;
        self
    }
}

/// Names a message body among the records; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId(pub u64);

/// A message that the broker has accepted, shared by everything that still refers to it.
#[derive(Debug)]
pub struct Publication {
    /// Names the body when it has to be durable.
    pub id: MessageId,
    /// What was published.
    pub message: Message,
    /// When its expiry interval ends.
    pub expires: Option<Timestamp>,
    /// How many durable queue entries refer to the body.
    references: AtomicU32,
}

impl Publication {
    pub(crate) fn new(id: MessageId, message: Message, now: Timestamp) -> Self {
        let expires = message.expiry.map(|seconds| now.plus_seconds(seconds));
        Self::restored(id, message, expires)
    }

    pub(crate) fn restored(id: MessageId, message: Message, expires: Option<Timestamp>) -> Self {
        Self { id, message, expires, references: AtomicU32::new(0) }
    }

    /// Whether its expiry interval has ended.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// One more durable entry refers to it. `true` when it is the first.
    pub(crate) fn refer(&self) -> bool {
        self.references.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// One durable entry less refers to it. `true` when it was the last.
    pub(crate) fn let_go(&self) -> bool {
        self.references.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Whether any durable entry refers to it.
    pub(crate) fn is_referred_to(&self) -> bool {
        self.references.load(Ordering::Relaxed) > 0
    }

    /// About what it costs to keep: what the bounds in bytes count.
    pub(crate) fn weight(&self) -> usize {
        let properties = self.message.properties.as_ref().map_or(0, |p| {
            let user: usize = p.user.iter().map(|(name, value)| name.len() + value.len()).sum();
            user + p.correlation_data.as_ref().map_or(0, Bytes::len)
        });
        self.message.topic.len() + self.message.payload.len() + properties
    }
}
