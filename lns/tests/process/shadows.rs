//! Shadows over MQTT, and through SIGKILL: no acknowledged update is lost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use system_tests::harness::{Http, Place, eventually};

/// How often the server is killed.
const LIVES: u64 = 4;

const PATIENCE: Duration = Duration::from_secs(20);

/// A client that is subscribed to all that is said of the thing's shadows.
struct App {
    client: Client,
    connection: Connection,
}

impl App {
    fn connect(place: Place, thing: &str) -> Self {
        let address = place.mqtt();
        let mut options = MqttOptions::new("app", address.ip().to_string(), address.port());
        options.set_clean_session(true);
        let (client, connection) = Client::new(options, 100);
        let mut app = App { client, connection };
        let topic = format!("$aws/things/{thing}/shadow/#");
        app.client.subscribe(topic, QoS::AtLeastOnce).expect("a client");
        app.until("a subscription", |packet| matches!(packet, Packet::SubAck(_)).then_some(()));
        app
    }

    fn publish(&self, topic: &str, body: &Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.client.try_publish(topic, QoS::AtLeastOnce, false, body).expect("a client");
    }

    fn until<T>(&mut self, what: &str, wanted: impl Fn(&Packet) -> Option<T>) -> T {
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            let Ok(Ok(event)) = self.connection.recv_timeout(PATIENCE) else { continue };
            if let Event::Incoming(packet) = event
                && let Some(found) = wanted(&packet)
            {
                return found;
            }
        }
        panic!("not in time: {what}");
    }

    /// The next message on this topic.
    fn hear(&mut self, topic: &str) -> Value {
        self.until(topic, |packet| match packet {
            Packet::Publish(message) if message.topic == topic => {
                Some(serde_json::from_slice(&message.payload).expect("JSON"))
            }
            _ => None,
        })
    }
}

#[test]
fn all_topics_of_a_shadow_speak_over_mqtt() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let _server = super::start(place, folder.path(), &[]);
    all_topics_speak(place);
}

/// Asks for everything that a shadow can be asked for, by the broker that is there.
pub fn all_topics_speak(place: Place) {
    let mut app = App::connect(place, "lamp");
    for prefix in ["$aws/things/lamp/shadow", "$aws/things/lamp/shadow/name/dim"] {
        let topic = |end: &str| format!("{prefix}/{end}");
        app.publish(&topic("get"), &json!({ "clientToken": "1" }));
        let missing = app.hear(&topic("get/rejected"));
        assert_eq!((&missing["code"], &missing["clientToken"]), (&json!(404), &json!("1")));
        let state = json!({ "desired": { "on": true }, "reported": { "on": false } });
        app.publish(&topic("update"), &json!({ "state": state, "clientToken": "2" }));
        assert_eq!(app.hear(&topic("update/accepted"))["state"], state);
        assert_eq!(app.hear(&topic("update/delta"))["state"], json!({ "on": true }));
        assert_eq!(app.hear(&topic("update/documents"))["current"]["state"], state);
        app.publish(&topic("update"), &json!({ "state": {}, "version": 7 }));
        assert_eq!(app.hear(&topic("update/rejected"))["message"], "Version conflict");
        app.publish(&topic("get"), &Value::Null);
        assert_eq!(app.hear(&topic("get/accepted"))["state"]["delta"], json!({ "on": true }));
        app.publish(&topic("delete"), &Value::Null);
        assert_eq!(app.hear(&topic("delete/accepted"))["version"], 1);
        app.publish(&topic("delete"), &Value::Null);
        assert_eq!(app.hear(&topic("delete/rejected"))["code"], 404);
    }
    // What is changed over HTTP is told to those who listen.
    let body = r#"{"state":{"desired":{"on":true}}}"#;
    Http(place.http()).request("POST", "/things/lamp/shadow", body);
    assert_eq!(app.hear("$aws/things/lamp/shadow/update/delta")["version"], 2);
}

#[test]
fn no_acknowledged_update_is_lost_when_the_server_is_killed() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let mut accepted: BTreeMap<String, u64> = BTreeMap::new();
    for life in 0..LIVES {
        let server = super::start(place, folder.path(), &[]);
        let http = Http(place.http());
        for (name, count) in &accepted {
            let document = http.request("GET", &format!("/things/{name}/shadow"), "").json();
            let kept = document["state"]["reported"]["count"].as_u64().expect("it was accepted");
            // One that was under way may have been written and not answered.
            assert!(kept == *count || kept == count + 1, "{name}: {kept} after {count}");
            assert_eq!(document["version"].as_u64(), Some(kept));
            is_of_one_update(&document, kept);
        }
        for (name, count) in &mut accepted {
            let document = http.request("GET", &format!("/things/{name}/shadow"), "").json();
            *count = document["version"].as_u64().expect("a version");
        }
        // The server dies in the middle of the others' updates.
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let name = format!("thing-{writer}");
                    let begun = accepted.get(&name).copied().unwrap_or(0);
                    scope.spawn(move || (name.clone(), write(http, &name, begun)))
                })
                .collect();
            eventually("updates", || {
                http.metric("lns_shadow_requests_total{code=\"200\",verb=\"update\"}")
                    >= 40.0 + life as f64
            });
            server.kill();
            accepted.extend(writers.into_iter().map(|it| it.join().expect("a writer")));
        });
        assert!(accepted.values().all(|count| *count > 0), "{accepted:?}");
    }
}

/// Everything of a document is of one update.
fn is_of_one_update(document: &Value, count: u64) {
    assert_eq!(document["state"]["reported"]["twice"].as_u64(), Some(2 * count), "{document}");
}

/// Updates until nobody answers; the last count that was accepted.
fn write(http: Http, name: &str, begun: u64) -> u64 {
    let path = format!("/things/{name}/shadow");
    let mut count = begun;
    loop {
        let next = count + 1;
        let reported = json!({ "count": next, "twice": 2 * next });
        let body = json!({ "state": { "reported": reported } }).to_string();
        match http.try_request("POST", &path, &body) {
            Some(answer) if answer.status == 200 => count = next,
            Some(answer) => panic!("{} {}", answer.status, answer.body),
            None => return count,
        }
    }
}
