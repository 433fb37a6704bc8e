//! `/tags` and `/untag`: tags of types, groups and rules.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::reading;
use crate::api::common::json_of;
use crate::api::fields::{Fields, text, wrong};
use crate::api::params::Params;
use crate::api::routing::Service;
use crate::api::tags::{Act, act_on};
use crate::api::{Answer, ApiError, ApiState, Shared, arn, operation};
use crate::registry::Kind;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/tags", operation(get(list).merge(post(tag))))
        .route("/untag", operation(post(untag)))
}

fn resource(fields: &mut Fields) -> Result<(Kind, String), ApiError> {
    let arn = fields.text("resourceArn", 0..=2048)?;
    arn::parse(Service::Iot, &fields.required("resourceArn", arn)?)
}

/// TagResource.
async fn tag(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let resource = resource(&mut fields)?;
    fields.required("tags", fields.has("tags").then_some(()))?;
    let tags = reading::tags(&mut fields)?;
    fields.finish()?;
    state.change(move |registry| act_on(registry, resource, Act::Add(tags))).await?;
    json_of(StatusCode::OK, json!({}))
}

/// UntagResource.
async fn untag(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let resource = resource(&mut fields)?;
    let keys = match fields.take("tagKeys") {
        Some(Value::Array(list)) => list
            .into_iter()
            .map(|key| text("tagKeys", key, &(1..=128)))
            .collect::<Result<Vec<String>, _>>()?,
        Some(_) | None => return Err(wrong("tagKeys", "it is not a list of keys")),
    };
    fields.finish()?;
    state.change(move |registry| act_on(registry, resource, Act::Drop(keys))).await?;
    json_of(StatusCode::OK, json!({}))
}

/// ListTagsForResource, all on one page.
async fn list(State(state): Shared, mut params: Params) -> Answer {
    let resource = arn::parse(Service::Iot, &params.required("resourceArn")?)?;
    params.take("nextToken")?;
    params.finish()?;
    let tags = act_on(&state.registry, resource, Act::Look)?;
    let list: Vec<Value> =
        tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    json_of(StatusCode::OK, json!({ "tags": list }))
}
