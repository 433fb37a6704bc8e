//! Device profiles, service profiles, destinations and tags.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::Api;

#[tokio::test]
async fn a_device_profile_reads_back_as_it_was_given() {
    let api = Api::new();
    let lorawan = json!({
        "RfRegion": "EU868", "MacVersion": "1.0.3", "RegParamsRevision": "RP002-1.0.1",
        "SupportsJoin": true, "Supports32BitFCnt": true, "RxDelay1": 5, "RxDrOffset1": 1,
        "RxDataRate2": 3, "RxFreq2": 8_695_250, "FactoryPresetFreqsList": [8_671_000, 8_673_000],
        "MaxEirp": 15, "MaxDutyCycle": 10, "SupportsClassB": false, "ClassBTimeout": 10,
        "PingSlotPeriod": 128, "PingSlotDr": 3, "PingSlotFreq": 8_695_250,
        "SupportsClassC": false, "ClassCTimeout": 5,
    });
    let id = api.profile(lorawan.clone()).await;
    let got = api.ask(&format!("GET /device-profiles/{id}"), Value::Null).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.body["LoRaWAN"], lorawan);
    assert_eq!(got.body["Name"], "p");
    let arn = got.body["Arn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:iotwireless:") && arn.ends_with(&format!("/{id}")), "{arn}");

    let list = api.ask("GET /device-profiles?deviceProfileType=LoRaWAN", Value::Null).await;
    assert_eq!(list.body["DeviceProfileList"][0]["Id"], json!(id));
    let none = api.ask("GET /device-profiles?deviceProfileType=Sidewalk", Value::Null).await;
    assert_eq!(none.body["DeviceProfileList"], json!([]));

    let gone = api.ask(&format!("DELETE /device-profiles/{id}"), Value::Null).await;
    assert_eq!((gone.status, gone.body), (StatusCode::NO_CONTENT, json!("")));
    let missing = api.ask(&format!("GET /device-profiles/{id}"), Value::Null).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.error().0, "ResourceNotFoundException");
    assert_eq!(missing.body["ResourceId"], json!(id));
    assert_eq!(missing.body["ResourceType"], "DeviceProfile");
}

#[tokio::test]
async fn a_bad_profile_is_refused_with_field_and_value() {
    let api = Api::new();
    let cases = [
        (json!({"RxDelay1": 16}), "LoRaWAN.RxDelay1: 16"),
        (json!({"RxDelay1": "1"}), "LoRaWAN.RxDelay1: \"1\""),
        (json!({"RxDelay1": 1.5}), "LoRaWAN.RxDelay1: 1.5"),
        (json!({"RxFreq2": 869_525_000}), "LoRaWAN.RxFreq2: 869525000"),
        (json!({"FactoryPresetFreqsList": [8_671_000, 1]}), "LoRaWAN.FactoryPresetFreqsList[1]: 1"),
        (json!({"SupportsJoin": "yes"}), "LoRaWAN.SupportsJoin: \"yes\""),
        (json!({"MacVersion": "2.0"}), "MacVersion: cannot read MAC version \"2.0\""),
        (json!({"MacVersion": "x".repeat(65)}), "LoRaWAN.MacVersion: it has 65 characters"),
        (json!({"RfRegion": "MARS"}), "RfRegion: cannot find region \"MARS\""),
        (json!({"RxDrOffset1": 6}), "RxDrOffset1: 6 is above 5, the greatest in EU868"),
        (json!({"RxDataRate2": 15}), "RxDataRate2: 15 is no downlink data rate of RP001-1.0.3"),
        (json!({"RxFreq2": 9_000_000}), "RxFreq2: "),
        (json!({"SubBand": 2}), "SubBand: there are no sub-bands of channels in EU868"),
        (json!({"RegParamsRevision": "Z"}), "RegParamsRevision: cannot read"),
        (json!({"DevNonce": "never"}), "LoRaWAN.DevNonce: \"never\""),
        (json!({"RxDealy1": 1}), "LoRaWAN.RxDealy1: there is no such field"),
        (json!([]), "LoRaWAN: a list is not an object"),
    ];
    for (lorawan, message) in cases {
        let answer = api.ask("POST /device-profiles", json!({ "LoRaWAN": lorawan })).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{lorawan}");
        let (name, said) = answer.error();
        assert_eq!(name, "ValidationException");
        assert!(said.starts_with(message), "{lorawan}: {said}");
    }
    let codec = api.ask("POST /device-profiles", json!({ "LoRaWAN": { "Codec": "x" } })).await;
    assert_eq!(codec.error(), ("ResourceNotFoundException", "there is no Codec x"));
}

#[tokio::test]
async fn a_service_profile_reads_back_as_it_was_given() {
    let api = Api::new();
    let lorawan = json!({
        "AddGwMetadata": true, "DrMin": 0, "DrMax": 5, "PrAllowed": false, "RaAllowed": false,
        "TxPowerIndexMin": 0, "TxPowerIndexMax": 7, "NbTransMin": 1, "NbTransMax": 3,
    });
    let body = json!({ "Name": "s", "LoRaWAN": lorawan });
    let id = api.ask("POST /service-profiles", body).await.id();
    let got = api.ask(&format!("GET /service-profiles/{id}"), Value::Null).await;
    assert_eq!(got.body["LoRaWAN"], lorawan);
    let list = api.ask("GET /service-profiles", Value::Null).await;
    assert_eq!(list.body["ServiceProfileList"][0]["Name"], "s");
    let crossed = json!({ "LoRaWAN": { "DrMin": 5, "DrMax": 3 } });
    let crossed = api.ask("POST /service-profiles", crossed).await;
    assert_eq!(crossed.error(), ("ValidationException", "DrMin 5 is above DrMax 3"));
    let gone = api.ask(&format!("DELETE /service-profiles/{id}"), Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_destination_is_a_topic() {
    let api = Api::new();
    let role = "arn:aws:iam::123456789012:role/IoTWireless";
    let body = json!({
        "Name": "farm", "ExpressionType": "MqttTopic", "Expression": "farm/{DevEUI}/up",
        "RoleArn": role, "Description": "d", "Tags": [{ "Key": "k", "Value": "v" }],
    });
    let made = api.ask("POST /destinations", body.clone()).await;
    assert_eq!((made.status, &made.body["Name"]), (StatusCode::CREATED, &json!("farm")));
    let again = api.ask("POST /destinations", body).await;
    assert_eq!((again.status, again.error().0), (StatusCode::CONFLICT, "ConflictException"));

    let change = json!({ "Expression": "farm/up", "Description": null });
    let changed = api.ask("PATCH /destinations/farm", change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    let got = api.ask("GET /destinations/farm", Value::Null).await;
    let expected = json!({
        "Arn": made.body["Arn"], "Name": "farm", "ExpressionType": "MqttTopic",
        "Expression": "farm/up", "RoleArn": role,
    });
    assert_eq!(got.body, expected);
    let list = api.ask("GET /destinations", Value::Null).await;
    assert_eq!(list.body["DestinationList"][0]["Expression"], "lorawan/{DevEUI}/up");
    assert_eq!(list.body["DestinationList"][1]["Name"], "farm");
    let gone = api.ask("DELETE /destinations/farm", Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let built_in = api.ask("DELETE /destinations/default", Value::Null).await;
    assert_eq!(built_in.error().0, "ConflictException");
}

#[tokio::test]
async fn a_destination_may_be_a_rule() {
    let api = Api::new();
    let shown = async || {
        let got = api.ask("GET /destinations/d", Value::Null).await.body;
        (got["ExpressionType"].clone(), got["Expression"].clone())
    };
    let body = json!({ "Name": "d", "ExpressionType": "RuleName", "Expression": "soil_1" });
    assert_eq!(api.ask("POST /destinations", body).await.status, StatusCode::CREATED);
    assert_eq!(shown().await, (json!("RuleName"), json!("soil_1")));
    let other = json!({ "Expression": "soil_2" });
    assert_eq!(api.ask("PATCH /destinations/d", other).await.status, StatusCode::NO_CONTENT);
    assert_eq!(shown().await, (json!("RuleName"), json!("soil_2")), "it is a rule still");
    let topic = json!({ "ExpressionType": "MqttTopic", "Expression": "a/b" });
    assert_eq!(api.ask("PATCH /destinations/d", topic).await.status, StatusCode::NO_CONTENT);
    assert_eq!(shown().await, (json!("MqttTopic"), json!("a/b")));
    let bad = api.ask("PATCH /destinations/d", json!({ "ExpressionType": "RuleName" })).await;
    assert_eq!(bad.error().0, "ValidationException", "a/b names no rule");
}

#[tokio::test]
async fn a_destination_that_could_not_work_is_refused() {
    let api = Api::new();
    let good = json!({ "Name": "n", "ExpressionType": "MqttTopic", "Expression": "a" });
    let cases = [
        (
            json!({"ExpressionType": "RuleName", "Expression": "a/b"}),
            "Expression \"a/b\": a rule's name has",
        ),
        (json!({"ExpressionType": "Topic"}), "ExpressionType: \"Topic\" is none of"),
        (json!({"ExpressionType": null}), "ExpressionType: it is missing"),
        (json!({"Expression": "a/#"}), "Expression \"a/#\": a topic to publish to"),
        (json!({"Expression": ""}), "Expression: it has 0 characters"),
        (json!({"Name": "a b"}), "Name: \"a b\" may have"),
        (json!({"Name": "x".repeat(129)}), "Name: it has 129 characters"),
        (json!({"RoleArn": "short"}), "RoleArn: it has 5 characters"),
        (json!({"Tags": [{"Key": "k"}]}), "Tags[0].Value: it is missing"),
        (json!({"ClientRequestToken": "a b"}), "ClientRequestToken: \"a b\""),
    ];
    for (change, message) in cases {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = api.ask("POST /destinations", body).await;
        let (name, said) = answer.error();
        assert_eq!((answer.status, name), (StatusCode::BAD_REQUEST, "ValidationException"));
        assert!(said.starts_with(message), "{change}: {said}");
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let api = Api::new();
    for name in 0..7 {
        api.profile(json!({ "RxDelay1": name })).await;
    }
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let line = format!("GET /device-profiles?maxResults=3{token}");
        let page = api.ask(&line, Value::Null).await;
        let list = page.body["DeviceProfileList"].as_array().unwrap().clone();
        assert!(list.len() == 3 || page.body["NextToken"].is_null());
        found.extend(list.into_iter().map(|profile| profile["Id"].to_string()));
        let Some(next) = page.body["NextToken"].as_str() else { break };
        token = format!("&nextToken={next}");
    }
    assert_eq!(found.len(), 7);
    found.dedup();
    assert_eq!(found.len(), 7);
    for query in ["maxResults=251", "maxResults=-1", "nextToken=!", "nextToken=MTp4", "foo=1"] {
        let answer = api.ask(&format!("GET /device-profiles?{query}"), Value::Null).await;
        assert_eq!(answer.error().0, "ValidationException", "{query}");
    }
}

#[tokio::test]
async fn a_token_makes_a_request_repeatable() {
    let api = Api::new();
    let body = json!({ "Name": "x", "ClientRequestToken": "t-1" });
    let first = api.ask("POST /device-profiles", body.clone()).await.id();
    assert_eq!(api.ask("POST /device-profiles", body).await.id(), first);
    let other = json!({ "Name": "y", "ClientRequestToken": "t-1" });
    let other = api.ask("POST /device-profiles", other).await;
    assert_eq!(other.error().0, "ConflictException");
    assert_eq!(other.body["ResourceId"], json!(first));
}

#[tokio::test]
async fn tags_are_kept_and_one_names_the_codec() {
    let api = Api::new();
    let tags = json!([{ "Key": "lns:codec", "Value": "cayenne-lpp" }, { "Key": "a", "Value": "" }]);
    let made = api.ask("POST /device-profiles", json!({ "Tags": tags })).await;
    let (id, arn) = (made.id(), made.body["Arn"].as_str().unwrap().to_owned());
    let codec = async || {
        api.ask(&format!("GET /v1/device-profiles/{id}"), Value::Null).await.body["codec"].clone()
    };
    assert_eq!(codec().await, "cayenne-lpp");
    let line = format!("GET /tags?resourceArn={arn}");
    let listed = api.ask(&line, Value::Null).await.body["Tags"].clone();
    let expected =
        json!([{ "Key": "a", "Value": "" }, { "Key": "lns:codec", "Value": "cayenne-lpp" }]);
    assert_eq!(listed, expected);

    let line = format!("DELETE /tags?resourceArn={arn}&tagKeys=lns:codec&tagKeys=b");
    assert_eq!(api.ask(&line, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(codec().await, Value::Null);
    let line = format!("POST /tags?resourceArn={arn}");
    let set = |value: &str| json!({ "Tags": [{ "Key": "lns:codec", "Value": value }] });
    let unknown = api.ask(&line, set("nobody")).await;
    assert_eq!(unknown.error().0, "ResourceNotFoundException");
    assert_eq!(api.ask(&line, set("cayenne-lpp")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(codec().await, "cayenne-lpp");

    let nothing = api.ask(&line, json!({})).await;
    assert_eq!(nothing.error(), ("ValidationException", "Tags: it is missing"));
    let many: Vec<Value> = (0..200).map(|n| json!({ "Key": n.to_string(), "Value": "" })).collect();
    let many = api.ask(&line, json!({ "Tags": many })).await;
    assert_eq!((many.status, many.error().0), (StatusCode::BAD_REQUEST, "TooManyTagsException"));
    let wrong = api.ask("GET /tags?resourceArn=arn:aws:s3:::x", Value::Null).await;
    assert_eq!(wrong.error().0, "ValidationException");
}
