//! Policies, and to whom they are attached.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use lns_pipeline::policy;
use serde_json::{Value, json};

use super::reading::{self, time};
use crate::api::common::{json_of, list_of, page_of};
use crate::api::fields::{Fields, wrong};
use crate::api::params::{Label, Page, Params};
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, arn, operation};
use crate::registry::{
    Created, Kind, Policy, Principal, PrincipalName, Registry, RegistryError, ThingGroup,
};

/// The longest document with its white space, in characters.
const DOCUMENT: usize = 404_600;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let one = post(create).get(show).delete(remove);
    Router::new()
        .route("/policies", operation(get(list)))
        .route("/policies/{name}", operation(one))
        .route("/target-policies/{name}", operation(put(attach).post(detach)))
        .route("/attached-policies/{target}", operation(post(attached)))
        .route("/policy-targets/{name}", operation(post(targets)))
        .route("/policy-principals", operation(get(principals)))
        .route("/principal-policies", operation(get(of_principal)))
        .route(
            "/principal-policies/{name}",
            operation(put(attach_principal).delete(detach_principal)),
        )
}

/// A policy's name, if it is one.
fn name(label: String) -> Result<String, ApiError> {
    let named = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if !label.is_empty() && label.len() <= 128 && label.bytes().all(named) {
        return Ok(label);
    }
    let problem = "is no name; one has 1 to 128 letters, digits and _+=,.@-";
    Err(wrong("policyName", format!("{label:?} {problem}")))
}

/// Takes a document that is a policy.
pub(super) fn take_document(fields: &mut Fields) -> Result<String, ApiError> {
    let document = fields.text("policyDocument", 0..=DOCUMENT)?;
    let document = fields.required("policyDocument", document)?;
    match policy::Policy::parse(&document) {
        Ok(_) => Ok(document),
        Err(malformed) => Err(ApiError::new(ErrorType::MalformedPolicy, malformed.to_string())),
    }
}

/// CreatePolicy.
async fn create(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let name = name(label)?;
    let mut fields = Fields::parse(&body)?;
    let document = take_document(&mut fields)?;
    let tags = reading::tags(&mut fields)?;
    fields.finish()?;
    let mut policy = Policy::new(name, document, (state.surroundings.now)());
    policy.tags = tags;
    let made = state.change(move |registry: &Registry| registry.create(policy)).await?;
    let policy = match made {
        Created::New(policy) | Created::Repeated(policy) => policy,
    };
    json_of(
        StatusCode::OK,
        json!({
            "policyName": policy.name,
            "policyArn": arn::of(Kind::Policy, &policy.name),
            "policyDocument": policy.default_document(),
            "policyVersionId": policy.default_version.to_string(),
        }),
    )
}

/// GetPolicy.
async fn show(State(state): Shared, Label(name): Label) -> Answer {
    let policy = state.registry.require::<Policy>(&name)?;
    json_of(
        StatusCode::OK,
        json!({
            "policyName": policy.name,
            "policyArn": arn::of(Kind::Policy, &policy.name),
            "policyDocument": policy.default_document(),
            "defaultVersionId": policy.default_version.to_string(),
            "creationDate": time(policy.created_at),
            "lastModifiedDate": time(policy.changed_at),
            "generationId": policy.generation().to_string(),
        }),
    )
}

/// DeletePolicy. It must be attached to nobody and have one version.
async fn remove(State(state): Shared, Label(name): Label) -> Answer {
    let alone = |policy: &Policy| {
        if policy.versions.len() == 1 {
            return Ok(());
        }
        let (name, count) = (&policy.name, policy.versions.len());
        let message =
            format!("policy {name} has {count} versions; delete all but the default one first");
        Err(ApiError::new(ErrorType::DeleteConflict, message))
    };
    state.change(move |registry: &Registry| registry.remove_when(&name, alone)).await?;
    nothing()
}

/// ListPolicies.
async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.marked_page()?;
    params.finish()?;
    let start = page.start(|name| Some(name.to_owned()))?;
    let (policies, marker) = page_of(&state.registry, (&page, start), |_: &Policy| true);
    let list = policies.iter().map(|policy| entry(&policy.name)).collect();
    list_of(("policies", "nextMarker"), list, marker)
}

/// A policy in a list.
pub(super) fn entry(name: &String) -> Value {
    json!({ "policyName": name, "policyArn": arn::of(Kind::Policy, name) })
}

/// AWS's answer that says nothing.
pub(super) fn nothing() -> Answer {
    json_of(StatusCode::OK, json!({}))
}

/// Whom an ARN names.
pub(super) fn principal(field: &str, arn: &str) -> Result<PrincipalName, ApiError> {
    PrincipalName::of_arn(arn).ok_or_else(|| {
        let cut: String = arn.chars().take(128).collect();
        let example = PrincipalName::certificate("<certificateId>").arn();
        wrong(
            field,
            format!("{cut:?} is no ARN of a certificate, user or thing group, such as {example}"),
        )
    })
}

fn take_target(body: &[u8]) -> Result<PrincipalName, ApiError> {
    let mut fields = Fields::parse(body)?;
    let target = fields.text("target", 1..=2048)?;
    let target = fields.required("target", target)?;
    fields.finish()?;
    principal("target", &target)
}

/// The principal in a header.
pub(super) fn in_header(headers: &HeaderMap, name: &str) -> Result<PrincipalName, ApiError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    let value =
        value.ok_or_else(|| ApiError::validation(format!("{name}: the header is missing")))?;
    principal(name, value)
}

/// AttachPolicy.
async fn attach(State(state): Shared, Label(name): Label, body: Bytes) -> Answer {
    let target = take_target(&body)?;
    state.change(move |registry| registry.attach_policy(&name, &target)).await?;
    nothing()
}

/// DetachPolicy. What is not attached, or not there, is as good as detached.
async fn detach(State(state): Shared, Label(name): Label, body: Bytes) -> Answer {
    let target = take_target(&body)?;
    state.change(move |registry| detached(registry, &name, &target)).await?;
    nothing()
}

fn detached(registry: &Registry, name: &str, from: &PrincipalName) -> Result<(), RegistryError> {
    match registry.detach_policy(name, from) {
        Err(RegistryError::NotFound { .. }) => Ok(()),
        outcome => outcome,
    }
}

/// AttachPrincipalPolicy, the older AttachPolicy.
async fn attach_principal(State(state): Shared, Label(name): Label, headers: HeaderMap) -> Answer {
    let target = in_header(&headers, "x-amzn-iot-principal")?;
    state.change(move |registry| registry.attach_policy(&name, &target)).await?;
    nothing()
}

/// DetachPrincipalPolicy, the older DetachPolicy.
async fn detach_principal(State(state): Shared, Label(name): Label, headers: HeaderMap) -> Answer {
    let target = in_header(&headers, "x-amzn-iot-principal")?;
    state.change(move |registry| detached(registry, &name, &target)).await?;
    nothing()
}

/// ListPrincipalPolicies, the older ListAttachedPolicies.
async fn of_principal(State(state): Shared, headers: HeaderMap, mut params: Params) -> Answer {
    let target = in_header(&headers, "x-amzn-iot-principal")?;
    let page = params.marked_page()?;
    params.finish()?;
    target.require(&state.registry)?;
    shown(names_of(&state.registry, &target, false), &page)
}

/// ListAttachedPolicies. `recursive`: with those of the groups above a group.
async fn attached(State(state): Shared, Label(target): Label, mut params: Params) -> Answer {
    let target = principal("target", &target)?;
    let recursive = params.word("recursive", &["true", "false"])?.as_deref() == Some("true");
    let page = params.marked_page()?;
    params.finish()?;
    target.require(&state.registry)?;
    shown(names_of(&state.registry, &target, recursive), &page)
}

fn names_of(registry: &Registry, target: &PrincipalName, recursive: bool) -> Vec<String> {
    let of = |name: &PrincipalName| {
        let principal = registry.principal(name);
        principal.map(|principal| principal.policies().clone()).unwrap_or_default()
    };
    let mut names = of(target);
    let (kind, name) = target.parts();
    if recursive
        && kind == Kind::ThingGroup
        && let Some(group) = registry.find::<ThingGroup>(&name.to_owned())
    {
        let above = group.ancestry(registry);
        names.extend(above.iter().flat_map(|group| of(&PrincipalName::thing_group(&group.name))));
    }
    names.into_iter().collect()
}

/// One page of names of policies.
fn shown(names: Vec<String>, page: &Page) -> Answer {
    let (names, marker) = some_of(names, page);
    list_of(("policies", "nextMarker"), names.iter().map(entry).collect(), marker)
}

/// One page of a list that is small enough to have been made wholly, in order.
pub(super) fn some_of(all: Vec<String>, page: &Page) -> (Vec<String>, Option<String>) {
    let after = page.after.as_ref();
    let mut rest = all.into_iter().filter(|name| after.is_none_or(|after| name > after));
    let some: Vec<String> = rest.by_ref().take(page.size).collect();
    let more = rest.next().is_some();
    let token = some.last().filter(|_| more).map(Page::token);
    (some, token)
}

/// ListTargetsForPolicy.
async fn targets(State(state): Shared, Label(name): Label, mut params: Params) -> Answer {
    let page = params.marked_page()?;
    params.finish()?;
    those_with(&state.registry, &name, (&page, "targets"))
}

/// ListPolicyPrincipals, the older ListTargetsForPolicy.
async fn principals(State(state): Shared, headers: HeaderMap, mut params: Params) -> Answer {
    let header = "x-amzn-iot-policy";
    let name = headers.get(header).and_then(|value| value.to_str().ok());
    let name = name.ok_or_else(|| wrong(header, "the header is missing"))?;
    let page = params.marked_page()?;
    params.finish()?;
    those_with(&state.registry, name, (&page, "principals"))
}

/// To whom a policy is attached, under this name.
fn those_with(registry: &Registry, policy: &str, (page, list): (&Page, &str)) -> Answer {
    registry.require::<Policy>(&policy.to_owned())?;
    let principals = registry.linked::<Principal>(&Principal::link_to_policy(policy));
    let names = principals.iter().map(|principal| principal.name.to_string()).collect();
    let (names, marker) = some_of(names, page);
    let arn = |name: &String| PrincipalName::parse(name).map(|name| json!(name.arn()));
    list_of((list, "nextMarker"), names.iter().filter_map(arn).collect(), marker)
}
