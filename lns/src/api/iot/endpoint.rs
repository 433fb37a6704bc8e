//! DescribeEndpoint: where the other services are, which is here.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::{StatusCode, Uri, header};
use axum::routing::get;
use serde_json::json;

use crate::api::common::json_of;
use crate::api::params::Params;
use crate::api::{Answer, ApiError, ApiState, Shared, operation};

/// The kinds of endpoint that AWS has.
const TYPES: [&str; 4] = ["iot:Data", "iot:Data-ATS", "iot:CredentialProvider", "iot:Jobs"];

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new().route("/endpoint", operation(get(describe)))
}

/// DescribeEndpoint. All services share one address, so it is the one that is configured, else the
/// one that the client has used, with its port.
async fn describe(
    State(state): Shared,
    headers: HeaderMap,
    uri: Uri,
    mut params: Params,
) -> Answer {
    params.word("endpointType", &TYPES)?;
    params.finish()?;
    let known = state.settings.public_authority.as_deref();
    let host = known.or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let address = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    let address = address.ok_or_else(|| {
        ApiError::validation("Host: the request lacks it, and it is what this operation tells")
    })?;
    json_of(StatusCode::OK, json!({ "endpointAddress": address }))
}
