//! The service itself: where gateways point, and what is no operation.

use axum::extract::{OriginalUri, State};
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::common::json_of;
use super::params::Params;
use super::{Answer, ApiError, ErrorType, Shared};

/// GetServiceEndpoint. Gateways speak Semtech UDP here, so there is an LNS and no CUPS, and the
/// endpoint is `udp://`.
pub async fn endpoint(State(state): Shared, mut params: Params) -> Answer {
    let service = params.word("serviceType", &["LNS", "CUPS"])?;
    params.finish()?;
    if service.as_deref() == Some("CUPS") {
        return Err(ApiError::validation(
            "serviceType: CUPS is not offered; point a Semtech UDP packet forwarder to the LNS \
             endpoint",
        ));
    }
    let endpoint = &state.settings.gateway_endpoint;
    json_of(StatusCode::OK, json!({ "ServiceType": "LNS", "ServiceEndpoint": endpoint }))
}

/// Every path that is none of ours, AWS's other operations included.
pub async fn unknown(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    let path: String = uri.path().chars().take(256).collect();
    let message = format!("this server has no operation {method} {path}; see docs/HTTP.md");
    ApiError::new(ErrorType::UnknownOperation, message)
}

/// A path of ours with another method.
pub async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    let path: String = uri.path().chars().take(256).collect();
    let message = format!("this server has no operation {method} {path}; see docs/HTTP.md");
    ApiError::new(ErrorType::MethodNotAllowed, message)
}
