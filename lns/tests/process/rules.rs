//! Topic rules in the program: what they meet, what their actions do, and SIGKILL in between.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use system_tests::harness::{Application, Gateway, Http, Place, eventually};

use crate::fleet::{Fleet, dev_eui};

const PATIENCE: Duration = Duration::from_secs(20);

pub fn make_rule(http: Http, name: &str, rule: &Value) {
    let path = format!("/rules/{name}");
    http.request_for("iot", ("POST", &path, &rule.to_string()));
}

/// The lines of a file that a rule writes.
pub fn lines(folder: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("data/files").join(name)).unwrap_or_default();
    // The last line may be under way.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn an_uplink_meets_a_rule_and_each_action_does_its_part() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let _server = super::start(place, folder.path(), &[]);
    let http = Http(place.http());
    Fleet::register(http);
    let rule = json!({
        "sql": "SELECT topic(2) AS eui, PayloadData AS bytes FROM 'lorawan/+/up'",
        "actions": [
            { "republish": { "roleArn": "arn:aws:iam::1:role/any", "topic": "out/${topic(2)}", "qos": 1 } },
            { "setShadow": { "thingName": "${topic(2)}" } },
            { "file": { "path": "seen.jsonl" } },
            { "sendDownlink": { "wirelessDeviceId": "${topic(2)}", "fPort": "20", "payloadData": "AQI=" } },
        ],
    });
    make_rule(http, "seen", &rule);
    let application = Application::connect(place.mqtt(), "application");
    application.subscribe("out/#");
    application.subscribed(2);

    let mut fleet = Fleet::new(Gateway::start(0x0016_c001_ff10_d446, place.udp(), 5_000_000));
    fleet.gateway.connect();
    fleet.report(1);
    let eui = format!("{:016x}", dev_eui(1));
    let selected = json!({ "eui": eui, "bytes": "MTow" });
    let told = application.wait("the republished message", |it| it.topic.starts_with("out/"));
    assert_eq!((told.topic.as_str(), &told.body), (format!("out/{eui}").as_str(), &selected));
    application.wait("the queued downlink", |message| {
        message.is(dev_eui(1), "ack") && message.text("Status") == "queued"
    });
    eventually("the file", || lines(folder.path(), "seen.jsonl") == [selected.clone()]);
    let shadow = format!("/things/{eui}/shadow");
    eventually("the shadow", || {
        let answer = http.try_request("GET", &shadow, "");
        answer.is_some_and(|answer| answer.json()["state"]["reported"] == selected)
    });
}

/// A destination of kind RuleName: the rule's FROM is not asked.
#[test]
fn a_devices_messages_go_straight_to_the_rule_that_its_destination_names() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let _server = super::start(place, folder.path(), &[]);
    let http = Http(place.http());
    Fleet::register(http);
    let rule = json!({
        "sql": "SELECT PayloadData AS bytes FROM 'some/other/topic'",
        "actions": [{ "file": { "path": "straight.jsonl" } }],
    });
    make_rule(http, "straight", &rule);
    let destination = json!({
        "Name": "to-rule", "ExpressionType": "RuleName", "Expression": "straight",
        "RoleArn": "arn:aws:iam::1:role/any",
    });
    http.request("POST", "/destinations", &destination.to_string());
    let path = format!("/wireless-devices/{:016x}?identifierType=DevEui", dev_eui(2));
    let id = http.request("GET", &path, "").json()["Id"].as_str().expect("an id").to_owned();
    let change = r#"{"DestinationName":"to-rule"}"#;
    http.request("PATCH", &format!("/wireless-devices/{id}"), change);

    let mut fleet = Fleet::new(Gateway::start(0x0016_c001_ff10_d446, place.udp(), 5_000_000));
    fleet.gateway.connect();
    fleet.report(2);
    eventually("the file", || {
        lines(folder.path(), "straight.jsonl") == [json!({ "bytes": "Mjow" })]
    });
}

#[test]
fn a_rule_is_in_force_when_the_request_for_it_is_answered() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let _server = super::start(place, folder.path(), &[]);
    let http = Http(place.http());
    let application = Application::connect(place.mqtt(), "application");
    let rule = |number: usize| {
        json!({
            "sql": format!("SELECT n, {number} AS rule FROM 'in/{number}'"),
            "actions": [{ "file": { "path": "heard.jsonl" } }],
        })
    };
    let publish = |number: usize, n: u8| {
        application.publish(&format!("in/{number}"), &json!({ "n": n }));
    };
    for number in 0..30 {
        make_rule(http, &format!("r{number}"), &rule(number));
        publish(number, 1);
    }
    let heard = |wanted: usize| {
        eventually("all are in the file", || lines(folder.path(), "heard.jsonl").len() >= wanted);
        assert_eq!(lines(folder.path(), "heard.jsonl").len(), wanted);
    };
    heard(30);
    http.request_for("iot", ("POST", "/rules/r0/disable", ""));
    publish(0, 2);
    http.request_for("iot", ("POST", "/rules/r0/enable", ""));
    publish(0, 3);
    http.request_for("iot", ("PATCH", "/rules/r1", &rule(2000).to_string()));
    publish(2000, 4);
    publish(1, 5);
    http.request_for("iot", ("DELETE", "/rules/r2", ""));
    publish(2, 6);
    publish(3, 7);
    heard(33);
    let late: Vec<Value> = lines(folder.path(), "heard.jsonl").split_off(30);
    let numbers: BTreeSet<u64> = late.iter().filter_map(|line| line["n"].as_u64()).collect();
    assert_eq!(numbers, BTreeSet::from([3, 4, 7]), "what is off, replaced or gone hears nothing");
}

#[test]
fn what_was_acknowledged_reaches_the_action_although_the_server_is_killed() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let mut server = super::start(place, folder.path(), &[]);
    let rule = json!({
        "sql": "SELECT n FROM 'in/+' WHERE n >= 0",
        "actions": [{ "file": { "path": "kept.jsonl" } }],
    });
    make_rule(Http(place.http()), "kept", &rule);
    let acknowledged = AtomicU64::new(0);
    for life in 1..=3 {
        std::thread::scope(|scope| {
            scope.spawn(|| publish_until_cut_off(place, &acknowledged));
            eventually("acknowledgements", || acknowledged.load(Ordering::Relaxed) >= life * 40);
            server.kill();
        });
        server = super::start(place, folder.path(), &[]);
    }
    let all: BTreeSet<u64> = (0..acknowledged.load(Ordering::Relaxed)).collect();
    let missing = || -> Vec<u64> {
        let written = lines(folder.path(), "kept.jsonl");
        let written: BTreeSet<u64> = written.iter().filter_map(|line| line["n"].as_u64()).collect();
        all.difference(&written).copied().collect()
    };
    let give_up = Instant::now() + PATIENCE;
    while !missing().is_empty() && Instant::now() < give_up {
        std::thread::yield_now();
    }
    assert_eq!(missing(), Vec::<u64>::new(), "acknowledged and not in the file");
}

/// One message after the other, each when the one before is acknowledged.
fn publish_until_cut_off(place: Place, acknowledged: &AtomicU64) {
    let address = place.mqtt();
    let options = MqttOptions::new("sensor", address.ip().to_string(), address.port());
    let (client, mut connection) = Client::new(options, 10);
    let publish = || {
        let body = json!({ "n": acknowledged.load(Ordering::Relaxed) }).to_string();
        client.try_publish("in/x", QoS::AtLeastOnce, false, body).expect("there is room for one");
    };
    publish();
    loop {
        match connection.recv_timeout(PATIENCE) {
            Ok(Ok(Event::Incoming(Packet::PubAck(_)))) => {
                acknowledged.fetch_add(1, Ordering::Relaxed);
                publish();
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}
