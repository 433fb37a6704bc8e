//! Any document on any path gets an answer that is not our fault.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::Api;

/// Names and values that make it past the first check now and then.
const WORDS: [&str; 44] = [
    "Name",
    "LoRaWAN",
    "Type",
    "Tags",
    "Key",
    "Value",
    "DestinationName",
    "DevEui",
    "DeviceProfileId",
    "OtaaV1_0_x",
    "AbpV1_1",
    "AppKey",
    "SessionKeys",
    "FPorts",
    "Applications",
    "GatewayEui",
    "JoinEuiFilters",
    "Beaconing",
    "Frequencies",
    "ExpressionType",
    "Expression",
    "MqttTopic",
    "TransmitMode",
    "PayloadData",
    "WirelessMetadata",
    "FPort",
    "RxFreq2",
    "FactoryPresetFreqsList",
    "MacVersion",
    "RegParamsRevision",
    "RfRegion",
    "codec",
    "variables",
    "location",
    "latitude",
    "payload",
    "f_port",
    "rx2_frequency",
    "1.0.3",
    "US915",
    "default",
    "70b3d57ed0000002",
    "2b7e151628aed2a6abf7158809cf4f3c",
    "{DevEUI}",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u32..300).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|pairs| Value::from(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "/device-profiles",
        "/service-profiles",
        "/destinations",
        "/wireless-devices",
        "/wireless-gateways",
        "/tags?resourceArn=arn:aws:iotwireless:a:b:Destination/default",
        "/destinations/default",
        "/v1/wireless-devices/70b3d57ed0000002",
        "/v1/wireless-devices/70b3d57ed0000002/queue",
        "/v1/device-profiles/PROFILE",
        "/v1/wireless-gateways/aa555a0000000001",
        "/v1/codecs/c",
        "/wireless-devices/DEVICE",
        "/wireless-devices/DEVICE/data",
        "/wireless-gateways/GATEWAY",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => "/[a-z0-9%/?&=.:-]{0,40}"]
}

struct World {
    runtime: tokio::runtime::Runtime,
    api: Api,
    names: [(&'static str, String); 3],
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let api = Api::new();
    let names = runtime.block_on(async {
        let device = api.device("70b3d57ed0000002").await;
        let gateway = json!({ "LoRaWAN": { "GatewayEui": "aa555a0000000001" } });
        let gateway = api.ask("POST /wireless-gateways", gateway).await.id();
        [("DEVICE", device), ("GATEWAY", gateway), ("PROFILE", api.profile(json!({})).await)]
    });
    World { runtime, api, names }
});

proptest! {
    #[test]
    fn any_document_gets_an_answer(
        method in prop::sample::select(vec!["POST", "PATCH", "PUT", "GET"]),
        path in path(),
        document in document(),
    ) {
        let world = &*WORLD;
        let path = world.names.iter().fold(path, |path, (name, id)| path.replace(name, id));
        let request = Request::builder().method(method).uri(&path);
        let Ok(request) = request.body(Body::from(document.to_string())) else { return Ok(()) };
        let answer = world.runtime.block_on(world.api.send(request));
        prop_assert!(!answer.status.is_server_error(), "{method} {path}: {:?}", answer.body);
        if answer.status.is_client_error() {
            let (name, message) = answer.error();
            prop_assert!(name.ends_with("Exception") && !message.is_empty());
        }
    }
}
