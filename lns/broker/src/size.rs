//! How many bytes a PUBLISH takes on the wire, so that none is sent that its client would refuse.

use crate::message::Message;
use crate::packet::{Identifiers, TopicAlias, Version};

/// Bytes of a variable byte integer (MQTT 5.0 §1.5.5).
const fn variable(value: usize) -> usize {
    match value {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

/// Bytes of a text or of binary data with its length.
const fn sized(length: usize) -> usize {
    2 + length
}

/// What of a delivery is not in its message.
pub(crate) struct Shape<'a> {
    pub version: Version,
    pub has_packet_id: bool,
    pub has_expiry: bool,
    pub alias: Option<TopicAlias>,
    pub identifiers: &'a Identifiers,
}

/// Bytes of the whole packet (MQTT 5.0 §3.3, MQTT 3.1.1 §3.3).
pub(crate) fn publish(message: &Message, shape: &Shape<'_>) -> usize {
    let topic = if shape.alias.is_some_and(|alias| alias.known) { 0 } else { message.topic.len() };
    let mut rest = sized(topic) + message.payload.len();
    rest += if shape.has_packet_id { 2 } else { 0 };
    if shape.version == Version::V5 {
        let properties = properties(message, shape);
        rest += variable(properties) + properties;
    }
    1 + variable(rest) + rest
}

fn properties(message: &Message, shape: &Shape<'_>) -> usize {
    let mut bytes = 0;
    bytes += if shape.has_expiry { 5 } else { 0 };
    bytes += if shape.alias.is_some() { 3 } else { 0 };
    for identifier in shape.identifiers.as_slice() {
        bytes += 1 + variable(*identifier as usize);
    }
    let Some(properties) = &message.properties else { return bytes };
    bytes += if properties.payload_is_text.is_some() { 2 } else { 0 };
    let texts = [&properties.content_type, &properties.response_topic];
    bytes += texts.into_iter().flatten().map(|text| 1 + sized(text.len())).sum::<usize>();
    bytes += properties.correlation_data.as_ref().map_or(0, |data| 1 + sized(data.len()));
    let pairs = properties.user.iter();
    bytes + pairs.map(|(name, value)| 1 + sized(name.len()) + sized(value.len())).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Properties, Qos};

    fn shape(version: Version, identifiers: &Identifiers) -> Shape<'_> {
        Shape { version, has_packet_id: true, has_expiry: false, alias: None, identifiers }
    }

    #[test]
    fn a_publish_of_3_1_1_has_the_size_of_the_standards_example() {
        // Topic a/b, packet identifier 10, no payload: MQTT 3.1.1 Figure 3.11 has 7 bytes after the
        // fixed header of 2.
        let message = Message::new("a/b", "", Qos::AtLeastOnce);
        assert_eq!(publish(&message, &shape(Version::V311, &Identifiers::None)), 9);
        assert_eq!(publish(&message, &shape(Version::V5, &Identifiers::None)), 10);
    }

    #[test]
    fn every_property_counts() {
        let mut message = Message::new("a/b", vec![0; 200], Qos::AtLeastOnce);
        message.properties = Some(Box::new(Properties {
            payload_is_text: Some(true),
            content_type: Some("t".into()),
            response_topic: Some("r".into()),
            correlation_data: Some("c".into()),
            user: vec![("n".into(), "v".into())],
        }));
        let identifiers = Identifiers::Many(Box::new([1, 300]));
        let mut shape = shape(Version::V5, &identifiers);
        shape.has_expiry = true;
        shape.alias = Some(TopicAlias { number: 1, known: true });
        // 2 indicator, 4 + 4 + 4 texts and data, 7 user, 5 expiry, 3 alias, 2 + 3 identifiers.
        let properties = 2 + 12 + 7 + 5 + 3 + 5;
        assert_eq!(publish(&message, &shape), 1 + 2 + 2 + 2 + 1 + properties + 200);
    }
}
