//! AWS's services on one port: whose operation a request reaches, and how each refuses.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::json;

use super::{Answered, Api};

/// What signs a request for this service, as far as anybody looks.
pub(crate) fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=00"
    )
}

/// A request that is signed for this service, as far as anybody looks.
pub(crate) async fn signed(
    api: &Api,
    service: &str,
    line: &str,
    body: serde_json::Value,
) -> Answered {
    let (method, path) = line.split_once(' ').unwrap();
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:8080")
        .header(header::AUTHORIZATION, authorization(service));
    api.send(request.body(body).unwrap()).await
}

/// The error's name, and its message as iot spells it.
pub(crate) fn refusal(answered: &Answered) -> (StatusCode, &str, &str) {
    let name = answered.headers["x-amzn-errortype"].to_str().unwrap();
    (answered.status, name, answered.body["message"].as_str().unwrap())
}

#[tokio::test]
async fn a_request_reaches_the_service_that_it_is_signed_for() {
    let api = Api::new();
    let endpoint =
        signed(&api, "iot", "GET /endpoint?endpointType=iot:Data-ATS", json!(null)).await;
    assert_eq!(endpoint.body, json!({ "endpointAddress": "localhost:8080" }));
    let old = signed(&api, "execute-api", "GET /endpoint", json!(null)).await;
    assert_eq!(old.status, StatusCode::OK);
    let wireless = signed(&api, "iotwireless", "GET /endpoint", json!(null)).await;
    assert_eq!(wireless.error().0, "UnknownOperationException");
    let wireless = signed(&api, "iotwireless", "GET /destinations", json!(null)).await;
    assert!(wireless.body["DestinationList"].is_array());
    for data in ["iotdata", "iotdevicegateway"] {
        let wrong = signed(&api, data, "GET /wireless-devices", json!(null)).await;
        assert_eq!(wrong.status, StatusCode::NOT_FOUND, "{data}");
    }
}

#[tokio::test]
async fn an_unsigned_request_reaches_whoever_has_its_path() {
    let api = Api::new();
    assert!(api.ask("GET /destinations", json!(null)).await.body["DestinationList"].is_array());
    let request = Request::get("/endpoint").header(header::HOST, "[::1]:80");
    let endpoint = api.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(endpoint.body["endpointAddress"], "[::1]:80");
    assert_eq!(api.ask("GET /nothing", json!(null)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_for_nobody_here_is_refused_and_what_is_ours_is_for_everybody() {
    let api = Api::new();
    let strange = signed(&api, "s3", "GET /destinations", json!(null)).await;
    assert_eq!(strange.status, StatusCode::NOT_FOUND);
    assert!(strange.error().1.contains("\"s3\""), "{:?}", strange.body);
    for service in ["s3", "iot", "iotwireless"] {
        let ours = signed(&api, service, "GET /v1/codecs", json!(null)).await;
        assert_eq!(ours.status, StatusCode::OK, "{service}");
    }
}

#[tokio::test]
async fn each_service_refuses_in_its_own_words() {
    let api = Api::new();
    let iot = signed(&api, "iot", "GET /endpoint?endpointType=iot:Lamp", json!(null)).await;
    let (status, name, message) = refusal(&iot);
    assert_eq!((status, name), (StatusCode::BAD_REQUEST, "InvalidRequestException"));
    assert!(message.starts_with("endpointType: \"iot:Lamp\" is none of iot:Data"), "{message}");
    assert!(iot.body.get("Message").is_none(), "camelCase: {:?}", iot.body);
    let method = signed(&api, "iot", "DELETE /endpoint", json!(null)).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    let wireless = signed(&api, "iotwireless", "GET /tags", json!(null)).await;
    assert_eq!(wireless.error().0, "ValidationException");
}
