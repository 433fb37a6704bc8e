//! The rules engine, held against AWS's documentation: tables of expressions and statements with
//! the results that its pages give or imply, and rules as a whole.

mod actions;
mod bounds;
mod refused;
mod rules;
mod syntax;
mod tables;

use lns_pipeline::rule::{
    Env, Evaluated, LookupError, MessageTypes, Origin, Outcome, Payload, Rule, Seeded, Shadows,
    Things, Value,
};
use serde_json::json;
use std::sync::Arc;

/// 2017-06-09 17:19:46.123 UTC, the day of an example of AWS's.
const NOW_MS: i64 = 1_497_028_786_123;

/// A rule of this statement that does nothing.
fn rule(sql: &str, version: &str) -> Rule {
    let payload = json!({"sql": sql, "awsIotSqlVersion": version, "actions": []});
    Rule::compile("test", &payload).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Evaluates a rule for a message that came by MQTT from the client `device-1`.
fn evaluate(rule: &Rule, topic: &str, payload: impl Into<bytes::Bytes>) -> Evaluated {
    let properties = [
        ("some key", "some value"),
        ("a different key", "a different value"),
        ("some key", "value with duplicate key"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let origin = Origin {
        topic,
        client_id: Some("device-1"),
        principal: Some("ba67293af50bf2506f5f93469686da660c7c844e7b3950bfb16813e0d31e9373"),
        source_ip: Some("192.158.1.38"),
        trace_id: Some("12345678-1234-1234-1234-123456789012"),
        content_type: Some("application/json"),
        response_topic: None,
        correlation_data: Some(b"rule correlation data"),
        payload_is_utf8: true,
        user_properties: &properties,
    };
    let dice = Seeded::new(7);
    let env = Env {
        now_ms: NOW_MS,
        dice: &dice,
        account_id: "123456789012",
        origin: &origin,
        shadows: &Known,
        things: &Known,
        descriptors: &Known,
    };
    rule.evaluate(&env, &Payload::new(payload))
}

/// What is to be done; a rule that does not match or fails ends the test.
fn matched(rule: &Rule, topic: &str, payload: impl Into<bytes::Bytes>) -> Box<Outcome> {
    match evaluate(rule, topic, payload) {
        Evaluated::Matched(outcome) => outcome,
        other => panic!("the rule gives {other:?}"),
    }
}

/// A registry of one thing with two shadows, and one that cannot be read.
struct Known;

impl Shadows for Known {
    fn shadow(&self, thing: &str, name: Option<&str>) -> Result<Option<Value>, LookupError> {
        match (thing, name) {
            ("MyThing", None) => {
                Ok(Some((&json!({"state": {"reported": {"alarm": "ON"}}})).into()))
            }
            ("MyThing", Some("MyThingShadow")) => {
                Ok(Some((&json!({"state": {"reported": {"alarm": "OFF"}}, "version": 3})).into()))
            }
            ("broken", _) => Err(LookupError {
                what: "the shadow".to_owned(),
                why: "the disk is gone".to_owned(),
            }),
            _ => Ok(None),
        }
    }
}

impl Things for Known {
    fn describe(&self, thing: &str) -> Result<Option<Value>, LookupError> {
        let known = json!({"thingName": "sensor1", "thingTypeName": "testenv", "attributes": {"limit": "30"}});
        Ok((thing == "sensor1").then(|| (&known).into()))
    }

    fn groups(&self, thing: &str) -> Result<Option<Value>, LookupError> {
        Ok((thing == "sensor1").then(|| (&json!({"thingGroups": []})).into()))
    }
}

impl lns_pipeline::rule::Descriptors for Known {
    fn types(&self, bucket: &str, key: &str) -> Result<Option<Arc<MessageTypes>>, LookupError> {
        let known = (bucket, key) == ("folder", "person.desc");
        Ok(known.then(|| Arc::new(MessageTypes::parse(PERSON).expect("protoc wrote it"))))
    }
}

/// `Person` of AWS's page "Working with binary payloads", as `protoc --descriptor_set_out` has it.
const PERSON: &[u8] = include_bytes!("person.desc");
