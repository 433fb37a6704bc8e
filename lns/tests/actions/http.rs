//! The HTTP action, against endpoints in every mood.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use lns::actions::{Batch, Deed, HttpTarget, Target};

use crate::endpoint::Endpoint;
use crate::support::{Bench, until};

fn post(url: &str, payload: &str) -> Deed {
    let headers = vec![("X-Rule".to_owned(), "yes".to_owned())];
    Deed::Http { url: url.into(), headers, payload: payload.into() }
}

/// One whose header each message brings.
fn plain() -> Target {
    Target::Http(HttpTarget { headers: vec![("X-Rule".to_owned(), None)], ..HttpTarget::default() })
}

#[test]
fn a_message_is_posted_with_its_headers_and_its_id() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start());
    bench.apply(vec![plain()]);
    bench.confirm(&endpoint.url("/in"));
    bench.queue(0, post(&endpoint.url("/in/7?q=1"), r#"{"t":1}"#));
    bench.queue(0, post(&endpoint.url("/in/8"), "text"));
    bench.drained(0);
    let mut got = endpoint.got();
    got.sort_by(|a, b| a.0.cmp(&b.0));
    let (path, headers, body) = &got[0];
    assert_eq!((path.as_str(), body.as_str()), ("/in/7?q=1", r#"{"t":1}"#));
    assert_eq!(headers["x-rule"], "yes");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["x-lns-message-id"].len(), 36);
    assert_eq!(got[1].1["content-type"], "application/octet-stream");
}

#[test]
fn nothing_is_sent_before_the_endpoint_has_confirmed() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start());
    bench.apply(vec![plain()]);
    bench.queue(0, post(&endpoint.url("/in"), "1"));
    until("it was tried", || bench.meters(0).retried.get() > 0);
    assert!(endpoint.got().is_empty());
    bench.confirm(&endpoint.url("/"));
    bench.drained(0);
    assert_eq!(endpoint.bodies(), ["1"]);
}

#[test]
fn what_the_endpoint_refuses_is_a_dead_letter_at_once_and_an_error_message() {
    let bench = Bench::new();
    let endpoint = Endpoint::answering(|path, _| match path {
        "/moved" => (StatusCode::FOUND, Duration::ZERO),
        _ => (StatusCode::BAD_REQUEST, Duration::ZERO),
    });
    bench.apply(vec![plain()]);
    bench.confirm(&endpoint.url("/"));
    bench.queue(0, post(&endpoint.url("/moved"), "1"));
    bench.queue(0, post(&endpoint.url("/x"), "2"));
    bench.drained(0);
    assert_eq!(endpoint.got().len(), 2, "no redirection is followed, nothing tried again");
    let reasons = bench.reasons();
    assert!(reasons.iter().any(|why| why.contains("400 Bad Request: this is 400")), "{reasons:?}");
    until("the error messages", || bench.published("errors").len() == 2);
    assert!(
        bench
            .published("errors")
            .iter()
            .any(|body| body.starts_with("r/0 HttpAction the endpoint"))
    );
    // Dead letters can be tried again, and purged.
    assert_eq!(bench.actions.exhume(("r", None), true).expect("stored"), 2);
    until("they died again", || bench.meters(0).dead.get() == 4);
    until("they are letters again", || bench.actions.dead("r") == 2);
    assert_eq!(bench.actions.exhume(("r", None), false).expect("stored"), 2);
    assert_eq!(bench.reasons(), Vec::<String>::new());
}

#[test]
fn what_fails_for_a_while_is_tried_again_and_what_is_there_comes_once() {
    let bench = Bench::new();
    let tries = AtomicUsize::new(0);
    let endpoint = Endpoint::answering(move |_, _| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => (StatusCode::INTERNAL_SERVER_ERROR, Duration::ZERO),
        1 => (StatusCode::SERVICE_UNAVAILABLE, Duration::ZERO),
        _ => (StatusCode::NO_CONTENT, Duration::ZERO),
    });
    bench.apply(vec![plain()]);
    bench.confirm(&endpoint.url("/"));
    bench.queue(0, post(&endpoint.url("/"), "1"));
    bench.drained(0);
    assert_eq!(endpoint.bodies(), ["1", "1", "1"]);
    let ids: Vec<_> =
        endpoint.got().into_iter().map(|got| got.1["x-lns-message-id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "the id is the same each time");
    assert_eq!(bench.meters(0).sent.get(), 1);
}

#[test]
fn a_dead_and_a_slow_endpoint_delay_no_other() {
    let bench = Bench::new();
    let good = Endpoint::start();
    let slow = Endpoint::answering(|_, _| (StatusCode::OK, Duration::from_secs(60)));
    // A port that was free a moment ago.
    let dead = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let dead = format!("http://{}/", dead.local_addr().expect("an address"));
    bench.apply(vec![plain(), plain(), plain()]);
    for url in [good.url("/"), slow.url("/"), dead.clone()] {
        bench.confirm(&url);
    }
    let begun = Instant::now();
    for number in 0..200 {
        bench.queue(1, post(&slow.url("/"), "1"));
        bench.queue(2, post(&dead, "1"));
        bench.queue(0, post(&good.url("/"), &number.to_string()));
    }
    bench.drained(0);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(good.got().len(), 200);
    assert_eq!(bench.meters(2).sent.get(), 0);
    assert_eq!(bench.actions.queues("r")[2].1, 200, "what the dead one should have waits");
}

#[test]
fn messages_gather_in_an_array_within_their_bounds() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start());
    let batch =
        Batch { open: Duration::from_millis(200), messages: 3, bytes: 1000, across_topics: false };
    bench.apply(vec![Target::Http(HttpTarget { batch: Some(batch), ..HttpTarget::default() })]);
    bench.confirm(&endpoint.url("/"));
    for (topic, payload) in [("a", "1"), ("b", "2"), ("a", "{}"), ("a", "no json"), ("a", "5")] {
        bench.queue_from(topic, 0, post(&endpoint.url("/"), payload));
    }
    bench.drained(0);
    let mut bodies = endpoint.bodies();
    bodies.sort();
    assert_eq!(bodies, [r#"[1,{},"no json"]"#, "[2]", "[5]"]);
}

#[test]
fn no_request_goes_to_where_machines_ask_for_their_credentials() {
    let bench = Bench::new();
    bench.apply(vec![plain()]);
    let url = "http://169.254.169.254/latest/meta-data/";
    bench.confirm(url);
    bench.queue(0, post(url, "1"));
    bench.drained(0);
    let why = "169.254.169.254 is an address that actions may not connect to";
    assert_eq!(bench.reasons(), [why]);
}

#[test]
fn what_is_the_same_for_all_messages_is_not_kept_with_each() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start());
    let secret = |text: &str| Some(text.to_owned().into());
    let target = HttpTarget {
        url: secret(&endpoint.url("/in?token=hush")),
        headers: vec![
            ("Authorization".to_owned(), secret("Bearer hush")),
            ("X-Rule".to_owned(), None),
            ("X-New".to_owned(), None),
        ],
        batch: None,
    };
    bench.apply(vec![Target::Http(target)]);
    bench.confirm(&endpoint.url("/in"));
    bench.queue(0, post(&endpoint.url("/in"), "1"));
    bench.drained(0);
    let got = endpoint.got();
    assert_eq!(got[0].0, "/in?token=hush");
    assert_eq!(got[0].1["authorization"], "Bearer hush");
    assert_eq!(got[0].1["x-rule"], "yes");
    assert!(!got[0].1.contains_key("x-new"), "the message was queued before the rule had it");
}

#[test]
fn a_full_batch_waits_no_longer_and_has_the_last_messages_headers() {
    let (bench, endpoint) = (Bench::new(), Endpoint::start());
    let batch =
        Batch { open: Duration::from_secs(20), messages: 4, bytes: 1000, across_topics: true };
    let target = HttpTarget {
        headers: vec![("X-Rule".to_owned(), None), ("Content-Type".to_owned(), None)],
        batch: Some(batch),
        url: None,
    };
    bench.apply(vec![Target::Http(target)]);
    bench.confirm(&endpoint.url("/"));
    for number in 0..4 {
        let headers = vec![
            ("X-Rule".to_owned(), number.to_string()),
            ("Content-Type".to_owned(), "text/plain".to_owned()),
        ];
        let deed = Deed::Http { url: endpoint.url("/"), headers, payload: vec![b'0' + number] };
        bench.queue_from(&format!("t/{number}"), 0, deed);
    }
    let begun = Instant::now();
    bench.drained(0);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let got = endpoint.got();
    assert_eq!((got.len(), got[0].2.as_str()), (1, "[0,1,2,3]"));
    assert_eq!(got[0].1["x-rule"], "3");
    assert_eq!(got[0].1["content-type"], "application/json");
}
