//! Static thing groups: a tree of names with attributes.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::reading::{
    AttributePayload, DESCRIPTION, expected_version, is_missing, name, same_version, tags,
    take_expected_version, take_name, time,
};
use crate::api::common::{json_of, list_of, page_of, put};
use crate::api::fields::Fields;
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, Shared, arn, operation};
use crate::message::{Operation, RegistryEvent};
use crate::registry::{Created, Id, Kind, Registry, ThingGroup};

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let one = post(create).get(show).patch(update).delete(remove);
    Router::new()
        .route("/thing-groups", operation(get(list)))
        .route("/thing-groups/{name}", operation(one))
}

/// What a request says of a group.
#[derive(Default)]
struct Said {
    description: Option<String>,
    attributes: Option<AttributePayload>,
}

impl Said {
    fn take(fields: &mut Fields) -> Result<Option<Self>, ApiError> {
        let Some(mut properties) = fields.object("thingGroupProperties")? else {
            return Ok(None);
        };
        let description = properties.text("thingGroupDescription", 0..=DESCRIPTION)?;
        let attributes = AttributePayload::take(&mut properties)?;
        properties.finish()?;
        Ok(Some(Self { description, attributes }))
    }
}

/// CreateThingGroup. The same request again succeeds.
async fn create(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let name = name("thingGroupName", label)?;
    let mut fields = Fields::parse(&body)?;
    let parent = take_name(&mut fields, "parentGroupName")?;
    let said = Said::take(&mut fields)?.unwrap_or_default();
    let tags = tags(&mut fields)?;
    fields.finish()?;
    let group = ThingGroup {
        name,
        id: Id::random().to_string(),
        parent,
        description: said.description,
        attributes: said.attributes.unwrap_or_default().of_new(),
        created_at: (state.surroundings.now)(),
        version: 1,
        tags,
    };
    let made = state.change(move |registry| registry.create(group)).await?;
    if let Created::New(group) = &made {
        state.tell_of(RegistryEvent::ThingGroup(Operation::Created, Arc::clone(group)));
        tell_of_place(&state, true, group);
    }
    let mut body = named(made.record(), ["thingGroupName", "thingGroupArn"]);
    body.insert("thingGroupId".to_owned(), json!(made.record().id));
    json_of(StatusCode::OK, body)
}

/// Tells that a group came into the one above it, or left it.
fn tell_of_place(state: &ApiState, added: bool, child: &Arc<ThingGroup>) {
    let parent = child.parent.as_ref();
    if let Some(parent) = parent.and_then(|name| state.registry.find::<ThingGroup>(name)) {
        state.tell_of(RegistryEvent::Hierarchy { added, parent, child: Arc::clone(child) });
    }
}

/// A group's name and ARN, under these words.
fn named(group: &ThingGroup, [name, arn]: [&str; 2]) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert(name.to_owned(), json!(group.name));
    document.insert(arn.to_owned(), json!(arn::of(Kind::ThingGroup, &group.name)));
    document
}

/// A group as lists show it.
pub(super) fn entry(group: &ThingGroup) -> Value {
    named(group, ["groupName", "groupArn"]).into()
}

/// DescribeThingGroup.
async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let group = state.registry.require::<ThingGroup>(&label)?;
    let mut properties = Map::new();
    put(&mut properties, "thingGroupDescription", group.description.clone());
    let attributes = json!({ "attributes": group.attributes });
    properties.insert("attributePayload".to_owned(), attributes);
    let mut metadata = Map::new();
    put(&mut metadata, "parentGroupName", group.parent.clone());
    let above: Vec<Value> =
        group.ancestry(&state.registry).iter().map(|group| entry(group)).collect();
    metadata.insert("rootToParentThingGroups".to_owned(), above.into());
    metadata.insert("creationDate".to_owned(), time(group.created_at));
    let mut body = named(&group, ["thingGroupName", "thingGroupArn"]);
    body.insert("thingGroupId".to_owned(), json!(group.id));
    body.insert("version".to_owned(), json!(group.version));
    body.insert("thingGroupProperties".to_owned(), properties.into());
    body.insert("thingGroupMetadata".to_owned(), metadata.into());
    json_of(StatusCode::OK, body)
}

/// UpdateThingGroup.
async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let said = Said::take(&mut fields)?;
    let said = fields.required("thingGroupProperties", said)?;
    let expected = take_expected_version(&mut fields)?;
    fields.finish()?;
    let changed = state.change(move |registry: &Registry| {
        registry.update(&label, |group: &mut ThingGroup| -> Result<(), ApiError> {
            same_version(expected, group.version)?;
            group.description = said.description.or(group.description.take());
            if let Some(attributes) = said.attributes {
                attributes.apply(&mut group.attributes);
            }
            group.version += 1;
            Ok(())
        })
    });
    let group = changed.await?;
    let version = group.version;
    state.tell_of(RegistryEvent::ThingGroup(Operation::Updated, group));
    json_of(StatusCode::OK, json!({ "version": version }))
}

/// DeleteThingGroup. Its members lose it; one that is not there is as good as deleted.
async fn remove(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let expected = expected_version(&mut params)?;
    params.finish()?;
    let gone = state.change(move |registry: &Registry| {
        registry.remove_when(&label, |group: &ThingGroup| same_version(expected, group.version))
    });
    match gone.await {
        Ok(group) => {
            tell_of_place(&state, false, &group);
            state.tell_of(RegistryEvent::ThingGroup(Operation::Deleted, group));
        }
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(error),
    }
    json_of(StatusCode::OK, json!({}))
}

/// ListThingGroups: all, or those below one, at any depth unless told otherwise.
async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    let parent = params.take("parentGroup")?;
    let prefix = params.take("namePrefixFilter")?;
    let recursive = params.word("recursive", &["true", "false"])?;
    let recursive = recursive.as_deref() != Some("false");
    params.finish()?;
    let registry = &state.registry;
    if let Some(parent) = &parent {
        registry.require::<ThingGroup>(parent)?;
    }
    let below = |group: &ThingGroup| match &parent {
        None => recursive || group.parent.is_none(),
        Some(parent) if recursive => {
            group.ancestry(registry).iter().any(|above| above.name == *parent)
        }
        Some(_) => group.parent == parent,
    };
    let start = page.start(|name| Some(name.to_owned()))?;
    let (groups, token) = page_of(registry, (&page, start), |group: &ThingGroup| {
        below(group) && prefix.as_ref().is_none_or(|prefix| group.name.starts_with(prefix))
    });
    let list = groups.iter().map(|group| entry(group)).collect();
    list_of(("thingGroups", "nextToken"), list, token)
}
