//! `/v1/topic-rules/{name}/dead-letters`: what a rule's actions could not do. `/v1/topic-rules/test`:
//! what a rule would make of a message.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use lns_pipeline::rule::Rule;
use serde_json::{Value, json};

use crate::api::common::json_of;
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, operation};

/// The dead letters of one answer.
const LISTED: usize = 100;

/// The rules of the running server.
pub trait TopicRules: Send + Sync + 'static {
    /// Whether this server can do all that a rule's actions want; else why not.
    fn check(&self, rule: &Rule) -> Result<(), String>;

    /// The registry's rules are in force when this returns. May block.
    fn follow(&self);

    /// A rule's dead letters, oldest first by action, at most so many, and how many there are.
    fn dead_letters(&self, rule: &str, most: usize) -> Result<(Vec<Value>, usize), String>;

    /// Deletes a rule's dead letters, and with `again` queues what they are about once more. Answers
    /// how many. May block.
    fn exhume(&self, rule: &str, again: bool) -> Result<usize, String>;

    /// What a rule would make of a message; `Err`: the rule is none.
    fn test(&self, rule: &Value, topic: &str, payload: &[u8]) -> Result<Value, String>;
}

pub(in crate::api) fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/v1/topic-rules/test", operation(post(test)))
        .route("/v1/topic-rules/{name}/dead-letters", operation(get(list).delete(purge)))
        .route("/v1/topic-rules/{name}/dead-letters/retry", operation(post(retry)))
}

fn failed(why: String) -> ApiError {
    ApiError::new(ErrorType::Internal, why)
}

async fn list(State(state): Shared, Label(name): Label, params: Params) -> Answer {
    params.finish()?;
    let found = state.surroundings.rules.dead_letters(&name, LISTED);
    let (letters, count) = found.map_err(failed)?;
    json_of(StatusCode::OK, json!({ "dead_letters": letters, "count": count }))
}

async fn purge(State(state): Shared, Label(name): Label, params: Params) -> Answer {
    params.finish()?;
    exhume(&state, name, false).await
}

async fn retry(State(state): Shared, Label(name): Label, params: Params) -> Answer {
    params.finish()?;
    exhume(&state, name, true).await
}

async fn exhume(state: &ApiState, name: String, again: bool) -> Answer {
    let rules = Arc::clone(&state.surroundings.rules);
    let done = tokio::task::spawn_blocking(move || rules.exhume(&name, again)).await;
    let count = done.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
    json_of(StatusCode::OK, json!({ "count": count }))
}

/// `{"rule": …, "topic": …, "payload": …}`: the rule as CreateTopicRule has it.
async fn test(State(state): Shared, body: Bytes) -> Answer {
    let wrong = |why: String| ApiError::validation(why);
    let asked: Value = serde_json::from_slice(&body)
        .map_err(|error| wrong(format!("the body is no JSON: {error}")))?;
    let topic = asked["topic"].as_str().unwrap_or_default();
    let payload = match &asked["payload"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let answer = state.surroundings.rules.test(&asked["rule"], topic, payload.as_bytes());
    json_of(StatusCode::OK, answer.map_err(wrong)?)
}
