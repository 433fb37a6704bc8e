//! Events that somebody has opted into, from a device's first frame to a thing's last day.

use serde_json::json;
use system_tests::harness::{Http, Message, eui_text};

use crate::{DEV_EUI, EU868, GATEWAY, Walk};

/// A walk whose application hears AWS's topics, too.
fn walk() -> Walk {
    let walk = Walk::start(EU868);
    walk.application.subscribe("$aws/#");
    walk
}

fn switch(http: &Http, body: &serde_json::Value) {
    http.request("PATCH", "/v1/event-configurations", &body.to_string());
}

#[test]
fn a_join_is_told_as_aws_tells_it() {
    let mut walk = walk();
    switch(&walk.live.http(), &json!({ "join": true }));
    let own = json!({ "Join": { "LoRaWAN": { "DevEuiEventTopic": "Enabled" } } });
    let path = format!("/event-configurations/{}?identifierType=DevEui", eui_text(DEV_EUI));
    walk.live.http().request("PATCH", &path, &own.to_string());
    walk.join();
    let base = |word: &str| format!("$aws/iotwireless/events/join/{word}/lorawan/wireless_devices");
    let on = |topic: String| move |message: &Message| message.topic == topic;
    let asked = walk.application.wait("the request", on(base("join_req_received")));
    assert_eq!(asked.body["LoRaWAN"]["DevEui"], eui_text(DEV_EUI));
    let accepted = walk.application.wait("the accept", on(base("join_accepted")));
    assert_eq!(accepted.body["LoRaWAN"]["DevAddr"], walk.node.dev_addr());
    let by_eui = format!("{}/dev_eui/{}", base("join_accepted"), eui_text(DEV_EUI));
    let own = walk.application.wait("the accept on its own topic", on(by_eui));
    assert_eq!(own.body, accepted.body);
    let ours = walk.application.wait("the join", |message| message.is(DEV_EUI, "join"));
    assert_eq!(ours.text("EventId"), accepted.text("eventId"));
    walk.end();
}

#[test]
fn a_registered_gateway_that_connects_is_told_as_aws_tells_it() {
    let walk = walk();
    let http = walk.live.http();
    switch(&http, &json!({ "connection_status": true }));
    let body = json!({ "LoRaWAN": { "GatewayEui": eui_text(GATEWAY + 1) } });
    http.request("POST", "/wireless-gateways", &body.to_string());
    let _gateway = walk.live.gateway(GATEWAY + 1, 1_000_000);
    let topic = "$aws/iotwireless/events/connection_status/connected/lorawan/wireless_gateways";
    let told = walk.application.wait("the connection", |message| message.topic == topic);
    assert_eq!(told.body["LoRaWAN"]["GatewayEui"], eui_text(GATEWAY + 1));
    walk.end();
}

#[test]
fn a_device_that_should_have_been_heard_is_told_until_it_is() {
    let mut walk = walk();
    let http = walk.live.http();
    let profiles = http.request("GET", "/v1/device-profiles", "").json();
    let profile = profiles["device_profiles"][0]["id"].as_str().expect("an id").to_owned();
    let often = json!({ "uplink_interval_s": 1, "silent_after_intervals": 1 });
    http.request("PATCH", &format!("/v1/device-profiles/{profile}"), &often.to_string());
    switch(&http, &json!({ "device_silence": true }));
    let silent = walk.application.wait("silence", |message| message.is(DEV_EUI, "silent"));
    assert_eq!(silent.body["IntervalSeconds"], 1);
    walk.join();
    walk.node.report(2, b"\x00\x01");
    let heard = walk.application.wait("its end", |message| message.is(DEV_EUI, "heard"));
    assert_eq!(heard.text("SilentSince"), silent.text("SilentSince"));
    walk.end();
}

#[test]
fn what_becomes_of_a_thing_is_told_as_aws_tells_it() {
    let walk = walk();
    let http = walk.live.http();
    http.request("POST", "/things/quiet", "{}");
    // Unsigned, this path is of iotwireless: so the switch is thrown by one who is signed for iot.
    let on = json!({ "eventConfigurations": { "THING": { "Enabled": true } } }).to_string();
    http.request_for("iot", ("PATCH", "/event-configurations", &on));
    http.request("POST", "/things/lamp", "{}");
    http.request("DELETE", "/things/lamp", "");
    for (word, version) in [("created", 1), ("deleted", 1)] {
        let topic = format!("$aws/events/thing/lamp/{word}");
        let told = walk.application.wait(word, |message| message.topic == topic);
        assert_eq!(told.body["operation"], word.to_uppercase());
        assert_eq!(told.body["versionNumber"], version);
    }
    let quiet = walk.application.all(|message| message.topic.contains("/quiet/"));
    assert!(quiet.is_empty(), "{quiet:?}");
    walk.end();
}
