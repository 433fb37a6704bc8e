//! Things: a name with attributes.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::reading::{
    AttributePayload, expected_version, is_missing, name, same_version, take_expected_version,
    take_name,
};
use crate::api::common::{json_of, list_of, page_of, put};
use crate::api::fields::{Fields, wrong};
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, Shared, arn, operation};
use crate::message::{Operation, RegistryEvent};
use crate::registry::{Created, Id, Kind, Registry, Thing, ThingType};

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let one = post(create).get(show).patch(update).delete(remove);
    Router::new().route("/things", operation(get(list))).route("/things/{name}", operation(one))
}

/// CreateThing. The same request again succeeds.
async fn create(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let thing = read_new(label, &body)?;
    let made = state
        .change(move |registry: &Registry| -> Result<_, ApiError> {
            usable(registry, thing.thing_type.as_ref())?;
            Ok(registry.create(thing)?)
        })
        .await?;
    if let Created::New(thing) = &made {
        state.tell_of(RegistryEvent::Thing(Operation::Created, Arc::clone(thing)));
        associated(&state, (None, thing));
    }
    let thing = made.record();
    let arn = arn::of(Kind::Thing, &thing.name);
    json_of(
        StatusCode::OK,
        json!({ "thingName": thing.name, "thingArn": arn, "thingId": thing.id }),
    )
}

fn read_new(label: String, body: &[u8]) -> Result<Thing, ApiError> {
    let name = name("thingName", label)?;
    let mut fields = Fields::parse(body)?;
    let thing_type = take_name(&mut fields, "thingTypeName")?;
    let attributes = AttributePayload::take(&mut fields)?.unwrap_or_default().of_new();
    if let Some(group) = take_name(&mut fields, "billingGroupName")? {
        let message = format!("billingGroupName: there is no billing group {group}, nor any other");
        return Err(ApiError::new(crate::api::ErrorType::ResourceNotFound, message));
    }
    fields.finish()?;
    let id = Id::random();
    Ok(Thing { name, id, thing_type, attributes, groups: BTreeSet::new(), version: 1 })
}

/// Refuses a type that no thing may be given any more.
fn usable(registry: &Registry, thing_type: Option<&String>) -> Result<(), ApiError> {
    let Some(name) = thing_type else { return Ok(()) };
    let thing_type = registry.require::<ThingType>(name)?;
    if thing_type.deprecated_at.is_none() {
        return Ok(());
    }
    let problem = format!("{name} is deprecated; use another type, or undo its deprecation");
    Err(wrong("thingTypeName", problem))
}

/// Tells that a thing has another type than before.
fn associated(state: &ApiState, (before, thing): (Option<String>, &Arc<Thing>)) {
    if before == thing.thing_type {
        return;
    }
    let tell = |added, thing_type: Option<String>| {
        if let Some(thing_type) = thing_type {
            let thing = Arc::clone(thing);
            state.tell_of(RegistryEvent::TypeAssociation { added, thing, thing_type });
        }
    };
    tell(false, before);
    tell(true, thing.thing_type.clone());
}

/// DescribeThing.
async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let thing = state.registry.require::<Thing>(&label)?;
    let mut body = entry(&thing);
    body.insert("defaultClientId".to_owned(), json!(thing.name));
    body.insert("thingId".to_owned(), json!(thing.id));
    json_of(StatusCode::OK, body)
}

fn entry(thing: &Thing) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("thingName".to_owned(), json!(thing.name));
    entry.insert("thingArn".to_owned(), json!(arn::of(Kind::Thing, &thing.name)));
    put(&mut entry, "thingTypeName", thing.thing_type.clone());
    entry.insert("attributes".to_owned(), json!(thing.attributes));
    entry.insert("version".to_owned(), json!(thing.version));
    entry
}

/// UpdateThing.
async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let thing_type = take_name(&mut fields, "thingTypeName")?;
    let attributes = AttributePayload::take(&mut fields)?;
    let expected = take_expected_version(&mut fields)?;
    let untyped = fields.flag("removeThingType")?.unwrap_or(false);
    fields.finish()?;
    if untyped && thing_type.is_some() {
        return Err(wrong("removeThingType", "it contradicts thingTypeName; give one of them"));
    }
    let changed = state.change(move |registry: &Registry| -> Result<_, ApiError> {
        usable(registry, thing_type.as_ref())?;
        let mut before = None;
        let thing = registry.update(&label, |thing: &mut Thing| -> Result<(), ApiError> {
            same_version(expected, thing.version)?;
            before = thing.thing_type.clone();
            if thing_type.is_some() || untyped {
                thing.thing_type = thing_type;
            }
            if let Some(attributes) = attributes {
                attributes.apply(&mut thing.attributes);
            }
            thing.version += 1;
            Ok(())
        })?;
        Ok((before, thing))
    });
    let (before, thing) = changed.await?;
    state.tell_of(RegistryEvent::Thing(Operation::Updated, Arc::clone(&thing)));
    associated(&state, (before, &thing));
    json_of(StatusCode::OK, json!({}))
}

/// DeleteThing. One that is not there is as good as deleted.
async fn remove(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let expected = expected_version(&mut params)?;
    params.finish()?;
    let gone = state.change(move |registry: &Registry| {
        registry.remove_when(&label, |thing: &Thing| same_version(expected, thing.version))
    });
    match gone.await {
        Ok(thing) => {
            associated(&state, (thing.thing_type.clone(), &without_type(&thing)));
            state.tell_of(RegistryEvent::Thing(Operation::Deleted, thing));
        }
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(error),
    }
    json_of(StatusCode::OK, json!({}))
}

fn without_type(thing: &Thing) -> Arc<Thing> {
    Arc::new(Thing { thing_type: None, ..thing.clone() })
}

/// What a list of things is narrowed down to.
struct Filter {
    thing_type: Option<String>,
    attribute: Option<String>,
    value: Option<String>,
    prefix: bool,
}

impl Filter {
    fn read(params: &mut Params) -> Result<Self, ApiError> {
        let filter = Self {
            thing_type: params.take("thingTypeName")?,
            attribute: params.take("attributeName")?,
            value: params.take("attributeValue")?,
            prefix: params.word("usePrefixAttributeValue", &["true", "false"])?.as_deref()
                == Some("true"),
        };
        if filter.value.is_some() && filter.attribute.is_none() {
            return Err(wrong("attributeValue", "the query does not say of which attributeName"));
        }
        Ok(filter)
    }

    fn likes(&self, thing: &Thing) -> bool {
        let fits = |value: &String| match &self.value {
            None => true,
            Some(wanted) if self.prefix => value.starts_with(wanted),
            Some(wanted) => value == wanted,
        };
        let typed = self.thing_type.is_none() || self.thing_type == thing.thing_type;
        let attribute = self.attribute.as_ref();
        typed && attribute.is_none_or(|name| thing.attributes.get(name).is_some_and(fits))
    }
}

/// ListThings.
async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    let filter = Filter::read(&mut params)?;
    params.finish()?;
    let start = page.start(|name| Some(name.to_owned()))?;
    let (things, token) =
        page_of(&state.registry, (&page, start), |thing: &Thing| filter.likes(thing));
    let list = things.iter().map(|thing| entry(thing).into()).collect();
    list_of(("things", "nextToken"), list, token)
}
