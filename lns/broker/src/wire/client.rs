//! What a client says to another broker, as bytes. MQTT 3.1.1 §3, MQTT 5.0 §3.

use bytes::{BufMut, BytesMut};

use super::encode::{Properties, header, length, put_text};
use super::kind;
use super::properties::Id;
use crate::{Message, Version};

/// What a CONNECT tells.
pub struct Opening<'a> {
    /// Which MQTT.
    pub version: Version,
    /// The client identifier.
    pub client_id: &'a str,
    /// User name and password.
    pub credentials: Option<(&'a str, &'a str)>,
    /// Seconds.
    pub keep_alive: u16,
    /// How many unacknowledged messages we take (MQTT 5).
    pub receive_maximum: u16,
    /// The largest packet we take (MQTT 5).
    pub maximum_packet_size: u32,
    /// Whether the session is left behind at the end; else it ends with the connection.
    pub kept: bool,
}

/// A session that never expires (MQTT 5.0 §3.1.2.11.2), as all kept ones of MQTT 3.1.1.
const FOR_EVER: u32 = u32::MAX;

/// CONNECT.
pub fn connect(opening: &Opening<'_>, out: &mut BytesMut) {
    let mut properties = Properties::default();
    if opening.version == Version::V5 {
        properties.u32(Id::SessionExpiry, opening.kept.then_some(FOR_EVER));
        properties.u16(Id::ReceiveMaximum, Some(opening.receive_maximum));
        properties.u32(Id::MaximumPacketSize, Some(opening.maximum_packet_size));
    }
    let (mut flags, mut size) = (u8::from(!opening.kept) << 1, 10 + 2 + opening.client_id.len());
    if let Some((username, password)) = opening.credentials {
        flags |= 0b1100_0000;
        size += 4 + username.len() + password.len();
    }
    let level = match opening.version {
        Version::V311 => 4,
        Version::V5 => {
            size += properties.size();
            5
        }
    };
    header(kind::CONNECT << 4, size, out);
    put_text("MQTT", out);
    out.put_slice(&[level, flags]);
    out.put_u16(opening.keep_alive);
    if opening.version == Version::V5 {
        properties.put(out);
    }
    put_text(opening.client_id, out);
    if let Some((username, password)) = opening.credentials {
        put_text(username, out);
        put_text(password, out);
    }
}

/// A PUBLISH at QoS 1.
pub struct Publishing<'a> {
    /// The message.
    pub message: &'a Message,
    /// Its packet identifier.
    pub packet: u16,
    /// Whether it may have been sent before.
    pub dup: bool,
}

impl Publishing<'_> {
    /// Writes it at the end of `out`, at QoS 1 whatever the message says. Texts of more than 64 KiB,
    /// which MQTT cannot say, are for the caller to keep away.
    pub fn put(&self, version: Version, out: &mut BytesMut) {
        let Self { message, packet, dup } = self;
        let properties = self.properties();
        let behind = if version == Version::V5 { properties.size() } else { 0 };
        let size = 2 + message.topic.len() + 2 + behind + message.payload.len();
        let flags = u8::from(*dup) << 3 | 0b0010 | u8::from(message.retain);
        header(kind::PUBLISH << 4 | flags, size, out);
        put_text(&message.topic, out);
        out.put_u16(*packet);
        if version == Version::V5 {
            properties.put(out);
        }
        out.put_slice(&message.payload);
    }

    fn properties(&self) -> Properties {
        let mut properties = Properties::default();
        properties.u32(Id::Expiry, self.message.expiry);
        let Some(given) = self.message.properties.as_deref() else { return properties };
        if let Some(text) = given.payload_is_text {
            properties.0.put_slice(&[Id::PayloadFormat as u8, u8::from(text)]);
        }
        properties.text(Id::ContentType, given.content_type.as_deref());
        properties.text(Id::ResponseTopic, given.response_topic.as_deref());
        if let Some(correlation) = &given.correlation_data {
            properties.0.put_u8(Id::Correlation as u8);
            properties.0.put_u16(length(correlation.len()));
            properties.0.put_slice(correlation);
        }
        for (name, value) in &given.user {
            properties.0.put_u8(Id::User as u8);
            put_text(name, &mut properties.0);
            put_text(value, &mut properties.0);
        }
        properties
    }
}

/// How a filter is subscribed to. MQTT 3.1.1 knows only the first.
#[derive(Clone, Copy)]
pub enum Wish {
    /// QoS 1, with what is retained.
    WithRetained,
    /// QoS 1, without what is retained (MQTT 5.0 §3.8.3.1).
    Fresh,
}

/// SUBSCRIBE at QoS 1; in MQTT 5 without what we publish ourselves (No Local).
pub fn subscribe(packet: u16, filters: &[(&str, Wish)], version: Version, out: &mut BytesMut) {
    let texts: usize = filters.iter().map(|(filter, _)| 3 + filter.len()).sum();
    begin(kind::SUBSCRIBE, packet, texts, (version, out));
    for (filter, wish) in filters {
        put_text(filter, out);
        out.put_u8(match (version, wish) {
            (Version::V311, Wish::WithRetained | Wish::Fresh) => 0b0000_0001,
            (Version::V5, Wish::WithRetained) => 0b0000_0101,
            (Version::V5, Wish::Fresh) => 0b0010_0101,
        });
    }
}

/// UNSUBSCRIBE.
pub fn unsubscribe(packet: u16, filters: &[&str], version: Version, out: &mut BytesMut) {
    let texts: usize = filters.iter().map(|filter| 2 + filter.len()).sum();
    begin(kind::UNSUBSCRIBE, packet, texts, (version, out));
    for filter in filters {
        put_text(filter, out);
    }
}

fn begin(kind: u8, packet: u16, texts: usize, (version, out): (Version, &mut BytesMut)) {
    let properties = usize::from(version == Version::V5);
    header(kind << 4 | 0b0010, 2 + properties + texts, out);
    out.put_u16(packet);
    out.put_bytes(0, properties);
}

/// PUBACK: success, which is said alike in both versions.
pub fn pub_ack(packet: u16, out: &mut BytesMut) {
    header(kind::PUBACK << 4, 2, out);
    out.put_u16(packet);
}

/// PINGREQ.
pub fn ping(out: &mut BytesMut) {
    out.put_slice(&[kind::PINGREQ << 4, 0]);
}

/// DISCONNECT, which is said alike in both versions when all is well.
pub fn disconnect(out: &mut BytesMut) {
    out.put_slice(&[kind::DISCONNECT << 4, 0]);
}
