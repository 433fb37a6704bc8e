//! What another broker says to its client. MQTT 3.1.1 §3, MQTT 5.0 §3.

use crate::{ClientPacket, PacketId, Publish, Qos, ReasonCode, Version};

use super::decode;
use super::reader::Reader;
use super::{Frame, WireError, kind};

/// A packet of a broker.
#[derive(Debug)]
pub enum Answer {
    /// CONNACK.
    ConnAck(Welcome),
    /// A message, at QoS 0 or 1.
    Publish(Box<Publish>),
    /// A message of ours has arrived.
    PubAck {
        /// Which.
        packet: PacketId,
        /// Whether it was taken.
        reason: ReasonCode,
    },
    /// The answer to a SUBSCRIBE.
    SubAck {
        /// Which.
        packet: PacketId,
        /// One for each of its filters.
        reasons: Vec<ReasonCode>,
    },
    /// The answer to an UNSUBSCRIBE.
    UnsubAck {
        /// Which.
        packet: PacketId,
    },
    /// The answer to a PINGREQ.
    PingResp,
    /// The broker ends the connection (MQTT 5).
    Disconnect {
        /// Why.
        reason: ReasonCode,
        /// Why, in its own words.
        words: Option<String>,
    },
}

/// What CONNACK tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Success, or why not.
    pub reason: ReasonCode,
    /// Whether the broker has our session.
    pub session_present: bool,
    /// How many of our messages may wait for their PUBACK.
    pub receive_maximum: Option<u16>,
    /// The largest packet that it takes.
    pub maximum_packet_size: Option<u32>,
    /// Whether it takes messages at QoS 1.
    pub takes_qos_1: bool,
    /// Whether it keeps messages for later subscribers.
    pub retains: bool,
    /// The keep alive that it wants instead of ours, seconds.
    pub keep_alive: Option<u16>,
    /// Its own words.
    pub words: Option<String>,
}

/// Reads a packet of a broker that is spoken to in `version`.
pub fn parse(frame: &Frame, version: Version) -> Result<Answer, WireError> {
    let flags = frame.first & 0x0F;
    let mut from = Reader::new(&frame.body);
    let kind = frame.first >> 4;
    if kind != kind::PUBLISH && flags != 0 {
        return Err(WireError::Malformed("flags that its type does not have"));
    }
    let answer = match kind {
        kind::PUBLISH => return publish(from, flags, version),
        kind::CONNACK => return conn_ack(&frame.body, version),
        kind::PUBACK => {
            let packet = decode::packet_id(&mut from)?;
            Answer::PubAck { packet, reason: reason(&mut from, version)?.0 }
        }
        kind::SUBACK => {
            let packet = decode::packet_id(&mut from)?;
            if version == Version::V5 {
                Told::parse(&mut from)?;
            }
            let reasons = from.rest().iter().map(|code| known(*code)).collect::<Result<_, _>>()?;
            return Ok(Answer::SubAck { packet, reasons });
        }
        // Whether there was such a subscription does not matter to us.
        kind::UNSUBACK => {
            return decode::packet_id(&mut from).map(|packet| Answer::UnsubAck { packet });
        }
        kind::PINGRESP => Answer::PingResp,
        kind::DISCONNECT if version == Version::V5 => {
            let (reason, told) = reason(&mut from, version)?;
            Answer::Disconnect { reason, words: told.words }
        }
        _ => return Err(WireError::Protocol("a packet that no broker sends here")),
    };
    from.end()?;
    Ok(answer)
}

fn publish(from: Reader<'_>, flags: u8, version: Version) -> Result<Answer, WireError> {
    match decode::publish(from, flags, version)? {
        ClientPacket::Publish(publish) if publish.topic_alias.is_some() => {
            Err(WireError::Protocol("a topic alias, which we have not offered to take"))
        }
        ClientPacket::Publish(publish) if publish.message.qos == Qos::ExactlyOnce => {
            Err(WireError::Protocol("QoS 2, which we have not subscribed to"))
        }
        ClientPacket::Publish(publish) => Ok(Answer::Publish(Box::new(publish))),
        _ => Err(WireError::Malformed("not a PUBLISH")),
    }
}

fn known(code: u8) -> Result<ReasonCode, WireError> {
    ReasonCode::from_code(code).ok_or(WireError::Malformed("a reason code that does not exist"))
}

/// A reason and properties, both of which may be left out when all is well (MQTT 5.0 §3.4.2.1).
fn reason(from: &mut Reader<'_>, version: Version) -> Result<(ReasonCode, Told), WireError> {
    if version == Version::V311 || from.is_empty() {
        return Ok((ReasonCode::Success, Told::default()));
    }
    let reason = known(from.u8()?)?;
    let told = if from.is_empty() { Told::default() } else { Told::parse(from)? };
    Ok((reason, told))
}

fn conn_ack(body: &[u8], version: Version) -> Result<Answer, WireError> {
    let mut from = Reader::new(body);
    let (flags, code) = (from.u8()?, from.u8()?);
    // A broker that does not know MQTT 5 refuses it in the words of 3.1.1, without properties.
    let of_old = version == Version::V311 || (from.is_empty() && (1..=5).contains(&code));
    let (reason, told) = if of_old {
        (return_code(code)?, Told::default())
    } else {
        (known(code)?, Told::parse(&mut from)?)
    };
    from.end()?;
    Ok(Answer::ConnAck(Welcome {
        reason,
        session_present: flags & 1 != 0,
        receive_maximum: told.receive_maximum,
        maximum_packet_size: told.maximum_packet_size,
        takes_qos_1: told.maximum_qos != Some(0),
        retains: told.retains != Some(false),
        keep_alive: told.keep_alive,
        words: told.words,
    }))
}

/// MQTT 3.1.1 §3.2.2.3.
fn return_code(code: u8) -> Result<ReasonCode, WireError> {
    match code {
        0 => Ok(ReasonCode::Success),
        1 => Ok(ReasonCode::UnsupportedProtocolVersion),
        2 => Ok(ReasonCode::ClientIdentifierNotValid),
        3 => Ok(ReasonCode::ServerUnavailable),
        4 => Ok(ReasonCode::BadUserNameOrPassword),
        5 => Ok(ReasonCode::NotAuthorized),
        _ => Err(WireError::Malformed("a return code that does not exist")),
    }
}

/// What a broker says in properties, as far as we care.
#[derive(Default)]
struct Told {
    receive_maximum: Option<u16>,
    maximum_packet_size: Option<u32>,
    maximum_qos: Option<u8>,
    retains: Option<bool>,
    keep_alive: Option<u16>,
    words: Option<String>,
}

impl Told {
    /// MQTT 5.0 §2.2.2.2. Where each may stand is the broker's business; what it is called is ours.
    fn parse(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut section = from.section()?;
        let mut told = Self::default();
        while !section.is_empty() {
            match section.varint()? {
                0x11 => drop(section.u32()?),
                0x13 => told.keep_alive = Some(section.u16()?),
                0x1F => told.words = Some(section.text()?.to_owned()),
                0x21 => told.receive_maximum = Some(section.u16()?),
                0x22 => drop(section.u16()?),
                0x24 => told.maximum_qos = Some(section.u8()?),
                0x25 => told.retains = Some(section.flag()?),
                0x27 => told.maximum_packet_size = Some(section.u32()?),
                0x28..=0x2A => drop(section.flag()?),
                0x12 | 0x15 | 0x1A | 0x1C => drop(section.text()?),
                0x16 => drop(section.binary()?),
                0x26 => drop((section.text()?, section.text()?)),
                _ => return Err(WireError::Malformed("a property that no broker sends")),
            }
        }
        if told.receive_maximum == Some(0) || told.maximum_packet_size == Some(0) {
            return Err(WireError::Protocol("a maximum of 0"));
        }
        Ok(told)
    }
}
