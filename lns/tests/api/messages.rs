//! Messages over HTTP: published, retained, read; and clients that are not there.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{Answered, Api};

/// As AWS's clients sign it, which is how one port tells the services apart.
async fn ask(api: &Api, method: &str, path: &str, body: &str) -> Answered {
    let scope = "AWS4-HMAC-SHA256 Credential=A/20261123/eu-west-1/iotdata/aws4_request, \
                 SignedHeaders=host, Signature=x";
    let request = Request::builder().method(method).uri(path).header("authorization", scope);
    api.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn what_is_published_to_be_retained_is_read_back() {
    let api = Api::new();
    for (path, body) in [("home%2Fkitchen", "warm"), ("home/attic", "cold")] {
        let path = format!("/topics/{path}?qos=1&retain=true");
        assert_eq!(ask(&api, "POST", &path, body).await.status.as_u16(), 200);
    }
    let found = ask(&api, "GET", "/retainedMessage/home%2Fkitchen", "").await;
    assert_eq!((&found.body["payload"], &found.body["qos"]), (&json!("d2FybQ=="), &json!(1)));
    let first = ask(&api, "GET", "/retainedMessage?maxResults=1", "").await;
    assert_eq!(first.body["retainedTopics"][0]["topic"], "home/attic");
    let token = first.body["nextToken"].as_str().expect("there is more");
    let second = ask(&api, "GET", &format!("/retainedMessage?nextToken={token}"), "").await;
    assert_eq!(second.body["retainedTopics"][0]["topic"], "home/kitchen");
    assert_eq!(second.body["nextToken"], Value::Null);
    assert_eq!(
        ask(&api, "POST", "/topics/home%2Fattic?retain=true", "").await.status.as_u16(),
        200
    );
    let gone = ask(&api, "GET", "/retainedMessage/home%2Fattic", "").await;
    assert_eq!(gone.status.as_u16(), 404);
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_with_its_reason() {
    let api = Api::new();
    for (path, why) in [
        ("/topics/home%2F%2B", "+, #"),
        ("/topics/home%2F%23", "+, #"),
        ("/topics/home%00", "NUL"),
        ("/topics/home%ff", "path"),
        ("/topics/home?qos=2", "qos"),
        ("/topics/home?messageExpiry=soon", "messageExpiry"),
    ] {
        let answer = ask(&api, "POST", path, "x").await;
        let message = answer.body["message"].as_str().unwrap_or_default();
        assert!(answer.status.as_u16() == 400 && message.contains(why), "{path}: {message}");
    }
    for own in [
        "%24aws%2Fevents%2Fpresence%2Fconnected%2Fx",
        "$aws/events/presence/connected/x",
        "%24SYS/broker",
        "lns%2Fv1%2Fgateway%2F0102030405060708%2Fup",
        "lorawan/0102030405060708/up",
        "lorawan",
    ] {
        let answer = ask(&api, "POST", &format!("/topics/{own}"), "x").await;
        assert_eq!(answer.status.as_u16(), 403, "{own}");
        assert_eq!(answer.headers["x-amzn-errortype"], "ForbiddenException");
    }
}

#[tokio::test]
async fn a_client_that_is_not_there_is_not_found() {
    let api = Api::new();
    for (method, path) in [
        ("GET", "/connections/nobody"),
        ("GET", "/connections/nobody/subscriptions"),
        ("DELETE", "/connections/nobody"),
    ] {
        assert_eq!(ask(&api, method, path, "").await.status.as_u16(), 404, "{method} {path}");
    }
}
