//! What one decoding costs with the script at hand, and what loading a script costs.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lns_pipeline::codec::{CodecSpec, DecodeInput, EncodeInput, Limits, Worker};
use lns_pipeline::samples;
use serde_json::json;

const TEMPERATURE: [u8; 5] = [0x08, 0xfc, 0x5b, 0x0c, 0xe4];
const TRACKER: [u8; 11] = [2, 0xd2, 0xcd, 0xa2, 0, 0x8f, 0x5c, 0x34, 0, 0x23, 0x57];
const CAYENNE: [u8; 11] = [3, 0x67, 1, 0x10, 4, 0x68, 0x5b, 5, 0x73, 0x27, 0x89];

fn input(bytes: &[u8], port: u8) -> DecodeInput<'_> {
    DecodeInput { bytes, port, received_at_us: 1_767_323_045_678_000, variables: None }
}

fn codecs(c: &mut Criterion) {
    let mut worker = Worker::new(Limits::default());
    let temperature = CodecSpec::javascript(samples::TEMPERATURE);
    c.bench_function("javascript/decode temperature, 5 bytes", |b| {
        b.iter(|| worker.decode(&temperature, &input(black_box(&TEMPERATURE), 1), 0).unwrap())
    });
    let tracker = CodecSpec::javascript(samples::TRACKER);
    c.bench_function("javascript/decode tracker, 11 bytes", |b| {
        b.iter(|| worker.decode(&tracker, &input(black_box(&TRACKER), 3), 0).unwrap())
    });
    let object = json!({ "interval": 600 });
    let command = EncodeInput { object: &object, port: None, variables: None };
    c.bench_function("javascript/encode temperature", |b| {
        b.iter(|| worker.encode(&temperature, black_box(&command), 0).unwrap())
    });
    c.bench_function("cayenne/decode three values", |b| {
        b.iter(|| worker.decode(&CodecSpec::CayenneLpp, &input(black_box(&CAYENNE), 1), 0))
    });
    c.bench_function("javascript/load and decode temperature", |b| {
        b.iter(|| {
            let mut fresh = Worker::new(Limits::default());
            fresh.decode(&temperature, &input(&TEMPERATURE, 1), 0).unwrap()
        })
    });
    let buffer = CodecSpec::javascript(
        "function Decoder(bytes) { return { v: Buffer.from(bytes).readInt16BE(0) }; }",
    );
    c.bench_function("javascript/load and decode with Buffer", |b| {
        b.iter(|| {
            let mut fresh = Worker::new(Limits::default());
            fresh.decode(&buffer, &input(&TEMPERATURE, 1), 0).unwrap()
        })
    });
}

/// Uplinks that two workers decode between them, as on two cores.
const UPLINKS: u64 = 20_000;

fn two_workers(c: &mut Criterion) {
    let mut group = c.benchmark_group("javascript");
    group.throughput(Throughput::Elements(UPLINKS)).sample_size(10);
    let temperature = CodecSpec::javascript(samples::TEMPERATURE);
    group.bench_function("20,000 uplinks by two workers", |b| {
        b.iter(|| {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let mut worker = Worker::new(Limits::default());
                        for _ in 0..UPLINKS / 2 {
                            worker.decode(&temperature, &input(&TEMPERATURE, 1), 0).unwrap();
                        }
                    });
                }
            });
        });
    });
    group.finish();
}

criterion_group!(benches, codecs, two_workers);
criterion_main!(benches);
