//! What one request costs: deciding, and writing the record.

use criterion::{Criterion, criterion_group, criterion_main};
use lns_pipeline::shadow::{Request, Shadow, ShadowId, Verb, apply};

fn shadow(c: &mut Criterion) {
    let id = ShadowId::classic("sensor-0001").expect("a name");
    let first = br#"{"state":{"desired":{"interval":60,"alarm":{"high":30.5,"low":-5}},
        "reported":{"temperature":21.75,"humidity":48,"battery":3.1,"interval":300,
        "alarm":{"high":30.5,"low":-5},"history":[21.5,21.6,21.7,21.75]}}}"#;
    let next = br#"{"state":{"reported":{"temperature":21.8,"humidity":47,"battery":3.09}}}"#;
    let ask = |shadow: &Shadow, verb, payload: &[u8]| {
        apply(shadow, &Request { id: &id, verb, payload }, 1_767_323_045)
    };
    let before = ask(&Shadow::default(), Verb::Update, first).after.expect("it is fit");
    let record = before.to_record();
    c.bench_function("shadow/update", |b| b.iter(|| ask(&before, Verb::Update, next)));
    c.bench_function("shadow/get", |b| b.iter(|| ask(&before, Verb::Get, b"")));
    c.bench_function("shadow/to_record", |b| b.iter(|| before.to_record()));
    c.bench_function("shadow/from_record", |b| b.iter(|| Shadow::from_record(&record)));
}

criterion_group!(benches, shadow);
criterion_main!(benches);
