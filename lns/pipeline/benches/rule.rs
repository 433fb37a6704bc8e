//! What rules cost: typical statements, and a message that one of a thousand rules wants.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lns_pipeline::rule::{Env, Evaluated, Nothing, Origin, Payload, Rule, Seeded};
use lns_pipeline::topic::Trie;
use serde_json::json;

/// A decoded uplink with its metadata, 700 bytes.
const UPLINK: &str = r#"{"WirelessDeviceId":"6f2f5a0e-6f0a-4e67-9f1c-5a7b6a3f5d10","PayloadData":"AQICAwQFBgc=","DecodedPayload":{"temperature":21.5,"humidity":60,"battery":3.61,"state":"open","alarms":[{"n":"door","v":1},{"n":"leak","v":0}]},"WirelessMetadata":{"LoRaWAN":{"ADR":true,"Bandwidth":125,"ClassB":false,"CodeRate":"4/5","DataRate":"5","DevAddr":"00b96cd4","DevEui":"58a0cb000202c99f","FCnt":1234,"FPort":2,"Frequency":"868100000","Gateways":[{"GatewayEui":"80029cfffe5cf1cc","Snr":9.75,"Rssi":-29},{"GatewayEui":"80029cfffe5cf1cd","Snr":-3.5,"Rssi":-101}],"MIC":"7255cb07","MType":"UnconfirmedDataUp","Major":"LoRaWANR1","Modulation":"LORA","SpreadingFactor":7,"Timestamp":"2026-05-03T03:24:29Z"}}}"#;

const STATEMENTS: [(&str, &str); 6] = [
    ("all", "SELECT * FROM 'lorawan/+/up'"),
    (
        "columns and condition",
        "SELECT DecodedPayload.temperature AS t, topic(2) AS device, timestamp() AS ts \
         FROM 'lorawan/+/up' WHERE DecodedPayload.temperature > 20 AND WirelessMetadata.LoRaWAN.FPort = 2",
    ),
    (
        "arithmetic",
        "SET @c = DecodedPayload.temperature SELECT @c * 1.8 + 32 AS f, round(@c) AS r, \
         DecodedPayload.battery / 3.7 * 100 AS percent FROM 'a'",
    ),
    (
        "text",
        "SELECT upper(DecodedPayload.state) AS s, regexp_replace(topic(), '[^a-z]', '-') AS t, \
         md5(WirelessDeviceId) AS h, parse_time('yyyy-MM-dd HH:mm:ss', timestamp()) AS at FROM 'a'",
    ),
    (
        "nested",
        "SELECT (SELECT VALUE n FROM DecodedPayload.alarms WHERE v = 1) AS alarms, \
         CASE DecodedPayload.state WHEN 'open' THEN 1 ELSE 0 END AS open FROM 'a'",
    ),
    ("not matching", "SELECT * FROM 'a' WHERE DecodedPayload.temperature > 50"),
];

fn rule(sql: &str) -> Rule {
    let document = json!({
        "sql": sql,
        "awsIotSqlVersion": "2016-03-23",
        "actions": [{"republish": {"topic": "out/${topic(2)}"}}],
    });
    Rule::compile("bench", &document).expect("the statement is one")
}

/// Calls with the surroundings of one message.
fn with_env(run: impl FnOnce(&Env<'_>)) {
    let dice = Seeded::new(1);
    let topic = "lorawan/58a0cb000202c99f/up";
    let origin = Origin { topic, client_id: Some("lns"), ..Origin::default() };
    let env = Env {
        now_ms: 1_700_000_000_000,
        dice: &dice,
        account_id: "1",
        origin: &origin,
        shadows: &Nothing,
        things: &Nothing,
        descriptors: &Nothing,
    };
    run(&env);
}

/// One message and one rule, from the payload's bytes to the outgoing ones.
fn work(rule: &Rule, env: &Env<'_>) {
    let payload = Payload::new(UPLINK.as_bytes());
    if let Evaluated::Matched(outcome) = rule.evaluate(env, &payload) {
        black_box(outcome.output.bytes());
    }
}

fn statements(c: &mut Criterion) {
    let mut group = c.benchmark_group("rule");
    group.throughput(Throughput::Elements(1));
    for (name, sql) in STATEMENTS {
        let rule = rule(sql);
        with_env(|env| {
            group.bench_function(name, |b| b.iter(|| work(&rule, env)));
        });
    }
    group.finish();
}

fn a_thousand_rules(c: &mut Criterion) {
    let mut trie = Trie::new();
    for at in 0..1000 {
        let filter = match at {
            500 => "lorawan/58a0cb000202c99f/+".to_owned(),
            other => format!("lorawan/{other:016x}/+"),
        };
        let sql = format!(
            "SELECT *, topic(2) AS device FROM '{filter}' WHERE DecodedPayload.temperature > 20"
        );
        let rule = rule(&sql);
        trie.insert(&rule.filter().expect("it has one").clone(), at, rule);
    }
    let mut group = c.benchmark_group("rules");
    group.throughput(Throughput::Elements(1));
    with_env(|env| {
        group.bench_function("one of a thousand", |b| {
            b.iter(|| trie.for_each_match(env.origin.topic, |_, rule| work(rule, env)));
        });
    });
    group.finish();
}

fn topics(c: &mut Criterion) {
    let mut trie = Trie::new();
    for at in 0..100_000 {
        let text = match at % 4 {
            0 => format!("lorawan/{at:016x}/up"),
            1 => format!("lorawan/{at:016x}/+"),
            2 => format!("site/{}/+/{at}", at % 100),
            _ => format!("site/{}/#", at),
        };
        let filter = lns_pipeline::topic::TopicFilter::parse(&text).expect("it is a filter");
        trie.insert(&filter, at, ());
    }
    let topic = format!("lorawan/{:016x}/up", 50_001);
    c.bench_function("topic among 100,000 filters", |b| {
        b.iter(|| {
            let mut found = 0;
            trie.for_each_match(black_box(&topic), |_, ()| found += 1);
            found
        });
    });
}

criterion_group!(benches, statements, a_thousand_rules, topics);
criterion_main!(benches);
