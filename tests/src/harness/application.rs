//! An application: an MQTT client with QoS 1 and a persistent session.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

use super::{LONG, eui_text};

/// How long after a failed connection the next is tried.
const RETRY: Duration = Duration::from_millis(20);

/// A message that the server published.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its body; null when it is not JSON.
    pub body: Value,
}

impl Message {
    /// Whether it is the device's, of this kind (`up`, `ack`, …).
    pub fn is(&self, dev_eui: u64, kind: &str) -> bool {
        self.topic == format!("lorawan/{}/{kind}", eui_text(dev_eui))
    }

    /// FCnt of an uplink.
    pub fn f_cnt(&self) -> Option<u64> {
        self.body["WirelessMetadata"]["LoRaWAN"]["FCnt"].as_u64()
    }

    /// The payload of an uplink.
    pub fn payload(&self) -> Vec<u8> {
        use base64::Engine as _;
        let text = self.body["PayloadData"].as_str().unwrap_or_default();
        base64::engine::general_purpose::STANDARD.decode(text).expect("PayloadData is base64")
    }

    /// A field that is text; empty when it is not.
    pub fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    messages: Vec<Message>,
    subscriptions: u64,
    acknowledged: u64,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A connected application. It reconnects for as long as it lives.
pub struct Application {
    client: Client,
    shared: Arc<Shared>,
}

impl Application {
    /// Connects, and returns when it is subscribed to everything of LoRaWAN.
    pub fn connect(broker: SocketAddr, name: &str) -> Self {
        let mut options = MqttOptions::new(name, broker.ip().to_string(), broker.port());
        options.set_clean_session(false);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, connection) = Client::new(options, 1000);
        let shared = Arc::new(Shared::default());
        let application = Self { client: client.clone(), shared: Arc::clone(&shared) };
        thread::spawn(move || run(connection, &client, &shared));
        application.subscribed(1);
        application
    }

    /// Waits until it has subscribed so many times since it was made: once for every connection.
    pub fn subscribed(&self, times: u64) {
        self.until("a subscription", |state| (state.subscriptions >= times).then_some(()));
    }

    /// How many times it has subscribed so far.
    pub fn subscriptions(&self) -> u64 {
        self.lock().subscriptions
    }

    /// Subscribes to this as well; to be asked for again after a reconnection to a new session.
    pub fn subscribe(&self, filter: &str) {
        let before = self.subscriptions();
        self.client.subscribe(filter, QoS::AtLeastOnce).expect("a client");
        self.subscribed(before + 1);
    }

    /// Publishes with QoS 1, and returns when it is acknowledged.
    pub fn publish(&self, topic: &str, body: &Value) {
        let before = self.lock().acknowledged;
        self.client.publish(topic, QoS::AtLeastOnce, false, body.to_string()).expect("a client");
        self.until("PUBACK", |state| (state.acknowledged > before).then_some(()));
    }

    /// Publishes with QoS 1 without waiting; dropped when too much waits already.
    pub fn try_publish(&self, topic: &str, body: &Value) {
        let _ = self.client.try_publish(topic, QoS::AtLeastOnce, false, body.to_string());
    }

    /// Queues a downlink, and returns its MessageId when it is durable.
    pub fn queue(&self, dev_eui: u64, request: &Value) -> String {
        self.publish(&format!("lorawan/{}/down", eui_text(dev_eui)), request);
        let mark = request["CorrelationId"].as_str().expect("a CorrelationId").to_owned();
        let queued = self.wait(&format!("{mark} to be queued"), |message| {
            let kinds = message.is(dev_eui, "ack") || message.is(dev_eui, "error");
            kinds && message.text("CorrelationId") == mark
        });
        assert_eq!(queued.text("Status"), "queued", "{}", queued.body);
        queued.text("MessageId").to_owned()
    }

    /// The first message that is wanted, which may have come before.
    ///
    /// # Panics
    /// When there is none in time; says what came.
    pub fn wait(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        self.until(what, |state| state.messages.iter().find(|message| wanted(message)).cloned())
    }

    /// The device's uplink with this FCnt.
    pub fn uplink(&self, dev_eui: u64, f_cnt: u64) -> Message {
        let wanted =
            |message: &Message| message.is(dev_eui, "up") && message.f_cnt() == Some(f_cnt);
        self.wait(&format!("uplink {f_cnt} of {dev_eui:x}"), wanted)
    }

    /// Everything that has come so far and is wanted.
    pub fn all(&self, wanted: impl Fn(&Message) -> bool) -> Vec<Message> {
        self.lock().messages.iter().filter(|message| wanted(message)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("nobody panics while holding it")
    }

    fn until<T>(&self, what: &str, mut found: impl FnMut(&State) -> Option<T>) -> T {
        let deadline = Instant::now() + LONG;
        let mut state = self.lock();
        loop {
            if let Some(found) = found(&state) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let lines: Vec<String> = state.messages.iter().rev().take(12).map(line).collect();
                drop(state);
                panic!("waited {LONG:?} for {what}; the last messages were\n{}", lines.join("\n"));
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.expect("nobody panics while holding it").0;
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.client.try_disconnect();
    }
}

fn line(message: &Message) -> String {
    format!("  {} {}", message.topic, message.body)
}

fn run(mut connection: rumqttc::Connection, client: &Client, shared: &Shared) {
    for event in connection.iter() {
        let Ok(event) = event else {
            thread::sleep(RETRY);
            continue;
        };
        if let Event::Outgoing(rumqttc::Outgoing::Disconnect) = event {
            return;
        }
        let Event::Incoming(packet) = event else { continue };
        let mut state = shared.state.lock().expect("nobody panics while holding it");
        match packet {
            Packet::ConnAck(_) => {
                client.try_subscribe("lorawan/#", QoS::AtLeastOnce).expect("room to subscribe");
            }
            Packet::SubAck(_) => state.subscriptions += 1,
            Packet::PubAck(_) => state.acknowledged += 1,
            Packet::Publish(publish) => {
                let body = serde_json::from_slice(&publish.payload).unwrap_or(Value::Null);
                state.messages.push(Message { topic: publish.topic, body });
            }
            _ => {}
        }
        drop(state);
        shared.changed.notify_all();
    }
}
