//! Shadows over HTTP: documents as they are, errors with their names.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{Answered, Api};

async fn update(api: &Api, path: &str, body: &str) -> Answered {
    let request = Request::post(path).body(Body::from(body.to_owned()));
    api.send(request.expect("a request")).await
}

fn refusal(answer: &Answered) -> (u16, &str, &Value) {
    let name = answer.headers["x-amzn-errortype"].to_str().expect("text");
    assert_eq!(answer.body["code"], answer.status.as_u16());
    (answer.status.as_u16(), name, &answer.body["message"])
}

#[tokio::test]
async fn a_shadow_is_made_read_and_deleted() {
    let api = Api::new();
    let body = r#"{"state":{"desired":{"on":true},"reported":{"on":false}},"clientToken":"t"}"#;
    for path in ["/things/lamp/shadow", "/things/lamp/shadow?name=dim"] {
        let answer = update(&api, path, body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["version"]), (200, &json!(1)));
        assert_eq!(answer.body["clientToken"], "t");
        let answer = api.ask(&format!("GET {path}"), Value::Null).await;
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.body["state"]["delta"], json!({ "on": true }));
        let answer = api.ask(&format!("DELETE {path}"), Value::Null).await;
        assert_eq!((answer.status.as_u16(), &answer.body["version"]), (200, &json!(1)));
        let answer = api.ask(&format!("GET {path}"), Value::Null).await;
        let name = if path.contains("dim") { "dim" } else { "lamp" };
        let expected = json!(format!("No shadow exists with name: '{name}'"));
        assert_eq!(refusal(&answer), (404, "ResourceNotFoundException", &expected));
    }
}

#[tokio::test]
async fn every_refusal_has_its_code_and_its_name() {
    let api = Api::new();
    let large = format!(r#"{{"state":{{"reported":{{"a":"{}"}}}}}}"#, "x".repeat(8192));
    for (path, body, code, name) in [
        ("/things/t/shadow", "{", 400, "InvalidRequestException"),
        ("/things/t/shadow", "{}", 400, "InvalidRequestException"),
        ("/things/a%20b/shadow", "{}", 400, "InvalidRequestException"),
        ("/things/t/shadow?name=a%2Fb", "{}", 400, "InvalidRequestException"),
        ("/things/t/shadow", r#"{"state":{},"version":7}"#, 409, "ConflictException"),
        ("/things/t/shadow", &large, 413, "RequestEntityTooLargeException"),
    ] {
        let answer = update(&api, path, body).await;
        let (status, named, _) = refusal(&answer);
        assert_eq!((status, named), (code, name), "{path} {body:.80}");
    }
    let request = Request::post("/things/t/shadow").body(Body::from(vec![b'{', 0xff, b'}']));
    let answer = api.send(request.expect("a request")).await;
    let (code, name, _) = refusal(&answer);
    assert_eq!((code, name), (415, "UnsupportedDocumentEncodingException"));
}

#[tokio::test]
async fn named_shadows_are_listed_in_pages() {
    let api = Api::new();
    let list = "GET /api/things/shadow/ListNamedShadowsForThing/lamp";
    let answer = api.ask(list, Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.body["results"]), (200, &json!([])));
    for name in ["c", "a", "b"] {
        update(&api, &format!("/things/lamp/shadow?name={name}"), r#"{"state":{}}"#).await;
    }
    update(&api, "/things/lamp/shadow", r#"{"state":{}}"#).await;
    let first = api.ask(&format!("{list}?pageSize=2"), Value::Null).await;
    assert_eq!(first.body["results"], json!(["a", "b"]));
    let token = first.body["nextToken"].as_str().expect("there is more");
    let second = api.ask(&format!("{list}?pageSize=2&nextToken={token}"), Value::Null).await;
    assert_eq!(second.body["results"], json!(["c"]));
    assert!(second.body.get("nextToken").is_none() && second.body["timestamp"].is_u64());
    let wrong = api.ask(&format!("{list}?pageSize=101"), Value::Null).await;
    assert_eq!(wrong.status.as_u16(), 400);
}
