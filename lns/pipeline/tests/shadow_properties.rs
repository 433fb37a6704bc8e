//! What holds for every shadow and every request.

use std::collections::BTreeMap;

use lns_pipeline::shadow::json::Json;
use lns_pipeline::shadow::{Answer, Branch, Node, Request, Shadow, ShadowId, Verb, apply};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Values as an update may carry them: few names and small numbers, so that sections meet.
fn value(with_null: bool) -> impl Strategy<Value = Value> {
    let null = if with_null { Just(Value::Null).boxed() } else { Just(json!(0)).boxed() };
    let leaf = prop_oneof![
        2 => null,
        2 => (0..3i64).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => "[ab]{0,2}".prop_map(Value::from),
        1 => proptest::collection::vec((0..3i64).prop_map(Value::from), 0..3).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| section_of(inner).prop_map(Value::Object))
}

fn section_of(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::btree_map("[a-d]", value, 0..4)
        .prop_map(|members| members.into_iter().collect())
}

fn update() -> impl Strategy<Value = Value> {
    let section = || proptest::option::of(section_of(value(true)));
    (section(), section()).prop_map(|(desired, reported)| {
        let mut state = Map::new();
        desired.map(|section| state.insert("desired".into(), section.into()));
        reported.map(|section| state.insert("reported".into(), section.into()));
        json!({ "state": state })
    })
}

fn ask(shadow: &Shadow, verb: Verb, payload: &[u8], now: u64) -> lns_pipeline::shadow::Outcome {
    let id = ShadowId::classic("t").expect("a name");
    apply(shadow, &Request { id: &id, verb, payload }, now)
}

fn updated(shadow: &Shadow, update: &Value, now: u64) -> Shadow {
    let outcome = ask(shadow, Verb::Update, update.to_string().as_bytes(), now);
    outcome.after.expect("these updates are fit")
}

fn whole(shadow: &Shadow) -> Value {
    match ask(shadow, Verb::Get, b"", 0).answer {
        Answer::Accepted(document) => serde_json::from_slice(&document).expect("JSON"),
        Answer::Rejected { why, .. } => panic!("{why}"),
    }
}

/// RFC 7396's function, for objects, written down once more.
fn merged(target: Option<&Value>, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut result = match target {
        Some(Value::Object(target)) => target.clone(),
        Some(_) | None => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            result.remove(name);
        } else {
            let value = merged(result.get(name), value);
            result.insert(name.clone(), value);
        }
    }
    Value::Object(result)
}

/// desired − reported, by definition: the paths of `desired` that lead to something else there.
fn difference(desired: &Value, reported: Option<&Value>) -> Option<Value> {
    match (desired, reported) {
        (Value::Object(desired), Some(Value::Object(reported))) => {
            let parts = desired.iter().filter_map(|(name, value)| {
                Some((name.clone(), difference(value, reported.get(name))?))
            });
            let parts: Map<String, Value> = parts.collect();
            (!parts.is_empty()).then_some(Value::Object(parts))
        }
        (desired, Some(reported)) if desired == reported => None,
        (desired, _) => Some(desired.clone()),
    }
}

/// Each leaf of a section by its path, with the time it was written.
fn times(section: &Branch) -> BTreeMap<String, u64> {
    let mut times = BTreeMap::new();
    for (name, node) in section {
        match node {
            Node::Leaf { written, .. } => {
                times.insert(name.to_string(), *written);
            }
            Node::Branch(members) => times.extend(
                self::times(members).into_iter().map(|(path, at)| (format!("{name}.{path}"), at)),
            ),
        }
    }
    times
}

/// The paths of the leaves that a patch names.
fn named(patch: &Value) -> Vec<String> {
    let Value::Object(members) = patch else { return Vec::new() };
    members
        .iter()
        .flat_map(|(name, value)| match value {
            Value::Object(_) => named(value).iter().map(|path| format!("{name}.{path}")).collect(),
            _ => vec![name.clone()],
        })
        .collect()
}

proptest! {
    #[test]
    fn a_shadow_is_what_its_updates_merge_to(updates in proptest::collection::vec(update(), 1..8)) {
        let mut shadow = Shadow::default();
        let mut model = json!({});
        for update in &updates {
            let before = shadow.version;
            shadow = updated(&shadow, update, 1);
            model = merged(Some(&model), &update["state"]);
            prop_assert_eq!(shadow.version, before + 1);
            let mut state = whole(&shadow)["state"].clone();
            state.as_object_mut().expect("an object").remove("delta");
            // A section without members is as good as none.
            let mut expected = model.clone();
            expected.as_object_mut().expect("an object").retain(|_, section| *section != json!({}));
            prop_assert_eq!(state, expected);
        }
    }

    #[test]
    fn the_delta_is_desired_minus_reported(updates in proptest::collection::vec(update(), 1..6)) {
        let mut shadow = Shadow::default();
        for update in &updates {
            let outcome = ask(&shadow, Verb::Update, update.to_string().as_bytes(), 1);
            shadow = outcome.after.expect("fit");
            let state = whole(&shadow)["state"].clone();
            let empty = json!({});
            let reported = state.get("reported").unwrap_or(&empty);
            let expected = state.get("desired").and_then(|it| difference(it, Some(reported)));
            prop_assert_eq!(state.get("delta"), expected.as_ref());
            let published = outcome.delta.map(|it| serde_json::from_slice::<Value>(&it).expect("JSON"));
            prop_assert_eq!(published.as_ref().map(|it| &it["state"]), expected.as_ref());
        }
        // A device that does what the delta says has nothing left to do.
        if let Some(delta) = whole(&shadow)["state"].get("delta") {
            let done = updated(&shadow, &json!({ "state": { "reported": delta } }), 2);
            let settled = whole(&done);
            prop_assert_eq!(settled["state"].get("delta"), None);
        }
    }

    #[test]
    fn only_the_leaves_that_an_update_names_have_its_time(
        first in section_of(value(false)), second in section_of(value(true)),
    ) {
        let old = updated(&Shadow::default(), &json!({ "state": { "reported": first } }), 1);
        let patch = Value::Object(second);
        let new = updated(&old, &json!({ "state": { "reported": patch } }), 2);
        let before = times(&old.state.expect("there").reported);
        let after = times(&new.state.expect("there").reported);
        let named = named(&patch);
        for (path, at) in &after {
            prop_assert_eq!(*at == 2, named.contains(path), "{}", path);
            if *at == 1 {
                prop_assert!(before.contains_key(path));
            }
        }
    }

    #[test]
    fn metadata_has_the_shape_of_the_state(updates in proptest::collection::vec(update(), 1..4)) {
        fn shape(value: &Value) -> Value {
            match value {
                Value::Object(members) => {
                    members.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
                }
                Value::Array(items) => items.iter().map(shape).collect(),
                _ => json!({ "timestamp": 9 }),
            }
        }
        let shadow = updates.iter().fold(Shadow::default(), |shadow, it| updated(&shadow, it, 9));
        let document = whole(&shadow);
        let mut state = document["state"].clone();
        state.as_object_mut().expect("an object").remove("delta");
        prop_assert_eq!(shape(&state), document["metadata"].clone());
    }

    #[test]
    fn a_record_is_read_back_and_a_damaged_one_is_refused_or_read(
        updates in proptest::collection::vec(update(), 0..4), at in 0..200usize, byte in any::<u8>(),
    ) {
        let shadow = updates.iter().zip(100..).fold(Shadow::default(), |shadow, (update, now)| {
            updated(&shadow, update, now)
        });
        let mut record = shadow.to_record();
        prop_assert_eq!(Shadow::from_record(&record), Ok(shadow));
        for end in 0..record.len() {
            prop_assert!(Shadow::from_record(&record[..end]).is_err());
        }
        let at = at % record.len();
        record[at] = byte;
        if let Ok(shadow) = Shadow::from_record(&record) {
            prop_assert_eq!(Shadow::from_record(&shadow.to_record()), Ok(shadow));
        }
    }

    #[test]
    fn any_bytes_get_an_answer_and_refused_ones_change_nothing(
        body in proptest::collection::vec(any::<u8>(), 0..200), verb in 0..3usize,
    ) {
        let verb = [Verb::Get, Verb::Update, Verb::Delete][verb];
        let outcome = ask(&Shadow::default(), verb, &body, 1);
        if let Answer::Rejected { document, .. } = &outcome.answer {
            prop_assert!(matches!(Json::parse(document), Ok(Json::Object(_))));
            prop_assert_eq!(outcome.after, None);
        }
    }

    #[test]
    fn nothing_of_a_number_is_lost(digits in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?(e-?[0-9]{1,4})?") {
        let update = format!(r#"{{"state":{{"reported":{{"n":{digits}}}}}}}"#);
        let shadow = ask(&Shadow::default(), Verb::Update, update.as_bytes(), 1).after.expect("fit");
        let kept = Shadow::from_record(&shadow.to_record()).expect("ours");
        let Answer::Accepted(document) = ask(&kept, Verb::Get, b"", 1).answer else { panic!("there") };
        let expected = format!(r#"{{"state":{{"reported":{{"n":{digits}}}}},"#);
        prop_assert!(String::from_utf8(document).expect("UTF-8").starts_with(&expected));
    }
}
