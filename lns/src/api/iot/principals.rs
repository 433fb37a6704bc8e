//! Which certificates and users stand for which things.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, put};
use serde_json::{Value, json};

use super::policies::{in_header, some_of};
use crate::api::common::{json_of, list_of};
use crate::api::fields::wrong;
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, Shared, operation};
use crate::registry::{Kind, Principal, PrincipalName, RegistryError, Thing};

/// Where AWS's clients say which principal.
const HEADER: &str = "x-amzn-principal";

/// The words for whether a thing is one principal's alone.
const TYPES: [&str; 2] = ["EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"];

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let of_thing = put(attach).delete(detach).get(list_principals);
    Router::new()
        .route("/things/{name}/principals", operation(of_thing))
        .route("/things/{name}/principals-v2", operation(get(list_principals_v2)))
        .route("/principals/things", operation(get(list_things)))
        .route("/principals/things-v2", operation(get(list_things_v2)))
}

/// The principal of the header; groups have no things in this sense.
fn named(headers: &HeaderMap) -> Result<PrincipalName, ApiError> {
    let name = in_header(headers, HEADER)?;
    if name.parts().0 == Kind::ThingGroup {
        return Err(wrong(HEADER, format!("{name} is no certificate and no user")));
    }
    Ok(name)
}

/// AttachThingPrincipal.
async fn attach(
    State(state): Shared,
    Label(thing): Label,
    mut params: Params,
    headers: HeaderMap,
) -> Answer {
    let alone = params.word("thingPrincipalType", &TYPES)?.as_deref() == Some(TYPES[0]);
    params.finish()?;
    let name = named(&headers)?;
    state.change(move |registry| registry.attach_thing(&thing, &name, alone)).await?;
    json_of(StatusCode::OK, json!({}))
}

/// DetachThingPrincipal. What is not attached is as good as detached.
async fn detach(State(state): Shared, Label(thing): Label, headers: HeaderMap) -> Answer {
    let name = named(&headers)?;
    let detached = state.change(move |registry| {
        registry.require::<Thing>(&thing)?;
        registry.detach_thing(&thing, &name)
    });
    detached.await?;
    json_of(StatusCode::OK, json!({}))
}

/// Who has a thing, and whether it is theirs alone, in order.
fn principals_of(state: &ApiState, thing: &String) -> Result<Vec<(String, bool)>, RegistryError> {
    state.registry.require::<Thing>(thing)?;
    let principals = state.registry.linked::<Principal>(&Principal::link_to_thing(thing));
    let one = |principal: &Arc<Principal>| {
        let alone = principal.things().get(thing).copied().unwrap_or(false);
        (principal.name.arn(), alone)
    };
    Ok(principals.iter().map(one).collect())
}

/// The things of one, and whether they are its alone, in order.
fn things_of(state: &ApiState, name: &PrincipalName) -> Result<Vec<(String, bool)>, RegistryError> {
    name.require(&state.registry)?;
    let principal = state.registry.principal(name);
    let things = principal.map(|principal| principal.things().clone()).unwrap_or_default();
    Ok(things.into_iter().collect())
}

/// One page of either, as names.
fn plain(all: Vec<(String, bool)>, list: &'static str, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let names = all.into_iter().map(|(name, _)| name).collect();
    let (names, token) = some_of(names, &page);
    list_of((list, "nextToken"), names.into_iter().map(Value::String).collect(), token)
}

/// One page of either, with its type.
fn typed(
    all: Vec<(String, bool)>,
    (list, field): (&'static str, &'static str),
    mut params: Params,
) -> Answer {
    let wanted = params.word("thingPrincipalType", &TYPES)?;
    let page = params.page()?;
    params.finish()?;
    let word = |alone: bool| TYPES[usize::from(!alone)];
    let liked = |alone: bool| wanted.as_ref().is_none_or(|wanted| wanted == word(alone));
    let all: Vec<(String, bool)> = all.into_iter().filter(|(_, alone)| liked(*alone)).collect();
    let (names, token) = some_of(all.iter().map(|(name, _)| name.clone()).collect(), &page);
    let shown = all.into_iter().filter(|(name, _)| names.contains(name));
    let entry =
        |(name, alone): (String, bool)| json!({ field: name, "thingPrincipalType": word(alone) });
    list_of((list, "nextToken"), shown.map(entry).collect(), token)
}

/// ListThingPrincipals.
async fn list_principals(State(state): Shared, Label(thing): Label, params: Params) -> Answer {
    plain(principals_of(&state, &thing)?, "principals", params)
}

/// ListThingPrincipalsV2.
async fn list_principals_v2(State(state): Shared, Label(thing): Label, params: Params) -> Answer {
    typed(principals_of(&state, &thing)?, ("thingPrincipalObjects", "principal"), params)
}

/// ListPrincipalThings.
async fn list_things(State(state): Shared, headers: HeaderMap, params: Params) -> Answer {
    plain(things_of(&state, &named(&headers)?)?, "things", params)
}

/// ListPrincipalThingsV2.
async fn list_things_v2(State(state): Shared, headers: HeaderMap, params: Params) -> Answer {
    typed(things_of(&state, &named(&headers)?)?, ("principalThingObjects", "thingName"), params)
}
