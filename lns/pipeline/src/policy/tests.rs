//! AWS's documented examples as tables, what must never widen, and properties.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::glob::{Glob, Token, behind};
use super::*;

fn policy(statements: Value) -> Policy {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    Policy::parse(&document.to_string()).unwrap()
}

fn refusal(document: &str) -> String {
    Policy::parse(document).unwrap_err().to_string()
}

fn client(id: &str) -> Context {
    Context { client_id: Some(id.to_owned()), ..Context::default() }
}

/// A client that is called after its thing.
fn thing(name: &str) -> Context {
    let attributes = [("building", "east"), ("pattern", "a/#"), ("none", "")];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let thing = Thing {
        name: name.to_owned(),
        type_name: Some("meter".to_owned()),
        attributes: BTreeMap::from(attributes),
    };
    Context { thing: Some(thing), ..client(name) }
}

fn with_certificate(fields: &[(&str, &[&str])]) -> Context {
    let field = |(name, values): &(&str, &[&str])| {
        ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
    };
    Context { certificate: fields.iter().map(field).collect(), ..client("client1") }
}

fn connecting(persistent: bool, will: Option<&str>) -> Context {
    let connect = Connect { persistent, will_topic: will.map(str::to_owned) };
    Context { connect: Some(connect), ..client("client1") }
}

/// Asks each question: an action, a name, and whether it is allowed.
fn ask(statements: Value, context: &Context, questions: &[(Action, &str, bool)]) {
    let permissions = Permissions::new([&policy(statements.clone())], context);
    for (action, name, expected) in questions {
        let allowed = match action {
            Action::Subscribe => permissions.may_subscribe(name),
            action => permissions.allows(*action, name),
        };
        assert_eq!(allowed, *expected, "{action:?} {name}: {statements}");
    }
}

use Action::{Connect as C, Publish as P, Receive as R, RetainPublish as RP, Subscribe as S};

#[test]
fn registered_devices_stay_below_their_things_name() {
    // Developer guide, publish/subscribe policy examples, registered devices (5) and (6).
    let statements = json!([
        { "Effect": "Allow", "Action": ["iot:Connect"],
          "Resource": ["arn:aws:iot:us-east-1:123456789012:client/${iot:Connection.Thing.ThingName}"] },
        { "Effect": "Allow", "Action": ["iot:Publish"],
          "Resource": ["arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.ThingName}/*"] },
        { "Effect": "Allow", "Action": ["iot:Subscribe"],
          "Resource": ["arn:aws:iot:us-east-1:123456789012:topicfilter/${iot:Connection.Thing.ThingName}/room*"] },
        { "Effect": "Allow", "Action": ["iot:Receive"],
          "Resource": ["arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.ThingName}/room*"] },
    ]);
    ask(
        statements.clone(),
        &thing("thing1"),
        &[
            (C, "thing1", true),
            (C, "thing2", false),
            (P, "thing1/a/b", true),
            (P, "thing1", false),
            (P, "thing10/a", false),
            (RP, "thing1/a", false),
            (S, "thing1/room1", true),
            (S, "thing1/room1/#", true),
            (S, "thing1/#", false),
            (S, "+/room1", false),
            (R, "thing1/room2", true),
            (R, "thing2/room2", false),
        ],
    );
    // Not attached to a thing: the variable is not known, and nothing matches.
    ask(statements, &client("thing1"), &[(C, "thing1", false), (P, "thing1/a", false)]);
}

#[test]
fn mqtt_wildcards_are_letters_in_a_policy() {
    // Registered devices (4).
    let statements = json!([{ "Effect": "Allow", "Action": ["iot:Subscribe"],
        "Resource": ["arn:aws:iot:us-east-1:123456789012:topicfilter/some/+/topic"] }]);
    let questions = [(S, "some/+/topic", true), (S, "some/a/topic", false), (S, "some/#", false)];
    ask(statements, &client("client1"), &questions);
}

#[test]
fn a_deny_wins_whatever_allows() {
    // Unregistered devices (9).
    let statements = json!([
        { "Effect": "Allow", "Action": ["iot:Publish"],
          "Resource": ["arn:aws:iot:us-east-1:123456789012:topic/${iot:ClientId}/*"] },
        { "Effect": "Deny", "Action": ["iot:Publish"],
          "Resource": ["arn:aws:iot:us-east-1:123456789012:topic/${iot:ClientId}/bar"] },
    ]);
    let questions = [(P, "client1/foo", true), (P, "client1/bar", false), (P, "other/foo", false)];
    ask(statements, &client("client1"), &questions);
    // Connect policy examples: all but two.
    let statements = json!([
        { "Effect": "Deny", "Action": ["iot:Connect"], "Resource": [
            "arn:aws:iot:us-east-1:123456789012:client/client1",
            "arn:aws:iot:us-east-1:123456789012:client/client2"] },
        { "Effect": "Allow", "Action": ["iot:Connect"],
          "Resource": ["arn:aws:iot:us-east-1:123456789012:client/${iot:Connection.Thing.ThingName}"] },
    ]);
    ask(statements.clone(), &thing("client1"), &[(C, "client1", false)]);
    ask(statements, &thing("client3"), &[(C, "client3", true), (C, "client1", false)]);
}

#[test]
fn the_documented_conditions_on_what_a_client_asks_for() {
    let all = |values: Value| {
        json!([{ "Effect": "Allow", "Action": ["iot:Connect"], "Resource": "*",
            "Condition": { "ForAllValues:StringEquals": { "iot:ConnectAttributes": values } } }])
    };
    let deny = |operator: &str, values: Value| {
        json!({ "Effect": "Deny", "Action": ["iot:Connect"], "Resource": "*",
            "Condition": { operator: { "iot:ConnectAttributes": values } } })
    };
    let allow = json!({ "Effect": "Allow", "Action": ["iot:Connect"], "Resource": "*" });
    let not_persistent = json!([{ "Effect": "Allow", "Action": ["iot:Connect"], "Resource": "*",
        "Condition": { "ForAllValues:StringNotEquals": { "iot:ConnectAttributes": ["PersistentConnect"] } } }]);
    let some_persistent = json!([{ "Effect": "Allow", "Action": ["iot:Connect"], "Resource": "*",
        "Condition": { "ForAnyValue:StringEquals": { "iot:ConnectAttributes": ["PersistentConnect"] } } }]);
    let any = "ForAnyValue:StringEquals";
    let every = "ForAllValues:StringEquals";
    let both = json!([
        all(json!(["PersistentConnect", "LastWill"]))[0],
        deny(every, json!(["PersistentConnect"])),
        deny(every, json!(["LastWill"])),
        deny(every, json!([])),
    ]);
    // Allowed with: nothing, a session, a will, both.
    for (statements, expected) in [
        (all(json!(["PersistentConnect"])), [true, true, false, false]),
        (not_persistent, [true, false, true, false]),
        (json!([allow, deny(any, json!(["PersistentConnect"]))]), [true, false, true, false]),
        (all(json!(["PersistentConnect", "LastWill"])), [true, true, true, true]),
        (all(json!(["LastWill"])), [true, false, true, false]),
        (all(json!([])), [true, false, false, false]),
        (some_persistent, [false, true, false, true]),
        (both, [false, false, false, true]),
    ] {
        let asked = [(false, None), (true, None), (false, Some("w")), (true, Some("w"))];
        for ((persistent, will), expected) in asked.into_iter().zip(expected) {
            let context = connecting(persistent, will);
            ask(statements.clone(), &context, &[(C, "client1", expected)]);
        }
    }
}

#[test]
fn a_wills_topic_can_be_asked_for() {
    let statements = json!([{ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*", "Condition": {
        "ArnEquals": { "iot:LastWillTopic": "arn:aws:iot:eu-west-1:123456789012:topic/my/lastwill/*" } } }]);
    ask(statements.clone(), &connecting(false, Some("my/lastwill/a")), &[(C, "client1", true)]);
    ask(statements.clone(), &connecting(false, Some("my/other")), &[(C, "client1", false)]);
    ask(statements, &connecting(false, None), &[(C, "client1", false)]);
}

#[test]
fn what_a_certificate_says_decides() {
    // X.509 certificate policy variables.
    let statements = json!([{ "Effect": "Allow", "Action": ["iot:Publish"],
        "Resource": ["arn:aws:iot:us-east-1:123456789012:topic/my/topic/${iot:ClientId}"],
        "Condition": { "ForAllValues:StringEquals":
            { "iot:Certificate.Subject.Organization.List": ["Example Corp", "AnyCompany"] } } }]);
    let organization = |names| with_certificate(&[("Subject.Organization", names)]);
    let own = "my/topic/client1";
    ask(statements.clone(), &organization(&["Example Corp"]), &[(P, own, true)]);
    ask(statements.clone(), &organization(&["AnyCompany", "Example Corp"]), &[(P, own, true)]);
    ask(statements, &organization(&["AnyCompany", "Other"]), &[(P, own, false)]);

    let country = |which: &str| {
        let arn = format!("arn:aws:iot:r:1:topic/${{iot:Certificate.Subject.Country{which}}}/x");
        json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": arn }])
    };
    let context = with_certificate(&[("Subject.Country", &["DE", "FR"])]);
    ask(country(""), &context, &[(P, "DE/x", true), (P, "FR/x", false)]);
    ask(country(".1"), &context, &[(P, "FR/x", true)]);
    ask(country(".2"), &context, &[(P, "/x", false), (P, "DE/x", false)]);
    ask(country(".List"), &context, &[(P, "DE/x", false)]);
}

#[test]
fn addresses_types_and_attributes_decide() {
    let statements = json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": "*", "Condition": {
        "IpAddress": { "aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"] },
        "NotIpAddress": { "aws:SourceIp": "203.0.113.7" } } }]);
    for (source, expected) in [
        (Some("203.0.113.9"), true),
        (Some("::ffff:203.0.113.9"), true),
        (Some("203.0.113.7"), false),
        (Some("203.0.114.9"), false),
        (Some("2001:db8:1::1"), true),
        (Some("2001:db9::1"), false),
        (None, false),
    ] {
        let source = source.map(|text| text.parse().unwrap());
        ask(statements.clone(), &Context { source, ..client("c") }, &[(P, "a", expected)]);
    }
    let statements = json!([{ "Effect": "Allow", "Action": "iot:*",
        "Resource": "arn:aws:iot:*:*:topic/${iot:Connection.Thing.Attributes[building]}/*",
        "Condition": { "StringEquals": { "iot:Connection.Thing.ThingTypeName": "meter" },
            "Bool": { "iot:Connection.Thing.IsAttached": ["true"] } } }]);
    ask(
        statements.clone(),
        &thing("t"),
        &[(P, "east/1", true), (R, "east/1", true), (P, "w/1", false)],
    );
    ask(statements, &client("t"), &[(P, "east/1", false)]);
}

#[test]
fn operators_and_absent_keys() {
    let holds = |condition: Value, context: &Context| {
        let statement =
            json!([{ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition }]);
        Permissions::new([&policy(statement)], context).allows(P, "a")
    };
    let key = "iot:ClientId";
    let nobody = Context::default();
    for (condition, with_abc, without) in [
        (json!({ "StringEquals": { key: "Abc" } }), true, false),
        (json!({ "StringEquals": { key: "abc" } }), false, false),
        (json!({ "StringEquals": { key: "A*" } }), false, false),
        (json!({ "StringNotEquals": { key: "Abc" } }), false, true),
        (json!({ "StringNotEquals": { key: ["x", "y"] } }), true, true),
        (json!({ "StringEqualsIgnoreCase": { key: "aBC" } }), true, false),
        (json!({ "StringEqualsIgnoreCase": { key: "${iot:ClientId}" } }), true, false),
        (json!({ "StringNotEqualsIgnoreCase": { key: "aBC" } }), false, true),
        (json!({ "StringLike": { key: ["x", "A?*"] } }), true, false),
        (json!({ "StringNotLike": { key: "A*" } }), false, true),
        (json!({ "StringLikeIfExists": { key: "x*" } }), false, true),
        (json!({ "ForAnyValue:StringNotEquals": { key: "x" } }), true, false),
        (json!({ "ForAllValues:StringEquals": { key: "x" } }), false, true),
        (json!({ "Null": { key: "true" } }), false, true),
        (json!({ "Null": { key: false } }), true, false),
        (json!({ "StringEquals": { key: [] } }), false, false),
        // What cannot be filled in allows nothing.
        (json!({ "StringNotEquals": { key: "${aws:SourceIp}" } }), false, false),
    ] {
        assert_eq!(holds(condition.clone(), &client("Abc")), with_abc, "{condition}");
        assert_eq!(holds(condition.clone(), &nobody), without, "without: {condition}");
    }
}

#[test]
fn a_client_cannot_choose_a_name_that_widens_what_it_may() {
    let mine = json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:r:1:client/${iot:ClientId}" },
        { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
          "Resource": ["arn:aws:iot:r:1:topic/my/${iot:ClientId}/*", "arn:aws:iot:r:1:topic/${iot:ClientId}*"] },
        { "Effect": "Allow", "Action": "iot:Subscribe",
          "Resource": "arn:aws:iot:r:1:topicfilter/my/${iot:ClientId}/*" },
        { "Effect": "Deny", "Action": "iot:*", "Resource": [
            "arn:aws:iot:r:1:topic/secret/${iot:ClientId}", "arn:aws:iot:r:1:topicfilter/secret/${iot:ClientId}"] },
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:r:1:topic/secret/*" },
    ]);
    for id in ["+", "#", "*", "?", "a/b", "../x", "${iot:ClientId}", "+/+", "", "$share/g"] {
        ask(
            mine.clone(),
            &client(id),
            &[
                (S, "my/+/topic", false),
                (S, "my/#", false),
                (S, "my/other/topic", false),
                (S, "$share/g/my/+/topic", false),
                (P, "my/other/topic", false),
                (R, "other/x", false),
                (P, "a/b/c", false),
                (P, "my/a/b/c", false),
                // What is taken away is taken away whatever its name is.
                (P, &format!("secret/{id}"), false),
            ],
        );
    }
    ask(
        mine,
        &client("other"),
        &[(S, "my/other/x", true), (P, "other/x", true), (P, "secret/x", true)],
    );

    let attribute = |name: &str| {
        let arn =
            format!("arn:aws:iot:r:1:topicfilter/${{iot:Connection.Thing.Attributes[{name}]}}*");
        json!([{ "Effect": "Allow", "Action": "iot:Subscribe", "Resource": arn }])
    };
    ask(attribute("building"), &thing("t"), &[(S, "east/1", true)]);
    ask(attribute("pattern"), &thing("t"), &[(S, "a/#", false)]);
    ask(attribute("none"), &thing("t"), &[(S, "anything", false)]);
    ask(attribute("missing"), &thing("t"), &[(S, "anything", false)]);
    let long = "x".repeat(2000);
    let own = json!([{ "Effect": "Allow", "Action": "iot:Connect",
        "Resource": "arn:aws:iot:r:1:client/${iot:ClientId}" }]);
    ask(own, &client(&long), &[(C, &long, false)]);
}

#[test]
fn a_shared_subscription_is_what_is_inside_it() {
    let statements = json!([
        { "Effect": "Allow", "Action": "iot:Subscribe", "Resource": [
            "arn:aws:iot:r:1:topicfilter/open/*", "arn:aws:iot:r:1:topicfilter/$share/*"] },
        { "Effect": "Deny", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:r:1:topicfilter/$share/bad/*" },
    ]);
    let questions = [
        (S, "open/a", true),
        (S, "$share/g/open/a", true),
        (S, "$share/g/secret", false),
        (S, "$share/bad/open/a", false),
        (S, "$share/g", true),
    ];
    ask(statements, &client("c"), &questions);
}

#[test]
fn what_is_named_by_what_it_is_not() {
    let statements = json!([
        { "Effect": "Allow", "NotAction": "iot:Publish", "Resource": "*" },
        { "Effect": "Deny", "Action": "iot:Receive", "NotResource": "arn:aws:iot:r:1:topic/${iot:ClientId}/*" },
        { "Effect": "Allow", "Action": "iot:Publish", "NotResource": "arn:aws:iot:r:1:topic/a/*" },
    ]);
    ask(
        statements.clone(),
        &client("c"),
        &[(P, "a/x", false), (P, "b", true), (R, "c/x", true), (R, "d/x", false), (C, "c", true)],
    );
    // A name that would make the exception larger is no exception.
    ask(statements, &client("d/e"), &[(R, "d/e/x", false)]);
    let unknown = json!([{ "Effect": "Allow", "Action": "iot:Publish",
        "NotResource": "arn:aws:iot:r:1:topic/${iot:Connection.Thing.ThingName}/*" }]);
    ask(unknown, &client("c"), &[(P, "anything", false)]);
}

#[test]
fn everything_can_be_written_in_several_ways() {
    for (resource, topic, client_id, everything) in [
        ("*", true, true, true),
        ("arn:aws:iot:*", true, true, true),
        ("arn:aws:iot:us-east-1:123456789012:*", true, true, true),
        ("arn:*", true, true, true),
        ("arn:aws:iot:*:*:topic/*", true, false, false),
        ("arn:aws:iot:*:*:t*", true, false, false),
        ("arn:aws:iot:*:*:*/a", true, true, false),
        ("arn:aws-cn:iot:cn-north-1:123456789012:topic/a", true, false, false),
        ("arn:aws:iot:::topic/?", true, false, false),
        ("arn:aws:iot:r:1:topic/a${*}", false, false, false),
        ("arn:aws:iot:r:1:topicfilter/a", false, false, false),
    ] {
        let statements = json!([{ "Effect": "Allow", "Action": "*", "Resource": resource }]);
        let permissions = Permissions::new([&policy(statements)], &client("a"));
        assert_eq!(permissions.allows(P, "a"), topic, "{resource}");
        assert_eq!(permissions.allows(C, "a"), client_id, "{resource}");
        assert_eq!(permissions.allows(Action::ListRetainedMessages, "*"), everything, "{resource}");
    }
}

#[test]
fn what_is_no_policy_is_refused_and_named() {
    let document =
        |statement: &str| format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
    let with = |more: &str| {
        document(&format!(r#"{{"Effect":"Allow","Action":"iot:Publish","Resource":"*"{more}}}"#))
    };
    for (json, said) in [
        ("{".to_owned(), "EOF"),
        ("[]".to_owned(), "invalid"),
        (r#"{"Statement":[]}"#.to_owned(), "Version"),
        (r#"{"Version":"2008-10-17","Statement":[]}"#.to_owned(), "2008-10-17"),
        (document("[]"), "empty"),
        (document(r#"{"Effect":"allow","Action":"*","Resource":"*"}"#), "allow"),
        (document(r#"{"Effect":"Allow","Resource":"*"}"#), "no Action"),
        (document(r#"{"Effect":"Allow","Action":"*"}"#), "no Resource"),
        (document(r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#), "no action"),
        (document(r#"{"Effect":"Allow","Action":"*","Resource":[]}"#), "no resource"),
        (document(r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}"#), "s3:Get*"),
        (document(r#"{"Effect":"Allow","Action":"iot:Pubish","Resource":"*"}"#), "iot:Pubish"),
        (document(r#"{"Effect":"Allow","Action":"iot:*","Resource":"topic/a"}"#), "topic/a"),
        (
            document(r#"{"Effect":"Allow","Action":"iot:*","Resource":"arn:aws:s3:::x"}"#),
            "another service",
        ),
        (
            document(
                r#"{"Effect":"Allow","Action":"iot:*","Resource":"arn:aws:iot:${iot:ClientId}:1:topic/a"}"#,
            ),
            "no ARN",
        ),
        (
            document(
                r#"{"Effect":"Allow","Action":"iot:*","Resource":"arn:aws:iot:r:1:topic/${iot:CleintId}"}"#,
            ),
            "iot:CleintId",
        ),
        (
            document(
                r#"{"Effect":"Allow","Action":"iot:*","Resource":"arn:aws:iot:r:1:topic/${iot:ClientId"}"#,
            ),
            "without its",
        ),
        (with(r#","Effect":"Deny""#), "duplicate"),
        (with(r#","Principal":"*""#), "Principal"),
        (with(r#","NotAction":"iot:Publish""#), "NotAction"),
        (with(r#","NotResource":"*""#), "NotResource"),
        (with(r#","Condition":{"NumericEquals":{"iot:ClientId":"1"}}"#), "NumericEquals"),
        (with(r#","Condition":{"ForSome:StringEquals":{"iot:ClientId":"1"}}"#), "ForSome"),
        (with(r#","Condition":{"StringEquals":{"iot:Colour":"red"}}"#), "iot:Colour"),
        (with(r#","Condition":{"Bool":{"iot:ClientId":"maybe"}}"#), "maybe"),
        (with(r#","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}"#), "10.0.0.0/33"),
        (with(r#","Condition":{"StringEquals":{"iot:ClientId":"a"},"StringEquals":{}}"#), "twice"),
        (with(&format!(r#","Sid":"{}""#, "x".repeat(2048))), "2048"),
    ] {
        let refusal = refusal(&json);
        assert!(refusal.contains(said), "{json}: {refusal}");
    }
    Policy::parse(&with(&" ".repeat(4000))).unwrap();
}

#[test]
fn what_statements_of_other_services_say_grants_nothing() {
    let statements = json!([{ "Sid": "a", "Effect": "Allow", "Action": ["greengrass:*", "IOT:publish"], "Resource": "*" }]);
    ask(statements, &client("c"), &[(P, "a", true), (C, "c", false)]);
}

#[test]
fn arns_in_questions() {
    let statements =
        json!([{ "Effect": "Allow", "Action": "iot:*", "Resource": "arn:aws:iot:r:1:topic/a" }]);
    let permissions = Permissions::new([&policy(statements)], &client("c"));
    let decide = |action, arn| permissions.decide_arn(action, arn);
    assert_eq!(decide(P, "arn:aws:iot:us-east-1:123456789012:topic/a"), Decision::Allowed);
    assert_eq!(
        decide(P, "arn:aws:iot:us-east-1:123456789012:topicfilter/a"),
        Decision::DeniedImplicitly
    );
    assert_eq!(decide(S, "arn:aws:iot:us-east-1:123456789012:topic/a"), Decision::DeniedImplicitly);
    assert_eq!(decide(P, "topic/a"), Decision::DeniedImplicitly);
}

/// A glob by its definition, for comparison.
fn slowly(tokens: &[Token], text: &[char]) -> bool {
    match tokens.split_first() {
        None => text.is_empty(),
        Some((Token::Many, rest)) => (0..=text.len()).any(|at| slowly(rest, &text[at..])),
        Some((Token::One, rest)) => !text.is_empty() && slowly(rest, &text[1..]),
        Some((Token::Byte(byte), rest)) => {
            text.first() == Some(&char::from(*byte)) && slowly(rest, &text[1..])
        }
    }
}

fn tokens_of(pattern: &str) -> Vec<Token> {
    let token = |byte| match byte {
        b'*' => Token::Many,
        b'?' => Token::One,
        byte => Token::Byte(byte),
    };
    pattern.bytes().map(token).collect()
}

fn statements() -> impl Strategy<Value = Vec<Value>> {
    let action = prop::sample::select(vec![
        "iot:*",
        "iot:Publish",
        "iot:Receive",
        "iot:Sub*",
        "iot:Connect",
    ]);
    let resource = prop::sample::select(vec![
        "*",
        "arn:aws:iot:r:1:topic/a/*",
        "arn:aws:iot:r:1:topic/${iot:ClientId}",
        "arn:aws:iot:r:1:topic*/a*",
        "arn:aws:iot:r:1:topicfilter/?/#",
        "arn:aws:iot:r:1:client/${iot:Connection.Thing.ThingName}",
    ]);
    let effect = prop::sample::select(vec!["Allow", "Deny"]);
    let inverted = any::<bool>();
    let statement =
        (effect, action, resource, inverted).prop_map(|(effect, action, resource, inverted)| {
            let resources = if inverted { "NotResource" } else { "Resource" };
            json!({ "Effect": effect, "Action": action, resources: resource })
        });
    prop::collection::vec(statement, 1..6)
}

proptest! {
    #[test]
    fn globs_are_what_their_definition_says(pattern in "[ab/*?]{0,8}", text in "[ab/ü]{0,8}") {
        let letters: Vec<char> = text.chars().collect();
        let expected = slowly(&tokens_of(&pattern), &letters);
        prop_assert_eq!(Glob::of_pattern(&pattern).matches(&text), expected);
    }

    #[test]
    fn the_rest_of_a_pattern_matches_the_rest_of_a_text(
        pattern in "[ab/*?]{0,8}", before in "[ab/]{0,4}", rest in "[ab/]{0,4}",
    ) {
        let tokens = tokens_of(&pattern);
        let whole = Glob::new(&tokens).matches(&format!("{before}{rest}"));
        let behind = behind(&tokens, &before).into_iter().any(|rest_of| Glob::new(rest_of).matches(&rest));
        prop_assert_eq!(behind, whole);
    }

    #[test]
    fn another_deny_never_grants(some in statements(), more in statements(), name in "[ab/]{0,3}", id in "[a+#/]{0,2}") {
        let denies: Vec<Value> = more.into_iter().filter(|s| s["Effect"] == "Deny").collect();
        prop_assume!(!denies.is_empty());
        let (before, deny) = (policy(json!(some)), policy(json!(denies)));
        let context = client(&id);
        let alone = Permissions::new([&before], &context);
        let both = Permissions::new([&before, &deny], &context);
        for action in Action::ALL {
            prop_assert!(!both.allows(action, &name) || alone.allows(action, &name));
        }
        prop_assert!(!both.may_subscribe(&name) || alone.may_subscribe(&name));
    }

    #[test]
    fn the_order_of_policies_and_statements_says_nothing(some in statements(), name in "[ab/]{0,3}") {
        let mut reversed = some.clone();
        reversed.reverse();
        let context = client("a");
        let forth = Permissions::new([&policy(json!(some))], &context);
        let back = Permissions::new([&policy(json!(reversed))], &context);
        for action in Action::ALL {
            prop_assert_eq!(forth.decide(action, &name), back.decide(action, &name));
        }
    }

    #[test]
    fn no_policy_at_all_allows_nothing(name in ".{0,8}") {
        let permissions = Permissions::new([], &client("a"));
        for action in Action::ALL {
            prop_assert!(!permissions.allows(action, &name));
        }
    }

    #[test]
    fn reading_ends_in_a_policy_or_a_refusal(text in "\\PC{0,64}") {
        let _ = Policy::parse(&text);
        let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": format!("arn:aws:iot:r:1:{text}") });
        let document = json!({ "Version": "2012-10-17", "Statement": statement });
        if let Ok(policy) = Policy::parse(&document.to_string()) {
            let _ = Permissions::new([&policy], &client(&text)).allows(P, &text);
        }
    }
}
