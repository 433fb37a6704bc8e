//! Who comes and goes, told on `$aws/events/…` in the words of AWS IoT Core's lifecycle events.

use lns_broker::{Presence, PresenceEvent, Publishing, ReasonCode};
use serde::Serialize;

use crate::broker::{Message, convert};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thing_name: Option<&'a str>,
    timestamp: i64,
    event_type: &'static str,
    session_identifier: String,
    principal_identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_initiated_disconnect: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_reason: Option<&'static str>,
    version_number: u64,
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
    let (initiated, reason) = match &presence.event {
        PresenceEvent::Disconnected(why) => (Some(why.is_client_initiated()), Some(why.name())),
        PresenceEvent::ConnectFailed(why) => (None, Some(why_not(*why))),
        PresenceEvent::Connected
        | PresenceEvent::Subscribed(_)
        | PresenceEvent::Unsubscribed(_) => (None, None),
    };
    let topics = match &presence.event {
        PresenceEvent::Subscribed(topics) | PresenceEvent::Unsubscribed(topics) => {
            Some(topics.iter().map(|topic| &**topic).collect())
        }
        PresenceEvent::Connected
        | PresenceEvent::Disconnected(_)
        | PresenceEvent::ConnectFailed(_) => None,
    };
    let body = Body {
        client_id: &peer.client_id,
        thing_name: peer.thing.as_deref(),
        timestamp: presence.at.micros() / 1000,
        event_type: name,
        session_identifier: format!("{:032x}", presence.connection.0),
        principal_identifier: peer.principal.as_deref().unwrap_or_default(),
        ip_address: peer.address.map(|address| address.ip().to_canonical().to_string()),
        client_initiated_disconnect: initiated,
        disconnect_reason: reason,
        version_number: presence.version_number,
        topics,
    };
    let topic = format!("$aws/events/{kind}/{name}/{}", peer.client_id);
    let body = serde_json::to_vec(&body).expect("texts and numbers are JSON");
    Some(convert::publishing(Message::new(topic, body), None))
}

fn why_not(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::BadUserNameOrPassword | ReasonCode::BadAuthenticationMethod => "AUTH_ERROR",
        ReasonCode::NotAuthorized | ReasonCode::Banned => "FORBIDDEN_ACCESS",
        ReasonCode::QuotaExceeded | ReasonCode::ServerBusy => "THROTTLED",
        ReasonCode::ServerUnavailable | ReasonCode::UnspecifiedError => "SERVER_ERROR",
        _ => "CLIENT_ERROR",
    }
}
