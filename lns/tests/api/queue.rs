//! Downlinks: queued, listed, taken off; in AWS's shape and in ours.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{Api, fake};

const EUI: &str = "70b3d57ed0000002";

fn send(mode: u8, payload: &str, port: u32) -> Value {
    json!({
        "TransmitMode": mode, "PayloadData": payload,
        "WirelessMetadata": { "LoRaWAN": { "FPort": port } },
    })
}

#[tokio::test]
async fn a_downlink_is_queued_listed_and_taken_off() {
    let api = Api::new();
    let id = api.device(EUI).await;
    let data = format!("/wireless-devices/{id}/data");
    let first = api.ask(&format!("POST {data}"), send(1, "AQID", 10)).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    let first = first.body["MessageId"].as_str().unwrap().to_owned();
    api.ask(&format!("POST {data}"), send(0, "", 223)).await;
    let queued = api.fake.queues.lock()[&EUI.parse().unwrap()][0].clone();
    assert_eq!((&*queued.payload, queued.f_port, queued.confirmed), (&[1, 2, 3][..], 10, true));
    assert_eq!(queued.queued_at, fake::NOW);

    let list = api.ask(&format!("GET {data}"), Value::Null).await.body;
    let list = list["DownlinkQueueMessagesList"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!((&list[0]["MessageId"], &list[0]["TransmitMode"]), (&json!(first), &json!(1)));
    assert_eq!(list[1]["LoRaWAN"], json!({ "FPort": 223 }));
    let page = api.ask(&format!("GET {data}?maxResults=1"), Value::Null).await.body;
    let token = page["NextToken"].as_str().unwrap();
    let line = format!("GET {data}?maxResults=1&nextToken={token}");
    let page = api.ask(&line, Value::Null).await.body;
    assert_eq!(page["DownlinkQueueMessagesList"][0]["TransmitMode"], 0);
    assert_eq!(page["NextToken"], Value::Null);

    let one = format!("DELETE {data}?messageId={first}&WirelessDeviceType=LoRaWAN");
    assert_eq!(api.ask(&one, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(api.ask(&one, Value::Null).await.error().0, "ResourceNotFoundException");
    let all = format!("DELETE {data}?messageId=*");
    assert_eq!(api.ask(&all, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(api.ask(&all, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert!(api.fake.queues.lock()[&EUI.parse().unwrap()].is_empty());
}

#[tokio::test]
async fn a_bad_downlink_is_refused_with_field_and_value() {
    let api = Api::new();
    let id = api.device(EUI).await;
    let data = format!("/wireless-devices/{id}/data");
    let too_long = "A".repeat(324);
    let mut participating = send(0, "AA==", 1);
    participating["WirelessMetadata"]["LoRaWAN"]["ParticipatingGateways"] = json!({});
    let cases = [
        (send(2, "AA==", 1), "TransmitMode: 2"),
        (send(0, "AA", 1), "PayloadData: it is not base64"),
        (send(0, "====", 1), "PayloadData: it is not base64"),
        (send(0, &too_long, 1), "PayloadData: it has 243 bytes"),
        (send(0, &"A".repeat(2052), 1), "PayloadData: it has 2052 characters"),
        (send(0, "AA==", 0), "WirelessMetadata.LoRaWAN.FPort: 0"),
        (send(0, "AA==", 224), "WirelessMetadata.LoRaWAN.FPort: 224"),
        (json!({ "TransmitMode": 0, "PayloadData": "AA==" }), "WirelessMetadata: it is missing"),
        (
            participating,
            "WirelessMetadata.LoRaWAN.ParticipatingGateways: the server chooses the gateways",
        ),
    ];
    for (body, message) in cases {
        let answer = api.ask(&format!("POST {data}"), body).await;
        assert_eq!(answer.error().0, "ValidationException", "{message}");
        assert!(answer.error().1.starts_with(message), "{:?}", answer.body);
    }
    let nobody = "POST /wireless-devices/00000000-0000-0000-0000-000000000000/data";
    assert_eq!(api.ask(nobody, send(0, "AA==", 1)).await.status, StatusCode::NOT_FOUND);
    for query in ["", "?messageId=x", "?messageId=1"] {
        let answer = api.ask(&format!("DELETE {data}{query}"), Value::Null).await;
        assert_eq!(answer.error().0, "ValidationException", "{query}");
    }
}

#[tokio::test]
async fn a_full_queue_says_how_full() {
    let api = Api::new();
    let id = api.device(EUI).await;
    let line = format!("POST /wireless-devices/{id}/data");
    for _ in 0..fake::QUEUE_LIMIT {
        assert_eq!(api.ask(&line, send(0, "AA==", 1)).await.status, StatusCode::ACCEPTED);
    }
    let full = api.ask(&line, send(0, "AA==", 1)).await;
    assert_eq!(full.status, StatusCode::CONFLICT);
    assert!(full.error().1.contains("100"), "{:?}", full.body);
}

#[tokio::test]
async fn an_object_is_encoded_by_the_codec() {
    let api = Api::new();
    let id = api.device(EUI).await;
    let script = "function encodeDownlink(input) {\
        return { bytes: [input.data.on ? 1 : 0], fPort: 42 }; }\
        function decodeUplink(input) { return { data: {} }; }";
    let request = axum::http::Request::put("/v1/codecs/switch").body(script.into()).unwrap();
    assert_eq!(api.send(request).await.status, StatusCode::CREATED);
    let set = json!({ "codec": "switch" });
    api.ask(&format!("PATCH /v1/wireless-devices/{id}"), set).await;

    let line = format!("POST /v1/wireless-devices/{EUI}/queue");
    let body = json!({ "payload": { "on": true }, "confirmed": true, "correlation_id": "c-1",
        "expires_in_s": 60 });
    let sent = api.ask(&line, body).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{:?}", sent.body);
    let list = api.ask(&format!("GET /v1/wireless-devices/{EUI}/queue"), Value::Null).await.body;
    let item = &list["queue"][0];
    assert_eq!(item["message_id"], sent.body["message_id"]);
    assert_eq!((&item["f_port"], &item["payload_data"]), (&json!(42), &json!("AQ==")));
    assert_eq!((&item["confirmed"], &item["correlation_id"]), (&json!(true), &json!("c-1")));
    assert!(item["expires_at"].as_str().unwrap().starts_with("2026-01-02T03:05:05"));
    let second = json!({ "payload_data": "AA==", "f_port": 1 });
    assert_eq!(api.ask(&line, second).await.status, StatusCode::ACCEPTED);
    let list = api.ask(&format!("GET /v1/wireless-devices/{EUI}/queue"), Value::Null).await.body;
    let waits = &list["queue"][0]["waits"];
    assert_eq!((&waits["for"], &waits["lacking"]), (&json!("gateway"), &json!("duty_cycle")));
    assert!(waits["until"].as_str().unwrap().starts_with("2026-01-02T03:14:05"), "{waits}");
    assert!(waits["why"].as_str().unwrap().contains("duty cycle"), "{waits}");
    let waits = &list["queue"][1]["waits"];
    assert_eq!((&waits["for"], &waits["behind"]), (&json!("turn"), &sent.body["message_id"]));

    for (body, message) in [
        (json!({ "f_port": 1 }), "payload: give either"),
        (json!({ "f_port": 1, "payload": {}, "payload_data": "" }), "payload: give either"),
        (json!({ "payload_data": "AA==" }), "f_port: it is missing"),
        (json!({ "payload_data": "AA==", "f_port": 1, "x": 1 }), "x: there is no such field"),
        (json!({ "payload_data": "AA==", "f_port": 1, "expires_in_s": 0 }), "expires_in_s: 0"),
    ] {
        let answer = api.ask(&line, body).await;
        assert!(answer.error().1.starts_with(message), "{:?}", answer.body);
    }
    let other = api.device("0000000000000004").await;
    let line = format!("POST /v1/wireless-devices/{other}/queue");
    let none = api.ask(&line, json!({ "payload": {} })).await;
    assert_eq!(none.error().0, "ValidationException");
    assert!(none.error().1.contains("no codec"), "{:?}", none.body);
    let line = format!("DELETE /v1/wireless-devices/{EUI}/queue?message_id=*");
    assert_eq!(api.ask(&line, Value::Null).await.status, StatusCode::NO_CONTENT);
}
