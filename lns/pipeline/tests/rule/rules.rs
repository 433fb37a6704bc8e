//! Statements as a whole: AWS's examples of SELECT, SET, WHERE, binary payloads and versions.

use super::{evaluate, matched, rule};
use lns_pipeline::rule::{EvalError, Evaluated};

/// What a statement of the newer version makes of a payload.
fn outgoing(sql: &str, payload: &str) -> String {
    let outcome = matched(&rule(sql, "2016-03-23"), "topic/subtopic", payload.to_owned());
    String::from_utf8(outcome.output.bytes().to_vec()).expect("it is text")
}

fn is_skipped(sql: &str, payload: &str) -> bool {
    let evaluated = evaluate(&rule(sql, "2016-03-23"), "topic/subtopic", payload.to_owned());
    matches!(evaluated, Evaluated::Skipped)
}

#[test]
fn the_examples_of_select_give_what_aws_says() {
    let payload = r#"{"color":"red","temperature":50}"#;
    for (sql, expected) in [
        ("SELECT * FROM 'topic/subtopic'", payload),
        ("SELECT color FROM 'topic/subtopic'", r#"{"color":"red"}"#),
        ("SELECT color AS my_color FROM 'topic/subtopic'", r#"{"my_color":"red"}"#),
        (
            "SELECT color as my_color, temperature as fahrenheit FROM 'topic/subtopic'",
            r#"{"my_color":"red","fahrenheit":50}"#,
        ),
        (
            "SELECT *, 15 as speed FROM 'topic/subtopic'",
            r#"{"color":"red","temperature":50,"speed":15}"#,
        ),
        ("SELECT VALUE color FROM 'topic/subtopic'", r#""red""#),
        (
            "SELECT (temperature - 32) * 5 / 9 AS celsius, upper(color) as my_color FROM 'a'",
            r#"{"celsius":10,"my_color":"RED"}"#,
        ),
        (
            "SELECT * AS message FROM 'some/topic'",
            r#"{"message":{"color":"red","temperature":50}}"#,
        ),
        ("SELECT missing FROM 'a'", "{}"),
        ("SELECT VALUE missing FROM 'a'", ""),
        ("SELECT NULL AS n FROM 'a'", r#"{"n":null}"#),
        ("select VALUE * from 'a'", payload),
    ] {
        assert_eq!(outgoing(sql, payload), expected, "{sql}");
    }
    let nested = r#"{"color":{"red":255,"green":0,"blue":0},"temperature":50}"#;
    assert_eq!(outgoing("SELECT color.red as red_value FROM 'a'", nested), r#"{"red_value":255}"#);
    assert_eq!(outgoing("SELECT color.red FROM 'a'", nested), r#"{"red":255}"#);
    let json_extensions = r#"{"foo":{"bar":"RED","bar1":"GREEN","bar2":"BLUE"}}"#;
    let sql = "SELECT foo.bar AS bar.baz FROM 'a'";
    assert_eq!(outgoing(sql, json_extensions), r#"{"bar":{"baz":"RED"}}"#);
}

#[test]
fn columns_without_a_name_have_one() {
    let payload = r#"{"value":3,"a":{"b":1}}"#;
    for (sql, expected) in [
        ("SELECT value FROM 'a'", r#"{"value":3}"#),
        ("SELECT value * 2 AS twice FROM 'a'", r#"{"twice":6}"#),
        ("SELECT value, a.b FROM 'a'", r#"{"value":3,"b":1}"#),
        ("SELECT topic(2) FROM 'a'", r#"{"topic":"subtopic"}"#),
        ("SET @v = value SELECT @v, @v + 1 FROM 'a'", r#"{"v":3,"(@v + 1)":4}"#),
        ("SELECT VALUE value FROM 'a'", "3"),
        ("SELECT a.b AS x.y, a.b + 1 AS x.z FROM 'a'", r#"{"x":{"y":1,"z":2}}"#),
    ] {
        assert_eq!(outgoing(sql, payload), expected, "{sql}");
    }
}

#[test]
fn variables_are_set_once_and_seen_everywhere() {
    let payload = r#"{"temp_fahrenheit": 86, "humidity": 60, "sensors": {"hall": {"t": 1}}}"#;
    for (sql, expected) in [
        (
            "SET @temp_celsius = (temp_fahrenheit - 32) * 5 / 9 \
             SELECT @temp_celsius AS celsius, humidity FROM 'device/data'",
            r#"{"celsius":30,"humidity":60}"#,
        ),
        (
            "SET @a = 2, @b = @a * 3 SELECT @a, @b FROM 'x' WHERE @b > humidity / 20",
            r#"{"a":2,"b":6}"#,
        ),
        ("SET @s = sensors SELECT @s.hall.t FROM 'x'", r#"{"t":1}"#),
        (
            "SET @limit = 1 SELECT VALUE (SELECT VALUE n FROM [{'n':1},{'n':2}] WHERE n > @limit) FROM 'x'",
            "[2]",
        ),
    ] {
        assert_eq!(outgoing(sql, payload), expected, "{sql}");
    }
}

#[test]
fn where_decides_before_select_and_knows_no_aliases() {
    let payload = r#"{"color":"red","temperature":40}"#;
    assert!(is_skipped("SELECT * FROM 'a' WHERE temperature > 50 AND color <> 'red'", payload));
    assert!(is_skipped("SELECT color AS c FROM 'a' WHERE c = 'red'", payload));
    assert!(is_skipped("SELECT * FROM 'a' WHERE missing = 1", payload));
    assert!(is_skipped("SELECT * FROM 'a' WHERE temperature", payload));
    assert!(!is_skipped("SELECT color AS c FROM 'a' WHERE color = 'red'", payload));
    assert!(!is_skipped(
        "SELECT * FROM 'a/b' WHERE 3 in arr",
        r#"{"arr":[1,2,3,"three",5.7,null]}"#
    ));
    let non_json = "SELECT decode(encode(*, 'base64'), 'base64') AS value FROM 'a' \
                    WHERE decode(encode(*, 'base64'), 'base64') > 50";
    assert_eq!(outgoing(non_json, "80"), r#"{"value":80}"#);
}

#[test]
fn payloads_that_are_not_json_go_through_as_they_are() {
    let bytes: &[u8] = &[0, 0xff, 1];
    let through = rule("SELECT * FROM 'a'", "2016-03-23");
    assert_eq!(&*matched(&through, "a", bytes).output.bytes(), bytes);
    let timed = rule("SELECT * FROM 'a' WHERE timestamp() % 12 >= 0", "2016-03-23");
    assert_eq!(&*matched(&timed, "a", bytes).output.bytes(), bytes);
    let encoded =
        rule("SELECT encode(*, 'base64') AS data, timestamp() AS ts FROM 'a'", "2016-03-23");
    let expected = r#"{"data":"AP8B","ts":1497028786123}"#;
    assert_eq!(matched(&encoded, "a", bytes).output.bytes(), expected);
    let added = rule("SELECT *, clientid() AS client FROM 'a'", "2016-03-23");
    assert!(matches!(evaluate(&added, "a", bytes), Evaluated::Failed(EvalError::NoObject)));
    assert_eq!(matched(&added, "a", "").output.bytes(), r#"{"client":"device-1"}"#);
}

#[test]
fn the_versions_differ_in_whole_decimals_and_arrays() {
    let payload = r#"{"t":10.0,"arr":[1,2,3,4]}"#;
    let of = |version: &str, sql: &str| match evaluate(&rule(sql, version), "a", payload) {
        Evaluated::Matched(outcome) => {
            String::from_utf8(outcome.output.bytes().to_vec()).expect("it is text")
        }
        other => format!("{other:?}"),
    };
    assert_eq!(of("2015-10-08", "SELECT t FROM 'a'"), r#"{"t":10.0}"#);
    assert_eq!(of("2016-03-23", "SELECT t FROM 'a'"), r#"{"t":10}"#);
    assert_eq!(of("beta", "SELECT VALUE arr FROM 'a'"), "[1,2,3,4]");
    assert_eq!(of("2015-10-08", "SELECT VALUE arr FROM 'a'"), "Failed(ArrayResult)");
    assert_eq!(of("2015-10-08", "SELECT arr FROM 'a'"), r#"{"arr":[1,2,3,4]}"#);
}
