//! Messages as bytes: a version, then `postcard`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{BridgeState, Downlink, DownlinkItem, GatewayEvent, MAX_PHY_PAYLOAD, TxAck, Uplink};

/// Version of the messages, their first byte.
pub const VERSION: u8 = 1;

/// Bytes that are not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No bytes at all.
    #[error("an empty {message} message")]
    Empty {
        /// What was expected.
        message: &'static str,
    },
    /// Another version of the messages; run the same release on both sides.
    #[error(
        "{message} message of version {found}, this release reads {VERSION}: \
         run the same release of bridge and server"
    )]
    Version {
        /// What was expected.
        message: &'static str,
        /// The first byte.
        found: u8,
    },
    /// The bytes after the version do not decode.
    #[error("{message} message does not decode: {reason}")]
    Malformed {
        /// What was expected.
        message: &'static str,
        /// What `postcard` says.
        reason: String,
    },
    /// Decoded, with bytes left over.
    #[error("{message} message has {count} bytes too many")]
    Trailing {
        /// What was expected.
        message: &'static str,
        /// How many are left.
        count: usize,
    },
    /// Decoded, but beyond a limit that this crate documents.
    #[error("{message} message: {what} is {found}, the limits are {least} to {most}")]
    Limit {
        /// What was expected.
        message: &'static str,
        /// Which quantity.
        what: &'static str,
        /// Its value.
        found: usize,
        /// Least allowed.
        least: usize,
        /// Most allowed.
        most: usize,
    },
}

impl LinkError {
    /// A metric label.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "empty",
            Self::Version { .. } => "version",
            Self::Malformed { .. } => "malformed",
            Self::Trailing { .. } => "trailing",
            Self::Limit { .. } => "limit",
        }
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![VERSION])
        .expect("a Vec grows, and no field refuses to serialize")
}

fn decode<T: DeserializeOwned>(message: &'static str, bytes: &[u8]) -> Result<T, LinkError> {
    let (&found, body) = bytes.split_first().ok_or(LinkError::Empty { message })?;
    if found != VERSION {
        return Err(LinkError::Version { message, found });
    }
    let (value, rest) = postcard::take_from_bytes(body)
        .map_err(|error| LinkError::Malformed { message, reason: error.to_string() })?;
    match rest.len() {
        0 => Ok(value),
        count => Err(LinkError::Trailing { message, count }),
    }
}

fn check(
    message: &'static str,
    what: &'static str,
    found: usize,
    limits: std::ops::RangeInclusive<usize>,
) -> Result<(), LinkError> {
    if limits.contains(&found) {
        return Ok(());
    }
    Err(LinkError::Limit { message, what, found, least: *limits.start(), most: *limits.end() })
}

impl Uplink {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// From bytes; any bytes give an answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, LinkError> {
        let uplink: Self = decode("uplink", bytes)?;
        check("uplink", "phy_payload length", uplink.phy_payload.len(), 1..=MAX_PHY_PAYLOAD)?;
        Ok(uplink)
    }
}

impl Downlink {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// From bytes; any bytes give an answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, LinkError> {
        let downlink: Self = decode("downlink", bytes)?;
        check("downlink", "number of items", downlink.items.len(), 1..=Self::MAX_ITEMS)?;
        for DownlinkItem { phy_payload, .. } in &downlink.items {
            check("downlink", "phy_payload length", phy_payload.len(), 1..=MAX_PHY_PAYLOAD)?;
        }
        Ok(downlink)
    }
}

impl TxAck {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// From bytes; any bytes give an answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, LinkError> {
        let ack: Self = decode("tx_ack", bytes)?;
        check("tx_ack", "number of refusals", ack.refusals.len(), 0..=32)?;
        Ok(ack)
    }
}

impl GatewayEvent {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// From bytes; any bytes give an answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, LinkError> {
        decode("gateway event", bytes)
    }
}

impl BridgeState {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// From bytes; any bytes give an answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, LinkError> {
        decode("bridge state", bytes)
    }
}
