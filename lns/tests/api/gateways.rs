//! Gateways, registered and only heard.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::Api;

fn body() -> Value {
    json!({
        "Name": "roof", "Description": "d",
        "LoRaWAN": {
            "GatewayEui": "aa-55-5a-00-00-00-00-01", "RfRegion": "EU868", "MaxEirp": 14.5,
            "JoinEuiFilters": [["0000000000000001", "0000000000000002"]],
            "NetIdFilters": ["000013"], "SubBands": [2],
            "Beaconing": { "DataRate": 3, "Frequencies": [869_525_000] },
        },
    })
}

#[tokio::test]
async fn a_gateway_made_with_beaconing_is_one_that_beacons() {
    let api = Api::new();
    let mut plain = body();
    plain["LoRaWAN"]["GatewayEui"] = json!("aa555a0000000002");
    plain["LoRaWAN"].as_object_mut().unwrap().remove("Beaconing");
    for (body, beacons) in [(body(), true), (plain, false)] {
        let id = api.ask("POST /wireless-gateways", body).await.id();
        let shown = api.ask(&format!("GET /v1/wireless-gateways/{id}"), Value::Null).await.body;
        assert_eq!(shown["beaconing"], json!(beacons));
    }
}

#[tokio::test]
async fn a_gateway_reads_back_changes_and_goes() {
    let api = Api::new();
    let id = api.ask("POST /wireless-gateways", body()).await.id();
    let by_id = format!("GET /wireless-gateways/{id}?identifierType=WirelessGatewayId");
    let by_eui = "GET /wireless-gateways/aa:55:5a:00:00:00:00:01?identifierType=GatewayEui";
    let mut lorawan = body()["LoRaWAN"].clone();
    lorawan["GatewayEui"] = json!("aa555a0000000001");
    for line in [by_id.as_str(), by_eui] {
        let got = api.ask(line, Value::Null).await;
        assert_eq!((&got.body["Id"], &got.body["LoRaWAN"]), (&json!(id), &lorawan));
    }
    let again = api.ask("POST /wireless-gateways", body()).await;
    assert_eq!(again.error().0, "ConflictException");

    let change = json!({ "Name": "mast", "MaxEirp": 27, "NetIdFilters": [] });
    let changed = api.ask(&format!("PATCH /wireless-gateways/{id}"), change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    let got = api.ask(&by_id, Value::Null).await.body;
    assert_eq!((&got["Name"], &got["Description"]), (&json!("mast"), &json!("d")));
    assert_eq!(got["LoRaWAN"]["MaxEirp"], 27.0);
    assert_eq!(got["LoRaWAN"]["NetIdFilters"], json!([]));
    let region = json!({ "RfRegion": "US915" });
    let region = api.ask(&format!("PATCH /wireless-gateways/{id}"), region).await;
    assert_eq!(region.error().0, "ValidationException");

    let statistics = format!("GET /wireless-gateways/{id}/statistics");
    let statistics = api.ask(&statistics, Value::Null).await.body;
    let expected = json!({ "WirelessGatewayId": id, "ConnectionStatus": "Disconnected" });
    assert_eq!(statistics, expected);
    let list = api.ask("GET /wireless-gateways", Value::Null).await;
    assert_eq!(list.body["WirelessGatewayList"][0]["LoRaWAN"]["RfRegion"], "EU868");
    let gone = api.ask(&format!("DELETE /wireless-gateways/{id}"), Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(api.ask(&by_id, Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_bad_gateway_is_refused_with_field_and_value() {
    let api = Api::new();
    let cases = [
        ("GatewayEui", json!("zz"), "LoRaWAN.GatewayEui: cannot read a gateway EUI"),
        ("GatewayEui", Value::Null, "LoRaWAN.GatewayEui: it is missing"),
        ("RfRegion", json!("MARS"), "RfRegion: cannot find region \"MARS\""),
        ("MaxEirp", json!(31), "LoRaWAN.MaxEirp: 31"),
        ("SubBands", json!([1, 9]), "LoRaWAN.SubBands[1]: 9"),
        ("SubBands", json!([1, 1, 1, 1, 1, 1, 1, 1, 1]), "LoRaWAN.SubBands: it has 9 entries"),
        ("JoinEuiFilters", json!([["0000000000000001"]]), "LoRaWAN.JoinEuiFilters[0]"),
        ("NetIdFilters", json!(["13"]), "LoRaWAN.NetIdFilters[0]: cannot read a NetID"),
        ("Beaconing", json!({"Frequencies": [1]}), "LoRaWAN.Beaconing.Frequencies[0]: 1"),
    ];
    for (name, value, message) in cases {
        let mut body = body();
        body["LoRaWAN"][name] = value;
        let answer = api.ask("POST /wireless-gateways", body).await;
        assert_eq!(answer.error().0, "ValidationException", "{name}");
        assert!(answer.error().1.starts_with(message), "{:?}", answer.body);
    }
}

#[tokio::test]
async fn a_stranger_is_listed_and_can_be_registered() {
    let api = Api::new();
    api.ask("POST /wireless-gateways", body()).await.id();
    let list = api.ask("GET /v1/wireless-gateways", Value::Null).await.body;
    let list = list["wireless_gateways"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!((&list[0]["registered"], &list[0]["connected"]), (&json!(true), &json!(false)));
    assert_eq!((&list[1]["registered"], &list[1]["connected"]), (&json!(false), &json!(true)));
    assert_eq!(list[1]["address"], "192.0.2.1:40000");

    let mut stranger = body();
    stranger["LoRaWAN"]["GatewayEui"] = json!("aa555a00000000ff");
    let id = api.ask("POST /wireless-gateways", stranger).await.id();
    let statistics = format!("GET /wireless-gateways/{id}/statistics");
    let statistics = api.ask(&statistics, Value::Null).await.body;
    assert_eq!(statistics["ConnectionStatus"], "Connected");
    assert!(statistics["LastUplinkReceivedAt"].is_string());

    let page = api.ask("GET /v1/wireless-gateways?maxResults=1", Value::Null).await.body;
    let next = page["next_token"].as_str().unwrap();
    let line = format!("GET /v1/wireless-gateways?maxResults=1&nextToken={next}");
    let page = api.ask(&line, Value::Null).await.body;
    assert_eq!(page["wireless_gateways"][0]["id"], json!(id));
    assert_eq!(page["next_token"], Value::Null);
}

#[tokio::test]
async fn region_and_place_can_be_changed_under_v1() {
    let api = Api::new();
    api.ask("POST /wireless-gateways", body()).await.id();
    let line = "PATCH /v1/wireless-gateways/aa555a0000000001";
    let place = json!({ "latitude": 52.1, "longitude": 5.2, "altitude": 12.0 });
    let change = json!({ "region": "US915", "location": place, "name": null });
    let changed = api.ask(line, change).await.body;
    assert_eq!((&changed["region"], &changed["location"]), (&json!("US915"), &place));
    assert_eq!(changed["name"], Value::Null);
    let cleared = api.ask(line, json!({ "location": null })).await.body;
    assert_eq!(cleared["location"], Value::Null);
    assert_eq!((&cleared["antenna_gain"], &cleared["beaconing"]), (&json!(0), &json!(true)));
    let radio = json!({ "forwarder": "sx1301", "antenna_gain": 3, "beaconing": true });
    let told = api.ask(line, radio).await.body;
    let shown = (&told["forwarder"], &told["antenna_gain"], &told["beaconing"]);
    assert_eq!(shown, (&json!("sx1301"), &json!(3), &json!(true)));
    let forgotten = json!({ "forwarder": null, "antenna_gain": null, "beaconing": null });
    let told = api.ask(line, forgotten).await.body;
    let shown = (&told["forwarder"], &told["antenna_gain"], &told["beaconing"]);
    assert_eq!(shown, (&Value::Null, &json!(0), &json!(false)));
    for change in [
        json!({ "location": { "latitude": 91, "longitude": 0 } }),
        json!({ "location": { "latitude": 1 } }),
        json!({ "region": "MARS" }),
        json!({ "forwarder": "sx1303" }),
        json!({ "antenna_gain": 21 }),
        json!({ "antenna_gain": 2.5 }),
        json!({ "beaconing": "yes" }),
        json!({ "gateway_eui": "0000000000000001" }),
    ] {
        assert_eq!(api.ask(line, change).await.error().0, "ValidationException");
    }
    let stranger = "GET /v1/wireless-gateways/aa555a00000000ff";
    assert_eq!(api.ask(stranger, Value::Null).await.body["registered"], false);
    let nobody = api.ask("GET /v1/wireless-gateways/aa555a00000000fe", Value::Null).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}
