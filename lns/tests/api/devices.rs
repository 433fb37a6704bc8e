//! Devices: creating, finding, changing, deleting, and what their owner is told.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use lns_core::Activation;
use lns_lorawan::DevEui;
use serde_json::{Value, json};

use crate::{Api, KEY, otaa};

const EUI: &str = "70B3D57ED0000002";

fn eui() -> DevEui {
    EUI.parse().unwrap()
}

#[tokio::test]
async fn a_device_is_described_to_its_owner_and_forgotten_at_the_end() {
    let api = Api::new();
    let id = api.device(EUI).await;
    let described = api.fake.described.lock()[&eui()].clone();
    assert_eq!(described.name, "kitchen");
    let Activation::Otaa10 { join_eui, .. } = &described.activation else { panic!("not OTAA") };
    assert_eq!(join_eui.unwrap().to_string(), "70b3d57ed0000000");

    let in_use = api.ask("GET /device-profiles", Value::Null).await;
    let profile = in_use.body["DeviceProfileList"][0]["Id"].as_str().unwrap().to_owned();
    let refused = api.ask(&format!("DELETE /device-profiles/{profile}"), Value::Null).await;
    assert_eq!((refused.status, refused.error().0), (StatusCode::CONFLICT, "ConflictException"));
    assert!(refused.error().1.contains(&id), "{:?}", refused.body);

    let gone = api.ask(&format!("DELETE /wireless-devices/{id}"), Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(api.fake.described.lock().is_empty());
    let again = api.ask(&format!("DELETE /wireless-devices/{id}"), Value::Null).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_device_is_found_by_id_and_by_eui() {
    let api = Api::new();
    let id = api.device(EUI).await;
    for (label, kind) in
        [(id.as_str(), "WirelessDeviceId"), (EUI, "DevEui"), ("70b3d57ed0000002", "DevEui")]
    {
        let line = format!("GET /wireless-devices/{label}?identifierType={kind}");
        let got = api.ask(&line, Value::Null).await;
        assert_eq!(got.body["Id"], json!(id), "{kind} {label}");
        assert_eq!(got.body["Type"], "LoRaWAN");
        assert_eq!(got.body["DestinationName"], "default");
        let keys = json!({ "AppKey": KEY.to_lowercase(), "AppEui": "70b3d57ed0000000" });
        assert_eq!(got.body["LoRaWAN"]["OtaaV1_0_x"], keys);
    }
    for (label, kind, name) in [
        ("thing", "ThingName", "ResourceNotFoundException"),
        ("70B3D57ED0000009", "DevEui", "ResourceNotFoundException"),
        ("70B3", "DevEui", "ValidationException"),
        ("nonsense", "WirelessDeviceId", "ResourceNotFoundException"),
        (id.as_str(), "Wrong", "ValidationException"),
    ] {
        let line = format!("GET /wireless-devices/{label}?identifierType={kind}");
        assert_eq!(api.ask(&line, Value::Null).await.error().0, name, "{kind} {label}");
    }
    let missing = api.ask(&format!("GET /wireless-devices/{id}"), Value::Null).await;
    assert!(missing.error().1.starts_with("identifierType: the query lacks it"));
}

#[tokio::test]
async fn all_four_groups_of_keys_read_back() {
    let api = Api::new();
    let old = api.profile(json!({})).await;
    let new = api.profile(json!({ "MacVersion": "1.1" })).await;
    let key = KEY.to_lowercase();
    let groups = [
        (
            &old,
            "OtaaV1_0_x",
            json!({ "AppKey": key, "JoinEui": "0000000000000001", "GenAppKey": key }),
        ),
        (&new, "OtaaV1_1", json!({ "AppKey": key, "NwkKey": key, "JoinEui": "0000000000000001" })),
        (
            &old,
            "AbpV1_0_x",
            json!({
                "DevAddr": "27001a2b", "FCntStart": 5,
                "SessionKeys": { "NwkSKey": key, "AppSKey": key },
            }),
        ),
        (
            &new,
            "AbpV1_1",
            json!({
                "DevAddr": "27001a2b", "FCntStart": 0,
                "SessionKeys": {
                    "FNwkSIntKey": key, "SNwkSIntKey": key, "NwkSEncKey": key, "AppSKey": key,
                },
            }),
        ),
    ];
    for (number, (profile, name, keys)) in groups.into_iter().enumerate() {
        let mut body = otaa(&format!("{number:016x}"), profile);
        let lorawan = body["LoRaWAN"].as_object_mut().unwrap();
        lorawan.remove("OtaaV1_0_x");
        lorawan.insert(name.to_owned(), keys.clone());
        let id = api.ask("POST /wireless-devices", body.clone()).await.id();
        let line = format!("GET /wireless-devices/{id}?identifierType=WirelessDeviceId");
        assert_eq!(api.ask(&line, Value::Null).await.body["LoRaWAN"][name], keys);

        let wrong = if profile == &old { &new } else { &old };
        body["LoRaWAN"]["DevEui"] = json!("00000000000000ff");
        body["LoRaWAN"]["DeviceProfileId"] = json!(wrong);
        let refused = api.ask("POST /wireless-devices", body).await;
        assert_eq!(refused.error().0, "ValidationException");
        assert!(refused.error().1.contains(name), "{:?}", refused.body);
    }
}

#[tokio::test]
async fn a_bad_device_is_refused_with_field_and_value() {
    let api = Api::new();
    let profile = api.profile(json!({})).await;
    let with = |pointer: &str, value: Value| {
        let mut body = otaa(EUI, &profile);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        body
    };
    let cases = [
        (with("/Type", json!("Sidewalk")), "Type: this server speaks LoRaWAN only"),
        (with("/Type", Value::Null), "Type: it is missing"),
        (with("/DestinationName", Value::Null), "DestinationName: it is missing"),
        (with("/Name", json!("x".repeat(257))), "Name: it has 257 characters"),
        (with("/Positioning", json!("Enabled")), "Positioning: Enabled: this server"),
        (with("/LoRaWAN/DevEui", json!("70B3")), "LoRaWAN.DevEui: cannot read a DevEUI"),
        (with("/LoRaWAN/DevEui", Value::Null), "LoRaWAN.DevEui: it is missing"),
        (with("/LoRaWAN/DeviceProfileId", Value::Null), "LoRaWAN.DeviceProfileId: it is missing"),
        (with("/LoRaWAN/OtaaV1_0_x", Value::Null), "LoRaWAN: give the keys in exactly one of"),
        (with("/LoRaWAN/OtaaV1_1", json!({})), "LoRaWAN: give the keys in exactly one of"),
        (
            with("/LoRaWAN/OtaaV1_0_x/AppKey", Value::Null),
            "LoRaWAN.OtaaV1_0_x.AppKey: it is missing",
        ),
        (
            with("/LoRaWAN/OtaaV1_0_x/JoinEui", json!("0000000000000001")),
            "LoRaWAN.OtaaV1_0_x.JoinEui",
        ),
        (with("/LoRaWAN/FPorts", json!({"Fuota": 224})), "LoRaWAN.FPorts.Fuota: 224"),
        (with("/LoRaWAN/Colour", json!(1)), "LoRaWAN.Colour: there is no such field"),
    ];
    for (body, message) in cases {
        let answer = api.ask("POST /wireless-devices", body).await;
        let (name, said) = answer.error();
        assert_eq!((answer.status, name), (StatusCode::BAD_REQUEST, "ValidationException"));
        assert!(said.starts_with(message), "{message}: {said}");
    }
    let missing = [
        (with("/DestinationName", json!("nowhere")), "there is no Destination nowhere"),
        (with("/LoRaWAN/DeviceProfileId", json!("x")), "there is no DeviceProfile x"),
        (with("/LoRaWAN/ServiceProfileId", json!(profile)), "there is no ServiceProfile"),
    ];
    for (body, message) in missing {
        let answer = api.ask("POST /wireless-devices", body).await;
        assert_eq!(answer.error().0, "ResourceNotFoundException");
        assert!(answer.error().1.starts_with(message), "{:?}", answer.body);
    }
    assert!(api.fake.described.lock().is_empty());
}

#[tokio::test]
async fn a_dev_eui_is_registered_once_and_a_request_may_be_repeated() {
    let api = Api::new();
    let profile = api.profile(json!({})).await;
    let mut body = otaa(EUI, &profile);
    body["ClientRequestToken"] = json!("once");
    let id = api.ask("POST /wireless-devices", body.clone()).await.id();
    assert_eq!(api.ask("POST /wireless-devices", body).await.id(), id);
    let second = api.ask("POST /wireless-devices", otaa(EUI, &profile)).await;
    assert_eq!((second.status, second.error().0), (StatusCode::CONFLICT, "ConflictException"));
    assert_eq!(second.body["ResourceId"], json!(id));
}

#[tokio::test]
async fn a_change_reaches_the_owner_and_keys_cannot_change() {
    let api = Api::new();
    let id = api.device(EUI).await;
    let line = format!("PATCH /wireless-devices/{id}");
    let other = api.profile(json!({ "RxDelay1": 3 })).await;
    let change = json!({
        "Name": "hall", "Description": "d",
        "LoRaWAN": { "DeviceProfileId": other, "FPorts": { "Positioning": { "Gnss": 7 } } },
    });
    assert_eq!(api.ask(&line, change).await.status, StatusCode::NO_CONTENT);
    let described = api.fake.described.lock()[&eui()].clone();
    assert_eq!(described.name, "hall");
    assert_eq!(described.profile.rx_delay.unwrap().seconds(), 3);
    let got = format!("GET /wireless-devices/{id}?identifierType=WirelessDeviceId");
    let got = api.ask(&got, Value::Null).await.body;
    assert_eq!((&got["Name"], &got["Description"]), (&json!("hall"), &json!("d")));
    assert_eq!(got["LoRaWAN"]["FPorts"], json!({ "Positioning": { "Gnss": 7 } }));
    assert_eq!(got["Positioning"], "Disabled");

    for change in [
        json!({ "LoRaWAN": { "OtaaV1_0_x": { "AppKey": KEY } } }),
        json!({ "LoRaWAN": { "DevEui": "0000000000000001" } }),
        json!({ "LoRaWAN": { "AbpV1_0_x": { "FCntStart": 1 } } }),
        json!({ "LoRaWAN": { "AbpV1_0_x": { "DevAddr": "00000001" } } }),
        json!({ "Nmae": "x" }),
    ] {
        let refused = api.ask(&line, change.clone()).await;
        assert_eq!(refused.error().0, "ValidationException", "{change}");
    }
    let missing = api.ask(&line, json!({ "DestinationName": "nowhere" })).await;
    assert_eq!(missing.error().0, "ResourceNotFoundException");
}

#[tokio::test]
async fn lists_can_be_narrowed_down() {
    let api = Api::new();
    let first = api.device("0000000000000002").await;
    api.device("0000000000000003").await;
    let topic = json!({ "Name": "d", "ExpressionType": "MqttTopic", "Expression": "t" });
    api.ask("POST /destinations", topic).await;
    let change = json!({ "DestinationName": "d" });
    api.ask(&format!("PATCH /wireless-devices/{first}"), change).await;
    for (query, count) in [
        ("", 2),
        ("destinationName=d", 1),
        ("destinationName=x", 0),
        ("wirelessDeviceType=LoRaWAN", 2),
        ("wirelessDeviceType=Sidewalk", 0),
        ("deviceProfileId=nonsense", 0),
        ("serviceProfileId=nonsense", 0),
        ("multicastGroupId=x", 0),
    ] {
        let line = format!("GET /wireless-devices?{query}");
        let list = api.ask(&line, Value::Null).await.body["WirelessDeviceList"].clone();
        assert_eq!(list.as_array().unwrap().len(), count, "{query}");
    }
    let list = api.ask("GET /wireless-devices?destinationName=d", Value::Null).await;
    let entry = &list.body["WirelessDeviceList"][0];
    assert_eq!(
        entry["LastUplinkReceivedAt"].as_str().unwrap().get(..19),
        Some("2026-01-02T03:04:05")
    );
    assert_eq!(entry["LoRaWAN"], json!({ "DevEui": "0000000000000002" }));
    let in_use = api.ask("DELETE /destinations/d", Value::Null).await;
    assert_eq!(in_use.error().0, "ConflictException");
}

#[tokio::test]
async fn statistics_are_the_last_uplink() {
    let api = Api::new();
    let heard = api.device("0000000000000002").await;
    let silent = api.device("0000000000000003").await;
    let line = |id: &str| format!("GET /wireless-devices/{id}/statistics");
    let got = api.ask(&line(&heard), Value::Null).await.body;
    assert_eq!(got["WirelessDeviceId"], json!(heard));
    let lorawan = &got["LoRaWAN"];
    assert_eq!(lorawan["DataRate"], 5);
    assert_eq!(lorawan["Frequency"], 868_100_000);
    let gateway = json!({ "GatewayEui": "aa555a00000000ff", "Snr": 7.25, "Rssi": -97.0 });
    assert_eq!(lorawan["Gateways"], json!([gateway]));
    let got = api.ask(&line(&silent), Value::Null).await.body;
    let nothing =
        json!({ "WirelessDeviceId": silent, "LoRaWAN": { "DevEui": "0000000000000003" } });
    assert_eq!(got, nothing);
}

#[tokio::test]
async fn a_busy_owner_asks_the_client_to_come_back() {
    let api = Api::new();
    let profile = api.profile(json!({})).await;
    api.fake.busy.store(true, Ordering::Relaxed);
    let mut body = otaa(EUI, &profile);
    body["ClientRequestToken"] = json!("t");
    let busy = api.ask("POST /wireless-devices", body.clone()).await;
    assert_eq!(busy.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(busy.error().0, "ThrottlingException");
    api.fake.busy.store(false, Ordering::Relaxed);
    api.ask("POST /wireless-devices", body).await.id();
    assert!(api.fake.described.lock().contains_key(&eui()), "the repetition told the owner");
}

#[tokio::test]
async fn a_device_that_has_forgotten_its_counters_has_a_one_step_cure() {
    let api = Api::new();
    let id = api.device("70b3d57ed0000004").await;
    let seen = api.ask(&format!("GET /v1/wireless-devices/{id}/counters"), Value::Null).await;
    assert_eq!((&seen.body["f_cnt_up"], &seen.body["n_f_cnt_down"]), (&json!(99), &json!(7)));
    assert_eq!(seen.body["forgotten"], true);
    let hint = seen.body["hint"].as_str().unwrap();
    let (_, cure) = hint.split_at(hint.find("POST").expect("the hint names the request"));
    let cured = api.ask(cure, Value::Null).await;
    assert_eq!(cured.status, StatusCode::OK);
    assert_eq!(cured.body["reset_allowed"], true);
    assert_eq!(cured.body.get("hint"), None);

    let unknown = api.ask("POST /v1/wireless-devices/00000000000000aa/reset-counters", json!({}));
    assert_eq!(unknown.await.error().0, "ResourceNotFoundException");
    let wrong = api.ask(cure, json!({ "from": 7 })).await;
    assert_eq!(wrong.error().0, "ValidationException");
}

#[tokio::test]
async fn what_is_done_with_resets_is_a_word_of_the_profile() {
    let api = Api::new();
    let profile = api.profile(json!({ "FCntReset": "accept" })).await;
    let line = format!("/v1/device-profiles/{profile}");
    let body = api.ask(&format!("GET {line}"), Value::Null).await.body;
    assert_eq!(body["f_cnt_reset"], "accept");
    let refused = api.ask(&format!("PATCH {line}"), json!({ "f_cnt_reset": "always" })).await;
    assert_eq!(refused.error().0, "ValidationException");
}

#[tokio::test]
async fn what_a_devices_mac_does_and_should_do_is_shown() {
    let api = Api::new();
    let path = format!("GET /v1/wireless-devices/{EUI}/mac");
    api.device(EUI).await;
    let before = api.ask(&path, Value::Null).await;
    assert_eq!(before.body, json!({ "current": null, "desired": null, "requests": [] }));

    // From the factory it listens after 1 s; since then somebody wants 5 s.
    let profile = json!({ "RxDelay1": 5, "MaxDutyCycle": 1, "SupportsJoin": false });
    let profile = api.profile(profile).await;
    let other = "70B3D57ED0000004";
    let mut body = otaa(other, &profile);
    body["LoRaWAN"].as_object_mut().unwrap().remove("OtaaV1_0_x");
    body["LoRaWAN"]["AbpV1_0_x"] = json!({
        "DevAddr": "00123456", "SessionKeys": { "NwkSKey": KEY, "AppSKey": KEY },
    });
    api.ask("POST /wireless-devices", body).await.id();
    let mac = api.ask(&format!("GET /v1/wireless-devices/{other}/mac"), Value::Null).await.body;
    assert_eq!(mac["current"]["rx_delay"], 5);
    assert_eq!(mac["current"]["max_duty_cycle"], 0);
    assert_eq!(mac["desired"]["max_duty_cycle"], 7);
    assert_eq!(mac["current"]["channels"][0]["frequency"], 868_100_000);
    assert_eq!(mac["current"]["channels"][0]["known"], true);
    assert_eq!(mac["current"]["channels_in_use"], json!([0, 1, 2]));
    let request = &mac["requests"][0];
    assert_eq!((&request["command"], &request["state"]), (&json!("DutyCycle"), &json!("due")));
    assert_eq!((&request["asked"], &request["tries"]), (&Value::Null, &json!(0)));

    let unknown = api.ask("GET /v1/wireless-devices/70B3D57ED0009999/mac", Value::Null).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
