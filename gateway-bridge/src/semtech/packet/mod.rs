//! The messages of the Semtech UDP protocol (PROTOCOL.TXT), one a file, each read and written.
//!
//! A server reads [`FromGateway`], a gateway reads [`FromServer`]; both are total. Bodies are JSON
//! and are read by the message they belong to.

mod datr;
mod field;
mod header;
pub mod pull_ack;
pub mod pull_data;
pub mod pull_resp;
pub mod push_ack;
pub mod push_data;
mod rxpk;
mod stat;
pub mod tx_ack;

/// The units that the messages are made of, for those who speak nothing but this protocol.
pub use gateway_link::{CodingRate, GatewayEui, Modulation, Refusal, Stats};

pub use header::{DatagramToken, Kind, PacketError, Version};
pub use pull_resp::{TxTime, Txpk};
pub use push_data::PushData;
pub use rxpk::{Crc, Rxpk, RxpkError};
pub use tx_ack::Verdict;

/// A datagram that a gateway sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FromGateway<'a> {
    /// Protocol version, to be used in answers.
    pub version: Version,
    /// To be repeated in the answer.
    pub token: DatagramToken,
    /// Who sent it.
    pub gateway_eui: GatewayEui,
    /// Which message.
    pub message: GatewayMessage<'a>,
}

/// A message of a gateway; the JSON is not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayMessage<'a> {
    /// Body for [`PushData::parse`].
    PushData(&'a [u8]),
    /// A keepalive.
    PullData,
    /// Body for [`Verdict::parse`].
    TxAck(&'a [u8]),
}

impl<'a> FromGateway<'a> {
    /// Reads the header of a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let (version, token, kind, rest) = header::parse(datagram)?;
        let sent_by_gateway = match kind {
            Kind::PushData | Kind::PullData | Kind::TxAck => true,
            Kind::PushAck | Kind::PullResp | Kind::PullAck => false,
        };
        if !sent_by_gateway {
            return Err(PacketError::Direction(kind));
        }
        let (gateway_eui, body) = header::eui(rest, datagram.len())?;
        let message = match kind {
            Kind::PushData => GatewayMessage::PushData(body),
            Kind::TxAck => GatewayMessage::TxAck(body),
            Kind::PullData | Kind::PushAck | Kind::PullResp | Kind::PullAck => {
                GatewayMessage::PullData
            }
        };
        Ok(Self { version, token, gateway_eui, message })
    }
}

/// A datagram that a server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FromServer<'a> {
    /// Protocol version.
    pub version: Version,
    /// That of the datagram it answers, or of a PULL_RESP, to be repeated in the TX_ACK.
    pub token: DatagramToken,
    /// Which message.
    pub message: ServerMessage<'a>,
}

/// A message of a server; the JSON is not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerMessage<'a> {
    /// A PUSH_DATA arrived.
    PushAck,
    /// A PULL_DATA arrived.
    PullAck,
    /// Body for [`Txpk::parse`].
    PullResp(&'a [u8]),
}

impl<'a> FromServer<'a> {
    /// Reads the header of a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let (version, token, kind, body) = header::parse(datagram)?;
        let message = match kind {
            Kind::PushAck => ServerMessage::PushAck,
            Kind::PullAck => ServerMessage::PullAck,
            Kind::PullResp => ServerMessage::PullResp(body),
            Kind::PushData | Kind::PullData | Kind::TxAck => {
                return Err(PacketError::Direction(kind));
            }
        };
        Ok(Self { version, token, message })
    }
}

/// A body without the white space and NUL bytes around it: C forwarders send their terminator.
fn trim(body: &[u8]) -> &[u8] {
    let filler = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let start = body.iter().position(|byte| !filler(byte)).unwrap_or(body.len());
    let end = body.iter().rposition(|byte| !filler(byte)).map_or(start, |at| at + 1);
    body.get(start..end).unwrap_or_default()
}
