//! AWS's `iot`: things, rules and what belongs to them, in camelCase.
//!
//! A file has the operations on one kind of resource and lists their paths in its own `routes`;
//! adding one is a line here. Operations refuse with an [`ApiError`](super::ApiError), which the
//! [dialect](super::dialect) says in this service's words.

mod authorities;
mod authorization;
mod certificates;
mod connectivity;
mod endpoint;
mod event_configurations;
mod memberships;
mod policies;
mod policy_versions;
mod principals;
mod reading;
mod rule_destinations;
mod rules;
mod tags;
mod thing_groups;
mod thing_types;
mod things;

use std::sync::Arc;

use axum::Router;

use super::ApiState;

/// The paths of all operations.
pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .merge(authorities::routes())
        .merge(authorization::routes())
        .merge(certificates::routes())
        .merge(connectivity::routes())
        .merge(endpoint::routes())
        .merge(event_configurations::routes())
        .merge(memberships::routes())
        .merge(policies::routes())
        .merge(policy_versions::routes())
        .merge(principals::routes())
        .merge(rule_destinations::routes())
        .merge(rules::routes())
        .merge(tags::routes())
        .merge(thing_groups::routes())
        .merge(thing_types::routes())
        .merge(things::routes())
}
