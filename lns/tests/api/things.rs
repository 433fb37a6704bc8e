//! Things, types, groups and tags, as clients of iot see them.

use axum::http::StatusCode;
use lns::message::{Operation, RegistryEvent};
use serde_json::{Value, json};

use super::services::{refusal, signed};
use super::{Answered, Api};

/// A request of iot.
pub(crate) async fn iot(api: &Api, line: &str, body: Value) -> Answered {
    signed(api, "iot", line, body).await
}

/// A request of iot that succeeds.
pub(crate) async fn done(api: &Api, line: &str, body: Value) -> Value {
    let answered = iot(api, line, body).await;
    assert_eq!(answered.status, StatusCode::OK, "{line}: {:?}", answered.body);
    answered.body
}

/// The name of the error that a request of iot gets.
pub(crate) async fn refused(api: &Api, line: &str, body: Value) -> String {
    let answered = iot(api, line, body).await;
    let (_, name, message) = refusal(&answered);
    format!("{name}: {message}")
}

fn attributes(pairs: Value) -> Value {
    json!({ "attributePayload": { "attributes": pairs } })
}

#[tokio::test]
async fn a_thing_reads_back_changes_and_goes() {
    let api = Api::new();
    let made = done(&api, "POST /things/lamp:1", attributes(json!({ "room": "hall" }))).await;
    assert_eq!(made["thingArn"], "arn:aws:iot:local:000000000000:thing/lamp:1");
    let shown = done(&api, "GET /things/lamp:1", json!(null)).await;
    assert_eq!(
        shown,
        json!({
            "thingName": "lamp:1", "thingId": made["thingId"], "thingArn": made["thingArn"],
            "defaultClientId": "lamp:1", "attributes": { "room": "hall" }, "version": 1,
        })
    );
    let merge = json!({ "attributePayload": { "attributes": { "on": "no" }, "merge": true } });
    done(&api, "PATCH /things/lamp:1", merge).await;
    let without = json!({
        "attributePayload": { "attributes": { "room": "" }, "merge": true }, "expectedVersion": 2,
    });
    done(&api, "PATCH /things/lamp:1", without).await;
    let shown = done(&api, "GET /things/lamp:1", json!(null)).await;
    assert_eq!((&shown["attributes"], &shown["version"]), (&json!({ "on": "no" }), &json!(3)));
    let old = refused(&api, "PATCH /things/lamp:1", json!({ "expectedVersion": 1 })).await;
    assert!(old.starts_with("VersionConflictException"), "{old}");
    let old = refused(&api, "DELETE /things/lamp:1?expectedVersion=1", json!(null)).await;
    assert!(old.starts_with("VersionConflictException"), "{old}");
    done(&api, "DELETE /things/lamp:1?expectedVersion=3", json!(null)).await;
    done(&api, "DELETE /things/lamp:1", json!(null)).await;
    let gone = refused(&api, "GET /things/lamp:1", json!(null)).await;
    assert!(gone.starts_with("ResourceNotFoundException"), "{gone}");
}

#[tokio::test]
async fn the_same_thing_again_is_no_error_and_another_is() {
    let api = Api::new();
    let first = done(&api, "POST /things/lamp", attributes(json!({ "a": "1" }))).await;
    let again = done(&api, "POST /things/lamp", attributes(json!({ "a": "1" }))).await;
    assert_eq!(first, again);
    let other = iot(&api, "POST /things/lamp", attributes(json!({ "a": "2" }))).await;
    let (status, name, _) = refusal(&other);
    assert_eq!((status, name), (StatusCode::CONFLICT, "ResourceAlreadyExistsException"));
    assert_eq!(other.body["resourceArn"], first["thingArn"]);
    assert_eq!(other.body["resourceId"], "lamp");
}

#[tokio::test]
async fn a_bad_thing_is_refused_with_field_and_value() {
    let api = Api::new();
    for (line, body, problem) in [
        ("POST /things/a%20b", json!({}), "thingName: \"a b\""),
        ("POST /things/x", json!({ "nmae": 1 }), "nmae: there is no such field"),
        ("POST /things/x", attributes(json!({ "a b": "1" })), "attributePayload.attributes.a b"),
        ("POST /things/x", attributes(json!({ "a": "b c" })), "attributePayload.attributes.a"),
        ("POST /things/x", attributes(json!({ "a": "x".repeat(801) })), "801 characters"),
        ("POST /things/x", attributes(json!({ "a": "1", "b": "1", "c": "1", "d": "1" })), "have 4"),
        ("POST /things/x", attributes(json!([])), "it is not an object"),
        ("GET /things?attributeValue=1", json!(null), "attributeValue"),
        ("GET /things?maxResults=300", json!(null), "maxResults"),
        ("GET /things?foo=1", json!(null), "foo"),
    ] {
        let message = refused(&api, line, body).await;
        assert!(message.starts_with("InvalidRequestException: "), "{line}: {message}");
        assert!(message.contains(problem), "{line}: {message}");
    }
    for body in [json!({ "thingTypeName": "none" }), json!({ "billingGroupName": "none" })] {
        let message = refused(&api, "POST /things/x", body).await;
        assert!(message.starts_with("ResourceNotFoundException"), "{message}");
    }
}

#[tokio::test]
async fn things_are_listed_in_pages_and_narrowed_down() {
    let api = Api::new();
    done(&api, "POST /thing-types/bulb", json!({})).await;
    for n in 0..5 {
        let mut body = attributes(json!({ "n": format!("v{n}"), "all": "yes" }));
        if n % 2 == 0 {
            body["thingTypeName"] = json!("bulb");
        }
        done(&api, &format!("POST /things/t{n}"), body).await;
    }
    let names = |body: &Value| -> Vec<String> {
        let things = body["things"].as_array().unwrap();
        things.iter().map(|thing| thing["thingName"].as_str().unwrap().to_owned()).collect()
    };
    let first = done(&api, "GET /things?maxResults=2", json!(null)).await;
    assert_eq!(names(&first), ["t0", "t1"]);
    let token = first["nextToken"].as_str().unwrap();
    let second =
        done(&api, &format!("GET /things?maxResults=3&nextToken={token}"), json!(null)).await;
    assert_eq!(names(&second), ["t2", "t3", "t4"]);
    assert!(second.get("nextToken").is_none());
    for (query, expected) in [
        ("thingTypeName=bulb", &["t0", "t2", "t4"][..]),
        ("attributeName=n&attributeValue=v3", &["t3"]),
        (
            "attributeName=n&attributeValue=v&usePrefixAttributeValue=true",
            &["t0", "t1", "t2", "t3", "t4"],
        ),
        ("attributeName=n&attributeValue=v", &[]),
        ("attributeName=none", &[]),
    ] {
        assert_eq!(
            names(&done(&api, &format!("GET /things?{query}"), json!(null)).await),
            expected
        );
    }
}

#[tokio::test]
async fn a_type_is_deprecated_before_it_goes() {
    let api = Api::new();
    let properties = json!({
        "thingTypeProperties": {
            "thingTypeDescription": "lamps", "searchableAttributes": ["room"],
        },
        "tags": [{ "Key": "k", "Value": "v" }],
    });
    done(&api, "POST /thing-types/bulb", properties).await;
    done(&api, "POST /things/lamp", json!({ "thingTypeName": "bulb" })).await;
    let shown = done(&api, "GET /thing-types/bulb", json!(null)).await;
    assert_eq!(shown["thingTypeProperties"]["searchableAttributes"], json!(["room"]));
    assert_eq!(shown["thingTypeMetadata"]["deprecated"], false);
    let early = refused(&api, "DELETE /thing-types/bulb", json!(null)).await;
    assert!(early.contains("deprecate it first"), "{early}");
    done(&api, "POST /thing-types/bulb/deprecate", json!({})).await;
    let late = refused(&api, "POST /things/other", json!({ "thingTypeName": "bulb" })).await;
    assert!(late.starts_with("InvalidRequestException") && late.contains("deprecated"), "{late}");
    let used = refused(&api, "DELETE /thing-types/bulb", json!(null)).await;
    assert!(used.starts_with("InvalidRequestException") && used.contains("lamp"), "{used}");
    done(&api, "POST /thing-types/bulb/deprecate", json!({ "undoDeprecate": true })).await;
    done(&api, "POST /things/other", json!({ "thingTypeName": "bulb" })).await;
    for thing in ["lamp", "other"] {
        done(&api, &format!("PATCH /things/{thing}"), json!({ "removeThingType": true })).await;
    }
    let description = json!({ "thingTypeProperties": { "thingTypeDescription": "all lamps" } });
    done(&api, "PATCH /thing-types/bulb", description).await;
    let listed = done(&api, "GET /thing-types?thingTypeName=bulb", json!(null)).await;
    let listed = &listed["thingTypes"][0]["thingTypeProperties"];
    assert_eq!(listed["thingTypeDescription"], "all lamps");
    assert_eq!(listed["searchableAttributes"], json!(["room"]));
    done(&api, "POST /thing-types/bulb/deprecate", json!({})).await;
    done(&api, "DELETE /thing-types/bulb", json!(null)).await;
    let gone = refused(&api, "GET /thing-types/bulb", json!(null)).await;
    assert!(gone.starts_with("ResourceNotFoundException"), "{gone}");
}

async fn group(api: &Api, name: &str, parent: Option<&str>) {
    let body = parent.map_or(json!({}), |parent| json!({ "parentGroupName": parent }));
    done(api, &format!("POST /thing-groups/{name}"), body).await;
}

fn names(list: &Value) -> Vec<&str> {
    let name = |entry: &'_ Value| entry.as_str().or(entry["groupName"].as_str()).map(str::len);
    assert!(list.as_array().unwrap().iter().all(|entry| name(entry).is_some()));
    let list = list.as_array().unwrap().iter();
    list.map(|entry| entry.as_str().unwrap_or_else(|| entry["groupName"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn groups_are_a_tree_with_things_in_it() {
    let api = Api::new();
    group(&api, "house", None).await;
    group(&api, "floor", Some("house")).await;
    group(&api, "hall", Some("floor")).await;
    group(&api, "mine", None).await;
    done(&api, "POST /things/lamp", json!({})).await;
    let join = |group: &str| json!({ "thingName": "lamp", "thingGroupName": group });
    for name in ["hall", "hall", "mine"] {
        done(&api, "PUT /thing-groups/addThingToThingGroup", join(name)).await;
    }
    let twice = refused(&api, "PUT /thing-groups/addThingToThingGroup", join("house")).await;
    assert!(twice.contains("hall") && twice.starts_with("InvalidRequestException"), "{twice}");
    let groups = done(&api, "GET /things/lamp/thing-groups", json!(null)).await;
    assert_eq!(names(&groups["thingGroups"]), ["hall", "mine"]);
    let page = done(&api, "GET /things/lamp/thing-groups?maxResults=1", json!(null)).await;
    let token = page["nextToken"].as_str().unwrap();
    let rest = format!("GET /things/lamp/thing-groups?nextToken={token}");
    assert_eq!(names(&done(&api, &rest, json!(null)).await["thingGroups"]), ["mine"]);
    for (query, expected) in [("", &[][..]), ("?recursive=true", &["lamp"])] {
        let things = format!("GET /thing-groups/house/things{query}");
        assert_eq!(names(&done(&api, &things, json!(null)).await["things"]), expected);
    }
    for (query, expected) in [
        ("", &["floor", "hall", "house", "mine"][..]),
        ("?recursive=false", &["house", "mine"]),
        ("?parentGroup=house", &["floor", "hall"]),
        ("?parentGroup=house&recursive=false", &["floor"]),
        ("?namePrefixFilter=h", &["hall", "house"]),
    ] {
        let listed = done(&api, &format!("GET /thing-groups{query}"), json!(null)).await;
        assert_eq!(names(&listed["thingGroups"]), expected, "{query}");
    }
    let shown = done(&api, "GET /thing-groups/hall", json!(null)).await;
    let above = &shown["thingGroupMetadata"];
    assert_eq!(names(&above["rootToParentThingGroups"]), ["house", "floor"]);
    let parent = refused(&api, "DELETE /thing-groups/floor", json!(null)).await;
    assert!(parent.starts_with("InvalidRequestException"), "{parent}");
    done(&api, "DELETE /thing-groups/hall", json!(null)).await;
    done(&api, "DELETE /thing-groups/hall", json!(null)).await;
    group(&api, "hall", Some("floor")).await;
    let groups = done(&api, "GET /things/lamp/thing-groups", json!(null)).await;
    assert_eq!(names(&groups["thingGroups"]), ["mine"], "a new hall is another hall");
    let leave = json!({ "thingArn": "arn:aws:iot:x:1:thing/lamp", "thingGroupName": "mine" });
    done(&api, "PUT /thing-groups/removeThingFromThingGroup", leave).await;
    let both = json!({ "thingName": "lamp", "thingGroupsToAdd": ["mine", "house"] });
    done(&api, "PUT /thing-groups/updateThingGroupsForThing", both).await;
    let groups = done(&api, "GET /things/lamp/thing-groups", json!(null)).await;
    assert_eq!(names(&groups["thingGroups"]), ["house", "mine"]);
}

#[tokio::test]
async fn a_group_has_attributes_and_a_version() {
    let api = Api::new();
    let properties = json!({ "thingGroupProperties": {
        "thingGroupDescription": "all", "attributePayload": { "attributes": { "a": "1" } },
    } });
    done(&api, "POST /thing-groups/g", properties).await;
    let change = |version: u64| {
        json!({ "expectedVersion": version, "thingGroupProperties": {
            "attributePayload": { "attributes": { "b": "2" }, "merge": true },
        } })
    };
    assert_eq!(done(&api, "PATCH /thing-groups/g", change(1)).await["version"], 2);
    let shown = done(&api, "GET /thing-groups/g", json!(null)).await;
    let properties = &shown["thingGroupProperties"];
    assert_eq!(properties["attributePayload"]["attributes"], json!({ "a": "1", "b": "2" }));
    assert_eq!(properties["thingGroupDescription"], "all");
    let old = refused(&api, "PATCH /thing-groups/g", change(1)).await;
    assert!(old.starts_with("VersionConflictException"), "{old}");
    let nothing = refused(&api, "PATCH /thing-groups/g", json!({})).await;
    assert!(nothing.contains("thingGroupProperties: it is missing"), "{nothing}");
}

#[tokio::test]
async fn types_and_groups_have_tags() {
    let api = Api::new();
    group(&api, "g", None).await;
    let arn = "arn:aws:iot:local:000000000000:thinggroup/g";
    let tags =
        json!({ "resourceArn": arn, "tags": [{ "Key": "a", "Value": "1" }, { "Key": "b" }] });
    done(&api, "POST /tags", tags).await;
    let message = refused(&api, "POST /tags", json!({ "resourceArn": arn })).await;
    assert!(message.ends_with(": tags: it is missing"), "{message}");
    done(&api, "POST /untag", json!({ "resourceArn": arn, "tagKeys": ["a"] })).await;
    let listed = done(&api, &format!("GET /tags?resourceArn={arn}"), json!(null)).await;
    assert_eq!(listed, json!({ "tags": [{ "Key": "b", "Value": "" }] }));
    done(&api, "POST /things/lamp", json!({})).await;
    for (arn, name) in [
        ("arn:aws:iot:local:000000000000:thing/lamp", "InvalidRequestException"),
        ("arn:aws:iot:local:000000000000:thinggroup/none", "ResourceNotFoundException"),
        ("arn:aws:iotwireless:local:000000000000:Destination/default", "InvalidRequestException"),
    ] {
        let message = refused(&api, &format!("GET /tags?resourceArn={arn}"), json!(null)).await;
        assert!(message.starts_with(name), "{arn}: {message}");
    }
}

#[tokio::test]
async fn what_becomes_of_things_is_told() {
    let api = Api::new();
    done(&api, "POST /thing-types/bulb", json!({})).await;
    done(&api, "POST /things/lamp", json!({ "thingTypeName": "bulb" })).await;
    done(&api, "POST /things/lamp", json!({ "thingTypeName": "bulb" })).await;
    done(&api, "PATCH /things/lamp", json!({ "removeThingType": true })).await;
    done(&api, "DELETE /things/lamp", json!(null)).await;
    let told: Vec<String> = api.fake.told.lock().iter().map(word).collect();
    let expected =
        ["type Created", "thing Created 1", "given", "thing Updated 2", "lost", "thing Deleted 2"];
    assert_eq!(told, expected);
}

fn word(event: &RegistryEvent) -> String {
    match event {
        RegistryEvent::Thing(operation, thing) => format!("thing {operation:?} {}", thing.version),
        RegistryEvent::ThingType(Operation::Created, _) => "type Created".to_owned(),
        RegistryEvent::TypeAssociation { added: true, .. } => "given".to_owned(),
        RegistryEvent::TypeAssociation { added: false, .. } => "lost".to_owned(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn events_are_switched_on_by_type() {
    let api = Api::new();
    let off = done(&api, "GET /event-configurations", json!(null)).await;
    assert_eq!(off["eventConfigurations"]["THING"], json!({ "Enabled": false }));
    assert_eq!(off["eventConfigurations"].as_object().unwrap().len(), 11);
    let on = json!({ "eventConfigurations": {
        "THING": { "Enabled": true }, "JOB": { "Enabled": false },
    } });
    done(&api, "PATCH /event-configurations", on).await;
    let shown = done(&api, "GET /event-configurations", json!(null)).await;
    assert_eq!(shown["eventConfigurations"]["THING"], json!({ "Enabled": true }));
    assert!(shown["creationDate"].is_number());
    let job = json!({ "eventConfigurations": { "JOB": { "Enabled": true } } });
    let message = refused(&api, "PATCH /event-configurations", job).await;
    assert!(message.contains("eventConfigurations.JOB.Enabled"), "{message}");
}
