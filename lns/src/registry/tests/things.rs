//! Things, their types and groups, rules, and what is associated with a thing.

use std::collections::BTreeSet;

use lns_lorawan::Timestamp;
use serde_json::json;

use super::*;

pub(super) fn thing(name: &str) -> Thing {
    Thing {
        name: name.to_owned(),
        id: Id::random(),
        thing_type: None,
        attributes: Attributes::new(),
        groups: BTreeSet::new(),
        version: 1,
    }
}

fn group(name: &str, parent: Option<&str>) -> ThingGroup {
    ThingGroup {
        name: name.to_owned(),
        id: Id::random().to_string(),
        parent: parent.map(str::to_owned),
        description: None,
        attributes: Attributes::new(),
        created_at: Timestamp::from_secs(1),
        version: 1,
        tags: Tags::new(),
    }
}

fn attributes(count: usize) -> Attributes {
    (0..count).map(|n| (format!("a{n}"), "x".to_owned())).collect()
}

fn rule(name: &str) -> TopicRule {
    TopicRule {
        name: name.to_owned(),
        sql: "SELECT * FROM 'a'".to_owned(),
        sql_version: "2016-03-23".to_owned(),
        topic_pattern: Some("a".to_owned()),
        description: None,
        actions: vec![json!({ "republish": { "topic": "b" } })],
        error_action: None,
        disabled: false,
        created_at: Timestamp::from_secs(1),
        tags: Tags::new(),
    }
}

fn destination() -> RuleDestination {
    RuleDestination {
        id: Id::random(),
        confirmation_url: "https://example.org/".to_owned(),
        token: "t0ken".to_owned(),
        status: RuleDestinationStatus::InProgress,
        confirmed: false,
        status_reason: None,
        created_at: Timestamp::from_secs(1),
        updated_at: Timestamp::from_secs(1),
    }
}

/// Associates a device with a thing, or with none.
fn associate(registry: &Registry, id: &Id, thing: Option<&str>) -> Result<(), RegistryError> {
    let change = |device: &mut WirelessDevice| -> Result<(), RegistryError> {
        device.thing = thing.map(Into::into);
        Ok(())
    };
    registry.update(id, change).map(|_| ())
}

#[test]
fn things_and_rules_are_there_after_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let before = open(&store);
    let lamp = before.create(thing("lamp")).unwrap().record().clone();
    let parent = before.create(group("house", None)).unwrap().record().clone();
    before.create(group("kitchen", Some("house"))).unwrap();
    before.create(rule("r")).unwrap();
    let http = before.create(destination()).unwrap().record().clone();
    let profile = profile(&before);
    let made = before.create(device(1, profile)).unwrap().record().clone();
    associate(&before, &made.id, Some("lamp")).unwrap();

    let after = open(&store);
    assert_eq!(after.find::<Thing>(&"lamp".to_owned()), Some(lamp));
    assert_eq!(after.count::<ThingGroup>(), 2);
    assert_eq!(after.find_by_alias::<ThingGroup>(&parent.id), Some(parent));
    assert_eq!(after.find::<TopicRule>(&"r".to_owned()).as_deref(), Some(&rule("r")));
    assert_eq!(after.find_by_alias::<RuleDestination>("t0ken"), Some(http));
    assert_eq!(after.find_by_alias::<WirelessDevice>("lamp").unwrap().id, made.id);
    assert_eq!(after.route(made.dev_eui).unwrap().thing.as_deref(), Some("lamp"));
}

#[test]
fn a_thing_stands_for_one_device_and_stays_as_long_as_it_does() {
    let registry = empty();
    registry.create(thing("lamp")).unwrap();
    let profile = profile(&registry);
    let first = registry.create(device(1, profile)).unwrap().record().clone();
    let second = registry.create(device(2, profile)).unwrap().record().clone();
    let missing = associate(&registry, &first.id, Some("door")).unwrap_err();
    assert!(matches!(missing, RegistryError::NotFound { kind: Kind::Thing, .. }), "{missing}");
    associate(&registry, &first.id, Some("lamp")).unwrap();
    associate(&registry, &first.id, Some("lamp")).unwrap();
    let taken = associate(&registry, &second.id, Some("lamp")).unwrap_err();
    assert!(matches!(&taken, RegistryError::Taken { key, .. } if *key == first.id.to_string()));
    let in_use = registry.remove::<Thing>(&"lamp".to_owned()).unwrap_err();
    assert!(matches!(in_use, RegistryError::InUse { user_kind: Kind::WirelessDevice, .. }));

    associate(&registry, &first.id, None).unwrap();
    assert_eq!(registry.find_by_alias::<WirelessDevice>("lamp"), None);
    associate(&registry, &second.id, Some("lamp")).unwrap();
    registry.remove::<WirelessDevice>(&second.id).unwrap();
    registry.remove::<Thing>(&"lamp".to_owned()).unwrap();
}

#[test]
fn a_thing_has_as_many_attributes_as_its_type_allows() {
    let registry = empty();
    let with = |count| Thing { attributes: attributes(count), ..thing("lamp") };
    assert!(matches!(registry.create(with(4)).unwrap_err(), RegistryError::Unfit(_)));
    let typed = |count| Thing { thing_type: Some("bulb".to_owned()), ..with(count) };
    assert!(matches!(registry.create(typed(4)).unwrap_err(), RegistryError::NotFound { .. }));
    let bulb = ThingType {
        name: "bulb".to_owned(),
        id: Id::random(),
        description: None,
        searchable_attributes: Vec::new(),
        created_at: Timestamp::from_secs(1),
        deprecated_at: None,
        tags: Tags::new(),
    };
    registry.create(bulb).unwrap();
    assert!(matches!(registry.create(typed(51)).unwrap_err(), RegistryError::Unfit(_)));
    let long = Attributes::from([("a".to_owned(), "x".repeat(48 * 1024))]);
    let heavy = Thing { attributes: long, ..thing("lamp") };
    assert!(matches!(registry.create(heavy).unwrap_err(), RegistryError::Unfit(_)));
    assert!(matches!(registry.create(typed(50)).unwrap(), Created::New(_)));
    assert!(matches!(registry.create(typed(50)).unwrap(), Created::Repeated(_)));
    assert!(matches!(registry.create(typed(49)).unwrap_err(), RegistryError::Taken { .. }));
    let in_use = registry.remove::<ThingType>(&"bulb".to_owned()).unwrap_err();
    assert!(matches!(in_use, RegistryError::InUse { user_kind: Kind::Thing, .. }), "{in_use}");
}

#[test]
fn groups_are_a_tree_of_seven_levels() {
    let registry = empty();
    registry.create(group("g1", None)).unwrap();
    for level in 2..=7 {
        let parent = format!("g{}", level - 1);
        registry.create(group(&format!("g{level}"), Some(&parent))).unwrap();
    }
    let deep = registry.create(group("g8", Some("g7"))).unwrap_err();
    assert!(matches!(&deep, RegistryError::Unfit(why) if why.contains("7 levels")), "{deep}");
    let lost = registry.create(group("x", Some("none"))).unwrap_err();
    assert!(matches!(lost, RegistryError::NotFound { .. }), "{lost}");
    let names: Vec<String> = registry
        .require::<ThingGroup>(&"g4".to_owned())
        .unwrap()
        .ancestry(&registry)
        .iter()
        .map(|group| group.name.clone())
        .collect();
    assert_eq!(names, ["g1", "g2", "g3"]);
    let in_use = registry.remove::<ThingGroup>(&"g6".to_owned()).unwrap_err();
    assert!(matches!(in_use, RegistryError::InUse { user_kind: Kind::ThingGroup, .. }));
    registry.remove::<ThingGroup>(&"g7".to_owned()).unwrap();
    registry.remove::<ThingGroup>(&"g6".to_owned()).unwrap();
}

#[test]
fn a_group_has_a_hundred_children() {
    let registry = empty();
    registry.create(group("root", None)).unwrap();
    for n in 0..100 {
        registry.create(group(&format!("c{n}"), Some("root"))).unwrap();
    }
    let full = registry.create(group("one-more", Some("root"))).unwrap_err();
    assert!(matches!(&full, RegistryError::Unfit(why) if why.contains("100 children")), "{full}");
}

#[test]
fn a_change_of_rules_is_told_from_other_changes() {
    let registry = empty();
    let rules = registry.version_of::<TopicRule>();
    registry.create(thing("lamp")).unwrap();
    assert_eq!(registry.version_of::<TopicRule>(), rules);
    registry.create(rule("r")).unwrap();
    let made = registry.version_of::<TopicRule>();
    assert!(made > rules);
    registry.remove::<TopicRule>(&"r".to_owned()).unwrap();
    assert!(registry.version_of::<TopicRule>() > made);
}

#[test]
fn a_record_may_refuse_to_go() {
    let registry = empty();
    registry.create(thing("lamp")).unwrap();
    let stay = |_: &Thing| Err(RegistryError::Unfit("not yet".to_owned()));
    assert!(registry.remove_when(&"lamp".to_owned(), stay).is_err());
    assert_eq!(registry.count::<Thing>(), 1);
}
