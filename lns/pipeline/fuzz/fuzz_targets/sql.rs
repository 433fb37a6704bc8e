//! Any text as a statement and, behind a zero, any bytes as a payload: what is read prints as what
//! reads the same, and what compiles can be evaluated.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lns_pipeline::rule::{Env, Nothing, Origin, Payload, Rule, Seeded, parse_sql};

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (sql, payload) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let Ok(sql) = std::str::from_utf8(sql) else { return };
    let Ok(statement) = parse_sql(sql) else { return };
    let printed = statement.to_string();
    assert_eq!(parse_sql(&printed).as_ref(), Ok(&statement), "{printed}");
    for version in ["2015-10-08", "2016-03-23"] {
        let document = serde_json::json!({"sql": sql, "awsIotSqlVersion": version, "actions": []});
        let Ok(rule) = Rule::compile("fuzz", &document) else { continue };
        let (dice, origin) = (Seeded::new(1), Origin { topic: "a/b", ..Origin::default() });
        let env = Env {
            now_ms: 1_700_000_000_000,
            dice: &dice,
            account_id: "1",
            origin: &origin,
            shadows: &Nothing,
            things: &Nothing,
            descriptors: &Nothing,
        };
        rule.evaluate(&env, &Payload::new(payload.to_vec()));
    }
});
