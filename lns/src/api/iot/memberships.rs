//! Which things are in which groups.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, put};
use serde_json::{Value, json};

use super::reading::take_name;
use super::thing_groups::entry;
use crate::api::common::{json_of, list_of, page_of};
use crate::api::fields::{Fields, text, wrong};
use crate::api::params::{Label, Page, Params};
use crate::api::routing::Service;
use crate::api::{Answer, ApiError, ApiState, Shared, arn, operation};
use crate::message::RegistryEvent;
use crate::registry::{Kind, Registry, Thing, ThingGroup};

/// How many groups a thing may be in.
const MAX_GROUPS: usize = 10;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/thing-groups/addThingToThingGroup", operation(put(add)))
        .route("/thing-groups/removeThingFromThingGroup", operation(put(remove)))
        .route("/thing-groups/updateThingGroupsForThing", operation(put(update)))
        .route("/thing-groups/{name}/things", operation(get(things)))
        .route("/things/{name}/thing-groups", operation(get(groups)))
}

/// What is to become of a thing's memberships.
struct Wish {
    thing: String,
    add: Vec<String>,
    remove: Vec<String>,
}

/// Takes a name that may be given as an ARN instead.
fn named(
    fields: &mut Fields,
    (name, arn_name): (&str, &str),
    kind: Kind,
) -> Result<String, ApiError> {
    let given = take_name(fields, name)?;
    let Some(arn) = fields.text(arn_name, 0..=2048)? else { return fields.required(name, given) };
    let (of, there) = arn::parse(Service::Iot, &arn)?;
    if of != kind || given.as_ref().is_some_and(|given| *given != there) {
        return Err(wrong(
            arn_name,
            format!("it names {of} {there}, which is not what {name} says"),
        ));
    }
    Ok(there)
}

fn thing_and_group(body: &[u8]) -> Result<(String, String), ApiError> {
    let mut fields = Fields::parse(body)?;
    let thing = named(&mut fields, ("thingName", "thingArn"), Kind::Thing)?;
    let group = named(&mut fields, ("thingGroupName", "thingGroupArn"), Kind::ThingGroup)?;
    // There are no dynamic groups whose place it could take.
    fields.flag("overrideDynamicGroups")?;
    fields.finish()?;
    Ok((thing, group))
}

/// AddThingToThingGroup. Twice is as good as once.
async fn add(State(state): Shared, body: Bytes) -> Answer {
    let (thing, group) = thing_and_group(&body)?;
    grant(&state, Wish { thing, add: vec![group], remove: Vec::new() }).await
}

/// RemoveThingFromThingGroup.
async fn remove(State(state): Shared, body: Bytes) -> Answer {
    let (thing, group) = thing_and_group(&body)?;
    grant(&state, Wish { thing, add: Vec::new(), remove: vec![group] }).await
}

/// UpdateThingGroupsForThing.
async fn update(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let thing = take_name(&mut fields, "thingName")?;
    let wish = Wish {
        thing: fields.required("thingName", thing)?,
        add: names(&mut fields, "thingGroupsToAdd")?,
        remove: names(&mut fields, "thingGroupsToRemove")?,
    };
    fields.flag("overrideDynamicGroups")?;
    fields.finish()?;
    grant(&state, wish).await
}

fn names(fields: &mut Fields, name: &str) -> Result<Vec<String>, ApiError> {
    let path = fields.path(name);
    match fields.take(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            list.into_iter().map(|entry| text(&path, entry, &(1..=128))).collect()
        }
        Some(_) => Err(wrong(&path, "it is not a list")),
    }
}

async fn grant(state: &ApiState, wish: Wish) -> Answer {
    let changed = state.change(move |registry: &Registry| apply(registry, &wish));
    let (thing, changes) = changed.await?;
    for (added, group) in changes {
        let thing = Arc::clone(&thing);
        state.tell_of(RegistryEvent::Membership { added, thing, group });
    }
    json_of(StatusCode::OK, json!({}))
}

/// Groups that a thing came into or left.
type Changes = Vec<(bool, Arc<ThingGroup>)>;

fn apply(registry: &Registry, wish: &Wish) -> Result<(Arc<Thing>, Changes), ApiError> {
    let find = |name: &String| registry.require::<ThingGroup>(name);
    let remove: Vec<Arc<ThingGroup>> = wish.remove.iter().map(find).collect::<Result<_, _>>()?;
    let add: Vec<Arc<ThingGroup>> = wish.add.iter().map(find).collect::<Result<_, _>>()?;
    let mut changes = Changes::new();
    let thing = registry.update(&wish.thing, |thing: &mut Thing| -> Result<(), ApiError> {
        thing.groups.retain(|id| registry.find_by_alias::<ThingGroup>(id).is_some());
        for group in remove {
            if thing.groups.remove(&group.id) {
                changes.push((false, group));
            }
        }
        for group in add {
            if !thing.groups.contains(&group.id) {
                may_join(registry, thing, &group)?;
                thing.groups.insert(group.id.clone());
                changes.push((true, group));
            }
        }
        Ok(())
    })?;
    Ok((thing, changes))
}

/// Refuses an eleventh group, and a second of one tree.
fn may_join(registry: &Registry, thing: &Thing, group: &ThingGroup) -> Result<(), ApiError> {
    let name = &thing.name;
    if thing.groups.len() >= MAX_GROUPS {
        let problem = format!("{name} is in {MAX_GROUPS} groups, which is the limit");
        return Err(wrong("thingName", problem));
    }
    let root = |group: &ThingGroup| {
        let above = group.ancestry(registry);
        above.first().map_or_else(|| group.name.clone(), |root| root.name.clone())
    };
    let tree = root(group);
    let mut others = thing.groups.iter().filter_map(|id| registry.find_by_alias::<ThingGroup>(id));
    match others.find(|other| root(other) == tree) {
        None => Ok(()),
        Some(other) => Err(wrong(
            "thingGroupName",
            format!("{name} is in {}, which is of the same tree; take it out first", other.name),
        )),
    }
}

/// ListThingsInThingGroup.
async fn things(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let page = params.page()?;
    let recursive = params.word("recursive", &["true", "false"])?.as_deref() == Some("true");
    params.finish()?;
    let registry = &state.registry;
    let group = registry.require::<ThingGroup>(&label)?;
    let is_below = |id: &String| {
        let other = registry.find_by_alias::<ThingGroup>(id);
        other.is_some_and(|other| other.ancestry(registry).iter().any(|g| g.id == group.id))
    };
    let start = page.start(|name| Some(name.to_owned()))?;
    let (things, token) = page_of(registry, (&page, start), |thing: &Thing| {
        thing.groups.contains(&group.id) || recursive && thing.groups.iter().any(is_below)
    });
    let list = things.iter().map(|thing| json!(thing.name)).collect();
    list_of(("things", "nextToken"), list, token)
}

/// ListThingGroupsForThing.
async fn groups(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let thing = state.registry.require::<Thing>(&label)?;
    let find = |id: &String| state.registry.find_by_alias::<ThingGroup>(id);
    let mut groups: Vec<Arc<ThingGroup>> = thing.groups.iter().filter_map(find).collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    groups.retain(|group| page.after.as_ref().is_none_or(|after| group.name > *after));
    let more = groups.len() > page.size;
    groups.truncate(page.size);
    let token = groups.last().filter(|_| more).map(|last| Page::token(&last.name));
    list_of(("thingGroups", "nextToken"), groups.iter().map(|group| entry(group)).collect(), token)
}
