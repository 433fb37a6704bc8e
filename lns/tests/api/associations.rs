//! Which thing stands for which device or gateway, as clients of iotwireless see it.

use axum::http::StatusCode;
use serde_json::json;

use super::Api;
use super::things::{done, refused};

const LAMP: &str = "arn:aws:iot:eu-west-1:123456789012:thing/lamp";

#[tokio::test]
async fn a_device_is_found_by_its_thing() {
    let api = Api::new();
    let device = api.device("70B3D57ED0000001").await;
    done(&api, "POST /things/lamp", json!({})).await;
    let thing = format!("/wireless-devices/{device}/thing");
    let put = api.ask(&format!("PUT {thing}"), json!({ "ThingArn": LAMP })).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{:?}", put.body);
    let by_thing = "GET /wireless-devices/lamp?identifierType=ThingName";
    let shown = api.ask(by_thing, json!(null)).await;
    assert_eq!(shown.body["Id"], json!(device));
    assert_eq!(shown.body["ThingName"], "lamp");
    assert_eq!(shown.body["ThingArn"], "arn:aws:iot:local:000000000000:thing/lamp");
    let own = api.ask(&format!("GET /v1/wireless-devices/{device}"), json!(null)).await;
    assert_eq!(own.body["thing"], "lamp");
    let used = refused(&api, "DELETE /things/lamp", json!(null)).await;
    assert!(used.starts_with("InvalidRequestException") && used.contains(&device), "{used}");

    let gone = api.ask(&format!("DELETE {thing}"), json!(null)).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(api.ask(by_thing, json!(null)).await.error().0, "ResourceNotFoundException");
    done(&api, "DELETE /things/lamp", json!(null)).await;
}

#[tokio::test]
async fn a_gateway_is_found_by_its_thing() {
    let api = Api::new();
    let body = json!({ "LoRaWAN": { "GatewayEui": "AA555A0000000101" } });
    let gateway = api.ask("POST /wireless-gateways", body).await.id();
    done(&api, "POST /things/lamp", json!({})).await;
    let thing = format!("/wireless-gateways/{gateway}/thing");
    let put = api.ask(&format!("PUT {thing}"), json!({ "ThingArn": LAMP })).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{:?}", put.body);
    let by_thing = "GET /wireless-gateways/lamp?identifierType=ThingName";
    assert_eq!(api.ask(by_thing, json!(null)).await.body["ThingName"], "lamp");
    // A thing may stand for a gateway and a device: it names one of each.
    let device = api.device("70B3D57ED0000001").await;
    let both = format!("PUT /wireless-devices/{device}/thing");
    let put = api.ask(&both, json!({ "ThingArn": LAMP })).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT);
    let gone = api.ask(&format!("DELETE {thing}"), json!(null)).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(api.ask(by_thing, json!(null)).await.error().0, "ResourceNotFoundException");
}

#[tokio::test]
async fn an_association_that_cannot_be_is_refused() {
    let api = Api::new();
    let first = api.device("70B3D57ED0000001").await;
    let second = api.device("70B3D57ED0000002").await;
    let put = |device: &str| format!("PUT /wireless-devices/{device}/thing");
    let body = json!({ "ThingArn": LAMP });
    let none = api.ask(&put(&first), body.clone()).await;
    assert_eq!(none.error().0, "ResourceNotFoundException");
    done(&api, "POST /things/lamp", json!({})).await;
    assert_eq!(api.ask(&put(&first), body.clone()).await.status, StatusCode::NO_CONTENT);
    let taken = api.ask(&put(&second), body).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    assert!(taken.error().1.contains("lamp") && taken.error().1.contains(&first));
    for arn in ["lamp", "arn:aws:iot:a:b:rule/lamp", "arn:aws:iotwireless:a:b:Destination/x"] {
        let wrong = api.ask(&put(&second), json!({ "ThingArn": arn })).await;
        assert_eq!(wrong.error().0, "ValidationException", "{arn}");
    }
    assert_eq!(api.ask(&put(&second), json!({})).await.error().0, "ValidationException");
    // Under /v1/ the thing is a field like others.
    let line = format!("PATCH /v1/wireless-devices/{second}");
    done(&api, "POST /things/door", json!({})).await;
    assert_eq!(api.ask(&line, json!({ "thing": "door" })).await.body["thing"], "door");
    assert!(api.ask(&line, json!({ "thing": null })).await.body.get("thing").is_none());
}
