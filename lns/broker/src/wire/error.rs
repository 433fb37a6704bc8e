//! What clients do wrong, by name.

use crate::ReasonCode;

/// Bytes that are not MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The packet is larger than is taken; nothing of its body has been read.
    #[error("a packet of {size} bytes; at most {most} are taken")]
    TooLarge {
        /// What its header says.
        size: usize,
        /// What is taken.
        most: usize,
    },
    /// The first packet is no CONNECT of a version that is spoken here.
    #[error("not MQTT 3.1.1 or 5: {protocol}")]
    Version {
        /// What it is instead.
        protocol: &'static str,
        /// Whether it is younger than MQTT 3.1.1, and is to be answered as MQTT 5 is.
        younger: bool,
    },
    /// Bytes that cannot be read.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// They can be read, and may not be said here.
    #[error("against the protocol: {0}")]
    Protocol(&'static str),
    /// A CONNECT with extended authentication, which is not spoken here.
    #[error("extended authentication is not supported")]
    Authentication,
    /// A client of MQTT 3.1.1 wants its session kept and gives it no name.
    #[error("a session is to be kept, and the client identifier is empty")]
    NoClientId,
    /// A topic name that is empty, or has a wildcard in it.
    #[error("a topic that is empty or has a wildcard")]
    Topic,
}

impl WireError {
    /// What the client is told.
    pub fn reason(self) -> ReasonCode {
        match self {
            Self::TooLarge { .. } => ReasonCode::PacketTooLarge,
            Self::Version { .. } => ReasonCode::UnsupportedProtocolVersion,
            Self::Malformed(_) => ReasonCode::MalformedPacket,
            Self::Protocol(_) => ReasonCode::ProtocolError,
            Self::Authentication => ReasonCode::BadAuthenticationMethod,
            Self::NoClientId => ReasonCode::ClientIdentifierNotValid,
            Self::Topic => ReasonCode::TopicNameInvalid,
        }
    }
}
