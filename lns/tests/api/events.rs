//! Which events of devices and gateways are published, as clients of iotwireless see it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answered, Api};

async fn get(api: &Api, path: &str) -> Value {
    let answered = api.ask(&format!("GET {path}"), json!(null)).await;
    assert_eq!(answered.status, StatusCode::OK, "{:?}", answered.body);
    answered.body
}

async fn patch(api: &Api, path: &str, body: Value) -> Answered {
    api.ask(&format!("PATCH {path}"), body).await
}

const ALL: &str = "/event-configurations-resource-types";

#[tokio::test]
async fn events_of_all_devices_are_switched_on_and_off() {
    let api = Api::new();
    let all = get(&api, ALL).await;
    assert_eq!(all["Join"], json!({ "LoRaWAN": { "WirelessDeviceEventTopic": "Disabled" } }));
    assert_eq!(all.as_object().unwrap().len(), 5);
    let on = json!({
        "Join": { "LoRaWAN": { "WirelessDeviceEventTopic": "Enabled" } },
        "Proximity": { "Sidewalk": { "WirelessDeviceEventTopic": "Disabled" } },
    });
    assert_eq!(patch(&api, ALL, on).await.status, StatusCode::NO_CONTENT);
    let all = get(&api, ALL).await;
    assert_eq!(all["Join"]["LoRaWAN"]["WirelessDeviceEventTopic"], "Enabled");
    assert_eq!(all["ConnectionStatus"]["LoRaWAN"]["WirelessGatewayEventTopic"], "Disabled");
    let ours = get(&api, "/v1/event-configurations").await;
    assert_eq!(ours, json!({ "join": true, "connection_status": false, "device_silence": false }));
    let change = json!({ "join": false, "device_silence": true });
    let ours = patch(&api, "/v1/event-configurations", change).await;
    assert_eq!(ours.body["device_silence"], true);
    assert_eq!(get(&api, ALL).await["Join"]["LoRaWAN"]["WirelessDeviceEventTopic"], "Disabled");
}

#[tokio::test]
async fn what_this_server_does_not_have_cannot_be_switched_on() {
    let api = Api::new();
    let sidewalk = json!({ "Sidewalk": { "WirelessDeviceEventTopic": "Enabled" } });
    for (body, path) in [
        (json!({ "Proximity": sidewalk }), "Proximity"),
        (json!({ "Proximity": { "Sidewalk": { "Foo": "Disabled" } } }), "Proximity.Sidewalk.Foo"),
        (
            json!({ "Proximity": { "Sidewalk": { "WirelessDeviceEventTopic": "off" } } }),
            "Proximity.Sidewalk.WirelessDeviceEventTopic: \"off\"",
        ),
        (json!({ "Join": { "LoRaWAN": { "WirelessDeviceEventTopic": "On" } } }), "Join.LoRaWAN"),
        (json!({ "Join": { "LoRaWAN": { "Foo": "Enabled" } } }), "Join.LoRaWAN.Foo"),
        (json!({ "Leave": {} }), "Leave"),
    ] {
        let refused = patch(&api, ALL, body).await;
        let (name, message) = refused.error();
        assert_eq!(name, "ValidationException");
        assert!(message.starts_with(path), "{message}");
    }
    let refused = patch(&api, "/v1/event-configurations", json!({ "leave": true })).await;
    assert_eq!(refused.error().0, "ValidationException");
}

#[tokio::test]
async fn events_of_one_device_or_gateway_are_its_own() {
    let api = Api::new();
    let device = api.device("70B3D57ED0000001").await;
    let body = json!({ "LoRaWAN": { "GatewayEui": "AA555A0000000101" } });
    let gateway = api.ask("POST /wireless-gateways", body).await.id();
    let by_id = format!("/event-configurations/{device}?identifierType=WirelessDeviceId");
    let by_eui = "/event-configurations/70b3d57ed0000001?identifierType=DevEui";
    let on = json!({
        "Join": { "LoRaWAN": { "DevEuiEventTopic": "Enabled" }, "WirelessDeviceIdEventTopic": "Disabled" },
        "Proximity": {
            "Sidewalk": { "AmazonIdEventTopic": "Disabled" }, "WirelessDeviceIdEventTopic": "Disabled",
        },
    });
    assert_eq!(patch(&api, by_eui, on).await.status, StatusCode::NO_CONTENT);
    let shown = get(&api, &by_id).await;
    let expected = json!({ "Join": {
        "LoRaWAN": { "DevEuiEventTopic": "Enabled" }, "WirelessDeviceIdEventTopic": "Disabled",
    } });
    assert_eq!(shown, expected);
    let of_gateway = format!("/event-configurations/{gateway}?identifierType=WirelessGatewayId");
    let on = json!({ "ConnectionStatus": { "WirelessGatewayIdEventTopic": "Enabled" } });
    assert_eq!(patch(&api, &of_gateway, on).await.status, StatusCode::NO_CONTENT);
    let shown = get(&api, "/event-configurations/aa555a0000000101?identifierType=GatewayEui").await;
    assert_eq!(shown["ConnectionStatus"]["WirelessGatewayIdEventTopic"], "Enabled");

    let listed = get(&api, "/event-configurations?resourceType=WirelessDevice").await;
    let listed = listed["EventConfigurationsList"].as_array().unwrap();
    assert_eq!(listed[0]["Identifier"], json!(device));
    assert_eq!(listed[0]["IdentifierType"], "WirelessDeviceId");
    assert_eq!(listed[0]["Events"], expected);
    assert_eq!(listed.len(), 1);
    api.ask(&format!("DELETE /wireless-devices/{device}"), json!(null)).await;
    let listed = get(&api, "/event-configurations?resourceType=WirelessDevice").await;
    assert_eq!(listed["EventConfigurationsList"], json!([]), "it went with its device");
    let listed = get(&api, "/event-configurations?resourceType=WirelessGateway").await;
    assert_eq!(listed["EventConfigurationsList"].as_array().unwrap().len(), 1);
    let gone = api.ask(&format!("GET {by_id}"), json!(null)).await;
    assert_eq!(gone.error().0, "ResourceNotFoundException");
    let untyped = api.ask("GET /event-configurations", json!(null)).await;
    assert_eq!(untyped.error().0, "ValidationException");
}

#[tokio::test]
async fn what_is_on_comes_in_pages() {
    let api = Api::new();
    let profile = api.profile(json!({ "MacVersion": "1.0.3" })).await;
    for n in 1..=5 {
        let eui = format!("70B3D57ED000000{n}");
        let made = api.ask("POST /wireless-devices", super::otaa(&eui, &profile)).await.id();
        let path = format!("/event-configurations/{made}?identifierType=WirelessDeviceId");
        let on = json!({ "Join": { "WirelessDeviceIdEventTopic": "Enabled" } });
        assert_eq!(patch(&api, &path, on).await.status, StatusCode::NO_CONTENT);
    }
    let mut seen = Vec::new();
    let base = "/event-configurations?resourceType=WirelessDevice&maxResults=2".to_owned();
    let mut next = Some(base.clone());
    while let Some(path) = next {
        let page = get(&api, &path).await;
        let list = page["EventConfigurationsList"].as_array().unwrap();
        assert!(list.len() <= 2);
        seen.extend(list.iter().map(|entry| entry["Identifier"].to_string()));
        next = page["NextToken"].as_str().map(|token| format!("{base}&nextToken={token}"));
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), count), (5, 5));
}
