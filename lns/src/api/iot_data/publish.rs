//! Publishing over HTTPS, for who has a message and no MQTT client.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lns_broker::ReasonCode;
use lns_pipeline::policy::Action;
use serde_json::Value;

use super::stopped;
use super::topic::Topic;
use crate::api::params::Params;
use crate::api::who::Who;
use crate::api::{Answer, ApiError, ApiState, ErrorType, Peer, Shared, operation};
use crate::broker::{Broker, Client, Message, Properties, QoS, Ticket};
use crate::identity::may_publish;

/// How long the broker may take; most of it would be a room of the server that is busy.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a broker that has no room is asked again.
const RETRY: Duration = Duration::from_millis(5);

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new().route("/topics/{*topic}", operation(post(publish)))
}

/// Publish. Answered when the broker has taken responsibility, at QoS 0 as at QoS 1.
async fn publish(
    State(state): Shared,
    (Topic(topic), who, peer): (Topic, Who, Peer),
    params: Params,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let message = message(topic, params, &headers, body)?;
    who.may(Action::Publish, &message.topic)?;
    if message.retain {
        who.may(Action::RetainPublish, &message.topic)?;
    }
    let broker = &state.surroundings.broker;
    let publish = async {
        match broker.embedded() {
            Some(embedded) => {
                let client = client(&who, &peer);
                let taken = embedded.publish_for(client, message).await.map_err(stopped)?;
                taken.map_err(refused)
            }
            None => hand_over(&**broker, message).await,
        }
    };
    match tokio::time::timeout(PATIENCE, publish).await {
        Ok(done) => done.map(|()| StatusCode::OK.into_response()),
        Err(_) => Err(late()),
    }
}

/// Who publishes, for whoever hears it.
fn client(who: &Who, peer: &Peer) -> Client {
    Client {
        client_id: "".into(),
        principal: who.principal(),
        address: Some(peer.address),
        thing: None,
    }
}

/// The broker's word for why it does not take a message.
fn refused(reason: ReasonCode) -> ApiError {
    let why = reason.words().unwrap_or(reason.name());
    ApiError::validation(format!("the broker does not take the message: {why}"))
}

fn late() -> ApiError {
    let why = "the broker has not taken the message in time; it may still do so";
    ApiError::new(ErrorType::Throttling, why)
}

/// Hands it to another broker, and waits until that has acknowledged it.
async fn hand_over(broker: &dyn Broker, message: Message) -> Result<(), ApiError> {
    let (say, said) = tokio::sync::oneshot::channel();
    let say = parking_lot::Mutex::new(Some(say));
    let ticket = Ticket::new(
        0,
        Arc::new(move |_| {
            // Who asked may have gone; what was published is published.
            let _ = say.lock().take().map(|say| say.send(()));
        }),
    );
    let mut next = (message, ticket);
    while let Err(busy) = broker.publish(next.0, next.1) {
        next = (busy.message, busy.ticket);
        tokio::time::sleep(RETRY).await;
    }
    said.await.map_err(|_| late())
}

fn message(
    topic: String,
    mut params: Params,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Message, ApiError> {
    check_topic(&topic)?;
    let qos = match params.word("qos", &["0", "1"])?.as_deref() {
        Some("1") => QoS::AtLeastOnce,
        _ => QoS::AtMostOnce,
    };
    let retain = params.word("retain", &["true", "false"])?.as_deref() == Some("true");
    let expiry = params.take("messageExpiry")?.map(|text| {
        text.parse::<u32>()
            .map_err(|_| ApiError::validation("messageExpiry: it is not a whole number of seconds"))
    });
    let expiry = expiry.transpose()?.filter(|seconds| *seconds > 0);
    let properties = Properties { expiry, ..properties(&mut params, headers)? };
    params.finish()?;
    let properties = (properties != Properties::default()).then(|| Box::new(properties));
    Ok(Message { qos, retain, properties, ..Message::new(topic, body) })
}

/// Refuses what is no topic, and what is the server's own.
pub(super) fn check_topic(topic: &str) -> Result<(), ApiError> {
    if topic.is_empty() || topic.contains(['+', '#', '\0']) {
        return Err(ApiError::validation("topic: it is empty, or has +, # or NUL in it"));
    }
    if !may_publish(topic) {
        let why = format!("the topic {topic:?} is the server's own; choose another");
        return Err(ApiError::new(ErrorType::AccessDenied, why));
    }
    Ok(())
}

/// The properties of MQTT 5 in a request; the expiry is not among them.
pub(super) fn properties(params: &mut Params, headers: &HeaderMap) -> Result<Properties, ApiError> {
    let said = |name: &'static str| {
        let value = headers.get(name)?.to_str();
        Some(value.map_err(|_| ApiError::validation(format!("{name}: it is not ASCII"))))
    };
    let is_utf8 = match said("x-amz-mqtt5-payload-format-indicator").transpose()? {
        None => None,
        Some("UTF8_DATA") => Some(true),
        Some("UNSPECIFIED_BYTES") => Some(false),
        Some(_) => {
            let why = "payloadFormatIndicator: it is neither UNSPECIFIED_BYTES nor UTF8_DATA";
            return Err(ApiError::validation(why));
        }
    };
    let correlation = said("x-amz-mqtt5-correlation-data").transpose()?;
    let user = said("x-amz-mqtt5-user-properties").transpose()?;
    let properties = Properties {
        is_utf8,
        expiry: None,
        content_type: params.take("contentType")?,
        response_topic: params.take("responseTopic")?,
        correlation: correlation.map(|text| decoded("correlationData", text)).transpose()?,
        user: user.map(user_properties).transpose()?.unwrap_or_default(),
    };
    let too_long = [&properties.content_type, &properties.response_topic]
        .into_iter()
        .flatten()
        .any(|text| text.len() > usize::from(u16::MAX) || text.contains('\0'));
    if too_long
        || properties.response_topic.as_ref().is_some_and(|topic| topic.contains(['+', '#']))
    {
        let why = "contentType, responseTopic: one is too long for MQTT, or has a wildcard in it";
        return Err(ApiError::validation(why));
    }
    Ok(properties)
}

fn decoded(name: &str, text: &str) -> Result<Bytes, ApiError> {
    let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() <= usize::from(u16::MAX));
    let why = || ApiError::validation(format!("{name}: it is not Base64, or over 65535 bytes"));
    bytes.map(Into::into).ok_or_else(why)
}

/// Base64 of a JSON array of objects with one member each, which is a name and its value. Who gives
/// boto3 the array as a text gets a JSON text with the array in it.
fn user_properties(text: &str) -> Result<Vec<(String, String)>, ApiError> {
    let wrong = || {
        let why = "userProperties: it is not Base64 of JSON like [{\"name\": \"value\"}]";
        ApiError::validation(why)
    };
    let json: Value =
        serde_json::from_slice(&decoded("userProperties", text)?).map_err(|_| wrong())?;
    let json = match json {
        Value::String(text) => serde_json::from_str(&text).map_err(|_| wrong())?,
        json => json,
    };
    let objects = match json {
        Value::Array(objects) => objects,
        object @ Value::Object(_) => vec![object],
        _ => return Err(wrong()),
    };
    let mut pairs = Vec::new();
    for object in objects {
        let Value::Object(members) = object else { return Err(wrong()) };
        for (name, value) in members {
            let value = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            pairs.push((name, value));
        }
    }
    Ok(pairs)
}
