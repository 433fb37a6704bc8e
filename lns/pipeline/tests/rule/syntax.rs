//! What is read prints as SQL that reads the same.

use proptest::prelude::*;

use super::bounds::expression;
use lns_pipeline::rule::parse_sql;

fn survives(sql: &str) {
    let statement = parse_sql(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let printed = statement.to_string();
    assert_eq!(parse_sql(&printed).as_ref(), Ok(&statement), "{sql}\n{printed}");
}

#[test]
fn keywords_take_any_case_and_names_do_not_change() {
    let sql = "set @a_1 = 1 sElEcT vAlUe Case @a_1 wHen 1 tHen b.From eLse nUll eNd fRoM 'x' wHeRe nOt c aNd tRuE";
    let expected = "SET @a_1 = 1 SELECT VALUE CASE @a_1 WHEN 1 THEN b.From ELSE NULL END FROM 'x' \
                    WHERE ((NOT c) AND TRUE)";
    assert_eq!(parse_sql(sql).expect("it is SQL").to_string(), expected);
}

#[test]
fn what_is_hard_to_tell_apart_prints_apart() {
    for sql in [
        "SELECT value",
        "SELECT (value)",
        "SELECT value.a, value * 2 AS x",
        "SELECT VALUE value",
        "SELECT + value(a), (value(a)).b",
        "SELECT VALUE *",
        "SELECT VALUE (-1)",
        "SELECT VALUE (- a)",
        "SELECT - 1, --1",
        "SELECT a - -1",
        "SELECT 'it''s', \"a\\\"b\", 'c:\\\\d'",
        "SELECT 1e5.a, (-1.5).a, - 1.5.a, ('x').b, (NOT a).b",
        "SELECT exists, exists.a, EXISTS (SELECT * FROM a)",
        "SELECT encode(*, 'base64'), *, * AS all",
        "SELECT get((SELECT v FROM e), 0).v AS from.where",
        "SELECT {'a': {}, \"b\": [*, 1]}",
        "SELECT 1 FROM 'a' WHERE a IN [1] AND NOT b = c OR d;",
    ] {
        survives(sql);
    }
}

proptest! {
    #[test]
    fn printing_keeps_the_meaning(a in expression(), b in expression(), value in any::<bool>()) {
        let items = if value { format!("VALUE ({a})") } else { format!("{a}, {b} AS x.y") };
        let sql = format!("SET @v = {b} SELECT {items} FROM 'a/+' WHERE {b} = @v");
        let statement = parse_sql(&sql);
        prop_assume!(statement.is_ok());
        survives(&sql);
    }
}
