//! ADR: what profiles say of it reaches the devices, and what it decides can be read.

use axum::http::StatusCode;
use lns_core::adr::{Mode, NbTrans};
use lns_lorawan::{DataRateIndex, Db, TxPowerIndex};
use serde_json::{Value, json};

use crate::Api;

const EUI: &str = "70b3d57ed0000002";

#[tokio::test]
async fn a_service_profile_bounds_adr_for_its_devices_and_can_be_changed() {
    let api = Api::new();
    let lorawan = json!({
        "DrMin": 1, "DrMax": 4, "TxPowerIndexMin": 0, "TxPowerIndexMax": 3, "NbTransMin": 1,
        "NbTransMax": 2, "TargetPer": 5, "MinGwDiversity": 2,
    });
    let body = json!({ "Name": "s", "LoRaWAN": lorawan });
    let service = api.ask("POST /service-profiles", body).await.id();
    let shown = api.ask(&format!("GET /service-profiles/{service}"), Value::Null).await.body;
    assert_eq!(shown["LoRaWAN"], lorawan);

    let device = api.device(EUI).await;
    let line = format!("PATCH /v1/wireless-devices/{device}");
    api.ask(&line, json!({ "service_profile_id": service })).await;
    let adr = api.fake.described.lock()[&EUI.parse().unwrap()].adr.clone();
    assert_eq!(adr.data_rates, (DataRateIndex::new(1), DataRateIndex::new(4)));
    assert_eq!(adr.tx_powers, (TxPowerIndex::new(0), TxPowerIndex::new(3)));
    assert_eq!(adr.nb_trans, (NbTrans::ONCE, NbTrans::clamped(2)));
    assert_eq!((adr.target_per, adr.min_gateways), (5, 2));

    let line = format!("/v1/service-profiles/{service}");
    let change = json!({ "dr_max": null, "adr_margin_db": 15 });
    let changed = api.ask(&format!("PATCH {line}"), change).await;
    assert_eq!(changed.status, StatusCode::OK, "{:?}", changed.body);
    assert_eq!(changed.body["adr_margin_db"], 15);
    let adr = api.fake.described.lock()[&EUI.parse().unwrap()].adr.clone();
    assert_eq!(adr.data_rates, (DataRateIndex::new(1), None));
    assert_eq!(adr.installation_margin, Db::from_whole(15));
    assert_eq!(api.ask(&format!("GET {line}"), Value::Null).await.body, changed.body);
    let list = api.ask("GET /v1/service-profiles", Value::Null).await.body;
    assert_eq!(list["service_profiles"][0], changed.body);
    let aws = api.ask(&format!("GET /service-profiles/{service}"), Value::Null).await.body;
    assert_eq!(aws["LoRaWAN"]["AdrMarginDb"], Value::Null, "AWS does not have it");

    let upside_down = api.ask(&format!("PATCH {line}"), json!({ "dr_max": 0 })).await;
    assert!(upside_down.error().1.contains("DrMin 1 is above DrMax 0"), "{upside_down:?}");
}

#[tokio::test]
async fn a_device_profile_says_who_chooses() {
    let api = Api::new();
    let cases = [
        (json!({}), "dynamic"),
        (json!({ "AdrMode": "off" }), "off"),
        (json!({ "AdrMode": "static", "AdrDataRate": 3, "AdrTxPowerIndex": 2 }), "static"),
    ];
    for (number, (lorawan, mode)) in cases.into_iter().enumerate() {
        let profile = api.profile(lorawan).await;
        let eui = format!("{:016x}", number + 1);
        api.ask("POST /wireless-devices", crate::otaa(&eui, &profile)).await.id();
        let seen = api.ask(&format!("GET /v1/wireless-devices/{eui}/adr"), Value::Null).await.body;
        assert_eq!(seen["mode"], mode);
    }
    let described = api.fake.described.lock();
    let Mode::Static(target) = described[&"0000000000000003".parse().unwrap()].adr.mode else {
        panic!("not static");
    };
    assert_eq!((target.data_rate.value(), target.tx_power.value()), (3, 2));
}

#[tokio::test]
async fn a_decision_can_be_read_with_its_reasons() {
    let api = Api::new();
    let device = api.device(EUI).await;
    let seen = api.ask(&format!("GET /v1/wireless-devices/{device}/adr"), Value::Null).await;
    assert_eq!(seen.status, StatusCode::OK);
    let wanted = json!({
        "mode": "dynamic", "algorithm": "standard", "margin_db": 10.0, "adr_bit": true,
        "current": { "data_rate": 0, "tx_power_index": 0 },
        "target": { "data_rate": 3, "tx_power_index": 0, "nb_trans": 1 },
        "why": {
            "decision": "faster", "samples": 1, "best_snr_db": -1.25, "margin_db": 8.75,
            "frames_lost": 0, "frames_sent": 1,
        },
        "samples": [{ "snr_db": -1.25, "gateways": 2, "data_rate": 0, "tx_power_index": 0 }],
    });
    assert_eq!(seen.body, wanted);
    let nobody = api.ask("GET /v1/wireless-devices/00000000000000ff/adr", Value::Null).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}
