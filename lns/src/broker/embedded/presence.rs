//! Who comes and goes, told on `$aws/events/…` in the words of AWS IoT Core's lifecycle events.

use lns_broker::{Presence, PresenceEvent, Publishing, ReasonCode};
use serde::Serialize;
use uuid::Uuid;

use crate::broker::{Message, convert};

/// Which of them are there depends on the event, and follows AWS's developer guide (*Lifecycle events*).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thing_name: Option<&'a str>,
    timestamp: i64,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_failure_reason: Option<&'static str>,
    session_identifier: String,
    principal_identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_initiated_disconnect: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topics: Option<Vec<&'a str>>,
}

/// The event as a message; `None` for a client whose identifier cannot be a level of a topic.
pub(super) fn event(presence: &Presence) -> Option<Publishing> {
    let peer = &presence.peer;
    if peer.client_id.is_empty() || peer.client_id.contains(['+', '#', '/']) {
        return None;
    }
    let (kind, name) = match &presence.event {
        PresenceEvent::Connected => ("presence", "connected"),
        PresenceEvent::Disconnected(_) => ("presence", "disconnected"),
        PresenceEvent::ConnectFailed(_) => ("presence", "connect_failed"),
        PresenceEvent::Subscribed(_) => ("subscriptions", "subscribed"),
        PresenceEvent::Unsubscribed(_) => ("subscriptions", "unsubscribed"),
    };
    let mut body = Body {
        client_id: &peer.client_id,
        thing_name: peer.thing.as_deref(),
        timestamp: presence.at.micros() / 1000,
        event_type: name,
        connect_failure_reason: None,
        session_identifier: Uuid::from_u64_pair(0, presence.connection.0).to_string(),
        principal_identifier: peer.principal.as_deref().unwrap_or_default(),
        ip_address: None,
        client_initiated_disconnect: None,
        disconnect_reason: None,
        version_number: None,
        topics: None,
    };
    let address = || peer.address.map(|address| address.ip().to_canonical().to_string());
    match &presence.event {
        PresenceEvent::Connected => {
            body.ip_address = address();
            body.version_number = Some(presence.version_number);
        }
        PresenceEvent::Disconnected(why) => {
            body.client_initiated_disconnect = Some(why.is_client_initiated());
            body.disconnect_reason = Some(why.name());
            body.version_number = Some(presence.version_number);
        }
        PresenceEvent::ConnectFailed(why) => {
            body.ip_address = address();
            body.connect_failure_reason = Some(why_not(*why));
        }
        PresenceEvent::Subscribed(topics) | PresenceEvent::Unsubscribed(topics) => {
            body.topics = Some(topics.iter().map(|topic| &**topic).collect());
        }
    }
    let topic = format!("$aws/events/{kind}/{name}/{}", peer.client_id);
    let body = serde_json::to_vec(&body).expect("texts and numbers are JSON");
    Some(convert::publishing(Message::new(topic, body), None))
}

// DEPARTURE AWS IoT Core, lifecycle events — AWS knows AUTHORIZATION_FAILED alone: who cannot say who
// it is does not come as far as MQTT there. Here it does.
fn why_not(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::NotAuthorized | ReasonCode::Banned => "AUTHORIZATION_FAILED",
        ReasonCode::BadUserNameOrPassword | ReasonCode::BadAuthenticationMethod => {
            "AUTHENTICATION_FAILED"
        }
        ReasonCode::QuotaExceeded | ReasonCode::ServerBusy | ReasonCode::ConnectionRateExceeded => {
            "THROTTLED"
        }
        ReasonCode::ServerUnavailable | ReasonCode::UnspecifiedError => "SERVER_ERROR",
        _ => "CLIENT_ERROR",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lns_broker::{ConnectionId, DisconnectReason, Peer, Timestamp};
    use serde_json::{Value, json};

    use super::*;

    fn told(client_id: &str, event: PresenceEvent) -> Option<(String, Value)> {
        let peer = Peer {
            client_id: client_id.into(),
            principal: Some("12ab".into()),
            address: Some(([192, 0, 2, 1], 4711).into()),
            thing: Some("pump".into()),
        };
        let at = Timestamp::from_micros(1_573_002_230_757_999);
        let connection = ConnectionId(0xABCD);
        let told = super::event(&Presence {
            peer: Arc::new(peer),
            connection,
            at,
            version_number: 3,
            event,
        })?;
        let message = told.message;
        Some((message.topic.to_string(), serde_json::from_slice(&message.payload).unwrap()))
    }

    /// The structures of AWS's developer guide, *Lifecycle events*, with all of their fields and no
    /// others.
    #[test]
    fn each_event_has_the_fields_that_aws_gives_it() {
        let topics = || vec!["foo/bar".into(), "device/data".into()];
        let leaves = DisconnectReason::ClientInitiated;
        let refused = ReasonCode::NotAuthorized;
        for (event, topic, own) in [
            (
                PresenceEvent::Connected,
                "presence/connected",
                json!({ "ipAddress": "192.0.2.1", "versionNumber": 3 }),
            ),
            (
                PresenceEvent::Disconnected(leaves),
                "presence/disconnected",
                json!({ "clientInitiatedDisconnect": true,
                    "disconnectReason": "CLIENT_INITIATED_DISCONNECT", "versionNumber": 3 }),
            ),
            (
                PresenceEvent::ConnectFailed(refused),
                "presence/connect_failed",
                json!({ "connectFailureReason": "AUTHORIZATION_FAILED", "ipAddress": "192.0.2.1" }),
            ),
            (
                PresenceEvent::Subscribed(topics()),
                "subscriptions/subscribed",
                json!({ "topics": ["foo/bar", "device/data"] }),
            ),
            (
                PresenceEvent::Unsubscribed(topics()),
                "subscriptions/unsubscribed",
                json!({ "topics": ["foo/bar", "device/data"] }),
            ),
        ] {
            let mut expected = json!({ "clientId": "186b5", "thingName": "pump",
                "timestamp": 1_573_002_230_757_i64, "eventType": topic.split_once('/').unwrap().1,
                "sessionIdentifier": "00000000-0000-0000-0000-00000000abcd",
                "principalIdentifier": "12ab" });
            let more = own.as_object().unwrap().clone();
            expected.as_object_mut().unwrap().extend(more);
            let told = told("186b5", event).unwrap();
            assert_eq!(told, (format!("$aws/events/{topic}/186b5"), expected));
        }
    }

    #[test]
    fn a_client_whose_identifier_is_no_level_of_a_topic_is_not_told_of() {
        for client_id in ["", "a+", "#", "a/b"] {
            assert_eq!(told(client_id, PresenceEvent::Connected), None, "{client_id}");
        }
    }
}
