//! CONNECT. MQTT 3.1.1 §3.1, MQTT 5.0 §3.1.

use std::num::NonZeroU16;
use std::sync::Arc;

use crate::{Connect, Message, Qos, Version, Will};
use bytes::Bytes;

use super::WireError;
use super::properties::{Place, Said};
use super::reader::Reader;

/// CONNECT, and what the client shows of itself. The client identifier is empty where the server is
/// to choose one.
pub struct Hello {
    /// What the broker decides by.
    pub connect: Connect,
    /// The user name.
    pub username: Option<String>,
    /// The password, or a token.
    pub password: Option<Bytes>,
}

const RESERVED: u8 = 0b0000_0001;
const CLEAN_START: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0100;
const WILL_QOS: u8 = 0b0001_1000;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USERNAME: u8 = 0b1000_0000;

/// The protocol's name and level. Before everything else, so that a client of another version is told
/// so whatever follows.
fn version(from: &mut Reader<'_>) -> Result<Version, WireError> {
    let (name, level) = (from.binary()?, from.u8()?);
    match (name, level) {
        (b"MQTT", 4) => Ok(Version::V311),
        (b"MQTT", 5) => Ok(Version::V5),
        (b"MQTT", level) => {
            Err(WireError::Version { protocol: "another level of MQTT", younger: level > 5 })
        }
        (b"MQIsdp", _) => Err(WireError::Version { protocol: "MQTT 3.1", younger: false }),
        _ => Err(WireError::Malformed("not the name of MQTT")),
    }
}

/// Reads the body of a CONNECT.
pub fn parse(body: &[u8]) -> Result<Hello, WireError> {
    let mut from = Reader::new(body);
    let version = version(&mut from)?;
    let flags = from.u8()?;
    check(flags, version)?;
    let keep_alive = from.u16()?;
    let said = match version {
        Version::V311 => Said::default(),
        Version::V5 => Said::parse(&mut from, Place::Connect)?,
    };
    if said.has_auth_data && !said.has_auth_method {
        return Err(WireError::Protocol("authentication data without a method"));
    }
    let client_id = from.text()?;
    let clean_start = flags & CLEAN_START != 0;
    // MQTT 3.1.1 §3.1.3.1; a client of MQTT 5 is told the one it gets.
    if version == Version::V311 && client_id.is_empty() && !clean_start {
        return Err(WireError::NoClientId);
    }
    let will =
        if flags & WILL != 0 { Some(Box::new(will(&mut from, flags, version)?)) } else { None };
    let username = if flags & USERNAME != 0 { Some(from.text()?.to_owned()) } else { None };
    let password =
        if flags & PASSWORD != 0 { Some(Bytes::copy_from_slice(from.binary()?)) } else { None };
    from.end()?;
    if said.has_auth_method {
        return Err(WireError::Authentication);
    }
    let mut connect = Connect::new(version, client_id);
    connect.clean_start = clean_start;
    connect.keep_alive = keep_alive;
    connect.will = will;
    limits(&mut connect, &said)?;
    Ok(Hello { connect, username, password })
}

fn check(flags: u8, version: Version) -> Result<(), WireError> {
    if flags & RESERVED != 0 {
        return Err(WireError::Malformed("the reserved flag of CONNECT is set"));
    }
    if flags & WILL == 0 && flags & (WILL_QOS | WILL_RETAIN) != 0 {
        return Err(WireError::Malformed("flags of a will that is not there"));
    }
    if version == Version::V311 && flags & USERNAME == 0 && flags & PASSWORD != 0 {
        return Err(WireError::Malformed("a password without a user name"));
    }
    Ok(())
}

fn will(from: &mut Reader<'_>, flags: u8, version: Version) -> Result<Will, WireError> {
    let qos = Qos::from_code((flags & WILL_QOS) >> 3).ok_or(WireError::Malformed("QoS 3"))?;
    let said = match version {
        Version::V311 => Said::default(),
        Version::V5 => Said::parse(from, Place::Will)?,
    };
    let topic: Arc<str> = from.topic()?.into();
    let payload = Bytes::copy_from_slice(from.binary()?);
    let (delay, expiry) = (said.will_delay.unwrap_or(0), said.expiry);
    let message = Message {
        retain: flags & WILL_RETAIN != 0,
        expiry,
        properties: said.of_message(),
        ..Message::new(topic, payload, qos)
    };
    Ok(Will { message, delay })
}

fn limits(connect: &mut Connect, said: &Said) -> Result<(), WireError> {
    connect.session_expiry = said.session_expiry;
    if let Some(most) = said.receive_maximum {
        let most = NonZeroU16::new(most).ok_or(WireError::Protocol("a receive maximum of 0"))?;
        connect.receive_maximum = Some(most);
    }
    if said.maximum_packet_size == Some(0) {
        return Err(WireError::Protocol("a maximum packet size of 0"));
    }
    connect.maximum_packet_size = said.maximum_packet_size;
    connect.topic_alias_maximum = said.topic_alias_maximum.unwrap_or(0);
    connect.problem_information = said.problem_information.unwrap_or(true);
    Ok(())
}
