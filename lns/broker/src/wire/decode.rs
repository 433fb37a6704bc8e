//! What clients say after CONNECT. MQTT 3.1.1 §3, MQTT 5.0 §3.

use crate::{
    Ack, ClientPacket, Disconnect, Message, PacketId, Publish, Qos, ReasonCode, RetainHandling,
    Subscribe, SubscriptionOptions, Unsubscribe, Version,
};
use bytes::Bytes;

use super::properties::{Place, Said};
use super::reader::Reader;
use super::{Frame, WireError, kind};

/// Reads a packet of a client that has said CONNECT.
pub fn parse(frame: &Frame, version: Version) -> Result<ClientPacket, WireError> {
    let flags = frame.first & 0x0F;
    let mut from = Reader::new(&frame.body);
    let kind = frame.first >> 4;
    let expected = match kind {
        kind::PUBLISH => flags,
        kind::PUBREL | kind::SUBSCRIBE | kind::UNSUBSCRIBE => 0b0010,
        _ => 0,
    };
    if flags != expected {
        return Err(WireError::Malformed("flags that its type does not have"));
    }
    let packet = match kind {
        kind::PUBLISH => return publish(from, flags, version),
        kind::PUBACK => ClientPacket::PubAck(ack(&mut from, version)?),
        kind::PUBREC => ClientPacket::PubRec(ack(&mut from, version)?),
        kind::PUBREL => ClientPacket::PubRel(ack(&mut from, version)?),
        kind::PUBCOMP => ClientPacket::PubComp(ack(&mut from, version)?),
        kind::SUBSCRIBE => ClientPacket::Subscribe(subscribe(&mut from, version)?),
        kind::UNSUBSCRIBE => ClientPacket::Unsubscribe(unsubscribe(&mut from, version)?),
        kind::PINGREQ => ClientPacket::PingReq,
        kind::DISCONNECT => ClientPacket::Disconnect(disconnect(&mut from, version)?),
        kind::AUTH if version == Version::V5 => auth(&mut from)?,
        kind::CONNECT => return Err(WireError::Protocol("a second CONNECT")),
        kind::CONNACK | kind::SUBACK | kind::UNSUBACK | kind::PINGRESP => {
            return Err(WireError::Protocol("a packet that only servers send"));
        }
        _ => return Err(WireError::Malformed("a type of packet that does not exist")),
    };
    from.end()?;
    Ok(packet)
}

pub(super) fn packet_id(from: &mut Reader<'_>) -> Result<PacketId, WireError> {
    PacketId::new(from.u16()?).ok_or(WireError::Protocol("packet identifier 0"))
}

fn qos(code: u8) -> Result<Qos, WireError> {
    Qos::from_code(code & 0b11).ok_or(WireError::Malformed("QoS 3"))
}

pub(super) fn publish(
    mut from: Reader<'_>,
    flags: u8,
    version: Version,
) -> Result<ClientPacket, WireError> {
    let (qos, retain, dup) = (qos(flags >> 1)?, flags & 1 != 0, flags & 8 != 0);
    if dup && qos == Qos::AtMostOnce {
        return Err(WireError::Malformed("DUP at QoS 0"));
    }
    let topic = from.text()?;
    if topic.contains(['+', '#']) {
        return Err(WireError::Topic);
    }
    let packet_id = match qos {
        Qos::AtMostOnce => None,
        Qos::AtLeastOnce | Qos::ExactlyOnce => Some(packet_id(&mut from)?),
    };
    let said = match version {
        Version::V311 => Said::default(),
        Version::V5 => Said::parse(&mut from, Place::Publish)?,
    };
    // In MQTT 5 a topic alias may stand for it (§3.3.2.1).
    if topic.is_empty() && said.topic_alias.is_none() {
        return Err(match version {
            Version::V311 => WireError::Topic,
            Version::V5 => WireError::Protocol("neither topic nor topic alias"),
        });
    }
    let (topic_alias, expiry) = (said.topic_alias, said.expiry);
    let has_subscription_identifier = said.subscription.is_some();
    let message = Message {
        retain,
        expiry,
        properties: said.of_message(),
        // A copy: a slice would keep the whole read buffer alive for as long as it waits.
        ..Message::new(topic, Bytes::copy_from_slice(from.rest()), qos)
    };
    let publish = Publish { packet_id, dup, message, topic_alias, has_subscription_identifier };
    Ok(ClientPacket::Publish(publish))
}

/// A reason and properties, both of which may be left out when all is well (§3.4.2.1).
fn reason(from: &mut Reader<'_>, place: Place) -> Result<(ReasonCode, Said), WireError> {
    let code = if from.is_empty() { 0 } else { from.u8()? };
    let reason = ReasonCode::from_code(code)
        .ok_or(WireError::Malformed("a reason code that does not exist"))?;
    let said = if from.is_empty() { Said::default() } else { Said::parse(from, place)? };
    Ok((reason, said))
}

fn ack(from: &mut Reader<'_>, version: Version) -> Result<Ack, WireError> {
    let packet_id = packet_id(from)?;
    match version {
        Version::V311 => Ok(Ack::success(packet_id)),
        Version::V5 => Ok(Ack::because(packet_id, reason(from, Place::Ack)?.0)),
    }
}

fn subscribe(from: &mut Reader<'_>, version: Version) -> Result<Subscribe, WireError> {
    let packet_id = packet_id(from)?;
    let identifier = match version {
        Version::V311 => None,
        Version::V5 => Said::parse(from, Place::Subscribe)?.subscription,
    };
    let mut filters = Vec::new();
    while !from.is_empty() {
        let filter = from.text()?.to_owned();
        filters.push((filter, options(from.u8()?, version)?));
    }
    if filters.is_empty() {
        return Err(WireError::Protocol("SUBSCRIBE without a topic filter"));
    }
    Ok(Subscribe { packet_id, identifier, filters })
}

fn options(byte: u8, version: Version) -> Result<SubscriptionOptions, WireError> {
    let reserved = match version {
        Version::V311 => 0b1111_1100,
        Version::V5 => 0b1100_0000,
    };
    if byte & reserved != 0 {
        return Err(WireError::Malformed("reserved bits of a subscription are set"));
    }
    let retain_handling = match (byte >> 4) & 0b11 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return Err(WireError::Protocol("retain handling 3")),
    };
    Ok(SubscriptionOptions {
        qos: qos(byte)?,
        no_local: byte & 0b0100 != 0,
        retain_as_published: byte & 0b1000 != 0,
        retain_handling,
    })
}

fn unsubscribe(from: &mut Reader<'_>, version: Version) -> Result<Unsubscribe, WireError> {
    let packet_id = packet_id(from)?;
    if version == Version::V5 {
        Said::parse(from, Place::Unsubscribe)?;
    }
    let mut filters = Vec::new();
    while !from.is_empty() {
        filters.push(from.text()?.to_owned());
    }
    if filters.is_empty() {
        return Err(WireError::Protocol("UNSUBSCRIBE without a topic filter"));
    }
    Ok(Unsubscribe { packet_id, filters })
}

fn disconnect(from: &mut Reader<'_>, version: Version) -> Result<Disconnect, WireError> {
    match version {
        Version::V311 => Ok(Disconnect::because(ReasonCode::Success)),
        Version::V5 => {
            let (reason, said) = reason(from, Place::Disconnect)?;
            let session_expiry = said.session_expiry;
            Ok(Disconnect { session_expiry, ..Disconnect::because(reason) })
        }
    }
}

fn auth(from: &mut Reader<'_>) -> Result<ClientPacket, WireError> {
    reason(from, Place::Auth)?;
    Ok(ClientPacket::Auth)
}
