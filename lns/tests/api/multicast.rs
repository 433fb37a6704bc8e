//! Multicast groups: in AWS's shape, and what AWS has no place for.

use axum::http::StatusCode;
use lns_core::multicast::{GroupClass, GroupId, Hours, Senders};
use lns_lorawan::{DevAddr, McKey, mc_session_keys};
use serde_json::{Value, json};

use crate::{Api, fake};

const EUI: &str = "70b3d57ed0000002";
const MC_KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";

async fn group(api: &Api, class: &str) -> String {
    let body = json!({ "Name": "lamps", "LoRaWAN": { "RfRegion": "EU868", "DlClass": class } });
    api.ask("POST /multicast-groups", body).await.id()
}

fn home_of(api: &Api, id: &str) -> lns_core::multicast::Group {
    let bytes = hex::decode(id.replace('-', "")).unwrap();
    let id = GroupId(bytes.try_into().unwrap());
    api.fake.groups.lock()[&id].clone()
}

#[tokio::test]
async fn a_group_of_personalized_members_is_described_to_its_home_and_queues() {
    let api = Api::new();
    let device = api.device(EUI).await;
    let id = group(&api, "ClassC").await;
    let path = format!("/multicast-groups/{id}");
    let member = json!({ "WirelessDeviceId": device });
    let put = api.ask(&format!("PUT {path}/wireless-device"), member).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT);
    let change = json!({
        "mc_addr": "01abcdef", "mc_key": MC_KEY, "f_cnt": 40,
        "listens": { "data_rate": 3, "frequency": 869_525_000 },
    });
    let changed = api.ask(&format!("PATCH /v1{path}"), change).await;
    assert_eq!(changed.status, StatusCode::OK, "{:?}", changed.body);
    // The numbers of the vectors of TS005's derivation.
    assert_eq!(changed.body["mc_nwk_s_key"], "ab53b1be36e09dbcba961d5117c14ab0");
    assert_eq!(changed.body["mc_app_s_key"], "d160896c23c1e7e6ae1b89a2118f98ed");
    assert_eq!(
        (&changed.body["f_cnt"], &changed.body["status"]),
        (&json!(40), &json!("In_session"))
    );

    let home = home_of(&api, &id);
    let mc_key = McKey::from_bytes(hex::decode(MC_KEY).unwrap().try_into().unwrap());
    assert_eq!(home.about.keys, mc_session_keys(&mc_key, DevAddr::new(0x01ab_cdef)));
    assert_eq!(home.about.members, [EUI.parse().unwrap()]);
    assert_eq!((home.about.class, home.about.hours), (GroupClass::C, Hours::Always));
    assert_eq!(home.about.senders, Senders::Cover);

    let wish = json!({ "f_port": 9, "payload_data": "AQI=", "correlation_id": "open" });
    let sent = api.ask(&format!("POST /v1{path}/queue"), wish.clone()).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{:?}", sent.body);
    let second = api.ask(&format!("POST /v1{path}/queue"), wish).await;
    let shown = api.ask(&format!("GET /v1{path}"), Value::Null).await.body;
    assert_eq!(shown["members"], json!([EUI]));
    assert_eq!(shown["queue"][0]["message_id"], sent.body["message_id"]);
    assert_eq!(shown["queue"][0]["waits"]["for"], "moment");
    assert_eq!(shown["queue"][1]["waits"]["behind"], sent.body["message_id"]);
    let one = second.body["message_id"].as_str().unwrap();
    let dropped = api.ask(&format!("DELETE /v1{path}/queue?message_id={one}"), Value::Null).await;
    assert_eq!(dropped.body, json!({ "dropped": 1 }));
    let dropped = api.ask(&format!("DELETE /v1{path}/queue?message_id=*"), Value::Null).await;
    assert_eq!(dropped.body, json!({ "dropped": 1 }));
}

#[tokio::test]
async fn a_session_says_when_and_where_and_ends_with_its_cancelling() {
    let api = Api::new();
    let id = group(&api, "ClassB").await;
    let path = format!("/multicast-groups/{id}");
    let begins = fake::NOW + lns_lorawan::TimeDelta::from_secs(3600);
    let session = json!({ "LoRaWAN": {
        "DlDr": 3, "DlFreq": 869_525_000, "SessionStartTime": begins.to_rfc3339(),
        "SessionTimeout": 600, "PingSlotPeriod": 256,
    }});
    let started = api.ask(&format!("PUT {path}/session"), session).await;
    assert_eq!(started.status, StatusCode::NO_CONTENT, "{:?}", started.body);
    let status = api.ask(&format!("GET {path}"), Value::Null).await.body["Status"].clone();
    assert_eq!(status, "Session_attempting");
    let ends = begins + lns_lorawan::TimeDelta::from_secs(1024);
    assert_eq!(home_of(&api, &id).about.hours, Hours::Between { begins, ends });
    let metadata = json!({ "LoRaWAN": { "FPort": 9 } });
    let wish = json!({ "PayloadData": "AQI=", "WirelessMetadata": metadata });
    let sent = api.ask(&format!("POST {path}/data"), wish.clone()).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{:?}", sent.body);
    let shown = api.ask(&format!("GET /v1{path}"), Value::Null).await.body;
    assert_eq!(shown["queue"][0]["waits"]["at"], begins.to_rfc3339());
    assert_eq!(shown["queue"][0]["expires_at"], ends.to_rfc3339());
    api.ask(&format!("DELETE {path}/session"), Value::Null).await;
    assert_eq!(home_of(&api, &id).about.hours, Hours::Never);
    let refused = api.ask(&format!("POST {path}/data"), wish).await;
    assert_eq!(refused.error().0, "ConflictException");
}

#[tokio::test]
async fn a_group_says_where_its_sessions_are_that_do_not_say_it_themselves() {
    let api = Api::new();
    let usual = json!({ "DlDr": 5, "DlFreq": 869_525_000 });
    let body = json!({ "LoRaWAN": {
        "RfRegion": "EU868", "DlClass": "ClassC", "DefaultSessionParameters": usual,
    }});
    let path = format!("/multicast-groups/{}", api.ask("POST /multicast-groups", body).await.id());
    let change = json!({ "LoRaWAN": { "DefaultSessionParameters": { "DlDr": 3 } } });
    let changed = api.ask(&format!("PATCH {path}"), change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{:?}", changed.body);
    let shown = api.ask(&format!("GET {path}"), Value::Null).await.body;
    let usual = json!({ "DlDr": 3, "DlFreq": 869_525_000 });
    assert_eq!(shown["LoRaWAN"]["DefaultSessionParameters"], usual);
    for (asked, data_rate) in [(json!({}), 3), (json!({ "DlDr": 0 }), 0)] {
        api.ask(&format!("PUT {path}/session"), json!({ "LoRaWAN": asked })).await;
        let session = api.ask(&format!("GET {path}/session"), Value::Null).await.body;
        assert_eq!(session["LoRaWAN"]["DlDr"], data_rate);
        assert_eq!(session["LoRaWAN"]["DlFreq"], 869_525_000);
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_field_and_value() {
    let api = Api::new();
    let id = group(&api, "ClassC").await;
    let path = format!("/multicast-groups/{id}");
    let unknown = "00000000-0000-0000-0000-000000000001";
    let lorawan = |more: Value| {
        let mut lorawan = json!({ "RfRegion": "EU868", "DlClass": "ClassC" });
        lorawan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "LoRaWAN": lorawan })
    };
    let session = |fields: Value| json!({ "LoRaWAN": fields });
    let too_many: Vec<&str> = vec![unknown; 21];
    let (post, start, change) = (
        "POST /multicast-groups".to_owned(),
        format!("PUT {path}/session"),
        format!("PATCH /v1{path}"),
    );
    let cases = [
        (&post, lorawan(json!({ "RfRegion": "MARS" })), "LoRaWAN.RfRegion"),
        (&post, lorawan(json!({ "DlClass": "ClassA" })), "LoRaWAN.DlClass"),
        (
            &post,
            lorawan(json!({ "ParticipatingGateways": { "GatewayList": too_many } })),
            "LoRaWAN.ParticipatingGateways.GatewayList: it names more than 20",
        ),
        (
            &post,
            lorawan(json!({ "DefaultSessionParameters": { "DlDr": 16 } })),
            "LoRaWAN.DefaultSessionParameters.DlDr: 16",
        ),
        (
            &post,
            lorawan(json!({ "DefaultSessionParameters": { "DlFreq": 915_000_000 } })),
            "nothing can be sent in EU868",
        ),
        (&start, session(json!({ "SessionTimeout": 59 })), "LoRaWAN.SessionTimeout: 59"),
        (&start, session(json!({ "SessionTimeout": 65_537 })), "LoRaWAN.SessionTimeout: 131072 s"),
        (&start, session(json!({ "PingSlotPeriod": 33 })), "LoRaWAN.PingSlotPeriod: 33"),
        (&start, session(json!({ "SessionStartTime": 1 })), "LoRaWAN.SessionStartTime"),
        (&start, session(json!({ "DlFreq": 915_000_000 })), "nothing can be sent in EU868"),
        (&start, session(json!({ "DlDr": 15 })), "nothing can be sent in EU868"),
        (&change, json!({ "mc_nwk_s_key": MC_KEY }), "mc_key: give mc_key alone"),
        (&change, json!({ "mc_keys": MC_KEY }), "mc_keys"),
    ];
    for (line, body, message) in cases {
        let answer = api.ask(line, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{message}: {:?}", answer.body);
        assert!(answer.error().1.starts_with(message), "{message}: {:?}", answer.body);
    }
    let stranger = lorawan(json!({ "ParticipatingGateways": { "GatewayList": [unknown] } }));
    assert_eq!(api.ask(&post, stranger).await.status, StatusCode::NOT_FOUND);
    let stranger = json!({ "WirelessDeviceId": unknown });
    let answer = api.ask(&format!("PUT {path}/wireless-device"), stranger).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let raised = api.ask(&change, json!({ "f_cnt": 9 })).await;
    assert_eq!(raised.body["f_cnt"], 9);
    let back = api.ask(&change, json!({ "f_cnt": 8 })).await;
    assert!(back.error().1.starts_with("f_cnt: 8 is below 9"), "{:?}", back.body);
    assert_eq!(home_of(&api, &id).f_cnt_down.map(|next| next.0), Some(9));
}

#[tokio::test]
async fn a_group_that_is_gone_is_gone_from_its_home() {
    let api = Api::new();
    let id = group(&api, "ClassC").await;
    let gone = api.ask(&format!("DELETE /multicast-groups/{id}"), Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(api.fake.groups.lock().is_empty());
    let twice = api.ask(&format!("DELETE /multicast-groups/{id}"), Value::Null).await;
    assert_eq!(twice.error().0, "ResourceNotFoundException");
}
