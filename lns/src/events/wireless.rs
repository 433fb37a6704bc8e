//! Joins and connections: `$aws/iotwireless/events/…`, as AWS words them.
//!
//! What is opted into for all devices is published on a topic for all; what is opted into for one, on
//! one with its EUI or its id.

use lns_core::{AppEvent, EventKind, Note};
use lns_lorawan::{DevAddr, GatewayEui, JoinEui, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Events, WIRELESS, message};
use crate::broker::Message;
use crate::message::Seen;
use crate::registry::{Kind, WirelessDevice};
use crate::sink::render::EventId;

/// The switches for all devices and for all gateways.
const JOIN: &str = "Join";
const CONNECTION: &str = "ConnectionStatus";

/// What of a join is told.
struct Join {
    event_id: String,
    event_type: &'static str,
    at: Timestamp,
    dev_addr: DevAddr,
    join_eui: Option<JoinEui>,
}

/// Who it happened to: its kind, id and EUI, and what AWS calls these in topics.
struct Subject<'a> {
    kind: Kind,
    id: String,
    eui: String,
    words: [&'a str; 3],
}

impl Subject<'_> {
    /// The topics on which an event of this path is wanted.
    fn topics(&self, events: &Events, (switch, path): (&str, &str)) -> Vec<String> {
        let [all, by_eui, by_id] = self.words;
        let base = format!("$aws/iotwireless/events/{path}/lorawan/{all}");
        let own = format!("{}/{}", self.kind, self.id);
        let mut topics = Vec::new();
        if events.is_on(WIRELESS, switch) {
            topics.push(base.clone());
        }
        if events.is_on(&own, &format!("{switch}/Eui")) {
            topics.push(format!("{base}/{by_eui}/{}", self.eui));
        }
        if events.is_on(&own, &format!("{switch}/Id")) {
            topics.push(format!("{base}/{by_id}/{}", self.id));
        }
        topics
    }
}

impl Events {
    /// Looks at what a partition has seen: requests to join, and the rhythm of devices.
    pub fn see(&self, seen: &Seen) {
        if let Note::Uplink { freshness, .. } = &seen.note {
            return self.heard(seen, *freshness);
        }
        let Some((event_type, dev_addr)) = request(&seen.note) else { return };
        let Some(device) = seen.dev_eui.and_then(|dev_eui| self.registry.device(dev_eui)) else {
            return;
        };
        let event_id = Uuid::new_v4().to_string();
        let join_eui = device.activation.join_eui();
        let join = Join { event_id, event_type, at: seen.at, dev_addr, join_eui };
        self.join(&device, &join).into_iter().for_each(|message| self.publish(message));
    }

    /// The messages that ride on a durable event: they go where it goes, as safely.
    pub fn companions(&self, device: &WirelessDevice, event: &AppEvent) -> Vec<Message> {
        let EventKind::Joined { join_eui, dev_addr, .. } = &event.kind else { return Vec::new() };
        let join = Join {
            event_id: EventId::new(device.dev_eui, event.number).to_string(),
            event_type: "join_accepted",
            at: event.at,
            dev_addr: *dev_addr,
            join_eui: Some(*join_eui),
        };
        self.join(device, &join)
    }

    fn join(&self, device: &WirelessDevice, join: &Join) -> Vec<Message> {
        let subject = Subject {
            kind: Kind::WirelessDevice,
            id: device.id.to_string(),
            eui: device.dev_eui.to_string(),
            words: ["wireless_devices", "dev_eui", "wireless_device_id"],
        };
        let topics = subject.topics(self, (JOIN, &format!("join/{}", join.event_type)));
        if topics.is_empty() {
            return Vec::new();
        }
        let mut lorawan = Map::new();
        lorawan.insert("DevEui".to_owned(), json!(device.dev_eui));
        lorawan.insert("DevAddr".to_owned(), json!(join.dev_addr));
        if let Some(join_eui) = join.join_eui {
            // One thing under both of its names, since either may be looked for.
            lorawan.insert("JoinEui".to_owned(), json!(join_eui));
            lorawan.insert("AppEui".to_owned(), json!(join_eui));
        }
        let body = document(join, ("WirelessDeviceId", subject.id), lorawan);
        topics.into_iter().map(|topic| message(topic, body.clone())).collect()
    }

    /// A gateway is there, or gone.
    pub fn gateway(&self, gateway_eui: GatewayEui, connected: bool) {
        let Some(gateway) = self.registry.gateway(gateway_eui) else { return };
        let event_type = if connected { "connected" } else { "disconnected" };
        let subject = Subject {
            kind: Kind::WirelessGateway,
            id: gateway.id.to_string(),
            eui: gateway_eui.to_string(),
            words: ["wireless_gateways", "gateway_eui", "wireless_gateway_id"],
        };
        let path = format!("connection_status/{event_type}");
        for topic in subject.topics(self, (CONNECTION, &path)) {
            let mut body = Map::new();
            body.insert("eventId".to_owned(), Uuid::new_v4().to_string().into());
            body.insert("eventType".to_owned(), event_type.into());
            body.insert("WirelessGatewayId".to_owned(), json!(subject.id));
            body.insert("timestamp".to_owned(), self.clock.now().millis().into());
            body.insert("LoRaWAN".to_owned(), json!({ "GatewayEui": gateway_eui }));
            self.publish(message(topic, body));
        }
    }
}

/// Which request to join was seen, and the address that is to be given. AWS has no name for a
/// Rejoin-Request of type 1.
fn request(note: &Note) -> Option<(&'static str, DevAddr)> {
    if let Note::Joining { dev_addr, .. } = note {
        return Some(("join_req_received", *dev_addr));
    }
    let Note::Rejoining { kind, dev_addr, .. } = note else { return None };
    match kind {
        0 => Some(("rejoin_req_0_received", *dev_addr)),
        2 => Some(("rejoin_req_2_received", *dev_addr)),
        _ => None,
    }
}

fn document(
    join: &Join,
    (name, id): (&str, String),
    lorawan: Map<String, Value>,
) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("eventId".to_owned(), json!(join.event_id));
    body.insert("eventType".to_owned(), json!(join.event_type));
    body.insert(name.to_owned(), id.into());
    body.insert("timestamp".to_owned(), join.at.millis().into());
    body.insert("LoRaWAN".to_owned(), lorawan.into());
    body
}
