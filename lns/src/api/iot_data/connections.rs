//! Clients of MQTT: is one connected, to what has it subscribed, away with it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use lns_pipeline::policy::Action;
use serde_json::json;

use super::{broker, flag, stopped};
use crate::api::common::json_of;
use crate::api::params::{Label, Page, Params};
use crate::api::who::Who;
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, operation};
use crate::broker::ConnectionSeen;

/// The largest page.
const MOST: usize = 200;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/connections/{client_id}", operation(get(show).delete(remove)))
        .route("/connections/{client_id}/subscriptions", operation(get(subscriptions)))
}

async fn seen(state: &ApiState, client_id: &str) -> Result<ConnectionSeen, ApiError> {
    let seen = broker(state)?.connection(client_id).await.map_err(stopped)?;
    seen.ok_or_else(|| {
        let why = format!("{client_id} is not connected, and has no session");
        ApiError::new(ErrorType::ResourceNotFound, why)
    })
}

/// GetConnection.
async fn show(
    State(state): Shared,
    who: Who,
    Label(client_id): Label,
    mut params: Params,
) -> Answer {
    let socket = flag(&mut params, "includeSocketInformation")?;
    params.finish()?;
    who.may(Action::GetConnection, &client_id)?;
    let seen = seen(&state, &client_id).await?;
    let mut body = json!({
        "clientId": client_id,
        "connected": seen.connected,
        "cleanSession": !seen.keeps_session,
        "sessionExpiry": seen.session_expiry,
    });
    if let Some(thing) = &seen.thing {
        body["thingName"] = json!(thing);
    }
    if let Some((at, keep_alive)) = seen.connected_since {
        body["connectedSince"] = json!(at / 1000);
        body["keepAliveDuration"] = json!(keep_alive);
    }
    if let Some(at) = seen.disconnected_at {
        body["disconnectedSince"] = json!(at / 1000);
    }
    if let Some(address) = seen.address.filter(|_| socket && seen.connected) {
        body["sourceIp"] = json!(address.ip().to_canonical().to_string());
        body["sourcePort"] = json!(address.port());
    }
    json_of(StatusCode::OK, body)
}

/// DeleteConnection.
async fn remove(
    State(state): Shared,
    who: Who,
    Label(client_id): Label,
    mut params: Params,
) -> Answer {
    let clean_session = flag(&mut params, "cleanSession")?;
    let prevent_will = flag(&mut params, "preventWillMessage")?;
    params.finish()?;
    who.may(Action::DeleteConnection, &client_id)?;
    seen(&state, &client_id).await?;
    let how = (clean_session, prevent_will);
    broker(&state)?.disconnect(&client_id, how).await.map_err(stopped)?;
    Ok(StatusCode::OK.into_response())
}

/// ListSubscriptions.
async fn subscriptions(
    State(state): Shared,
    who: Who,
    Label(client_id): Label,
    mut params: Params,
) -> Answer {
    let Page { size, after, .. } = params.page_of(MOST)?;
    params.finish()?;
    who.may(Action::ListSubscriptions, &client_id)?;
    let seen = seen(&state, &client_id).await?;
    let behind = |filter: &str| after.as_deref().is_none_or(|after| filter > after);
    let mut filters: Vec<_> = seen.filters.iter().filter(|one| behind(&one.filter)).collect();
    filters.sort_by(|one, other| one.filter.cmp(&other.filter));
    let more = filters.len() > size;
    filters.truncate(size);
    let summary = |one: &&crate::broker::Subscribed| json!({ "topicFilter": one.filter, "qos": one.qos.number() });
    let mut body = json!({ "subscriptions": filters.iter().map(summary).collect::<Vec<_>>() });
    if let (true, Some(last)) = (more, filters.last()) {
        body["nextToken"] = Page::token(&last.filter).into();
    }
    json_of(StatusCode::OK, body)
}
