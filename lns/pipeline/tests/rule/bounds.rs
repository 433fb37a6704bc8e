//! Any statement and any message give an answer, at a bounded price.

use proptest::prelude::*;

use super::{evaluate, rule};
use lns_pipeline::rule::{EvalError, Evaluated, MAX_TEXT_BYTES};

fn failure(sql: &str, payload: String) -> EvalError {
    match evaluate(&rule(sql, "2016-03-23"), "a", payload) {
        Evaluated::Failed(error) => error,
        other => panic!("{sql} gives {other:?}"),
    }
}

#[test]
fn nested_queries_over_a_long_array_end() {
    let array = format!("{{\"a\":[{}]}}", vec!["1"; 2000].join(","));
    let sql = "SELECT (SELECT VALUE (SELECT VALUE y FROM [1,2,3] AS y) FROM x AS q) AS r FROM 'a'";
    assert!(matches!(evaluate(&rule(sql, "beta"), "a", array.clone()), Evaluated::Matched(_)));
    // Every element with the whole array again: the array is seen through a variable.
    let sql = "SET @a = a SELECT (SELECT VALUE (SELECT VALUE p FROM @a AS p) FROM a) AS r FROM 'a'";
    assert!(matches!(failure(sql, array), EvalError::TooManySteps { .. }));
}

#[test]
fn the_deepest_statement_that_is_accepted_fits_on_a_stack() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{'k': ", "}"),
        ("abs(", ")"),
        ("NOT ", ""),
        ("- ", ""),
        ("a = (", ")"),
        ("1 + a * (", ")"),
        ("CASE ", " WHEN 1 THEN 2 END"),
        ("CASE 1 WHEN 1 THEN ", " END"),
        ("(SELECT VALUE ", " FROM a AS b)"),
        ("EXISTS (SELECT ", " AS x FROM a)"),
        ("cast(", " AS String)"),
        ("get_or_default(a.b, ", ")"),
    ] {
        let deepest = (1..=64).rev().find_map(|depth| {
            let sql =
                format!("SELECT {}a{} AS r FROM 'a'", open.repeat(depth), close.repeat(depth));
            let document =
                serde_json::json!({"sql": sql, "awsIotSqlVersion": "beta", "actions": []});
            Some((depth, lns_pipeline::rule::Rule::compile("deep", &document).ok()?))
        });
        let (depth, rule) = deepest.expect("one level is accepted");
        assert!(depth >= 10, "{open}: only {depth} levels");
        let payload = format!("{{\"a\":{}{}}}", "[".repeat(98), "]".repeat(98));
        assert!(matches!(evaluate(&rule, "a", payload), Evaluated::Matched(_)), "{open}");
    }
}

#[test]
fn texts_do_not_grow_without_end() {
    let text = format!("{{\"t\":\"{}\"}}", "a".repeat(100_000));
    let sql = "SELECT replace(t, 'a', t) AS r FROM 'a'";
    assert!(matches!(
        failure(sql, text.clone()),
        EvalError::TooLarge { limit: MAX_TEXT_BYTES, .. }
    ));
    let sql = "SELECT regexp_replace(t, 'a', '$0xxxxxxxxxxxxxxxxxxxx') AS r FROM 'a'";
    assert!(matches!(failure(sql, text.clone()), EvalError::TooLarge { .. }));
    let doubled = "SET @b = t + t, @c = @b + @b, @d = @c + @c, @e = @d + @d SELECT @e FROM 'a'";
    assert!(matches!(failure(doubled, text.clone()), EvalError::TooLarge { .. }));
    let many: Vec<String> = (0..400).map(|at| format!("upper(t) AS u{at}")).collect();
    let sql = format!("SELECT {} FROM 'a'", many.join(", "));
    assert!(matches!(failure(&sql, text), EvalError::TooManySteps { .. }));
}

#[test]
fn values_made_of_themselves_do_not_explode() {
    let tenfold = |name: &str| format!("[{}]", [name; 10].join(","));
    let tower = |last: &str| {
        let mut sql = format!("SET @a = {}", tenfold("t"));
        for (name, below) in ["b", "c", "d", "e", "f", "g", "h"]
            .iter()
            .zip(["@a", "@b", "@c", "@d", "@e", "@f", "@g"])
        {
            sql += &format!(", @{name} = {}", tenfold(below));
        }
        format!("{sql} SELECT {last} AS r FROM 'a'")
    };
    for last in ["@h", "upper(@h)", "@h = @h", "encode(@h, 'base64')", "cast(@h as String)"] {
        assert!(
            matches!(failure(&tower(last), r#"{"t":1}"#.to_owned()), EvalError::TooLarge { .. }),
            "{last}"
        );
    }
    let large = format!("{{\"t\":\"{}\"}}", "a".repeat(100_000));
    let columns: Vec<String> = (0..100).map(|at| format!("t AS c{at}")).collect();
    let sql = format!("SELECT {} FROM 'a'", columns.join(", "));
    assert!(matches!(failure(&sql, large.clone()), EvalError::TooLarge { .. }));
    let same = format!("SELECT concat([t], {}) AS r FROM 'a'", vec!["t"; 50].join(", "));
    assert!(matches!(failure(&same, large), EvalError::TooLarge { .. }));
}

#[test]
fn regular_expressions_of_a_message_are_paid_for() {
    let payload = format!("{{\"a\":[{}]}}", vec!["\"(x+x+)+y\""; 100].join(","));
    let sql = "SELECT (SELECT VALUE regexp_matches('xxxxxxxxxxxxxxxxxxxxxxxxxxxx', p) FROM a AS p) AS r FROM 'a'";
    assert!(matches!(failure(sql, payload), EvalError::TooManySteps { .. }));
    let huge = r#"{"p":"\\w{1000}{1000}"}"#.to_owned();
    let sql = "SELECT VALUE isUndefined(regexp_matches('x', p)) FROM 'a'";
    assert_eq!(super::matched(&rule(sql, "beta"), "a", huge).output.bytes(), "true");
}

/// Expressions from a grammar of the whole language.
pub fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-d]".prop_map(|name| name),
        Just("value".to_owned()),
        Just("a.b.c".to_owned()),
        (0u32..100_000).prop_map(|number| number.to_string()),
        Just("1.50".to_owned()),
        Just("2E-3".to_owned()),
        Just("9E999".to_owned()),
        "'[a-z%$ \\\\]{0,6}'".prop_filter("it is closed", |text| !text.ends_with("\\'")),
        Just("\"it's\"".to_owned()),
        Just("NULL".to_owned()),
        Just("true".to_owned()),
        Just("timestamp()".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "AND", "or", "In",
        ]);
        let function = prop::sample::select(vec![
            "abs",
            "concat",
            "substring",
            "regexp_replace",
            "lpad",
            "get",
            "trunc",
            "encode",
            "decode",
            "parse_time",
            "time_to_epoch",
            "power",
            "replace",
            "topic",
            "get_or_default",
            "bitnot",
            "chr",
            "isNull",
            "md5",
            "get_user_properties",
            "numbytes",
        ]);
        prop_oneof![
            (inner.clone(), operator.clone(), inner.clone())
                .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), operator, inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("(NOT {a})")),
            inner.clone().prop_map(|a| format!("(- {a})")),
            inner.clone().prop_map(|a| format!("({a}).k.value")),
            inner.clone().prop_map(|a| format!("cast({a} as Decimal)")),
            (function, prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", "))),
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            inner.clone().prop_map(|a| format!("{{'k': {a}, 'l': 1}}")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("(SELECT VALUE {a} FROM b AS e WHERE {b})")),
            inner.clone().prop_map(|a| format!("(SELECT *, {a} AS x.y FROM c)")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("CASE {a} WHEN {b} THEN {c} ELSE {a} END")),
        ]
    })
}

proptest! {
    #[test]
    fn every_statement_ends_for_every_message(
        expression in expression(),
        payload in prop_oneof![
            Just(r#"{"a":{"b":{"c":5}},"b":[1,"x",{"k":2}],"c":{"k":"v"},"d":"17.5","value":-1}"#.to_owned()),
            Just("[]".to_owned()),
            ".{0,20}",
        ],
    ) {
        for version in ["2015-10-08", "2016-03-23"] {
            let document = serde_json::json!({
                "sql": format!("SELECT {expression} AS r FROM 'a' WHERE 1 = 1 OR {expression}"),
                "awsIotSqlVersion": version,
                "actions": [],
            });
            if let Ok(rule) = lns_pipeline::rule::Rule::compile("any", &document)
                && let Evaluated::Matched(outcome) = evaluate(&rule, "a", payload.clone())
            {
                let bytes = outcome.output.bytes();
                prop_assert!(lns_pipeline::rule::parse_json(&bytes).is_some(), "{:?}", bytes);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}", words in prop::collection::vec(
        prop::sample::select(vec![
            "SELECT", "VALUE", "*", "FROM", "'a'", "WHERE", "a", "(", ")", ",", "AS", "CASE", "WHEN", "THEN", "END",
            "@x", "SET", "=", "1", ".", "-", "NOT", "[", "]", "{", "}", ":", "EXISTS", "IN", "cast", "abs",
        ]),
        0..12,
    )) {
        _ = lns_pipeline::rule::parse_sql(&text);
        _ = lns_pipeline::rule::parse_sql(&format!("SELECT {}", words.join(" ")));
    }
}
