//! Reading what is retained.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lns_pipeline::policy::Action;
use serde_json::{Map, Value, json};

use super::topic::Topic;
use super::{broker, stopped};
use crate::api::common::json_of;
use crate::api::params::{Page, Params};
use crate::api::who::Who;
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, operation};
use crate::broker::Message;

/// The largest page.
const MOST: usize = 200;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/retainedMessage", operation(get(list)))
        .route("/retainedMessage/{*topic}", operation(get(show)))
}

/// GetRetainedMessage.
async fn show(State(state): Shared, who: Who, Topic(topic): Topic, params: Params) -> Answer {
    params.finish()?;
    who.may(Action::GetRetainedMessage, &topic)?;
    let (message, published_at) = retained_on(&state, &topic).await?.ok_or_else(|| {
        ApiError::new(ErrorType::ResourceNotFound, format!("nothing is retained on {topic}"))
    })?;
    let mut body = json!({
        "topic": topic,
        "payload": STANDARD.encode(&message.payload),
        "qos": message.qos.number(),
    });
    if let Some(at) = published_at {
        body["lastModifiedTime"] = (at / 1000).into();
    }
    let user = message.properties.map(|given| given.user).unwrap_or_default();
    if !user.is_empty() {
        let object = |(name, value)| Value::Object(Map::from_iter([(name, Value::String(value))]));
        let user: Vec<Value> = user.into_iter().map(object).collect();
        body["userProperties"] = STANDARD.encode(Value::Array(user).to_string()).into();
    }
    json_of(StatusCode::OK, body)
}

/// What is retained on a topic and since when, in microseconds, which another broker does not tell.
async fn retained_on(
    state: &ApiState,
    topic: &str,
) -> Result<Option<(Message, Option<i64>)>, ApiError> {
    if let Some(external) = state.surroundings.broker.external() {
        let asked = external.retained(topic).await;
        let failed = |why| {
            let why = format!("the MQTT broker was asked what is retained on {topic}: {why}");
            ApiError::new(ErrorType::Internal, why)
        };
        return Ok(asked.map_err(failed)?.map(|message| (message, None)));
    }
    let found = broker(state)?.retained(topic).await.map_err(stopped)?;
    Ok(found.map(|found| (found.message, Some(found.published_at))))
}

/// ListRetainedMessages.
async fn list(State(state): Shared, who: Who, mut params: Params) -> Answer {
    let Page { size, after, .. } = params.page_of(MOST)?;
    params.finish()?;
    who.may(Action::ListRetainedMessages, "*")?;
    let mut found = broker(&state)?.retained_after(after, size + 1).await.map_err(stopped)?;
    let more = found.len() > size;
    found.truncate(size);
    let summary = |one: &crate::broker::RetainedMessage| {
        json!({
            "topic": one.message.topic,
            "payloadSize": one.message.payload.len(),
            "qos": one.message.qos.number(),
            "lastModifiedTime": one.published_at / 1000,
        })
    };
    let mut body = json!({ "retainedTopics": found.iter().map(summary).collect::<Vec<_>>() });
    if let (true, Some(last)) = (more, found.last()) {
        body["nextToken"] = Page::token(&last.message.topic).into();
    }
    json_of(StatusCode::OK, body)
}
