//! Our messages as the core's, and back.

use lns_broker::{Publishing, Qos, Receipt};

use super::{Message, Properties, QoS};

/// A message of the server's own.
pub(super) fn publishing(message: Message, receipt: Option<Receipt>) -> Publishing {
    let hops = message.hops;
    let qos = match message.qos {
        QoS::AtMostOnce => Qos::AtMostOnce,
        QoS::AtLeastOnce => Qos::AtLeastOnce,
        QoS::ExactlyOnce => Qos::ExactlyOnce,
    };
    let expiry = message.properties.as_ref().and_then(|given| given.expiry);
    let properties = message.properties.map(|given| lns_broker::Properties {
        payload_is_text: given.is_utf8,
        content_type: given.content_type,
        response_topic: given.response_topic,
        correlation_data: given.correlation,
        user: given.user,
    });
    let message = lns_broker::Message {
        retain: message.retain,
        expiry,
        properties: properties.filter(|given| !given.is_empty()).map(Box::new),
        ..lns_broker::Message::new(message.topic, message.payload, qos)
    };
    Publishing { message, hops, on_behalf: None, receipt }
}

/// What rooms of the server hear.
pub(super) fn message(from: &lns_broker::Message, origin: &lns_broker::Origin) -> Message {
    let given = from.properties.as_deref();
    let has_any = given.is_some() || from.expiry.is_some();
    let properties = has_any.then(|| {
        let given = given.cloned().unwrap_or_default();
        Box::new(Properties {
            is_utf8: given.payload_is_text,
            expiry: from.expiry,
            content_type: given.content_type,
            response_topic: given.response_topic,
            correlation: given.correlation_data,
            user: given.user,
        })
    });
    Message {
        qos: qos(from.qos),
        retain: from.retain,
        hops: match origin {
            lns_broker::Origin::Server { hops } => *hops,
            lns_broker::Origin::Client(_) => 0,
        },
        properties,
        ..Message::new(&*from.topic, from.payload.clone())
    }
}

/// The core's word for it as ours.
pub(super) fn qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}
