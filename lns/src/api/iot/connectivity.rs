//! Whether a thing is connected, as far as its client calls itself by the thing's name.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use lns_lorawan::Timestamp;
use serde_json::json;

use super::reading::{is_missing, time};
use crate::api::common::json_of;
use crate::api::fields::Fields;
use crate::api::iot_data::connections::{put_ends, seen_or_gone};
use crate::api::params::Label;
use crate::api::{Answer, ApiState, Shared, operation};
use crate::registry::Thing;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new().route("/things/{name}/connectivity-data", operation(post(show)))
}

/// GetThingConnectivityData.
async fn show(State(state): Shared, Label(name): Label, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let socket = fields.flag("includeSocketInformation")?.unwrap_or(false);
    fields.finish()?;
    state.registry.require::<Thing>(&name)?;
    let seen = match seen_or_gone(&state, &name).await {
        Ok(seen) => seen,
        Err(error) if is_missing(&error) => {
            let never = json!({
                "thingName": name, "connected": false, "disconnectReason": "UNKNOWN",
            });
            return json_of(StatusCode::OK, never);
        }
        Err(error) => return Err(error),
    };
    let mut body = json!({
        "thingName": name,
        "clientId": name,
        "connected": seen.connected,
        "cleanSession": !seen.keeps_session,
        "sessionExpiry": seen.session_expiry,
    });
    let connected = seen.connected_since.map(|(at, _)| at);
    if let Some(at) = connected.or(seen.disconnected_at) {
        body["timestamp"] = time(Timestamp::from_micros(at));
    }
    if let Some((_, keep_alive)) = seen.connected_since {
        body["keepAliveDuration"] = json!(keep_alive);
    }
    if !seen.connected {
        body["disconnectReason"] = json!(seen.disconnect_reason.unwrap_or("UNKNOWN"));
    }
    if socket {
        put_ends(&mut body, &seen);
    }
    json_of(StatusCode::OK, body)
}
