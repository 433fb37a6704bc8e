//! Tables of expressions and their results.
//!
//! A line is `expression ==> result`, where the result is JSON as it is written out, or `undefined`.
//! `payload` and `version` lines hold for the lines after them. Lines that begin with `#` say where
//! the ones after them come from.

use super::{evaluate, rule};
use lns_pipeline::rule::Evaluated;

/// Checks every line of a table, and says all that are wrong at once.
fn check(table: &str) {
    let (mut version, mut payload) = ("2016-03-23", "{}");
    let (mut wrong, mut lines) = (Vec::new(), 0);
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
        } else if let Some(rest) = line.strip_prefix("version ") {
            version = rest;
        } else if let Some(rest) = line.strip_prefix("payload ") {
            payload = rest;
        } else {
            let (expression, expected) = line.split_once(" ==> ").expect(line);
            let found = result(expression, version, payload);
            if found != expected.trim() {
                wrong.push(format!("{expression} gives {found}, not {expected}"));
            }
            lines += 1;
        }
    }
    assert!(lines > 0, "the table has no lines");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn result(expression: &str, version: &str, payload: &str) -> String {
    let rule = rule(&format!("SELECT VALUE ({expression}) FROM 'a/+/c'"), version);
    match evaluate(&rule, "things/myThings/thingOne", payload.to_owned()) {
        Evaluated::Matched(outcome) if outcome.output.value().is_undefined() => "undefined".into(),
        Evaluated::Matched(outcome) => {
            String::from_utf8(outcome.output.bytes().to_vec()).expect("JSON is text")
        }
        Evaluated::Skipped => "skipped".into(),
        Evaluated::Failed(error) => format!("failure: {error}"),
    }
}

macro_rules! tables {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            check(include_str!(concat!("tables/", stringify!($name), ".txt")));
        }
    )*};
}

tables! { operators conversions math text regexp encoding hashing collections context time queries case }
