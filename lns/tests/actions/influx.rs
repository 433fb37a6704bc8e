//! The InfluxDB action against a server that remembers what was written.

use std::time::Duration;

use axum::http::StatusCode;
use lns::actions::{Batch, Deed, InfluxApi, InfluxTarget, Target};

use crate::endpoint::Endpoint;
use crate::support::Bench;

fn target(endpoint: &Endpoint) -> Target {
    Target::Influx(InfluxTarget {
        url: endpoint.url(""),
        api: InfluxApi::V2 { org: "o".into(), bucket: "b".into() },
        token: "secret".to_owned().into(),
        precision: "ns",
        batch: None,
    })
}

fn point(line: &str) -> Deed {
    Deed::Influx { line: line.into() }
}

#[test]
fn points_are_lines_of_a_request_with_its_token() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start());
    for number in 0..50 {
        bench.apply(vec![target(&endpoint)]);
        bench.queue(0, point(&format!("m,d=1 v={number}i {number}")));
    }
    bench.drained(0);
    let got = endpoint.got();
    assert!(got.len() <= 50);
    assert_eq!(got[0].0, "/api/v2/write?org=o&bucket=b&precision=ns");
    assert_eq!(got[0].1["authorization"], "Token secret");
    let lines: Vec<String> =
        (0..50).map(|number| format!("m,d=1 v={number}i {number}\n")).collect();
    assert_eq!(endpoint.bodies().concat(), lines.concat());
    let shown = format!("{:?}", target(&endpoint));
    assert!(!shown.contains("secret"), "{shown}");
}

/// Version 3 takes what is right of a request, refuses it for what is not, and names the lines.
#[test]
fn version_3_has_a_door_of_its_own() {
    let bench = Bench::new();
    let endpoint = Endpoint::answering(|_, body| match body.contains("bad") {
        true => (StatusCode::BAD_REQUEST, Duration::ZERO),
        false => (StatusCode::NO_CONTENT, Duration::ZERO),
    });
    let Target::Influx(target) = target(&endpoint) else { unreachable!("it is one") };
    let api = InfluxApi::V3 { database: "field data".into() };
    bench.apply(vec![Target::Influx(InfluxTarget { api, precision: "ms", ..target })]);
    for line in ["m v=1 1000", "m bad", "m v=3 3000"] {
        bench.queue(0, point(line));
    }
    bench.drained(0);
    assert_eq!((bench.meters(0).sent.get(), bench.meters(0).dead.get()), (2, 1));
    let (path, headers, _) = endpoint.got().swap_remove(0);
    assert_eq!(path, "/api/v3/write_lp?db=field%20data&precision=millisecond");
    assert_eq!(headers["authorization"], "Bearer secret");
}

#[test]
fn a_point_that_the_server_refuses_takes_no_other_with_it() {
    let bench = Bench::new();
    let endpoint = Endpoint::answering(|_, body| match body.contains("bad") {
        true => (StatusCode::BAD_REQUEST, Duration::ZERO),
        false => (StatusCode::NO_CONTENT, Duration::ZERO),
    });
    bench.apply(vec![target(&endpoint)]);
    for line in ["m v=1", "m bad", "m v=3"] {
        bench.queue(0, point(line));
    }
    bench.drained(0);
    assert_eq!((bench.meters(0).sent.get(), bench.meters(0).dead.get()), (2, 1));
    assert!(bench.reasons()[0].contains("400"));
}

#[test]
fn points_gather_within_the_bounds_of_their_batch() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start());
    let Target::Influx(target) = target(&endpoint) else { unreachable!("it is one") };
    let batch =
        Batch { open: Duration::from_millis(200), messages: 3, bytes: 1000, across_topics: false };
    bench.apply(vec![Target::Influx(InfluxTarget { batch: Some(batch), ..target })]);
    // A message may be several points.
    for (topic, line) in
        [("a", "m v=1\nm v=2"), ("b", "m v=3"), ("a", "m v=4"), ("a", "m v=5"), ("b", "m v=6")]
    {
        bench.queue_from(topic, 0, point(line));
    }
    bench.drained(0);
    let mut bodies = endpoint.bodies();
    bodies.sort();
    assert_eq!(bodies, ["m v=1\nm v=2\nm v=4\n", "m v=3\nm v=6\n", "m v=5\n"]);
}
