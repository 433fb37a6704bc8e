//! AWS's `iot-data`: what is done with things while they run, in camelCase.
//!
//! A file has the operations on one subject and lists their paths in its own `routes`; adding one is
//! a line here. Operations refuse with an [`ApiError`](super::ApiError), which the
//! [dialect](super::dialect) says in this service's words.

pub(super) mod connections;
mod direct;
mod publish;
mod retained;
mod shadows;
mod topic;

use std::sync::Arc;

use axum::Router;

use super::params::Params;
use super::{ApiError, ApiState, ErrorType};
use crate::broker::{Embedded, Stopped};

/// The paths of all operations.
pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .merge(connections::routes())
        .merge(direct::routes())
        .merge(publish::routes())
        .merge(retained::routes())
        .merge(shadows::routes())
}

/// Our own broker: another can be asked for nothing but messages.
fn broker(state: &ApiState) -> Result<&Embedded, ApiError> {
    state.surroundings.broker.embedded().ok_or_else(|| {
        let why =
            "the server uses another MQTT broker, which cannot be asked; ask it by its own means";
        ApiError::validation(why)
    })
}

/// A parameter that is `true` or `false`; without it false.
fn flag(params: &mut Params, name: &str) -> Result<bool, ApiError> {
    Ok(params.word(name, &["true", "false"])?.as_deref() == Some("true"))
}

fn stopped(stopped: Stopped) -> ApiError {
    ApiError::new(ErrorType::Internal, stopped.to_string())
}
