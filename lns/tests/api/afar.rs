//! What those get who are not on the server's machine: the data plane, when they say who they are.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use lns::api::Peer;
use serde_json::{Value, json};

use super::{Answered, Api};

/// From where a request comes.
#[derive(Clone, Copy, Debug)]
enum From {
    /// Another machine, over TLS.
    Elsewhere,
    /// A proxy on this machine, which hands on the name that the world uses.
    Proxy,
    /// This machine, over TLS.
    Here,
}

async fn ask(api: &Api, from: From, line: &str, authorization: &str) -> Answered {
    let (method, path) = line.split_once(' ').unwrap();
    let (address, secure, host) = match from {
        From::Elsewhere => ([192, 0, 2, 7], true, "localhost"),
        From::Proxy => ([127, 0, 0, 1], false, "LNS.example.net"),
        From::Here => ([127, 0, 0, 1], true, "any.example"),
    };
    let tls = secure.then(|| Arc::new(lns::tls::TlsPeer::default()));
    let peer = Peer { address: SocketAddr::from((address, 50_000)), entrance: None, tls };
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
    if !authorization.is_empty() {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    api.send(request.extension(peer).body(Body::from("{}")).unwrap()).await
}

#[tokio::test]
async fn the_control_plane_is_for_this_machine() {
    let api = Api::new();
    for line in [
        "GET /wireless-devices",
        "POST /device-profiles",
        "POST /keys-and-certificate",
        "GET /things",
        "POST /policies/all",
        "GET /v1/mqtt-users",
        "POST /v1/mqtt-users",
        "GET /v1/codecs",
        "GET /metrics",
    ] {
        for from in [From::Elsewhere, From::Proxy] {
            for authorization in ["", &super::services::authorization("iot"), "Bearer x"] {
                let answer = ask(&api, from, line, authorization).await;
                let refused = [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED];
                let unknown =
                    authorization.starts_with("AWS4") && answer.status == StatusCode::NOT_FOUND;
                assert!(refused.contains(&answer.status) || unknown, "{line} {from:?}: {answer:?}");
            }
        }
        let here = ask(&api, From::Here, line, "").await;
        assert!(![401, 403].contains(&here.status.as_u16()), "{line}: {here:?}");
    }
}

#[tokio::test]
async fn what_everybody_may_ask_is_answered() {
    let api = Api::new();
    for from in [From::Elsewhere, From::Proxy] {
        assert_eq!(ask(&api, from, "GET /v1/ca", "").await.status, StatusCode::OK);
        assert_eq!(ask(&api, from, "GET /healthz", "").await.status, StatusCode::OK);
        let token = ask(&api, from, "GET /confirmdestination/none", "").await;
        assert_eq!(token.status, StatusCode::BAD_REQUEST, "{token:?}");
        let unknown = ask(&api, from, "GET /nothing", "").await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn the_data_plane_is_for_those_who_say_who_they_are() {
    let api = Api::new();
    for line in [
        "POST /topics/a",
        "GET /things/pump/shadow",
        "POST /things/pump/shadow",
        "GET /retainedMessage",
        "DELETE /connections/pump",
    ] {
        for from in [From::Elsewhere, From::Proxy] {
            for authorization in ["", &super::services::authorization("iotdata")] {
                let answer = ask(&api, from, line, authorization).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{line} {from:?}");
                assert_eq!(answer.headers["x-amzn-errortype"], "UnauthorizedException");
                assert!(answer.headers.contains_key(header::WWW_AUTHENTICATE));
            }
        }
        let here = ask(&api, From::Here, line, "").await;
        assert!(![401, 403].contains(&here.status.as_u16()), "{line}: {here:?}");
        // Who says who he is must be right, on this machine, too.
        let wrong = ask(&api, From::Here, line, "Basic YW5uOng=").await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{line}");
    }
    let body = api.ask("POST /topics/a", json!({})).await;
    assert_eq!((body.status, body.body), (StatusCode::OK, Value::String(String::new())));
}
