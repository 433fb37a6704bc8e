//! What is refused when a rule is created, each with its name and its place.

use lns_pipeline::rule::{Rule, RuleError, SqlError, is_rule_name};
use serde_json::{Value, json};

fn refused(payload: &Value) -> RuleError {
    match Rule::compile("test", payload) {
        Ok(rule) => panic!("{rule:?} was accepted"),
        Err(error) => error,
    }
}

fn refused_sql(sql: &str, version: &str) -> SqlError {
    match refused(&json!({"sql": sql, "awsIotSqlVersion": version, "actions": []})) {
        RuleError::Sql(error) => error,
        other => panic!("{sql}: {other}"),
    }
}

#[test]
fn each_way_to_write_a_bad_statement_has_its_own_name() {
    for (sql, expected) in [
        ("", "byte 0: SELECT expected, found the end"),
        ("SELECT", "byte 6: a value expected, found the end"),
        ("SELEKT nonsense", "byte 0: SELECT expected, found SELEKT"),
        ("SELECT a FROM a/b", "byte 14: a topic filter in single quotes expected, found a"),
        (
            "SELECT a FROM 'a/#/b'",
            "byte 14: FROM # stands at the end of a topic filter only; level 2 has one",
        ),
        ("SELECT a, FROM 'a'", "byte 10: a value expected, found FROM"),
        ("SELECT a FROM 'a' WHERE", "byte 23: a value expected, found the end"),
        ("SELECT a FROM 'a", "byte 14: the text that begins here has no closing quote"),
        ("SELECT a -- b", "byte 9: comments are not supported"),
        ("SELECT /* a */ b", "byte 7: comments are not supported"),
        ("SELECT a ? b", "byte 9: '?' is not part of the language"),
        ("SELECT (a", "byte 9: ) expected, found the end"),
        ("SELECT a b FROM 'x'", "byte 9: the end of the statement expected, found b"),
        ("SELECT nothing(1)", "byte 7: there is no function nothing"),
        ("SELECT cast(a as Bytes)", "byte 7: Bytes is no type that a value can be cast to"),
        ("SELECT @x FROM 'a'", "byte 7: @x is not set before it is used"),
        ("SET @a = @b, @b = 1 SELECT @a", "byte 9: @b is not set before it is used"),
        ("SET @a = 1, @a = 2 SELECT @a", "byte 12: @a is set twice; a variable does not change"),
        ("SET a = 1 SELECT a", "byte 4: a variable such as @name expected, found a"),
        ("SELECT VALUE a, b", "SELECT VALUE selects one thing; this selects 2"),
        ("SELECT CASE a END", "byte 14: WHEN expected, found END"),
        ("SELECT {a: 1}", "byte 8: a key in quotes expected, found a"),
        ("SELECT a.0", "byte 8: the end of the statement expected, found 0.0"),
        (
            "SELECT get_registry_data(a, 'x')",
            "byte 7: get_registry_data needs the operation as a constant",
        ),
        (
            "SELECT get_registry_data('DescribeThing', a), get_registry_data('DescribeThing', b)",
            "byte 46: get_registry_data may be called 1 times in a statement at most",
        ),
    ] {
        assert_eq!(refused_sql(sql, "2016-03-23").to_string(), expected, "{sql}");
    }
    let many: Vec<String> = (0..11).map(|at| format!("@v{at} = {at}")).collect();
    let sql = format!("SET {} SELECT 1", many.join(", "));
    assert_eq!(refused_sql(&sql, "beta"), SqlError::TooManyVariables { count: 11, limit: 10 });
    assert_eq!(refused_sql("SELECT 1", "2020"), SqlError::UnknownVersion("2020".to_owned()));
}

#[test]
fn what_is_too_long_or_too_deep_is_refused_and_what_is_wide_is_not() {
    let long = format!("SELECT '{}'", "x".repeat(65_536));
    assert!(matches!(refused_sql(&long, "beta"), SqlError::TooLong { .. }));
    for (open, close) in
        [("(", ")"), ("[", "]"), ("abs(", ")"), ("NOT ", ""), ("- ", ""), ("a = (", ")")]
    {
        let deep = format!("SELECT {}1{}", open.repeat(5000), close.repeat(5000));
        assert!(matches!(refused_sql(&deep, "beta"), SqlError::TooDeep { .. }), "{open}");
    }
    let alias = format!("SELECT 1 AS {}", ["a"; 100].join("."));
    assert!(matches!(refused_sql(&alias, "beta"), SqlError::TooDeep { .. }));
    let wide = format!("SELECT {} AS sum", ["a"; 10_000].join("+"));
    let payload = json!({"sql": wide, "awsIotSqlVersion": "beta", "actions": []});
    let rule = Rule::compile("wide", &payload).expect("a chain is not deep");
    let outcome = super::matched(&rule, "x", r#"{"a":1}"#);
    assert_eq!(outcome.output.bytes(), r#"{"sum":10000}"#);
}

#[test]
fn functions_of_aws_services_say_what_serves_instead() {
    for name in ["aws_lambda", "get_dynamodb", "get_secret", "machinelearning_predict"] {
        let error = refused_sql(&format!("SELECT {name}('x') FROM 'a'"), "2016-03-23");
        assert!(matches!(error, SqlError::NeedsService { at: 7, .. }), "{error}");
    }
}

#[test]
fn the_first_version_has_no_literals_queries_and_later_functions() {
    for sql in [
        "SELECT [1] AS a",
        "SELECT {'a': 1} AS a",
        "SELECT (SELECT a FROM b) AS c",
        "SELECT 1 FROM 'a' WHERE EXISTS (SELECT a FROM b)",
        "SELECT encode(*, 'base64')",
        "SELECT isUndefined(a)",
        "SELECT cast(a AS Decimal)",
        "SELECT length(a)",
    ] {
        assert!(matches!(refused_sql(sql, "2015-10-08"), SqlError::NotInVersion { .. }), "{sql}");
        let payload = json!({"sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": []});
        assert!(Rule::compile("later", &payload).is_ok(), "{sql}");
    }
}

#[test]
fn a_rule_has_a_name_a_shape_and_ten_actions() {
    for name in ["", "a-b", "a b", "ä", &"x".repeat(129)] {
        assert!(!is_rule_name(name));
        let error = Rule::compile(name, &json!({"sql": "SELECT 1", "actions": []}));
        assert!(matches!(error, Err(RuleError::BadName(_))), "{name}");
    }
    assert!(matches!(refused(&json!([])), RuleError::BadShape(_)));
    assert!(matches!(refused(&json!({"sql": "SELECT 1"})), RuleError::BadShape(_)));
    let stranger = json!({"sql": "SELECT 1", "actions": [], "colour": "red"});
    assert!(matches!(refused(&stranger), RuleError::BadShape(_)));
    let action = json!({"republish": {"topic": "a"}});
    let many = json!({"sql": "SELECT 1", "actions": vec![action; 11]});
    assert_eq!(refused(&many), RuleError::TooManyActions(11));
}

#[test]
fn actions_are_refused_with_their_place_and_member() {
    for (action, expected) in [
        (
            json!({}),
            "action 1: an action is an object with one member, which names its kind; this has 0",
        ),
        (
            json!({"a": {}, "b": {}}),
            "action 1: an action is an object with one member, which names its kind; this has 2",
        ),
        (json!({"email": {}}), "action 1: \"email\" is no kind of action"),
        (
            json!({"republish": {"topic": "a/#"}}),
            "action 1: republish: topic \"a/#\" is no topic name",
        ),
        (
            json!({"republish": {"topic": "a", "qos": 2}}),
            "action 1: republish: qos is 0 or 1, not 2",
        ),
        (json!({"republish": {}}), "action 1: republish: missing field `topic`"),
        (
            json!({"republish": {"topic": "${nothing()}"}}),
            "action 1: the template \"${nothing()}\": byte 2: there is no function nothing",
        ),
        (
            json!({"republish": {"topic": "a/${b"}}),
            "action 1: the template \"a/${b\": byte 5: } at the end of the template expected, found the end",
        ),
        (
            json!({"http": {"url": "ftp://a"}}),
            "action 1: http: url \"ftp://a\" is no http or https URL with a constant host",
        ),
        (
            json!({"http": {"url": "https://${a}/b"}}),
            "action 1: http: url \"https://${a}/b\" is no http or https URL with a constant host",
        ),
        (
            json!({"http": {"url": "https://a", "auth": {"sigv4": {}}}}),
            "action 1: http: auth signs requests for services of AWS; put a token into headers",
        ),
        (
            json!({"http": {"url": "https://a", "batchConfig": {"maxBatchSize": 11}}}),
            "action 1: http: batchConfig.maxBatchSize is 11; it goes from 2 to 10",
        ),
        (
            json!({"kafka": {"topic": "t", "clientProperties": {}}}),
            "action 1: kafka: clientProperties need bootstrap.servers: host:port, …",
        ),
        (
            json!({"influxLineProtocol": {"url": "http://a", "databaseName": "d", "tableName": "t", "tagz": {}}}),
            "action 1: influxLineProtocol: unknown field `tagz`",
        ),
        (
            json!({"postgresql": {"url": "postgresql://h/d", "table": "a.b.c"}}),
            "action 1: postgresql: table \"a.b.c\" is no name of a table",
        ),
        (
            json!({"file": {"path": "../etc/passwd"}}),
            "action 1: file: path \"../etc/passwd\" is no relative path of a file",
        ),
        (
            json!({"file": {"path": "a.csv", "format": "csv"}}),
            "action 1: file: columns name the columns of CSV",
        ),
        (
            json!({"sendDownlink": {"wirelessDeviceId": "x", "fPort": "0"}}),
            "action 1: sendDownlink: fPort goes from 1 to 223",
        ),
        (json!({"setShadow": {"thingName": ""}}), "action 1: setShadow: thingName is empty"),
    ] {
        let error = refused(&json!({"sql": "SELECT 1", "actions": [action]}));
        assert_eq!(error.to_string(), expected);
    }
    let payload = json!({"sql": "SELECT 1", "actions": [], "errorAction": {"s3": {}}});
    let expected = "errorAction: the action s3 asks a service of AWS and is not available; \
                    a file action keeps messages";
    assert_eq!(refused(&payload).to_string(), expected);
}
