//! The versions of a policy: at most five, of which one counts.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::policies::{nothing, take_document};
use super::reading::time;
use crate::api::common::json_of;
use crate::api::fields::Fields;
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, arn, operation};
use crate::registry::{Kind, MAX_VERSIONS, Policy, PolicyVersion, Registry};

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let one = get(show).patch(choose).delete(remove);
    Router::new()
        .route("/policies/{name}/version", operation(post(create).get(list)))
        .route("/policies/{name}/version/{version}", operation(one))
}

/// A policy's name, and a version's number.
type Which = Path<(String, String)>;

/// A version that is not there.
fn missing(name: &str, version: &str) -> ApiError {
    let message = format!("policy {name} has no version {version}");
    ApiError::new(ErrorType::ResourceNotFound, message)
}

fn number(name: &str, version: &str) -> Result<u32, ApiError> {
    version.parse().map_err(|_| missing(name, version))
}

/// CreatePolicyVersion.
async fn create(
    State(state): Shared,
    Label(name): Label,
    mut params: Params,
    body: Bytes,
) -> Answer {
    let chosen = params.word("setAsDefault", &["true", "false"])?.as_deref() == Some("true");
    params.finish()?;
    let mut fields = Fields::parse(&body)?;
    let document = take_document(&mut fields)?;
    fields.finish()?;
    let now = (state.surroundings.now)();
    let text = document.clone();
    let changed = state.change(move |registry: &Registry| {
        let mut made = 0;
        let policy = registry.update(&name, |policy: &mut Policy| -> Result<(), ApiError> {
            if policy.versions.len() >= MAX_VERSIONS {
                let message = format!(
                    "policy {} has {MAX_VERSIONS} versions, which is the limit; delete one first",
                    policy.name
                );
                return Err(ApiError::new(ErrorType::VersionsLimit, message));
            }
            made = policy.add_version(document, now);
            if chosen {
                policy.choose(made, now);
            }
            Ok(())
        })?;
        Ok::<_, ApiError>((policy, made))
    });
    let (policy, made) = changed.await?;
    json_of(
        StatusCode::OK,
        json!({
            "policyArn": arn::of(Kind::Policy, &policy.name),
            "policyDocument": text,
            "policyVersionId": made.to_string(),
            "isDefaultVersion": policy.default_version == made,
        }),
    )
}

/// GetPolicyVersion.
async fn show(State(state): Shared, Path((name, version)): Which) -> Answer {
    let policy = state.registry.require::<Policy>(&name)?;
    let id = number(&name, &version)?;
    let found = policy.version(id).ok_or_else(|| missing(&name, &version))?;
    json_of(
        StatusCode::OK,
        json!({
            "policyArn": arn::of(Kind::Policy, &policy.name),
            "policyName": policy.name,
            "policyDocument": found.document,
            "policyVersionId": version,
            "isDefaultVersion": policy.default_version == id,
            "creationDate": time(found.created_at),
            "lastModifiedDate": time(found.created_at),
            "generationId": policy.generation().to_string(),
        }),
    )
}

/// ListPolicyVersions, the newest first.
async fn list(State(state): Shared, Label(name): Label) -> Answer {
    let policy = state.registry.require::<Policy>(&name)?;
    let entry = |version: &PolicyVersion| {
        json!({
            "versionId": version.id.to_string(),
            "isDefaultVersion": policy.default_version == version.id,
            "createDate": time(version.created_at),
        })
    };
    let versions: Vec<Value> = policy.versions.iter().rev().map(entry).collect();
    json_of(StatusCode::OK, json!({ "policyVersions": versions }))
}

/// SetDefaultPolicyVersion.
async fn choose(State(state): Shared, Path((name, version)): Which) -> Answer {
    let id = number(&name, &version)?;
    let now = (state.surroundings.now)();
    let choose = move |policy: &mut Policy| match policy.version(id) {
        Some(_) => {
            policy.choose(id, now);
            Ok(())
        }
        None => Err(missing(&policy.name, &version)),
    };
    state.change(move |registry: &Registry| registry.update(&name, choose)).await?;
    nothing()
}

/// DeletePolicyVersion. The one that counts stays.
async fn remove(State(state): Shared, Path((name, version)): Which) -> Answer {
    let id = number(&name, &version)?;
    let drop = move |policy: &mut Policy| {
        if policy.version(id).is_none() {
            return Err(missing(&policy.name, &version));
        }
        if policy.default_version == id {
            let name = &policy.name;
            let message =
                format!("version {id} of policy {name} is the default; choose another first");
            return Err(ApiError::new(ErrorType::DeleteConflict, message));
        }
        policy.versions.retain(|version| version.id != id);
        Ok(())
    };
    state.change(move |registry: &Registry| registry.update(&name, drop)).await?;
    nothing()
}
