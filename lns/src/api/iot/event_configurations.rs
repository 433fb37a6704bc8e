//! Which events of the registry are published on `$aws/events/…`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::reading::time;
use crate::api::common::json_of;
use crate::api::events::switch;
use crate::api::fields::{Fields, wrong};
use crate::api::{Answer, ApiState, Shared, operation};
use crate::registry::EventConfiguration;

/// The types that this server publishes.
const PUBLISHED: [&str; 6] = [
    "THING",
    "THING_GROUP",
    "THING_GROUP_HIERARCHY",
    "THING_GROUP_MEMBERSHIP",
    "THING_TYPE",
    "THING_TYPE_ASSOCIATION",
];

/// AWS's other types: they can be switched off, which they are.
const OTHERS: [&str; 5] = ["CA_CERTIFICATE", "CERTIFICATE", "JOB", "JOB_EXECUTION", "POLICY"];

/// The record of these switches.
const SUBJECT: &str = "iot";

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let methods = get(describe).merge(axum::routing::patch(update));
    Router::new().route("/event-configurations", operation(methods))
}

/// DescribeEventConfigurations.
async fn describe(State(state): Shared) -> Answer {
    let record = state.registry.find::<EventConfiguration>(&SUBJECT.to_owned());
    let is_on = |name: &str| record.as_ref().is_some_and(|record| record.enabled.contains(name));
    let types: Map<String, Value> = PUBLISHED
        .iter()
        .chain(&OTHERS)
        .map(|name| ((*name).to_owned(), json!({ "Enabled": is_on(name) })))
        .collect();
    let mut body = Map::new();
    body.insert("eventConfigurations".to_owned(), types.into());
    if let Some(record) = &record {
        body.insert("creationDate".to_owned(), time(record.created_at));
        body.insert("lastModifiedDate".to_owned(), time(record.modified_at));
    }
    json_of(StatusCode::OK, body)
}

/// UpdateEventConfigurations. Types that are not named stay as they are.
async fn update(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let types = fields.object("eventConfigurations")?;
    let mut types = fields.required("eventConfigurations", types)?;
    fields.finish()?;
    let mut switches = Vec::new();
    for name in PUBLISHED.iter().chain(&OTHERS) {
        let Some(mut configuration) = types.object(name)? else { continue };
        let on = configuration.flag("Enabled")?.unwrap_or(false);
        if on && OTHERS.contains(name) {
            let path = configuration.path("Enabled");
            return Err(wrong(&path, "this server publishes no such events"));
        }
        configuration.finish()?;
        switches.push(((*name).to_owned(), on));
    }
    types.finish()?;
    switch(&state, SUBJECT.to_owned(), switches).await?;
    json_of(StatusCode::OK, json!({}))
}
