//! What clients say and what they are told, for MQTT 3.1.1 and 5 alike.
//!
//! These are meanings, not bytes: a shell turns the packets of its codec into [`ClientPacket`] and
//! [`ServerPacket`] into packets. A client of MQTT 3.1.1 simply never sets what only MQTT 5 has,
//! and the broker never sends such a client what it could not read: DISCONNECT, AUTH and the
//! properties. Reason codes are those of MQTT 5; [`ReasonCode`] knows the return codes of 3.1.1.

use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::message::{Message, Properties, Publication, Qos};
use crate::reason::ReasonCode;

/// Names one network connection. The shell chooses it and never uses it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What pairs a message with its acknowledgements: 1 to 65535.
pub type PacketId = NonZeroU16;

/// Which MQTT a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Version {
    /// MQTT 3.1.1 (protocol level 4).
    V311,
    /// MQTT 5.0 (protocol level 5).
    V5,
}

/// CONNECT, as far as the broker decides by it. User name and password are the shell's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Which MQTT.
    pub version: Version,
    /// The client identifier; never empty: where the client gave none, the shell chooses a random
    /// one and says so in `assigned`.
    pub client_id: Arc<str>,
    /// Whether the shell chose the client identifier.
    pub assigned: bool,
    /// Clean Start of MQTT 5, Clean Session of 3.1.1.
    pub clean_start: bool,
    /// Seconds after which silence ends the connection, one and a half times; 0 for never.
    pub keep_alive: u16,
    /// Session Expiry Interval in seconds. MQTT 5 only: 3.1.1 keeps what is not clean.
    pub session_expiry: Option<u32>,
    /// How many unacknowledged QoS 1 and 2 messages the client takes at a time.
    pub receive_maximum: Option<NonZeroU16>,
    /// The largest packet the client takes, in bytes.
    pub maximum_packet_size: Option<u32>,
    /// The highest topic alias the client takes; 0 for none.
    pub topic_alias_maximum: u16,
    /// Whether the client wants reason strings (Request Problem Information).
    pub problem_information: bool,
    /// What to publish when the client is lost.
    pub will: Option<Box<Will>>,
}

impl Connect {
    /// A CONNECT with nothing but a version and a client identifier: clean, no keep alive.
    pub fn new(version: Version, client_id: impl Into<Arc<str>>) -> Self {
        Self {
            version,
            client_id: client_id.into(),
            assigned: false,
            clean_start: true,
            keep_alive: 0,
            session_expiry: None,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: 0,
            problem_information: true,
            will: None,
        }
    }

    /// Whether the client takes reason strings: it wants them, and no packet that has one can be too
    /// large for it (MQTT 5.0 §3.4.2.2.2). Each is far shorter than this.
    pub(crate) fn takes_words(&self) -> bool {
        let has_room = self.maximum_packet_size.is_none_or(|most| most >= 1024);
        self.version == Version::V5 && self.problem_information && has_room
    }
}

/// The last will of a client (MQTT 5.0 §3.1.2.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Will {
    /// What to publish.
    pub message: Message,
    /// Seconds to wait for the client to come back.
    pub delay: u32,
}

/// What a client says after CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientPacket {
    /// A message.
    Publish(Publish),
    /// A QoS 1 message has arrived.
    PubAck(Ack),
    /// A QoS 2 message has arrived.
    PubRec(Ack),
    /// A QoS 2 message may be forgotten by the broker.
    PubRel(Ack),
    /// A QoS 2 message is done.
    PubComp(Ack),
    /// Wants messages.
    Subscribe(Subscribe),
    /// Wants them no more.
    Unsubscribe(Unsubscribe),
    /// Is there.
    PingReq,
    /// Leaves.
    Disconnect(Disconnect),
    /// Extended authentication: not spoken here, answered with a protocol error.
    Auth,
}

/// What the broker says to a client.
#[derive(Debug, Clone)]
pub enum ServerPacket {
    /// The answer to CONNECT.
    ConnAck(Box<ConnAck>),
    /// A message.
    Publish(Delivery),
    /// The answer to a QoS 1 message.
    PubAck(Ack),
    /// The first answer to a QoS 2 message.
    PubRec(Ack),
    /// The broker's QoS 2 message may be forgotten by the client.
    PubRel(Ack),
    /// The last answer to a QoS 2 message.
    PubComp(Ack),
    /// The answer to SUBSCRIBE.
    SubAck(SubAck),
    /// The answer to UNSUBSCRIBE; MQTT 3.1.1 has no reasons in it.
    UnsubAck(SubAck),
    /// The answer to PINGREQ.
    PingResp,
    /// Why the connection ends; MQTT 5 only. [`crate::Output::Close`] follows.
    Disconnect(Disconnect),
}

/// PUBLISH from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Set for QoS 1 and 2, and only for those.
    pub packet_id: Option<PacketId>,
    /// The client says that it may have sent this before.
    pub dup: bool,
    /// The message; its topic is empty when `topic_alias` stands for it.
    pub message: Message,
    /// Topic Alias, 0 included, which is an error that the broker answers.
    pub topic_alias: Option<u16>,
    /// The client sent a Subscription Identifier, which only a server may (MQTT 5.0 §3.3.4).
    pub has_subscription_identifier: bool,
}

impl Publish {
    /// A message without alias, not a repetition.
    pub fn new(packet_id: Option<PacketId>, message: Message) -> Self {
        Self {
            packet_id,
            dup: false,
            message,
            topic_alias: None,
            has_subscription_identifier: false,
        }
    }
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// Which message.
    pub packet_id: PacketId,
    /// How it went; MQTT 3.1.1 has no place for it.
    pub reason: ReasonCode,
    /// Words for people.
    pub reason_string: Option<&'static str>,
}

impl Ack {
    /// The acknowledgement that all is well.
    pub fn success(packet_id: PacketId) -> Self {
        Self::because(packet_id, ReasonCode::Success)
    }

    /// An acknowledgement with this reason.
    pub fn because(packet_id: PacketId, reason: ReasonCode) -> Self {
        Self { packet_id, reason, reason_string: None }
    }
}

/// SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Which SUBACK answers.
    pub packet_id: PacketId,
    /// Subscription Identifier, 1 to 268,435,455; 0 is an error that the broker answers.
    pub identifier: Option<u32>,
    /// At least one.
    pub filters: Vec<(String, SubscriptionOptions)>,
}

/// How one subscription wants its messages (MQTT 5.0 §3.8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SubscriptionOptions {
    /// The highest QoS that is wanted.
    pub qos: Qos,
    /// Do not send what this client itself has published.
    pub no_local: bool,
    /// Keep the RETAIN flag as it was published.
    pub retain_as_published: bool,
    /// When to send what is retained.
    pub retain_handling: RetainHandling,
}

impl SubscriptionOptions {
    /// What a client of MQTT 3.1.1 can ask for.
    pub fn at(qos: Qos) -> Self {
        Self { qos, ..Self::default() }
    }
}

/// When retained messages are sent for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RetainHandling {
    /// With every SUBSCRIBE.
    #[default]
    Send,
    /// Only when the subscription is new.
    SendIfNew,
    /// Never.
    DoNotSend,
}

/// UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Which UNSUBACK answers.
    pub packet_id: PacketId,
    /// At least one.
    pub filters: Vec<String>,
}

/// DISCONNECT, either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// Why; MQTT 3.1.1 clients always leave with `Success`.
    pub reason: ReasonCode,
    /// A new Session Expiry Interval, from clients only.
    pub session_expiry: Option<u32>,
    /// Words for people.
    pub reason_string: Option<&'static str>,
}

impl Disconnect {
    /// With this reason and nothing else.
    pub fn because(reason: ReasonCode) -> Self {
        Self { reason, session_expiry: None, reason_string: None }
    }
}

/// CONNACK. What is `None` is not said, so that the default of the standard holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether the broker had a session of this client.
    pub session_present: bool,
    /// `Success`, or why not: then a [`crate::Output::Close`] follows.
    pub reason: ReasonCode,
    /// The session expiry in force, when it is not the one asked for.
    pub session_expiry: Option<u32>,
    /// How many unacknowledged messages the broker takes.
    pub receive_maximum: Option<u16>,
    /// The largest packet the broker takes, in bytes.
    pub maximum_packet_size: Option<u32>,
    /// The client identifier that was assigned.
    pub assigned_client_id: Option<Arc<str>>,
    /// The highest topic alias the broker takes.
    pub topic_alias_maximum: Option<u16>,
    /// The keep alive in force, when it is not the one asked for.
    pub server_keep_alive: Option<u16>,
    /// Words for people.
    pub reason_string: Option<&'static str>,
}

/// SUBACK or UNSUBACK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubAck {
    /// Which request it answers.
    pub packet_id: PacketId,
    /// One for each filter, in order. To a client of MQTT 3.1.1 send
    /// [`ReasonCode::subscribe_return_code`] of each in SUBACK, none in UNSUBACK.
    pub reasons: Vec<ReasonCode>,
    /// Words for people.
    pub reason_string: Option<&'static str>,
}

/// PUBLISH to a client. Cheap to clone: topic and body are shared by all recipients.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The topic, the body and the properties.
    pub publication: Arc<Publication>,
    /// Set for QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// Sent before.
    pub dup: bool,
    /// The QoS of this delivery.
    pub qos: Qos,
    /// The RETAIN flag of this delivery.
    pub retain: bool,
    /// What is left of the message expiry interval, in seconds.
    pub expiry: Option<u32>,
    /// Topic Alias, and whether the topic is left out because the client knows the alias.
    pub alias: Option<TopicAlias>,
    /// The identifiers of the subscriptions that match.
    pub subscription_identifiers: Identifiers,
    /// Bytes of the whole packet: what [`crate::Input::Written`] has to give back.
    pub size: usize,
}

impl Delivery {
    /// The topic to write into the packet: empty when the alias stands for it.
    pub fn topic(&self) -> &str {
        match self.alias {
            Some(TopicAlias { known: true, .. }) => "",
            Some(TopicAlias { known: false, .. }) | None => &self.publication.message.topic,
        }
    }

    /// The body.
    pub fn payload(&self) -> &Bytes {
        &self.publication.message.payload
    }

    /// The properties to write into the packet.
    pub fn properties(&self) -> Option<&Properties> {
        self.publication.message.properties.as_deref()
    }
}

/// A topic alias of the broker's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicAlias {
    /// 1 to the client's Topic Alias Maximum.
    pub number: u16,
    /// Whether the client has been told before what it stands for.
    pub known: bool,
}

/// Subscription identifiers of one delivery: most have none or one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Identifiers {
    /// No subscription that matched has one.
    #[default]
    None,
    /// One.
    One(u32),
    /// Several.
    Many(Box<[u32]>),
}

impl Identifiers {
    /// They, in the order in which they are sent.
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    /// One more.
    pub(crate) fn push(&mut self, identifier: u32) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(identifier),
            Self::One(one) => Self::Many(Box::new([one, identifier])),
            Self::Many(many) => Self::Many(many.iter().copied().chain([identifier]).collect()),
        }
    }
}
