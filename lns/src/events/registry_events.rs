//! What has become of things, types, groups and memberships: `$aws/events/…`, as AWS words it.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Events, THINGS, message};
use crate::message::{Operation, RegistryEvent};
use crate::registry::{ACCOUNT, Kind, Thing, ThingGroup, ThingType};

impl Events {
    /// Publishes what has become of things, as far as somebody has opted into it.
    pub fn registry(&self, event: &RegistryEvent) {
        if !self.is_on(THINGS, switch(event)) {
            return;
        }
        let mut body = self.head(event);
        self.fill(event, &mut body);
        self.publish(message(topic(event), body));
    }

    fn head(&self, event: &RegistryEvent) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("eventType".to_owned(), format!("{}_EVENT", switch(event)).into());
        body.insert("eventId".to_owned(), Uuid::new_v4().to_string().into());
        body.insert("timestamp".to_owned(), self.clock.now().millis().into());
        body.insert("operation".to_owned(), operation(event).into());
        body.insert("accountId".to_owned(), ACCOUNT.into());
        body
    }

    fn fill(&self, event: &RegistryEvent, body: &mut Map<String, Value>) {
        let rest = match event {
            RegistryEvent::Thing(_, thing) => of_thing(thing),
            RegistryEvent::ThingType(_, thing_type) => of_type(thing_type),
            RegistryEvent::TypeAssociation { thing, thing_type, .. } => json!({
                "thingId": thing.id, "thingName": thing.name, "thingTypeName": thing_type,
            }),
            RegistryEvent::ThingGroup(_, group) => self.of_group(group),
            RegistryEvent::Hierarchy { parent, child, .. } => json!({
                "thingGroupId": parent.id,
                "thingGroupName": parent.name,
                "childGroupId": child.id,
                "childGroupName": child.name,
            }),
            RegistryEvent::Membership { thing, group, .. } => json!({
                "groupArn": Kind::ThingGroup.arn(&group.name),
                "groupId": group.id,
                "thingArn": Kind::Thing.arn(&thing.name),
                "thingId": thing.id,
                "membershipId": format!("{}.{}", thing.id, group.id),
            }),
        };
        if let Value::Object(rest) = rest {
            body.extend(rest);
        }
    }

    fn of_group(&self, group: &ThingGroup) -> Value {
        let above: Vec<Value> = group
            .ancestry(&self.registry)
            .iter()
            .map(|group| {
                json!({ "groupArn": Kind::ThingGroup.arn(&group.name), "groupId": group.id })
            })
            .collect();
        let parent = group.parent.as_ref();
        let parent = parent.and_then(|name| self.registry.find::<ThingGroup>(name));
        json!({
            "thingGroupId": group.id,
            "thingGroupName": group.name,
            "versionNumber": group.version,
            "parentGroupName": group.parent,
            "parentGroupId": parent.map(|parent| parent.id.clone()),
            "description": group.description,
            "rootToParentThingGroups": above,
            "attributes": group.attributes,
            "dynamicGroupMappingId": null,
        })
    }
}

fn of_thing(thing: &Thing) -> Value {
    json!({
        "thingId": thing.id,
        "thingName": thing.name,
        "versionNumber": thing.version,
        "thingTypeName": thing.thing_type,
        "attributes": thing.attributes,
    })
}

fn of_type(thing_type: &ThingType) -> Value {
    json!({
        "thingTypeId": thing_type.id,
        "thingTypeName": thing_type.name,
        "isDeprecated": thing_type.deprecated_at.is_some(),
        "deprecationDate": thing_type.deprecated_at.map(|at| at.millis()),
        "searchableAttributes": thing_type.searchable_attributes,
        "description": thing_type.description,
    })
}

/// By which switch an event is opted into; its type is named after it.
const fn switch(event: &RegistryEvent) -> &'static str {
    match event {
        RegistryEvent::Thing(..) => "THING",
        RegistryEvent::ThingType(..) => "THING_TYPE",
        RegistryEvent::TypeAssociation { .. } => "THING_TYPE_ASSOCIATION",
        RegistryEvent::ThingGroup(..) => "THING_GROUP",
        RegistryEvent::Hierarchy { .. } => "THING_GROUP_HIERARCHY",
        RegistryEvent::Membership { .. } => "THING_GROUP_MEMBERSHIP",
    }
}

/// What happened, as documents have it; topics have it in lower case.
const fn operation(event: &RegistryEvent) -> &'static str {
    match event {
        RegistryEvent::Thing(operation, _)
        | RegistryEvent::ThingType(operation, _)
        | RegistryEvent::ThingGroup(operation, _) => match operation {
            Operation::Created => "CREATED",
            Operation::Updated => "UPDATED",
            Operation::Deleted => "DELETED",
        },
        RegistryEvent::TypeAssociation { added, .. }
        | RegistryEvent::Hierarchy { added, .. }
        | RegistryEvent::Membership { added, .. } => {
            if *added {
                "ADDED"
            } else {
                "REMOVED"
            }
        }
    }
}

fn topic(event: &RegistryEvent) -> String {
    let about = match event {
        RegistryEvent::Thing(_, thing) => format!("thing/{}", thing.name),
        RegistryEvent::ThingType(_, thing_type) => format!("thingType/{}", thing_type.name),
        RegistryEvent::TypeAssociation { thing, thing_type, .. } => {
            format!("thingTypeAssociation/thing/{}/thingType/{thing_type}", thing.name)
        }
        RegistryEvent::ThingGroup(_, group) => format!("thingGroup/{}", group.name),
        RegistryEvent::Hierarchy { parent, child, .. } => {
            format!("thingGroupHierarchy/thingGroup/{}/childThingGroup/{}", parent.name, child.name)
        }
        RegistryEvent::Membership { thing, group, .. } => {
            format!("thingGroupMembership/thingGroup/{}/thing/{}", group.name, thing.name)
        }
    };
    format!("$aws/events/{about}/{}", operation(event).to_lowercase())
}
