//! The four bytes that every datagram begins with. PROTOCOL.TXT, chapter 3.

use gateway_link::GatewayEui;

/// Version of the protocol, the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1: without TX_ACK.
    V1,
    /// 2.
    V2,
}

impl Version {
    /// As it stands in the datagram.
    pub fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// What pairs a datagram with its answer: two bytes, as they stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatagramToken(pub [u8; 2]);

impl From<u16> for DatagramToken {
    fn from(number: u16) -> Self {
        Self(number.to_be_bytes())
    }
}

/// Type of a datagram, the fourth byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 0, gateway to server.
    PushData,
    /// 1, server to gateway.
    PushAck,
    /// 2, gateway to server.
    PullData,
    /// 3, server to gateway.
    PullResp,
    /// 4, server to gateway.
    PullAck,
    /// 5, gateway to server.
    TxAck,
}

impl Kind {
    /// As it stands in the datagram.
    pub fn number(self) -> u8 {
        match self {
            Self::PushData => 0,
            Self::PushAck => 1,
            Self::PullData => 2,
            Self::PullResp => 3,
            Self::PullAck => 4,
            Self::TxAck => 5,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::PushData,
            1 => Self::PushAck,
            2 => Self::PullData,
            3 => Self::PullResp,
            4 => Self::PullAck,
            5 => Self::TxAck,
            _ => return None,
        })
    }
}

/// Why a datagram cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Shorter than its kind needs.
    #[error("a datagram of {0} bytes is too short for the Semtech protocol")]
    TooShort(usize),
    /// Version neither 1 nor 2.
    #[error("protocol version {0} is neither 1 nor 2")]
    Version(u8),
    /// No such kind.
    #[error("datagram kind {0} does not exist")]
    Kind(u8),
    /// A kind that goes the other way.
    #[error("{0:?} does not go in this direction")]
    Direction(Kind),
    /// The JSON ends too early.
    #[error("JSON ends too early: {0}")]
    JsonTruncated(String),
    /// Not JSON.
    #[error("not JSON: {0}")]
    JsonSyntax(String),
    /// JSON, but not what is expected there.
    #[error("unexpected JSON: {0}")]
    JsonShape(String),
    /// More frames in one datagram than are read.
    #[error("more frames in one datagram than are read")]
    TooManyRxpk,
    /// `txpk` lacks something or has it wrong.
    #[error("txpk: {0}")]
    Txpk(&'static str),
}

impl PacketError {
    /// Every label, in the order of the variants.
    pub const LABELS: [&'static str; 9] = [
        "too_short",
        "version",
        "kind",
        "direction",
        "json_truncated",
        "json_syntax",
        "json_shape",
        "too_many_rxpk",
        "txpk",
    ];

    /// A metric label.
    pub fn label(&self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::Version(_) => "version",
            Self::Kind(_) => "kind",
            Self::Direction(_) => "direction",
            Self::JsonTruncated(_) => "json_truncated",
            Self::JsonSyntax(_) => "json_syntax",
            Self::JsonShape(_) => "json_shape",
            Self::TooManyRxpk => "too_many_rxpk",
            Self::Txpk(_) => "txpk",
        }
    }

    pub(super) fn from_json(error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        match error.classify() {
            Category::Eof => Self::JsonTruncated(error.to_string()),
            Category::Data => Self::JsonShape(error.to_string()),
            Category::Syntax | Category::Io => Self::JsonSyntax(error.to_string()),
        }
    }
}

/// Splits a datagram into its header and what follows.
pub(super) fn parse(datagram: &[u8]) -> Result<(Version, DatagramToken, Kind, &[u8]), PacketError> {
    let too_short = || PacketError::TooShort(datagram.len());
    let (&[version, high, low, kind], rest) = datagram.split_first_chunk().ok_or_else(too_short)?;
    let version = match version {
        1 => Version::V1,
        2 => Version::V2,
        other => return Err(PacketError::Version(other)),
    };
    let kind = Kind::from_number(kind).ok_or(PacketError::Kind(kind))?;
    Ok((version, DatagramToken([high, low]), kind, rest))
}

/// Splits the gateway's EUI off; `length` is that of the whole datagram.
pub(super) fn eui(rest: &[u8], length: usize) -> Result<(GatewayEui, &[u8]), PacketError> {
    let (eui, body) = rest.split_first_chunk().ok_or(PacketError::TooShort(length))?;
    Ok((GatewayEui(*eui), body))
}

/// The header as bytes.
pub(super) fn bytes(version: Version, token: DatagramToken, kind: Kind) -> [u8; 4] {
    let [high, low] = token.0;
    [version.number(), high, low, kind.number()]
}

/// A datagram of a header and some parts.
pub(super) fn build(
    version: Version,
    token: DatagramToken,
    kind: Kind,
    parts: &[&[u8]],
) -> Vec<u8> {
    let mut datagram = bytes(version, token, kind).to_vec();
    for part in parts {
        datagram.extend_from_slice(part);
    }
    datagram
}
