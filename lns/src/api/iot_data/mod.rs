//! AWS's `iot-data`: what is done with things while they run, in camelCase.
//!
//! A file has the operations on one subject and lists their paths in its own `routes`; adding one is
//! a line here. Operations refuse with an [`ApiError`](super::ApiError), which the
//! [dialect](super::dialect) says in this service's words.

mod shadows;

use std::sync::Arc;

use axum::Router;

use super::ApiState;

/// The paths of all operations.
pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new().merge(shadows::routes())
}
