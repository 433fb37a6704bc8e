//! A device and the shadow of its thing: what it reports, what is wanted of it, and that the two meet.

use std::sync::Arc;

use lorawan_device::nb_device::Response;
use serde_json::{Value, json};
use system_tests::harness::{Gateway, Http, Live, Node, eventually};

use crate::{APP_KEY, DEV_EUI, GATEWAY, US915};

const LAMP: &str = "/things/lamp/shadow";
const LINK: &str = "/things/lamp/shadow?name=lorawan";

/// Port 2 says how bright it is and how much it has used; port 10 sets how bright it is to be.
const CODEC: &str = "
function decodeUplink(input) {
    return { data: { level: input.bytes[0], used: input.bytes[1] } };
}
function encodeDownlink(input) {
    return { bytes: [input.data.level], fPort: 10 };
}";

/// A server with a lamp that has joined and stands for a thing.
fn lamp(mode: Option<&str>) -> (Live, Node, Arc<Gateway>) {
    let live = Live::start(US915.region);
    let (provision, http) = (live.provision(), live.http());
    provision.codec("lamp", CODEC);
    let make = json!({ "MacVersion": "1.0.3", "RegParamsRevision": "A", "RxDelay1": 1,
        "SupportsJoin": true, "Codec": "lamp" });
    let profile = provision.profile(&make);
    if let Some(mode) = mode {
        let body = json!({ "shadow": mode }).to_string();
        http.request("PATCH", &format!("/v1/device-profiles/{profile}"), &body);
    }
    let device = provision.otaa(&profile, DEV_EUI, Node::JOIN_EUI, APP_KEY);
    let thing = http.request("POST", "/things/lamp", "{}").json();
    let arn = json!({ "ThingArn": thing["thingArn"] }).to_string();
    http.request("PUT", &format!("/wireless-devices/{device}/thing"), &arn);
    let gateway = live.gateway(GATEWAY, US915.tmst);
    let gateways = [Arc::clone(&gateway)];
    let mut node = Node::new(US915.configuration(), &gateways, DEV_EUI, APP_KEY);
    node.set_data_rate(US915.join_dr);
    let outcome = node.join();
    assert!(matches!(outcome.response, Response::JoinSuccess), "{outcome:?}");
    node.set_data_rate(US915.data_dr);
    (live, node, gateway)
}

/// The state in a shadow; null when there is none.
fn state(http: Http, path: &str) -> Value {
    let answer = http.try_request("GET", path, "").expect("the server answers");
    answer.json()["state"].clone()
}

fn desire(http: Http, level: Value) {
    let body = json!({ "state": { "desired": { "level": level } } }).to_string();
    http.request("POST", LAMP, &body);
}

fn downlink(http: Http) -> Value {
    state(http, LINK)["reported"]["downlink"].clone()
}

/// Waits until the desk has come so far.
fn until(http: Http, status: &str) {
    eventually(&format!("the downlink to be {status}"), || downlink(http)["status"] == status);
}

#[test]
fn what_a_device_reports_and_what_is_wanted_of_it_meet_in_its_shadow() {
    let (live, mut node, _gateway) = lamp(None);
    let http = live.http();
    node.send(2, &[1, 40], false);
    let reported = json!({ "level": 1, "used": 40 });
    eventually("the report", || state(http, LAMP)["reported"] == reported);
    eventually("the link", || state(http, LINK)["reported"]["f_cnt_up"] == 0);
    let link = state(http, LINK)["reported"].clone();
    assert_eq!((&link["gateway"], &link["f_port"]), (&json!("0016c001ff10d446"), &json!(2)));
    assert!(
        link["rssi"].is_f64() && link["snr"].is_f64() && link["last_seen"].is_string(),
        "{link}"
    );

    // One wish takes the place of another that was not sent; one that is true needs none.
    desire(http, json!(9));
    until(http, "queued");
    desire(http, json!(1));
    until(http, "settled");
    desire(http, json!(5));
    until(http, "queued");
    let outcome = node.send(2, &[1, 41], false);
    assert!(matches!(outcome.response, Response::DownlinkReceived(_)), "{outcome:?}");
    assert_eq!(node.take_downlink(), Some((10, vec![5])));
    until(http, "sent");
    assert_eq!(state(http, LAMP)["delta"], json!({ "level": 5 }));

    // The device does as it is told, and says so.
    node.send(2, &[5, 42], false);
    until(http, "settled");
    assert!(state(http, LAMP).get("delta").is_none());

    // It departs from the wish by itself: that is no new wish, and nothing is sent.
    for used in 43..46 {
        let outcome = node.send(2, &[7, used], false);
        assert!(matches!(outcome.response, Response::RxComplete), "{outcome:?}");
        assert_eq!(node.take_downlink(), None);
    }
    eventually("the last report", || state(http, LAMP)["reported"]["used"] == 45);
    assert_eq!(state(http, LAMP)["delta"], json!({ "level": 5 }));
    let queued = http.metric("lns_shadow_downlinks_total{what=\"queued\"}");
    assert_eq!(queued as u64, 2, "{}", downlink(http));
}

#[test]
fn a_wish_outlives_a_restart_and_is_sent_once() {
    let (mut live, mut node, gateway) = lamp(None);
    let http = live.http();
    desire(http, json!(5));
    until(http, "queued");
    live.restart();
    gateway.connect();
    until(http, "queued");
    let outcome = node.send(2, &[1, 40], false);
    assert!(matches!(outcome.response, Response::DownlinkReceived(_)), "{outcome:?}");
    assert_eq!(node.take_downlink(), Some((10, vec![5])));
    let outcome = node.send(2, &[5, 41], false);
    assert_eq!(node.take_downlink(), None, "{outcome:?}");
    until(http, "settled");
}

#[test]
fn a_profile_that_is_off_leaves_the_shadow_alone() {
    let (live, mut node, _gateway) = lamp(Some("off"));
    let http = live.http();
    desire(http, json!(5));
    let outcome = node.send(2, &[1, 40], false);
    assert!(matches!(outcome.response, Response::RxComplete), "{outcome:?}");
    eventually("the event", || http.metric("lns_published_total{sink=\"mqtt\"}") >= 2.0);
    assert_eq!(state(http, LAMP), json!({ "desired": { "level": 5 }, "delta": { "level": 5 } }));
    assert_eq!(state(http, LINK), Value::Null);
}
