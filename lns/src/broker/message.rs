//! A message: a topic, a body, and what MQTT says about them.

use bytes::Bytes;

/// How often a message may arrive. MQTT 5.0 §4.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QoS {
    /// 0: perhaps.
    AtMostOnce,
    /// 1: perhaps twice.
    #[default]
    AtLeastOnce,
    /// 2: exactly once.
    ExactlyOnce,
}

impl QoS {
    /// The quality of this number; `None` above 2.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }

    /// As on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A message on its way in or out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic; no wildcards.
    pub topic: String,
    /// The body.
    pub payload: Bytes,
    /// How often it may arrive; what the server says by itself is QoS 1.
    pub qos: QoS,
    /// Whether the broker keeps it for those who subscribe later; with an empty body, whether it
    /// forgets the one it has.
    pub retain: bool,
    /// How many rules made it, each from the one before; 0 for what no rule made. Bounds a circle of
    /// rules.
    pub hops: u8,
    /// What MQTT 5 says besides; most messages have nothing of it.
    pub properties: Option<Box<Properties>>,
}

impl Message {
    /// A message of these: QoS 1, not retained.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: QoS::AtLeastOnce,
            retain: false,
            hops: 0,
            properties: None,
        }
    }
}

/// The properties of a PUBLISH that concern its receivers. MQTT 5.0 §3.3.2.3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Payload Format Indicator: whether the body is UTF-8; `None`: not said.
    pub is_utf8: Option<bool>,
    /// Message Expiry Interval, seconds from now.
    pub expiry: Option<u32>,
    /// Content Type.
    pub content_type: Option<String>,
    /// Response Topic.
    pub response_topic: Option<String>,
    /// Correlation Data.
    pub correlation: Option<Bytes>,
    /// User Properties, in their order.
    pub user: Vec<(String, String)>,
}
