//! Topic rules, as clients of iot see them.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use lns::registry::TopicRule;
use serde_json::{Value, json};

use super::Api;
use super::things::{done, iot, refused};

fn rule(sql: &str) -> Value {
    let action = json!({ "republish": { "roleArn": "arn:aws:iam::1:role/r", "topic": "b" } });
    json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [action] })
}

#[tokio::test]
async fn a_rule_reads_back_changes_and_goes() {
    let api = Api::new();
    let mut payload = rule("SELECT temperature FROM 'farm/+/up' WHERE temperature > 20");
    payload["description"] = json!("hot");
    payload["errorAction"] = json!({ "republish": { "roleArn": "r", "topic": "errors" } });
    done(&api, "POST /rules/hot_1", payload.clone()).await;
    let again = refused(&api, "POST /rules/hot_1", payload.clone()).await;
    assert!(again.starts_with("ResourceAlreadyExistsException"), "{again}");
    let shown = done(&api, "GET /rules/hot_1", json!(null)).await;
    assert_eq!(shown["ruleArn"], "arn:aws:iot:local:000000000000:rule/hot_1");
    for name in ["sql", "awsIotSqlVersion", "actions", "description", "errorAction"] {
        assert_eq!(shown["rule"][name], payload[name], "{name}");
    }
    assert_eq!(shown["rule"]["ruleDisabled"], false);

    done(&api, "POST /rules/hot_1/disable", json!(null)).await;
    assert_eq!(done(&api, "GET /rules/hot_1", json!(null)).await["rule"]["ruleDisabled"], true);
    done(&api, "POST /rules/hot_1/enable", json!(null)).await;
    done(&api, "PATCH /rules/hot_1", rule("SELECT * FROM 'other'")).await;
    let replaced = done(&api, "GET /rules/hot_1", json!(null)).await;
    assert_eq!(replaced["rule"]["sql"], "SELECT * FROM 'other'");
    assert!(replaced["rule"].get("description").is_none(), "all of it is replaced");
    assert_eq!(replaced["rule"]["createdAt"], shown["rule"]["createdAt"]);
    done(&api, "DELETE /rules/hot_1", json!(null)).await;
    for line in ["GET /rules/hot_1", "DELETE /rules/hot_1", "POST /rules/hot_1/enable"] {
        let gone = refused(&api, line, json!(null)).await;
        assert!(gone.starts_with("UnauthorizedException") && gone.contains("hot_1"), "{gone}");
    }
}

#[tokio::test]
async fn a_rule_that_cannot_be_compiled_is_refused_by_aws_names() {
    let api = Api::new();
    let with = |name: &str, value: Value| {
        let mut payload = rule("SELECT * FROM 'a'");
        payload[name] = value;
        payload
    };
    let republish = json!({ "republish": { "roleArn": "r", "topic": "b" } });
    for (path, payload, name) in [
        ("r", rule("SELEKT nonsense"), "SqlParseException"),
        ("r", rule("SELECT nosuch(1) FROM 'a'"), "SqlParseException"),
        ("r", rule("SELECT * FROM 'a/#/b'"), "SqlParseException"),
        ("r", json!({ "actions": [] }), "InvalidRequestException"),
        ("r", json!({ "sql": "SELECT * FROM 'a'" }), "InvalidRequestException"),
        ("r", with("actions", json!([{}])), "InvalidRequestException"),
        ("r", with("actions", json!(vec![republish; 11])), "InvalidRequestException"),
        ("r", with("actions", json!([{ "teleport": {} }])), "InvalidRequestException"),
        ("r", with("errorAction", json!([])), "InvalidRequestException"),
        ("r", with("foo", json!(1)), "InvalidRequestException"),
        ("a-b", rule("SELECT * FROM 'a'"), "InvalidRequestException"),
    ] {
        let line = format!("POST /rules/{path}");
        let message = refused(&api, &line, payload.clone()).await;
        assert!(message.starts_with(name), "{payload}: {message}");
    }
    assert_eq!(done(&api, "GET /rules", json!(null)).await, json!({ "rules": [] }));
    done(&api, "POST /rules/r", rule("SELECT * FROM 'a'")).await;
    let message = refused(&api, "PATCH /rules/r", rule("SELEKT")).await;
    assert!(message.starts_with("SqlParseException"), "{message}");
}

#[tokio::test]
async fn our_own_actions_pass_through() {
    let api = Api::new();
    let down =
        json!({ "sendDownlink": { "devEui": "${devEui}", "fPort": "5", "payloadData": "AQ==" } });
    let shadow = json!({ "setShadow": { "thingName": "lamp", "section": "desired" } });
    for (name, action) in [("down", down), ("shadow", shadow)] {
        let payload = json!({ "sql": "SELECT * FROM 'a'", "actions": [action] });
        let answered = iot(&api, &format!("POST /rules/{name}"), payload).await;
        // What stands in an action is the pipeline's to judge; that there is one is ours.
        let known = answered.status == StatusCode::OK
            || !answered.body["message"].as_str().unwrap().contains("no action");
        assert!(known, "{:?}", answered.body);
    }
}

#[tokio::test]
async fn rules_are_listed_in_pages_and_narrowed_down() {
    let api = Api::new();
    for n in 0..4 {
        let mut payload = rule(&format!("SELECT * FROM 'topic/{}'", n % 2));
        payload["ruleDisabled"] = json!(n == 3);
        done(&api, &format!("POST /rules/r{n}"), payload).await;
    }
    let names = |body: &Value| -> Vec<String> {
        let rules = body["rules"].as_array().unwrap();
        rules.iter().map(|rule| rule["ruleName"].as_str().unwrap().to_owned()).collect()
    };
    let first = done(&api, "GET /rules?maxResults=3", json!(null)).await;
    assert_eq!(names(&first), ["r0", "r1", "r2"]);
    assert_eq!(first["rules"][1]["topicPattern"], "topic/1");
    let token = first["nextToken"].as_str().unwrap();
    let rest = done(&api, &format!("GET /rules?nextToken={token}"), json!(null)).await;
    assert_eq!(names(&rest), ["r3"]);
    for (query, expected) in [
        ("topic=topic/1", &["r1", "r3"][..]),
        ("ruleDisabled=true", &["r3"]),
        ("topic=topic/1&ruleDisabled=false", &["r1"]),
    ] {
        assert_eq!(names(&done(&api, &format!("GET /rules?{query}"), json!(null)).await), expected);
    }
}

#[tokio::test]
async fn a_new_rules_tags_come_in_a_header() {
    let api = Api::new();
    let scope = "AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu-west-1/iot/aws4_request";
    let request = Request::post("/rules/tagged")
        .header(header::AUTHORIZATION, scope)
        .header("x-amz-tagging", "room=hall%201&k=v")
        .body(Body::from(rule("SELECT * FROM 'a'").to_string()));
    assert_eq!(api.send(request.unwrap()).await.status, StatusCode::OK);
    let arn = "arn:aws:iot:local:000000000000:rule/tagged";
    let listed = done(&api, &format!("GET /tags?resourceArn={arn}"), json!(null)).await;
    let expected = json!([{ "Key": "k", "Value": "v" }, { "Key": "room", "Value": "hall 1" }]);
    assert_eq!(listed["tags"], expected);
    done(&api, "PATCH /rules/tagged", rule("SELECT * FROM 'b'")).await;
    let registry = api.fake.registry.get().unwrap();
    let kept = registry.find::<TopicRule>(&"tagged".to_owned()).unwrap();
    assert_eq!(kept.tags.len(), 2, "a replaced rule keeps its tags");
}

#[tokio::test]
async fn secrets_are_not_shown_and_survive_a_rule_that_is_given_back_as_it_was_shown() {
    let api = Api::new();
    let actions = json!([
        { "http": { "url": "https://a.example/in", "headers": [{ "key": "Authorization", "value": "Bearer hush" }] } },
        { "postgresql": { "url": "postgresql://u:hush@db/x", "table": "t" } },
        { "kafka": { "topic": "t", "clientProperties": { "bootstrap.servers": "k:9092", "sasl.plain.password": "hush" } } },
    ]);
    let token = json!({ "influxLineProtocol": {
        "url": "http://i:8086", "token": "hush", "databaseName": "d", "tableName": "t",
    } });
    let rule = json!({ "sql": "SELECT * FROM 'a'", "actions": actions, "errorAction": token });
    done(&api, "POST /rules/quiet", rule).await;
    let shown = done(&api, "GET /rules/quiet", json!(null)).await["rule"].clone();
    assert!(!shown.to_string().contains("hush"), "{shown}");
    assert_eq!(shown["actions"][1]["postgresql"]["url"], "postgresql://u:***@db/x");
    let kept = || {
        let registry = api.fake.registry.get().unwrap();
        registry.find::<TopicRule>(&"quiet".to_owned()).unwrap()
    };
    assert!(!format!("{:?}", kept()).contains("hush"));
    let mut back = json!({
        "sql": "SELECT b FROM 'a'", "actions": shown["actions"], "errorAction": shown["errorAction"],
    });
    done(&api, "PATCH /rules/quiet", back.clone()).await;
    assert_eq!(json!(kept().actions), actions);
    assert_eq!(kept().error_action.as_ref(), Some(&token));
    back["actions"][1]["postgresql"]["url"] = json!("postgresql://u:***@elsewhere/x");
    let moved = refused(&api, "PATCH /rules/quiet", back.clone()).await;
    assert!(moved.contains("actions[1]") && moved.contains("write the secret"), "{moved}");
    let new = refused(&api, "POST /rules/other", back).await;
    assert!(new.contains("write the secret"), "{new}");
}
