//! Actions: templates filled in for a message, results as rows, points and documents, and what an
//! error action is told.

use super::{matched, rule};
use lns_pipeline::rule::action::{Action, LineError, Points, RowError, Task};
use lns_pipeline::rule::{
    EvalError, Evaluated, Failure, Origin, Payload, Rule, Value, error_message, parse_json,
};
use serde_json::json;

/// What one action becomes for a message to `devices/floor3/telemetry`.
fn task(action: serde_json::Value, payload: &str) -> Task {
    let sql = "SET @half = n / 2 SELECT n AS alias FROM 'a'";
    let document = json!({"sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [action]});
    let rule = Rule::compile("test", &document).unwrap_or_else(|error| panic!("{error}"));
    let outcome = matched(&rule, "devices/floor3/telemetry", payload.to_owned());
    outcome.actions.into_iter().next().expect("there is one").expect("it can be filled in")
}

fn topic_of(template: &str, payload: &str) -> String {
    match task(json!({"republish": {"topic": template}}), payload) {
        Action::Republish(republish) => republish.topic,
        other => panic!("{other:?}"),
    }
}

#[test]
fn templates_see_payload_functions_and_variables_but_no_aliases() {
    let payload = r#"{"n":8,"id":"d1","o":{"k":[1]},"z":null}"#;
    for (template, expected) in [
        ("${topic()}/republish", "devices/floor3/telemetry/republish"),
        ("a/${id}/${n + 1}", "a/d1/9"),
        ("${@half}", "4"),
        ("x${alias}y", "xy"),
        ("x${z}y", "xy"),
        ("${o}", r#"{"k":[1]}"#),
        ("${get(o.k, 0)}", "1"),
        (
            "${replace(topic(), '/', '-') + '-' + timestamp()}",
            "devices-floor3-telemetry-1497028786123",
        ),
        ("${{'a': '}'}.a}", "}"),
        ("$a$${'b'}}", "$a$b}"),
        ("plain $ text", "plain $ text"),
        ("${parse_time('yyyy', timestamp(), 'UTC')}", "2017"),
        ("${CASE n WHEN 8 THEN 'eight' END}", "eight"),
    ] {
        assert_eq!(topic_of(template, payload), expected, "{template}");
    }
    assert_eq!(topic_of("${*}", "plain"), "plain");
}

#[test]
fn a_republish_fills_in_all_its_headers() {
    let action = json!({"republish": {
        "roleArn": "arn:aws:iam::123456789012:role/any",
        "topic": "${topic()}/republish",
        "qos": 1,
        "headers": {
            "payloadFormatIndicator": "UTF8_DATA",
            "contentType": "rule/contentType",
            "correlationData": "cnVsZSBjb3JyZWxhdGlvbiBkYXRh",
            "messageExpiry": "${n * 10}",
            "userProperties": [{"key": "ruleKey1", "value": "ruleValue1"}, {"key": "sourceip", "value": "${sourceip()}"}],
        },
    }});
    let mut expected = action.clone();
    expected["republish"]["topic"] = json!("devices/floor3/telemetry/republish");
    expected["republish"]["headers"]["messageExpiry"] = json!("80");
    expected["republish"]["headers"]["userProperties"][1]["value"] = json!("192.158.1.38");
    let task = task(action, r#"{"n":8}"#);
    assert_eq!(serde_json::to_value(&task).expect("a task is JSON"), expected);
    let again: Task = serde_json::from_value(expected).expect("a task can be stored and read");
    assert_eq!(again, task);
    assert_eq!(
        (task.kind(), task.resource()),
        ("RepublishAction", "devices/floor3/telemetry/republish")
    );
}

#[test]
fn every_kind_can_be_filled_in_stored_and_read_again() {
    for action in [
        json!({"http": {"url": "https://host/${id}", "headers": [{"key": "x-id", "value": "${id}"}], "enableBatching": true, "batchConfig": {"maxBatchSize": 5}}}),
        json!({"kafka": {"topic": "t-${id}", "key": "${id}", "partition": "${n}", "clientProperties": {"bootstrap.servers": "h:9092"}, "headers": [{"key": "k", "value": "${id}"}]}}),
        json!({"influxDB": {"destinationArn": "arn:aws:iot:eu-west-1:1:ruledestination/influxdb/a", "databaseName": "d", "tableName": "t", "tags": {"id": "${id}"}}}),
        json!({"influxLineProtocol": {"url": "http://h:8086", "databaseName": "d", "tableName": "t", "tags": {"id": "${id}"}, "timestampUnit": "ns"}}),
        json!({"postgresql": {"url": "postgresql://u:p@h/d", "table": "s.t", "columns": {"id": "${id}"}}}),
        json!({"file": {"path": "${id}/log.jsonl", "rotateBytes": 1000}}),
        json!({"sendDownlink": {"wirelessDeviceId": "${id}", "fPort": "2", "payloadData": "${encode(id, 'base64')}"}}),
        json!({"setShadow": {"thingName": "${id}", "shadowName": "s", "section": "desired"}}),
    ] {
        let task = task(action.clone(), r#"{"n":3,"id":"d1"}"#);
        let stored = serde_json::to_string(&task).expect("a task is JSON");
        assert!(!stored.contains("${"), "{stored}");
        assert!(stored.contains("d1"), "{stored}");
        assert_eq!(serde_json::from_str::<Task>(&stored).expect("it is a task"), task);
    }
}

#[test]
fn a_template_whose_lookup_fails_is_a_failure_of_its_action_alone() {
    let document = json!({
        "sql": "SELECT * FROM 'a'",
        "awsIotSqlVersion": "2016-03-23",
        "actions": [
            {"republish": {"topic": "a/${get_thing_shadow('broken').x}"}},
            {"republish": {"topic": "b"}},
        ],
        "errorAction": {"republish": {"topic": "errors/${clientid()}"}},
    });
    let rule = Rule::compile("test", &document).expect("it is a rule");
    let outcome = matched(&rule, "a", "{}");
    assert!(matches!(outcome.actions[0], Err(EvalError::Lookup(_))));
    assert!(outcome.actions[1].is_ok());
    let error = outcome.error_action.expect("there is one").expect("it can be filled in");
    assert_eq!(error.resource(), "errors/device-1");
}

#[test]
fn a_statement_that_fails_does_nothing() {
    let rule = rule("SELECT get_thing_shadow('broken') AS s FROM 'a'", "2016-03-23");
    assert!(matches!(super::evaluate(&rule, "a", "{}"), Evaluated::Failed(EvalError::Lookup(_))));
}

fn points(table: &str, tags: serde_json::Value) -> Points<String> {
    let document = json!({"databaseName": "d", "tableName": table, "tags": tags});
    serde_json::from_value(document).expect("they are points")
}

fn value(json: &str) -> Value {
    parse_json(json.as_bytes()).expect("it is JSON")
}

#[test]
fn points_are_written_as_the_examples_of_aws() {
    let metrics =
        points("device_metrics", json!({"location": "building-a", "device_id": "myDevice123"}));
    let payload = value(
        r#"{"timestamp":1700000000000,"temperature":23.5,"humidity":60.1,"pressure":1013.25,"battery_level":87}"#,
    );
    let expected = "device_metrics,device_id=myDevice123,location=building-a \
                    temperature=23.5,humidity=60.1,pressure=1013.25,battery_level=87i 1700000000000";
    assert_eq!(metrics.lines(&payload, true), Ok(vec![expected.to_owned()]));

    let each = points("@{measurement_type}", json!({"room": "@{room}"}));
    let payload = value(
        r#"[{"measurement_type":"temperature","room":"kitchen","timestamp":1700000000000,"value":23.5},
            {"measurement_type":"humidity","room":"bedroom","timestamp":1700000001000,"value":60.1}]"#,
    );
    let expected = [
        "temperature,room=kitchen value=23.5 1700000000000",
        "humidity,room=bedroom value=60.1 1700000001000",
    ];
    assert_eq!(each.lines(&payload, true), Ok(expected.map(str::to_owned).to_vec()));
}

#[test]
fn points_have_types_escapes_and_refusals() {
    let all = points("a b,c", json!({"t=g": "x y", "none": ""}));
    let payload = value(
        r#"{"i":-1,"u":9223372036854775808,"f":true,"s":"a \"b\" \\","n":null,"o":{"a": 1},"k k":1.5}"#,
    );
    let line = r#"a\ b\,c,t\=g=x\ y i=-1i,u=9223372036854775808u,f=t,s="a \"b\" \\",o="{\"a\":1}",k\ k=1.5"#;
    assert_eq!(all.lines(&payload, false), Ok(vec![line.to_owned()]));
    for (json, error) in [
        ("5", LineError::NotAnObject),
        ("[5]", LineError::NotAnObject),
        (r#"{"a":1}"#, LineError::NoTimestamp),
        (r#"{"a":1,"timestamp":1.5}"#, LineError::BadTimestamp),
        (r#"{"a":1,"timestamp":"1"}"#, LineError::BadTimestamp),
        (r#"{"timestamp":1}"#, LineError::NoFields),
        (r#"{"_a":1,"timestamp":1}"#, LineError::BadKey("_a".to_owned())),
        (
            r#"{"a":18446744073709551616,"timestamp":1}"#,
            LineError::TooLarge("18446744073709551616".to_owned()),
        ),
    ] {
        assert_eq!(points("t", json!({})).lines(&value(json), true), Err(error), "{json}");
    }
    let inject = points("t", json!({"tag": "@{x}"}));
    let lines = inject.lines(&value(r#"{"x":"a\nb,c=d\\","v":1}"#), false);
    assert_eq!(lines, Ok(vec![r"t,tag=a\ b\,c\=d v=1i".to_owned()]));
}

#[test]
fn a_result_is_a_row_of_columns_or_of_one_document() {
    let action = |members: serde_json::Value| {
        let mut action = json!({"url": "postgresql://h/d", "table": "t"});
        action
            .as_object_mut()
            .expect("an object")
            .extend(members.as_object().expect("too").clone());
        match task(json!({"postgresql": action}), r#"{"n":3}"#) {
            Action::Postgresql(action) => action,
            other => panic!("{other:?}"),
        }
    };
    let result = value(r#"{"a":1,"b":"x","c":{"d":null}}"#);
    let row = |pairs: &[(&str, serde_json::Value)]| {
        Ok(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    };
    let spread = action(json!({"columns": {"b": "${topic(2)}", "e": "${n}"}}));
    let expected = row(&[
        ("a", json!(1)),
        ("b", json!("floor3")),
        ("c", json!({"d": null})),
        ("e", json!("3")),
    ]);
    assert_eq!(spread.row(&result), expected);
    let whole = action(json!({"payloadColumn": "payload"}));
    assert_eq!(whole.row(&value("[1]")), row(&[("payload", json!([1]))]));
    assert_eq!(action(json!({})).row(&value("[1]")), Err(RowError::NotAnObject));
    let quoted = value(r#"{"a\"b":1}"#);
    assert_eq!(action(json!({})).row(&quoted), Err(RowError::BadColumn("a\"b".to_owned())));
}

#[test]
fn a_path_made_of_a_message_stays_in_its_folder() {
    let path = |payload: &str| match task(json!({"file": {"path": "logs/${id}.jsonl"}}), payload) {
        Action::File(file) => file.safe_path().map(str::to_owned),
        other => panic!("{other:?}"),
    };
    assert_eq!(path(r#"{"id":"a"}"#).as_deref(), Some("logs/a.jsonl"));
    assert_eq!(path(r#"{"id":"a/b"}"#).as_deref(), Some("logs/a/b.jsonl"));
    assert_eq!(path(r#"{"id":"../../etc/x"}"#), None);
    assert_eq!(path(r#"{"id":"a//b"}"#), None);
    assert_eq!(path(r#"{"id":"a\u0000"}"#), None);
}

#[test]
fn a_result_becomes_the_update_of_a_shadow() {
    let document = |section: &str, result: &str| {
        let action = json!({"setShadow": {"thingName": "t", "section": section}});
        match task(action, "{}") {
            Action::SetShadow(action) => action.document(&value(result)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(document("reported", r#"{"a":1}"#), Some(json!({"state": {"reported": {"a": 1}}})));
    assert_eq!(document("desired", r#"{"a":1}"#), Some(json!({"state": {"desired": {"a": 1}}})));
    let whole = r#"{"state":{"reported":{"a":null}},"version":3}"#;
    assert_eq!(document("document", whole), Some(serde_json::from_str(whole).expect("JSON")));
    assert_eq!(document("reported", "[1]"), None);
}

#[test]
fn an_error_action_is_told_what_aws_tells_it() {
    let origin = Origin {
        topic: "testme/action",
        client_id: Some("iotconsole-1511213971966-0"),
        trace_id: Some("7e146a2c-95b5-6caf-98b9-50e3969734c7"),
        ..Origin::default()
    };
    let payload = Payload::new("{\n  \"message\": \"Hello from AWS IoT console\"\n}");
    let failure = Failure {
        failed_action: "S3Action".to_owned(),
        failed_resource: "us-east-1-s3-verify-user".to_owned(),
        error_message: "Failed to put S3 object.".to_owned(),
    };
    assert_eq!(
        error_message("TestAction", &origin, &payload, &[failure]),
        json!({
            "ruleName": "TestAction",
            "topic": "testme/action",
            "cloudwatchTraceId": "7e146a2c-95b5-6caf-98b9-50e3969734c7",
            "clientId": "iotconsole-1511213971966-0",
            "sourceIp": "",
            "base64OriginalPayload": "ewogICJtZXNzYWdlIjogIkhlbGxvIGZyb20gQVdTIElvVCBjb25zb2xlIgp9",
            "failures": [{
                "failedAction": "S3Action",
                "failedResource": "us-east-1-s3-verify-user",
                "errorMessage": "Failed to put S3 object.",
            }],
        })
    );
}
