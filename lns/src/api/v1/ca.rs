//! `/v1/ca`: the certificate of the server's own authority, for clients to trust.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::api::{Answer, ApiState, Shared, operation};

pub fn routes() -> Router<Arc<ApiState>> {
    Router::new().route("/v1/ca", operation(get(show)))
}

/// The certificate, in PEM.
async fn show(State(state): Shared) -> Answer {
    let pem = state.certify(|_, authority| Ok(authority.pem().to_owned())).await?;
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], pem).into_response())
}
