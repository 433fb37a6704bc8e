//! Shadow documents as AWS documents them: what is sent, and every word of the answer.
//!
//! Source: AWS IoT Developer Guide, *Device Shadow service documents*, *Device Shadow MQTT topics*
//! and *Device Shadow error messages*; merging as RFC 7396 has it.

use lns_pipeline::shadow::limits::{MAX_CLIENT_TOKEN, MAX_REQUEST, MAX_STATE};
use lns_pipeline::shadow::{Answer, Outcome, Request, Shadow, ShadowId, Verb, apply};
use serde_json::{Value, json};

const NOW: u64 = 1_488_494_263;

fn id() -> ShadowId {
    ShadowId::classic("lamp").expect("a name")
}

fn ask(shadow: &Shadow, verb: Verb, payload: &str, now: u64) -> Outcome {
    apply(shadow, &Request { id: &id(), verb, payload: payload.as_bytes() }, now)
}

/// The shadow after these updates, each a second after the last.
fn after(updates: &[&str]) -> Shadow {
    let updates = updates.iter().zip(NOW..);
    updates.fold(Shadow::default(), |shadow, (update, now)| {
        ask(&shadow, Verb::Update, update, now).after.expect("the update is accepted")
    })
}

fn accepted(outcome: &Outcome) -> Value {
    match &outcome.answer {
        Answer::Accepted(document) => value(document),
        Answer::Rejected { why, .. } => panic!("rejected: {why}"),
    }
}

fn rejected(outcome: &Outcome) -> Value {
    assert_eq!((&outcome.after, &outcome.delta, &outcome.documents), (&None, &None, &None));
    match &outcome.answer {
        Answer::Accepted(document) => panic!("accepted: {}", value(document)),
        Answer::Rejected { why, document } => {
            let document = value(document);
            assert_eq!(document["code"], why.code());
            assert_eq!(document["message"], why.to_string());
            document
        }
    }
}

fn value(document: &[u8]) -> Value {
    serde_json::from_slice(document).expect("every document is JSON")
}

fn whole(shadow: &Shadow) -> Value {
    accepted(&ask(shadow, Verb::Get, "", NOW + 100))
}

#[test]
fn an_update_is_answered_with_what_it_named_and_published_with_what_it_changed() {
    let before = after(&[r#"{"state":{"reported":{"color":"green","on":true}}}"#]);
    let request = r#"{"state":{"desired":{"color":"red","rgb":[255,0]}},"clientToken":"t-1"}"#;
    let outcome = ask(&before, Verb::Update, request, NOW + 7);
    let time = json!({ "timestamp": NOW + 7 });
    let desired = json!({ "color": time, "rgb": [time, time] });
    assert_eq!(
        accepted(&outcome),
        json!({
            "state": { "desired": { "color": "red", "rgb": [255, 0] } },
            "metadata": { "desired": desired },
            "version": 2, "timestamp": NOW + 7, "clientToken": "t-1",
        })
    );
    assert_eq!(
        value(outcome.delta.as_deref().expect("they differ")),
        json!({
            "state": { "color": "red", "rgb": [255, 0] },
            "metadata": desired,
            "version": 2, "timestamp": NOW + 7, "clientToken": "t-1",
        })
    );
    let earlier = json!({ "timestamp": NOW });
    let reported = json!({ "color": earlier, "on": earlier });
    assert_eq!(
        value(outcome.documents.as_deref().expect("it was accepted")),
        json!({
            "previous": {
                "state": { "reported": { "color": "green", "on": true } },
                "metadata": { "reported": reported },
                "version": 1,
            },
            "current": {
                "state": {
                    "desired": { "color": "red", "rgb": [255, 0] },
                    "reported": { "color": "green", "on": true },
                },
                "metadata": { "desired": desired, "reported": reported },
                "version": 2,
            },
            "timestamp": NOW + 7, "clientToken": "t-1",
        })
    );
}

#[test]
fn a_get_shows_both_sections_and_what_differs() {
    let shadow = after(&[
        r#"{"state":{"desired":{"lights":{"color":"RED"},"engine":"ON"}}}"#,
        r#"{"state":{"reported":{"lights":{"color":"GREEN"},"engine":"ON"}}}"#,
    ]);
    let (first, second) = (json!({ "timestamp": NOW }), json!({ "timestamp": NOW + 1 }));
    assert_eq!(
        accepted(&ask(&shadow, Verb::Get, r#"{"clientToken":"t"}"#, NOW + 100)),
        json!({
            "state": {
                "desired": { "lights": { "color": "RED" }, "engine": "ON" },
                "reported": { "lights": { "color": "GREEN" }, "engine": "ON" },
                "delta": { "lights": { "color": "RED" } },
            },
            "metadata": {
                "desired": { "lights": { "color": first }, "engine": first },
                "reported": { "lights": { "color": second }, "engine": second },
            },
            "version": 2, "timestamp": NOW + 100, "clientToken": "t",
        })
    );
    assert_eq!(
        whole(&after(&[r#"{"state":{}}"#])),
        json!({ "state": {}, "metadata": {}, "version": 1, "timestamp": NOW + 100 })
    );
}

#[test]
fn merging_is_what_rfc_7396_says() {
    for (target, patch, result) in [
        (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
        (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
        (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
        (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
        (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
        (json!({"a":{"b":1}}), json!({"a":[]}), json!({"a":[]})),
        (json!({"a":1}), json!({"a":{"b":{}}}), json!({"a":{"b":{}}})),
        (json!({"e":1}), json!({"a":{"bb":{"ccc":null}}}), json!({"e":1,"a":{"bb":{}}})),
    ] {
        let first = json!({ "state": { "reported": target } }).to_string();
        let second = json!({ "state": { "reported": patch } }).to_string();
        let shadow = after(&[&first, &second]);
        assert_eq!(whole(&shadow)["state"]["reported"], result, "{target} and {patch}");
    }
}

#[test]
fn only_what_an_update_names_has_a_new_time() {
    let shadow = after(&[
        r#"{"state":{"reported":{"a":1,"b":{"c":2,"d":[1,[2],{"e":3}]}}}}"#,
        r#"{"state":{"reported":{"b":{"c":2}}}}"#,
    ]);
    let (first, second) = (json!({ "timestamp": NOW }), json!({ "timestamp": NOW + 1 }));
    assert_eq!(
        whole(&shadow)["metadata"]["reported"],
        json!({ "a": first, "b": { "c": second, "d": [first, [first], { "e": first }] } })
    );
}

#[test]
fn null_removes_a_member_or_a_whole_section() {
    let updates = [
        r#"{"state":{"desired":{"a":1,"b":2},"reported":{"a":1}}}"#,
        r#"{"state":{"desired":null}}"#,
    ];
    let shadow = after(&updates);
    assert_eq!(whole(&shadow)["state"], json!({ "reported": { "a": 1 } }));
    let last = r#"{"state":{"reported":{"a":null}}}"#;
    let outcome = ask(&shadow, Verb::Update, last, NOW);
    assert_eq!(accepted(&outcome)["state"], json!({ "reported": { "a": null } }));
    assert_eq!(accepted(&outcome)["metadata"], json!({ "reported": {} }));
    let empty = outcome.after.expect("accepted");
    assert_eq!(whole(&empty)["state"], json!({}));
    assert_eq!(whole(&empty)["version"], 3);
}

#[test]
fn a_deleted_shadow_is_gone_and_its_version_goes_on() {
    let shadow = after(&[r#"{"state":{}}"#; 7]);
    let outcome = ask(&shadow, Verb::Delete, r#"{"clientToken":"d"}"#, NOW);
    let answer = json!({ "version": 7, "timestamp": NOW, "clientToken": "d" });
    assert_eq!(accepted(&outcome), answer);
    assert_eq!((&outcome.delta, &outcome.documents), (&None, &None));
    let gone = outcome.after.expect("it changed");
    for verb in [Verb::Get, Verb::Delete] {
        let answer = rejected(&ask(&gone, verb, r#"{"clientToken":"x"}"#, NOW));
        let expected = json!({
            "code": 404, "message": "No shadow exists with name: 'lamp'",
            "timestamp": NOW, "clientToken": "x",
        });
        assert_eq!(answer, expected);
    }
    let again = ask(&gone, Verb::Update, r#"{"state":{},"version":7}"#, NOW);
    assert_eq!(accepted(&again)["version"], 8);
    assert_eq!(rejected(&ask(&Shadow::default(), Verb::Get, "", NOW))["code"], 404);
    let anything = ask(&shadow, Verb::Delete, "\u{0}nonsense", NOW);
    assert_eq!(accepted(&anything), json!({ "version": 7, "timestamp": NOW }));
}

#[test]
fn a_version_that_is_not_the_last_is_a_conflict() {
    let shadow = after(&[r#"{"state":{}}"#, r#"{"state":{}}"#]);
    for (version, right) in [("1", false), ("2", true), ("3", false), ("null", true), ("0", false)]
    {
        let request = format!(r#"{{"state":{{}},"version":{version},"clientToken":"v"}}"#);
        let outcome = ask(&shadow, Verb::Update, &request, NOW);
        if right {
            assert_eq!(accepted(&outcome)["version"], 3);
        } else {
            let expected = json!({
                "code": 409, "message": "Version conflict", "timestamp": NOW, "clientToken": "v",
            });
            assert_eq!(rejected(&outcome), expected);
        }
    }
    assert!(
        ask(&Shadow::default(), Verb::Update, r#"{"state":{},"version":0}"#, NOW).after.is_some()
    );
}

#[test]
fn every_unfit_update_has_its_code_and_text() {
    let deep = |levels: usize| {
        let (open, close) = (r#"{"a":"#.repeat(levels - 1), "}".repeat(levels - 1));
        format!(r#"{{"state":{{"desired":{open}{{}}{close}}}}}"#)
    };
    let large = |length: usize| {
        let value = "x".repeat(length - r#"{"reported":{"a":""}}"#.len());
        format!(r#"{{"state":{{"reported":{{"a":"{value}"}}}}}}"#)
    };
    let token =
        |length: usize| format!(r#"{{"state":{{}},"clientToken":"{}"}}"#, "t".repeat(length));
    for request in [deep(8), large(MAX_STATE), token(MAX_CLIENT_TOKEN)] {
        assert!(ask(&Shadow::default(), Verb::Update, &request, NOW).after.is_some(), "{request}");
    }
    let too_deep = "JSON contains too many levels of nesting; maximum is 8";
    let (deep, large, token) = (deep(9), large(MAX_STATE + 1), token(MAX_CLIENT_TOKEN + 1));
    let endless = "[".repeat(60_000);
    let spaces = " ".repeat(MAX_REQUEST + 1);
    for (request, code, message) in [
        ("", 400, "Invalid JSON"),
        ("{", 400, "Invalid JSON"),
        ("[]", 400, "Invalid JSON"),
        ("null", 400, "Invalid JSON"),
        ("{}", 400, "Missing required node: state"),
        (r#"{"desired":{}}"#, 400, "Missing required node: state"),
        (r#"{"state":7}"#, 400, "State node must be an object"),
        (r#"{"state":null}"#, 400, "State node must be an object"),
        (r#"{"state":{"desired":7}}"#, 400, "Desired node must be an object"),
        (r#"{"state":{"desired":[]}}"#, 400, "Desired node must be an object"),
        (r#"{"state":{"reported":"x"}}"#, 400, "Reported node must be an object"),
        (r#"{"state":{"color":"red"}}"#, 400, "State contains an invalid node"),
        (r#"{"state":{"desired":{"a":[1,null]}}}"#, 400, "State contains an invalid node"),
        (r#"{"state":{"desired":{"a":[[{"b":null}]]}}}"#, 400, "State contains an invalid node"),
        (r#"{"state":{},"version":"1"}"#, 400, "Invalid version"),
        (r#"{"state":{},"version":-1}"#, 400, "Invalid version"),
        (r#"{"state":{},"version":1.5}"#, 400, "Invalid version"),
        (r#"{"state":{},"version":99999999999999999999}"#, 400, "Invalid version"),
        (r#"{"state":{},"clientToken":7}"#, 400, "Invalid clientToken"),
        (&token, 400, "Invalid clientToken"),
        (&deep, 400, too_deep),
        (&endless, 400, too_deep),
        (&large, 413, "The payload exceeds the maximum size allowed"),
        (&spaces, 413, "The payload exceeds the maximum size allowed"),
    ] {
        let answer = rejected(&ask(&Shadow::default(), Verb::Update, request, NOW));
        let expected = json!({ "code": code, "message": message, "timestamp": NOW });
        assert_eq!(answer, expected, "{request:.80}");
    }
    let latin = Request { id: &id(), verb: Verb::Update, payload: b"{\"state\":{\"\xe9\":1}}" };
    let answer = rejected(&apply(&Shadow::default(), &latin, NOW));
    let expected = "Unsupported documented encoding; supported encoding is UTF-8";
    assert_eq!((&answer["code"], &answer["message"]), (&json!(415), &json!(expected)));
}

#[test]
fn a_rejection_carries_the_token_whenever_it_can_be_read() {
    let request = r#"{"clientToken":"t","state":{"nonsense":1}}"#;
    assert_eq!(rejected(&ask(&Shadow::default(), Verb::Update, request, NOW))["clientToken"], "t");
    for verb in [Verb::Get, Verb::Delete] {
        let outcome = ask(&after(&[r#"{"state":{}}"#]), verb, r#"{"clientToken":7}"#, NOW);
        assert_eq!(rejected(&outcome)["message"], "Invalid clientToken");
    }
    let outcome = ask(&Shadow::default(), Verb::Get, "nonsense", NOW);
    assert_eq!(rejected(&outcome)["message"], "Invalid JSON");
}

#[test]
fn the_limit_is_the_merged_state_without_its_metadata() {
    let part = |name: &str| {
        let value = "x".repeat(MAX_STATE / 2 - 20);
        format!(r#"{{"state":{{"reported":{{"{name}":"{value}"}}}}}}"#)
    };
    let shadow = after(&[&part("a"), &part("b")]);
    let answer = rejected(&ask(&shadow, Verb::Update, &part("c"), NOW));
    assert_eq!(answer["code"], 413);
    let smaller = r#"{"state":{"reported":{"a":null,"c":1}}}"#;
    assert_eq!(accepted(&ask(&shadow, Verb::Update, smaller, NOW))["version"], 3);
    let many: Vec<String> = (0..700).map(|n| format!(r#""k{n}":{n}"#)).collect();
    let request = format!(r#"{{"state":{{"reported":{{{}}}}}}}"#, many.join(","));
    assert!(whole(&after(&[&request])).to_string().len() > 2 * MAX_STATE);
}

#[test]
fn a_delta_compares_values_and_numbers_keep_their_digits() {
    for (desired, reported, delta) in [
        ("1", "1.0", None),
        ("10", "1e1", None),
        ("[1,2]", "[1.0,2]", None),
        ("9007199254740993", "9007199254740992", Some("9007199254740993")),
        ("[1,2]", "[2,1]", Some("[1,2]")),
        ("[{\"a\":1}]", "[{\"a\":1.0}]", None),
        ("{}", "{\"b\":1}", None),
        ("{}", "5", Some("{}")),
        ("true", "\"true\"", Some("true")),
        ("123456789012345678901234567890.10", "{}", Some("123456789012345678901234567890.10")),
    ] {
        let update =
            format!(r#"{{"state":{{"desired":{{"v":{desired}}},"reported":{{"v":{reported}}}}}}}"#);
        let outcome = ask(&Shadow::default(), Verb::Update, &update, NOW);
        let text = outcome.delta.map(|document| String::from_utf8(document).expect("UTF-8"));
        assert_eq!(text.is_some(), delta.is_some(), "{desired} and {reported}");
        if let (Some(text), Some(delta)) = (text, delta) {
            let expected = format!(r#"{{"state":{{"v":{delta}}},"#);
            assert!(text.starts_with(&expected), "{text}");
        }
    }
}

#[test]
fn a_named_shadow_is_missed_by_its_own_name() {
    let id = ShadowId::named("lamp", "config").expect("names");
    let request = Request { id: &id, verb: Verb::Get, payload: b"" };
    let answer = rejected(&apply(&Shadow::default(), &request, NOW));
    assert_eq!(answer["message"], "No shadow exists with name: 'config'");
}
