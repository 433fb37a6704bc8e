//! What the broker says, as bytes. MQTT 3.1.1 §3, MQTT 5.0 §3.

use crate::{Ack, ConnAck, Delivery, Disconnect, Qos, ReasonCode, ServerPacket, SubAck, Version};
use bytes::{BufMut, BytesMut};

use super::kind;
use super::properties::Id;

/// Writes `packet` at the end of `out`.
pub fn build(packet: &ServerPacket, version: Version, out: &mut BytesMut) {
    match packet {
        ServerPacket::ConnAck(ack) => conn_ack(ack, version, out),
        ServerPacket::Publish(delivery) => publish(delivery, version, out),
        ServerPacket::PubAck(given) => ack(kind::PUBACK << 4, given, version, out),
        ServerPacket::PubRec(given) => ack(kind::PUBREC << 4, given, version, out),
        ServerPacket::PubRel(given) => ack(kind::PUBREL << 4 | 0b0010, given, version, out),
        ServerPacket::PubComp(given) => ack(kind::PUBCOMP << 4, given, version, out),
        ServerPacket::SubAck(given) => sub_ack(kind::SUBACK, given, version, out),
        ServerPacket::UnsubAck(given) => sub_ack(kind::UNSUBACK, given, version, out),
        ServerPacket::PingResp => out.put_slice(&[kind::PINGRESP << 4, 0]),
        ServerPacket::Disconnect(given) => disconnect(given, version, out),
    }
}

/// The answer to a CONNECT that could not be read.
pub fn refusal(reason: ReasonCode, version: Version, out: &mut BytesMut) {
    match version {
        Version::V311 => {
            out.put_slice(&[kind::CONNACK << 4, 2, 0, reason.connect_return_code()]);
        }
        Version::V5 => out.put_slice(&[kind::CONNACK << 4, 3, 0, reason.code(), 0]),
    }
}

fn conn_ack(ack: &ConnAck, version: Version, out: &mut BytesMut) {
    let present = u8::from(ack.session_present);
    if version == Version::V311 {
        return out.put_slice(&[kind::CONNACK << 4, 2, present, ack.reason.connect_return_code()]);
    }
    let mut properties = Properties::default();
    properties.u32(Id::SessionExpiry, ack.session_expiry);
    properties.u16(Id::ReceiveMaximum, ack.receive_maximum);
    properties.u32(Id::MaximumPacketSize, ack.maximum_packet_size);
    properties.text(Id::AssignedName, ack.assigned_client_id.as_deref());
    properties.u16(Id::TopicAliasMaximum, ack.topic_alias_maximum);
    properties.u16(Id::ServerKeepAlive, ack.server_keep_alive);
    properties.text(Id::Reason, ack.reason_string);
    header(kind::CONNACK << 4, 2 + properties.size(), out);
    out.put_slice(&[present, ack.reason.code()]);
    properties.put(out);
}

fn publish(delivery: &Delivery, version: Version, out: &mut BytesMut) {
    let topic = delivery.topic();
    let mut properties = Properties::default();
    if version == Version::V5 {
        of_message(delivery, &mut properties);
    }
    let id = if delivery.packet_id.is_some() { 2 } else { 0 };
    let properties_size = if version == Version::V5 { properties.size() } else { 0 };
    let size = 2 + topic.len() + id + properties_size + delivery.payload().len();
    let qos = match delivery.qos {
        Qos::AtMostOnce => 0,
        Qos::AtLeastOnce => 0b0010,
        Qos::ExactlyOnce => 0b0100,
    };
    let (dup, retain) = (u8::from(delivery.dup) << 3, u8::from(delivery.retain));
    header(kind::PUBLISH << 4 | dup | qos | retain, size, out);
    put_text(topic, out);
    if let Some(id) = delivery.packet_id {
        out.put_u16(id.get());
    }
    if version == Version::V5 {
        properties.put(out);
    }
    out.put_slice(delivery.payload());
}

fn of_message(delivery: &Delivery, properties: &mut Properties) {
    properties.u32(Id::Expiry, delivery.expiry);
    properties.u16(Id::TopicAlias, delivery.alias.map(|alias| alias.number));
    for identifier in delivery.subscription_identifiers.as_slice() {
        properties.0.put_u8(Id::Subscription as u8);
        put_varint(*identifier as usize, &mut properties.0);
    }
    let Some(given) = delivery.properties() else { return };
    if let Some(text) = given.payload_is_text {
        properties.0.put_slice(&[Id::PayloadFormat as u8, u8::from(text)]);
    }
    properties.text(Id::ContentType, given.content_type.as_deref());
    properties.text(Id::ResponseTopic, given.response_topic.as_deref());
    if let Some(data) = &given.correlation_data {
        properties.0.put_u8(Id::Correlation as u8);
        properties.0.put_u16(length(data.len()));
        properties.0.put_slice(data);
    }
    for (name, value) in &given.user {
        properties.0.put_u8(Id::User as u8);
        put_text(name, &mut properties.0);
        put_text(value, &mut properties.0);
    }
}

fn ack(first: u8, given: &Ack, version: Version, out: &mut BytesMut) {
    let short = version == Version::V311
        || (given.reason == ReasonCode::Success && given.reason_string.is_none());
    if short {
        header(first, 2, out);
        return out.put_u16(given.packet_id.get());
    }
    let mut properties = Properties::default();
    properties.text(Id::Reason, given.reason_string);
    header(first, 3 + properties.size(), out);
    out.put_u16(given.packet_id.get());
    out.put_u8(given.reason.code());
    properties.put(out);
}

fn sub_ack(kind: u8, given: &SubAck, version: Version, out: &mut BytesMut) {
    let reasons = given.reasons.iter();
    if version == Version::V311 {
        let codes = if kind == kind::SUBACK { given.reasons.len() } else { 0 };
        header(kind << 4, 2 + codes, out);
        out.put_u16(given.packet_id.get());
        return reasons.take(codes).for_each(|reason| out.put_u8(reason.subscribe_return_code()));
    }
    let mut properties = Properties::default();
    properties.text(Id::Reason, given.reason_string);
    header(kind << 4, 2 + properties.size() + given.reasons.len(), out);
    out.put_u16(given.packet_id.get());
    properties.put(out);
    reasons.for_each(|reason| out.put_u8(reason.code()));
}

/// MQTT 3.1.1 has no DISCONNECT from the server: there the end of the connection says it.
fn disconnect(given: &Disconnect, version: Version, out: &mut BytesMut) {
    if version == Version::V311 {
        return;
    }
    let mut properties = Properties::default();
    properties.text(Id::Reason, given.reason_string);
    header(kind::DISCONNECT << 4, 1 + properties.size(), out);
    out.put_u8(given.reason.code());
    properties.put(out);
}

/// Properties, as bytes.
#[derive(Default)]
pub(super) struct Properties(pub(super) BytesMut);

impl Properties {
    pub(super) fn u16(&mut self, id: Id, value: Option<u16>) {
        if let Some(value) = value {
            self.0.put_u8(id as u8);
            self.0.put_u16(value);
        }
    }

    pub(super) fn u32(&mut self, id: Id, value: Option<u32>) {
        if let Some(value) = value {
            self.0.put_u8(id as u8);
            self.0.put_u32(value);
        }
    }

    pub(super) fn text(&mut self, id: Id, value: Option<&str>) {
        if let Some(value) = value {
            self.0.put_u8(id as u8);
            put_text(value, &mut self.0);
        }
    }

    /// With their length before them.
    pub(super) fn size(&self) -> usize {
        self.0.len() + varint_size(self.0.len())
    }

    pub(super) fn put(self, out: &mut BytesMut) {
        put_varint(self.0.len(), out);
        out.put_slice(&self.0);
    }
}

pub(super) fn header(first: u8, size: usize, out: &mut BytesMut) {
    out.reserve(size + 5);
    out.put_u8(first);
    put_varint(size, out);
}

pub(super) fn put_text(text: &str, out: &mut BytesMut) {
    out.put_u16(length(text.len()));
    out.put_slice(text.as_bytes());
}

/// All texts here came in by the same two bytes of length, or are checked where they begin.
pub(super) fn length(length: usize) -> u16 {
    u16::try_from(length).expect("topics and properties are below 64 KiB")
}

pub(super) fn put_varint(mut value: usize, out: &mut BytesMut) {
    while value >= 0x80 {
        out.put_u8((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

fn varint_size(value: usize) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}
