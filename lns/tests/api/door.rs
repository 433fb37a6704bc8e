//! Who may ask, what is no operation, and what any bytes get.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::{Method, Request, StatusCode};
use hyper::body::{Bytes, Frame, SizeHint};
use lns::api::{ApiState, Surroundings, router};
use lns::store::MemoryStore;
use serde_json::Value;

use crate::{Api, fake};

fn request(method: Method, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri("/device-profiles");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from("{}")).unwrap()
}

#[tokio::test]
async fn a_loopback_listener_answers_to_loopback_names() {
    let api = Api::new();
    let cases = [
        ("127.0.0.1:8080", true),
        ("localhost:8080", true),
        ("[::1]:8080", true),
        ("lns.example.org", true),
        ("rebound.example.org:8080", false),
        ("localhost.example.org", false),
        ("localhost@evil.example", false),
    ];
    for (host, admitted) in cases {
        let answer = api.send(request(Method::GET, &[("host", host)])).await;
        let expected = if admitted { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(answer.status, expected, "{host}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_read_is_refused() {
    let api = Api::new();
    for host in ["", "a b", "evil.example/", "\u{e4}"] {
        let answer = api.send(request(Method::GET, &[("host", host)])).await;
        assert!(answer.status.is_client_error(), "{host:?}");
    }
}

#[tokio::test]
async fn a_page_elsewhere_changes_nothing() {
    let api = Api::new();
    let host = ("host", "localhost:8080");
    for (origin, admitted) in [
        ("http://localhost:8080", true),
        ("https://evil.example", false),
        ("http://localhost:9999", false),
        ("null", false),
    ] {
        let answer = api.send(request(Method::POST, &[host, ("origin", origin)])).await;
        assert_eq!(answer.status == StatusCode::CREATED, admitted, "{origin}");
        if !admitted {
            assert_eq!(answer.error().0, "AccessDeniedException");
        }
    }
    let read = request(Method::GET, &[host, ("origin", "https://evil.example")]);
    assert_eq!(api.send(read).await.status, StatusCode::OK, "it cannot see the answer");
}

#[tokio::test]
async fn what_is_no_operation_says_so_and_is_never_our_fault() {
    let api = Api::new();
    let unknown = api.ask("POST /fuota-tasks", serde_json::json!({})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let said = "this server has no operation POST /fuota-tasks; see docs/HTTP.md";
    assert_eq!(unknown.error(), ("UnknownOperationException", said));
    let method = api.ask("PUT /device-profiles", serde_json::json!({})).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(method.error().0, "MethodNotAllowedException");
    for line in ["GET /wireless-devices/%ff?identifierType=DevEui", "GET /tags?resourceArn=%ff"] {
        let answer = api.ask(line, Value::Null).await;
        assert!(answer.status.is_client_error(), "{line}: {:?}", answer.body);
        assert!(!answer.error().1.is_empty());
    }
    let long = format!("GET /wireless-devices/{}/statistics", "x".repeat(300));
    assert_eq!(api.ask(&long, Value::Null).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn any_body_gets_a_clear_complaint() {
    let api = Api::new();
    let nested = "[".repeat(100_000);
    let bodies = ["{", "[]", "1", "\u{0}", "{\"Name\":", "{\"Name\":1}", nested.as_str()];
    for path in ["/device-profiles", "/wireless-devices", "/destinations", "/wireless-gateways"] {
        for body in bodies {
            let request = Request::post(path).body(Body::from(body.to_owned())).unwrap();
            let answer = api.send(request).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body:.20}");
            assert_eq!(answer.error().0, "ValidationException");
        }
    }
    let request = Request::post("/device-profiles").body(vec![b' '; (1 << 20) + 1].into()).unwrap();
    let large = api.send(request).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_handler_that_fails_answers_and_the_next_is_served() {
    let fake = Arc::new(fake::Fake::default());
    let surroundings = Surroundings {
        metrics: Arc::new(|| panic!("a bug, made for this test")),
        ..fake::surroundings(&fake)
    };
    let registry = fake::registry(Arc::new(MemoryStore::new()));
    let state = ApiState::new(registry, surroundings, fake::settings());
    let api = Api { router: router(state), fake };
    let failed = api.ask("GET /metrics", Value::Null).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(failed.error().0, "InternalServerException");
    assert_eq!(api.ask("GET /healthz", Value::Null).await.status, StatusCode::OK);
}

/// A body that is announced and never comes.
struct Announced(u64);

impl HttpBody for Announced {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_comes() {
    let api = Api::new();
    let request = Request::post("/device-profiles").body(Body::new(Announced((1 << 20) + 1)));
    let answer = api.send(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.error().0, "RequestEntityTooLargeException");
}
