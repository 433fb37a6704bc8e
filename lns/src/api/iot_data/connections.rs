//! Clients of MQTT: is one connected, to what has it subscribed, away with it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use lns_pipeline::policy::Action;
use serde_json::{Value, json};

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

/// Also a client that has just gone with its session.
pub(in crate::api) async fn seen_or_gone(
    state: &ApiState,
    client_id: &str,
) -> Result<ConnectionSeen, ApiError> {
    let now = (state.surroundings.now)().micros();
    let gone = broker(state)?.departed(client_id, now).await.map_err(stopped)?;
    match seen(state, client_id).await {
        Err(error) if error.error_type == ErrorType::ResourceNotFound => gone.ok_or(error),
        seen => seen,
    }
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
    let seen = seen_or_gone(&state, &client_id).await?;
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
    if let Some(reason) = seen.disconnect_reason {
        body["disconnectReason"] = json!(reason);
    }
    if socket {
        put_ends(&mut body, &seen);
    }
    json_of(StatusCode::OK, body)
}

/// Shows the addresses of a connection.
pub(in crate::api) fn put_ends(body: &mut Value, seen: &ConnectionSeen) {
    let ends = [("source", seen.address), ("target", seen.entrance)];
    for (end, address) in ends.into_iter().filter(|_| seen.connected) {
        let Some(address) = address else { continue };
        body[format!("{end}Ip")] = json!(address.ip().to_canonical().to_string());
        body[format!("{end}Port")] = json!(address.port());
    }
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
