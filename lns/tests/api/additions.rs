//! What AWS does not have: codecs, profiles that change, health and metrics.

use axum::http::{Request, StatusCode};
use lns_core::mac::force_rejoin::{ForceRejoin, RejoinType};
use lns_lorawan::{DataRateIndex, DevEui};
use serde_json::{Value, json};

use crate::Api;

const SCRIPT: &str = "function decodeUplink(input) { return { data: { n: input.bytes[0] } }; }";

async fn put(api: &Api, name: &str, script: &str) -> crate::Answered {
    let path = format!("/v1/codecs/{name}");
    api.send(Request::put(path).body(script.to_owned().into()).unwrap()).await
}

#[tokio::test]
async fn a_codec_is_put_shown_listed_and_removed() {
    let api = Api::new();
    assert_eq!(put(&api, "c.1", SCRIPT).await.status, StatusCode::CREATED);
    assert_eq!(put(&api, "c.1", SCRIPT).await.status, StatusCode::OK);
    let shown = api.ask("GET /v1/codecs/c.1", Value::Null).await;
    assert_eq!(shown.body, json!(SCRIPT));
    let list = api.ask("GET /v1/codecs", Value::Null).await.body;
    assert_eq!(list["codecs"][0], json!({ "name": "cayenne-lpp", "built_in": true }));
    assert_eq!(list["codecs"][1]["name"], "c.1");

    api.profile(json!({ "Codec": "c.1" })).await;
    let in_use = api.ask("DELETE /v1/codecs/c.1", Value::Null).await;
    assert_eq!(in_use.error().0, "ConflictException");
    assert_eq!(put(&api, "free", SCRIPT).await.status, StatusCode::CREATED);
    let gone = api.ask("DELETE /v1/codecs/free", Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_codec_that_cannot_work_is_refused() {
    let api = Api::new();
    let refused = put(&api, "c", "function decodeUplink( {").await;
    assert_eq!(refused.error().0, "ValidationException");
    assert!(refused.error().1.contains("codec script"), "{:?}", refused.body);
    assert_eq!(put(&api, "c", "1 + 1").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(put(&api, "a%20b", SCRIPT).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(put(&api, "cayenne-lpp", SCRIPT).await.error().0, "ConflictException");
    let request = Request::put("/v1/codecs/c").body(vec![0xff, 0xfe].into()).unwrap();
    assert!(api.send(request).await.error().1.contains("UTF-8"));
    let long = format!("{SCRIPT}{}", " ".repeat(300_000));
    assert_eq!(put(&api, "c", &long).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_changed_profile_reaches_the_owners_of_all_its_devices() {
    let api = Api::new();
    let profile = api.profile(json!({ "RxDelay1": 1 })).await;
    for number in 0..150 {
        let body = crate::otaa(&format!("{number:016x}"), &profile);
        api.ask("POST /wireless-devices", body).await.id();
    }
    let line = format!("PATCH /v1/device-profiles/{profile}");
    let change = json!({
        "rx_delay": 5, "dev_nonce": "unchecked", "rx2_frequency": 869_525_000, "name": null,
        "confirmed_attempts": 8, "reply_window_ms": 200, "dev_status_interval_s": 3600,
    });
    let changed = api.ask(&line, change).await;
    assert_eq!(changed.status, StatusCode::OK, "{:?}", changed.body);
    assert_eq!(changed.body["rx2_frequency"], 869_525_000);
    assert_eq!(changed.body["name"], Value::Null);
    {
        let described = api.fake.described.lock();
        assert_eq!(described.len(), 150);
        assert!(described.values().all(|device| {
            device.profile.rx_delay.is_some_and(|delay| delay.seconds() == 5)
                && device.profile.confirmed_attempts == 8
        }));
    }
    let aws = api.ask(&format!("GET /device-profiles/{profile}"), Value::Null).await.body;
    assert_eq!(aws["LoRaWAN"], json!({ "RxDelay1": 5, "RxFreq2": 8_695_250 }));
    let cleared = api.ask(&line, json!({ "rx_delay": null })).await.body;
    assert_eq!(cleared["rx_delay"], Value::Null);
    let misfit = api.ask(&line, json!({ "mac_version": "1.1" })).await;
    assert_eq!(misfit.error().0, "ValidationException");
    let unknown = api.ask(&line, json!({ "RxDelay1": 1 })).await;
    assert!(unknown.error().1.starts_with("RxDelay1: there is no such field"));
}

#[tokio::test]
async fn a_device_under_v1_has_no_secrets_and_more_settings() {
    let api = Api::new();
    let id = api.device("0000000000000002").await;
    let line = format!("/v1/wireless-devices/{id}");
    let change = json!({ "codec": "cayenne-lpp", "variables": { "offset": "3" }, "name": "n" });
    let changed = api.ask(&format!("PATCH {line}"), change).await.body;
    assert_eq!((&changed["codec"], &changed["name"]), (&json!("cayenne-lpp"), &json!("n")));
    assert_eq!(changed["variables"], json!({ "offset": "3" }));
    let shown = api.ask("GET /v1/wireless-devices/0000000000000002", Value::Null).await.body;
    assert_eq!(shown, changed);
    assert!(!shown.to_string().to_lowercase().contains("2b7e1516"), "{shown}");
    let list = api.ask("GET /v1/wireless-devices?destinationName=default", Value::Null).await.body;
    assert_eq!(list["wireless_devices"][0], shown);
    for change in [
        json!({ "variables": { "a": 1 } }),
        json!({ "dev_eui": "0000000000000001" }),
        json!({ "service_profile_id": 1 }),
    ] {
        let refused = api.ask(&format!("PATCH {line}"), change).await;
        assert_eq!(refused.error().0, "ValidationException");
    }
}

#[tokio::test]
async fn health_metrics_and_endpoint_answer() {
    let api = Api::new();
    let health = api.ask("GET /healthz", Value::Null).await;
    assert_eq!(health.body, json!({ "status": "ok", "problems": [] }));
    let metrics = api.ask("GET /metrics", Value::Null).await;
    assert_eq!(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(metrics.body.as_str().unwrap().contains("lns_up 1"));
    let lns = api.ask("GET /service-endpoint?serviceType=LNS", Value::Null).await.body;
    assert_eq!(lns, json!({ "ServiceType": "LNS", "ServiceEndpoint": "udp://127.0.0.1:1700" }));
    let cups = api.ask("GET /service-endpoint?serviceType=CUPS", Value::Null).await;
    assert_eq!(cups.error().0, "ValidationException");
}

#[tokio::test]
async fn the_switches_of_1_1_reach_the_owners_of_its_devices() {
    let api = Api::new();
    let profile = api.profile(json!({ "MacVersion": "1.1" })).await;
    for (number, keys) in [otaa_1_1(), abp_1_1()].into_iter().enumerate() {
        let mut body = crate::otaa(&format!("{number:016x}"), &profile);
        body["LoRaWAN"].as_object_mut().unwrap().remove("OtaaV1_0_x");
        body["LoRaWAN"][keys.0] = keys.1;
        api.ask("POST /wireless-devices", body).await.id();
    }
    let line = format!("PATCH /v1/device-profiles/{profile}");
    let change = json!({ "answer_as_1_0": true, "f_opts_first_text": true });
    let changed = api.ask(&line, change).await;
    assert_eq!(changed.status, StatusCode::OK, "{:?}", changed.body);
    let described = api.fake.described.lock();
    assert_eq!(described.len(), 2);
    for device in described.values() {
        assert!(device.profile.answer_as_1_0 && device.profile.f_opts_first_text);
    }
}

#[tokio::test]
async fn a_device_is_made_to_rejoin() {
    let api = Api::new();
    let profile = api.profile(json!({})).await;
    api.ask("POST /wireless-devices", crate::otaa("0000000000000001", &profile)).await.id();
    let line = "POST /v1/wireless-devices/0000000000000001/rejoin";
    assert_eq!(api.ask(line, json!({})).await.status, StatusCode::ACCEPTED);
    let dev_eui = DevEui::new(1);
    let wish = ForceRejoin {
        rejoin_type: RejoinType::Rekey,
        data_rate: DataRateIndex::DR0,
        period: 0,
        max_retries: 3,
    };
    assert_eq!(api.fake.forced.lock().get(&dev_eui), Some(&wish));
    let body = json!({ "type": 0, "data_rate": 5, "period": 2, "max_retries": 7 });
    assert_eq!(api.ask(line, body).await.status, StatusCode::ACCEPTED);
    let wish = ForceRejoin {
        rejoin_type: RejoinType::Anew,
        data_rate: DataRateIndex::new(5).unwrap(),
        period: 2,
        max_retries: 7,
    };
    assert_eq!(api.fake.forced.lock().get(&dev_eui), Some(&wish));
    for body in [json!({ "type": 1 }), json!({ "period": 8 }), json!({ "dr": 1 })] {
        let refused = api.ask(line, body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{:?}", refused.body);
    }
    let unknown = api.ask("POST /v1/wireless-devices/0000000000000009/rejoin", json!({})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

fn otaa_1_1() -> (&'static str, Value) {
    let keys = json!({ "AppKey": "01".repeat(16), "NwkKey": "02".repeat(16), "JoinEui": "0000000000000001" });
    ("OtaaV1_1", keys)
}

fn abp_1_1() -> (&'static str, Value) {
    let key = |digits: &str| digits.repeat(16);
    let session = json!({
        "FNwkSIntKey": key("01"), "SNwkSIntKey": key("02"), "NwkSEncKey": key("03"), "AppSKey": key("04"),
    });
    ("AbpV1_1", json!({ "DevAddr": "26001a2b", "SessionKeys": session, "FCntStart": 7 }))
}

#[tokio::test]
async fn the_class_of_a_device_is_shown() {
    let api = Api::new();
    let id = api.device("0000000000000002").await;
    for label in [id.as_str(), "0000000000000002"] {
        let class = api.ask(&format!("GET /v1/wireless-devices/{label}/class"), Value::Null).await;
        assert_eq!(class.body, json!({ "class": "A", "ping_slots": null, "paths": [] }));
    }
    let stranger = api.ask("GET /v1/wireless-devices/0000000000000004/class", Value::Null).await;
    assert_eq!(stranger.error().0, "ResourceNotFoundException");
}
