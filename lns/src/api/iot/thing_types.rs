//! Thing types: what things of one make have in common.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::reading::{DESCRIPTION, is_attribute_name, name, tags, time};
use crate::api::common::{json_of, list_of, page_of, put};
use crate::api::fields::{Fields, text, wrong};
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, Shared, arn, operation};
use crate::message::{Operation, RegistryEvent};
use crate::registry::{Created, Id, Kind, Registry, ThingType};

/// How many attributes may be searched by.
const SEARCHABLE: usize = 3;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let one = post(create).get(show).patch(update).delete(remove);
    Router::new()
        .route("/thing-types", operation(get(list)))
        .route("/thing-types/{name}", operation(one))
        .route("/thing-types/{name}/deprecate", operation(post(deprecate)))
}

/// What a request says of a type; `None` where it says nothing.
#[derive(Default)]
struct Said {
    description: Option<String>,
    searchable: Option<Vec<String>>,
}

impl Said {
    fn take(fields: &mut Fields) -> Result<Self, ApiError> {
        let Some(mut properties) = fields.object("thingTypeProperties")? else {
            return Ok(Self::default());
        };
        let description = properties.text("thingTypeDescription", 0..=DESCRIPTION)?;
        let path = properties.path("searchableAttributes");
        let searchable = properties.take("searchableAttributes");
        let searchable = searchable.map(|value| searchable_attributes(&path, value)).transpose()?;
        if properties.take("mqtt5Configuration").is_some() {
            let path = properties.path("mqtt5Configuration");
            return Err(wrong(&path, "attributes are not propagated by this server; leave it out"));
        }
        properties.finish()?;
        Ok(Self { description, searchable })
    }
}

fn searchable_attributes(path: &str, value: Value) -> Result<Vec<String>, ApiError> {
    let Value::Array(list) = value else { return Err(wrong(path, "it is not a list")) };
    if list.len() > SEARCHABLE {
        let problem = format!("it has {} entries and may have {SEARCHABLE}", list.len());
        return Err(wrong(path, problem));
    }
    list.into_iter()
        .map(|entry| {
            let name = text(path, entry, &(1..=128))?;
            let problem = || wrong(path, format!("{name:?} is no attribute's name"));
            if is_attribute_name(&name) { Ok(name) } else { Err(problem()) }
        })
        .collect()
}

/// CreateThingType. The same request again succeeds.
async fn create(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let name = name("thingTypeName", label)?;
    let mut fields = Fields::parse(&body)?;
    let said = Said::take(&mut fields)?;
    let tags = tags(&mut fields)?;
    fields.finish()?;
    let thing_type = ThingType {
        name,
        id: Id::random(),
        description: said.description,
        searchable_attributes: said.searchable.unwrap_or_default(),
        created_at: (state.surroundings.now)(),
        deprecated_at: None,
        tags,
    };
    let made = state.change(move |registry| registry.create(thing_type)).await?;
    if let Created::New(thing_type) = &made {
        state.tell_of(RegistryEvent::ThingType(Operation::Created, Arc::clone(thing_type)));
    }
    let made = made.record();
    json_of(
        StatusCode::OK,
        json!({
            "thingTypeName": made.name,
            "thingTypeArn": arn::of(Kind::ThingType, &made.name),
            "thingTypeId": made.id,
        }),
    )
}

/// DescribeThingType.
async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let thing_type = state.registry.require::<ThingType>(&label)?;
    let mut body = entry(&thing_type);
    body.insert("thingTypeId".to_owned(), json!(thing_type.id));
    json_of(StatusCode::OK, body)
}

fn entry(thing_type: &ThingType) -> Map<String, Value> {
    let mut properties = Map::new();
    put(&mut properties, "thingTypeDescription", thing_type.description.clone());
    let searchable = json!(thing_type.searchable_attributes);
    properties.insert("searchableAttributes".to_owned(), searchable);
    let mut metadata = Map::new();
    metadata.insert("deprecated".to_owned(), json!(thing_type.deprecated_at.is_some()));
    put(&mut metadata, "deprecationDate", thing_type.deprecated_at.map(time));
    metadata.insert("creationDate".to_owned(), time(thing_type.created_at));
    let mut entry = Map::new();
    entry.insert("thingTypeName".to_owned(), json!(thing_type.name));
    entry.insert("thingTypeArn".to_owned(), json!(arn::of(Kind::ThingType, &thing_type.name)));
    entry.insert("thingTypeProperties".to_owned(), properties.into());
    entry.insert("thingTypeMetadata".to_owned(), metadata.into());
    entry
}

/// UpdateThingType.
async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let said = Said::take(&mut fields)?;
    fields.finish()?;
    change(&state, label, move |thing_type| {
        thing_type.description = said.description.or(thing_type.description.take());
        if let Some(searchable) = said.searchable {
            thing_type.searchable_attributes = searchable;
        }
    })
    .await
}

/// DeprecateThingType.
async fn deprecate(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let undo = fields.flag("undoDeprecate")?.unwrap_or(false);
    fields.finish()?;
    let now = (state.surroundings.now)();
    change(&state, label, move |thing_type| {
        thing_type.deprecated_at = if undo { None } else { thing_type.deprecated_at.or(Some(now)) };
    })
    .await
}

async fn change(
    state: &ApiState,
    name: String,
    change: impl FnOnce(&mut ThingType) + Send + 'static,
) -> Answer {
    let changed = state.change(move |registry: &Registry| {
        registry.update(&name, |thing_type: &mut ThingType| -> crate::api::Change {
            change(thing_type);
            Ok(())
        })
    });
    state.tell_of(RegistryEvent::ThingType(Operation::Updated, changed.await?));
    json_of(StatusCode::OK, json!({}))
}

/// DeleteThingType. It must be deprecated first, so that no thing is given it meanwhile.
async fn remove(State(state): Shared, Label(label): Label) -> Answer {
    let gone = state.change(move |registry: &Registry| {
        registry.remove_when(&label, |thing_type: &ThingType| -> Result<(), ApiError> {
            if thing_type.deprecated_at.is_some() {
                return Ok(());
            }
            let name = &thing_type.name;
            Err(wrong("thingTypeName", format!("{name} is not deprecated; deprecate it first")))
        })
    });
    state.tell_of(RegistryEvent::ThingType(Operation::Deleted, gone.await?));
    json_of(StatusCode::OK, json!({}))
}

/// ListThingTypes.
async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    let wanted = params.take("thingTypeName")?;
    params.finish()?;
    let start = page.start(|name| Some(name.to_owned()))?;
    let (types, token) = page_of(&state.registry, (&page, start), |thing_type: &ThingType| {
        wanted.as_ref().is_none_or(|name| *name == thing_type.name)
    });
    let list = types.iter().map(|thing_type| entry(thing_type).into()).collect();
    list_of(("thingTypes", "nextToken"), list, token)
}
