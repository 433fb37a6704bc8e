//! Events over a memory store and a broker that writes down what it is given.

use std::sync::Arc;
use std::time::Duration;

use lns_core::event::Freshness;
use lns_core::{AppEvent, EventKind, Note};
use lns_lorawan::{
    AppKey, DevAddr, DevEui, DevNonce, FCntUp, GatewayEui, JoinEui, Region, TimeDelta, Timestamp,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::broker::{Busy, Status};
use crate::message::{Operation, RegistryEvent, Seen};
use crate::registry::{
    DEFAULT_DESTINATION, Defaults, DeviceProfile, Id, Keys, Thing, ThingGroup, WirelessDevice,
    WirelessGateway,
};
use crate::store::MemoryStore;

const DEVICE: DevEui = DevEui::new(0x70b3_d57e_d000_00ab);
const GATEWAY: GatewayEui = GatewayEui::new(0xaa55_5a00_0000_0101);
const ADDRESS: DevAddr = DevAddr::new(0x2700_1a2b);

#[derive(Default)]
struct Paper(Mutex<Vec<(String, Value)>>);

impl Broker for Paper {
    fn publish(&self, message: Message, _: Ticket) -> Result<(), Busy> {
        let body = serde_json::from_slice(&message.payload).expect("it is JSON");
        self.0.lock().push((message.topic, body));
        Ok(())
    }
    fn listen(&self, _: &'static str, _: Vec<String>) {}
    fn status(&self) -> Status {
        Status::default()
    }
    fn stop(&self, _: Duration) {}
}

struct Room {
    events: Events,
    registry: Arc<Registry>,
    paper: Arc<Paper>,
    device: Id,
    gateway: Id,
}

/// A room with one device, sending every `interval` seconds, and one gateway.
fn room(interval: Option<u32>) -> Room {
    let registry = Registry::open(Arc::new(MemoryStore::new()), Defaults::of(Region::Eu868));
    let registry = Arc::new(registry.expect("an empty store"));
    let profile = json!({
        "id": Id::random(), "uplink_interval_s": interval, "silent_after_intervals": 2,
    });
    let profile: DeviceProfile = serde_json::from_value(profile).unwrap();
    let profile = registry.create(profile).unwrap().record().id;
    let device = serde_json::from_value::<WirelessDevice>(json!({
        "id": Id::random(), "dev_eui": DEVICE, "destination": DEFAULT_DESTINATION, "name": "kitchen",
        "device_profile_id": profile,
        "activation": Keys::Otaa10 {
            app_key: AppKey::from_bytes([7; 16]),
            app_eui: Some(JoinEui::new(5)),
            join_eui: None,
            gen_app_key: None,
        },
    }));
    let device = registry.create(device.unwrap()).unwrap().record().id;
    let gateway = json!({ "id": Id::random(), "gateway_eui": GATEWAY });
    let gateway: WirelessGateway = serde_json::from_value(gateway).unwrap();
    let gateway = registry.create(gateway).unwrap().record().id;
    let paper = Arc::new(Paper::default());
    let broker = Arc::clone(&paper) as Arc<dyn Broker>;
    let events = Events::new(&registry, &broker, &Clock::start());
    Room { events, registry, paper, device, gateway }
}

impl Room {
    fn opt_in(&self, subject: &str, names: &[&str]) {
        let record = EventConfiguration {
            subject: subject.to_owned(),
            enabled: names.iter().map(|name| (*name).to_owned()).collect(),
            created_at: Timestamp::from_secs(1),
            modified_at: Timestamp::from_secs(1),
        };
        self.registry.put(record).unwrap();
    }

    fn see(&self, note: Note) {
        let seen = Seen { at: at(5), dev_eui: Some(DEVICE), dev_addr: None, note };
        self.events.see(&seen);
    }

    fn hear(&self, at: Timestamp) {
        let note = Note::Uplink {
            dev_addr: ADDRESS,
            f_cnt_up: FCntUp(1),
            freshness: Freshness::New,
            heard_by: 1,
            lost: 0,
        };
        self.events.see(&Seen { at, dev_eui: Some(DEVICE), dev_addr: None, note });
    }

    fn topics(&self) -> Vec<String> {
        self.paper.0.lock().iter().map(|(topic, _)| topic.clone()).collect()
    }

    /// What was published since somebody last looked.
    fn take(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.paper.0.lock())
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn joining() -> Note {
    Note::Joining { dev_nonce: DevNonce(1), dev_addr: ADDRESS, heard_by: 1 }
}

fn rejoining(kind: u8) -> Note {
    Note::Rejoining { kind, rj_count: 1, dev_addr: ADDRESS, heard_by: 1 }
}

fn joined() -> AppEvent {
    let kind =
        EventKind::Joined { join_eui: JoinEui::new(5), dev_addr: ADDRESS, receptions: Vec::new() };
    AppEvent { sequence: 9, number: 7, at: at(6), kind }
}

#[test]
fn nothing_is_published_that_nobody_has_asked_for() {
    let room = room(Some(60));
    room.see(joining());
    room.hear(at(5));
    room.events.gateway(GATEWAY, true);
    room.events.look_around();
    let device = room.registry.device(DEVICE).unwrap();
    assert!(room.events.companions(&device, &joined()).is_empty());
    assert_eq!(room.topics(), Vec::<String>::new());
}

#[test]
fn a_request_to_join_is_told_on_the_topic_for_all() {
    let room = room(None);
    room.opt_in("iotwireless", &["Join"]);
    for note in [joining(), rejoining(0), rejoining(1), rejoining(2)] {
        room.see(note);
    }
    let told = room.take();
    let path = |word: &str| format!("$aws/iotwireless/events/join/{word}/lorawan/wireless_devices");
    let topics: Vec<&String> = told.iter().map(|(topic, _)| topic).collect();
    let words = ["join_req_received", "rejoin_req_0_received", "rejoin_req_2_received"];
    assert_eq!(topics, words.map(path).iter().collect::<Vec<_>>());
    let body = &told[0].1;
    assert_eq!(body["eventType"], "join_req_received");
    assert_eq!(body["WirelessDeviceId"], json!(room.device));
    assert_eq!(body["timestamp"], 5_000);
    let lorawan = json!({
        "DevEui": "70b3d57ed00000ab", "DevAddr": "27001a2b",
        "JoinEui": "0000000000000005", "AppEui": "0000000000000005",
    });
    assert_eq!(body["LoRaWAN"], lorawan);
}

#[test]
fn an_accepted_join_rides_on_the_durable_event_under_its_id() {
    let room = room(None);
    room.opt_in(&format!("WirelessDevice/{}", room.device), &["Join/Eui", "Join/Id"]);
    let device = room.registry.device(DEVICE).unwrap();
    let messages = room.events.companions(&device, &joined());
    let base = "$aws/iotwireless/events/join/join_accepted/lorawan/wireless_devices";
    let topics: Vec<&str> = messages.iter().map(|message| &*message.topic).collect();
    let by_eui = format!("{base}/dev_eui/70b3d57ed00000ab");
    assert_eq!(topics, [by_eui, format!("{base}/wireless_device_id/{}", room.device)]);
    for message in &messages {
        let body: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(body["eventId"], "70b3d57ed00000ab-7", "as on lorawan/{{DevEUI}}/join");
    }
    assert_eq!(messages, room.events.companions(&device, &joined()), "the same when tried again");
}

#[test]
fn a_gateway_that_comes_and_goes_is_told_if_it_is_registered() {
    let room = room(None);
    room.opt_in("iotwireless", &["ConnectionStatus"]);
    room.opt_in(&format!("WirelessGateway/{}", room.gateway), &["ConnectionStatus/Eui"]);
    room.events.gateway(GATEWAY, true);
    room.events.gateway(GatewayEui::new(1), true);
    let told = room.take();
    let base = "$aws/iotwireless/events/connection_status/connected/lorawan/wireless_gateways";
    assert_eq!(told[0].0, base);
    assert_eq!(told[1].0, format!("{base}/gateway_eui/{GATEWAY}"));
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].1["LoRaWAN"], json!({ "GatewayEui": GATEWAY }));
    assert_eq!(told[0].1["WirelessGatewayId"], json!(room.gateway));
    room.events.gateway(GATEWAY, false);
    assert_eq!(room.take()[0].1["eventType"], "disconnected");
}

#[test]
fn a_device_that_falls_silent_is_told_once_and_told_when_it_is_heard_again() {
    let room = room(None);
    room.opt_in("iotwireless", &["DeviceSilence"]);
    room.events.look_around();
    let now = Clock::start().now();
    let before = |seconds: i64| now.minus(TimeDelta::from_secs(seconds));
    room.hear(before(1000));
    room.events.look_around();
    assert!(room.topics().is_empty(), "of one uplink nobody learns a rhythm");
    room.hear(before(900));
    room.events.look_around();
    room.events.look_around();
    let told = room.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "lorawan/70b3d57ed00000ab/silent");
    assert_eq!(told[0].1["IntervalSeconds"], 100);
    assert_eq!(told[0].1["SilentSince"], before(900).to_rfc3339());
    assert_eq!(told[0].1["DeviceName"], "kitchen");
    room.hear(now);
    let told = room.take();
    assert_eq!(told[0].0, "lorawan/70b3d57ed00000ab/heard");
    assert_eq!(told[0].1["SilentSince"], before(900).to_rfc3339());
    room.events.look_around();
    assert!(room.topics().is_empty());
}

#[test]
fn a_device_with_an_interval_is_expected_though_it_was_never_heard() {
    let room = room(Some(60));
    room.opt_in("iotwireless", &["DeviceSilence"]);
    room.events.look_around();
    assert!(room.topics().is_empty(), "it has two minutes");
    let late = Clock::start().now().plus(TimeDelta::from_secs(121));
    assert_eq!(room.events.rhythms.due(late), 1);
    room.registry.remove::<WirelessDevice>(&room.device).unwrap();
    room.events.silent_since(late);
    assert!(room.topics().is_empty(), "it is not registered any more");
}

#[test]
fn what_becomes_of_things_is_worded_as_aws_does() {
    let room = room(None);
    let wanted =
        ["THING", "THING_GROUP_HIERARCHY", "THING_GROUP_MEMBERSHIP", "THING_TYPE_ASSOCIATION"];
    room.opt_in("iot", &wanted);
    let thing: Thing = serde_json::from_value(json!({
        "name": "lamp", "id": Id::random(), "attributes": { "a": "1" }, "version": 3,
    }))
    .unwrap();
    let group: ThingGroup = serde_json::from_value(json!({
        "name": "hall", "id": "g-1", "created_at": at(1), "version": 1,
    }))
    .unwrap();
    let (thing, group) = (Arc::new(thing), Arc::new(group));
    let bulb = "bulb".to_owned();
    for event in [
        RegistryEvent::Thing(Operation::Updated, Arc::clone(&thing)),
        RegistryEvent::ThingGroup(Operation::Created, Arc::clone(&group)),
        RegistryEvent::Hierarchy {
            added: true,
            parent: Arc::clone(&group),
            child: Arc::new(ThingGroup { name: "wing".to_owned(), ..ThingGroup::clone(&group) }),
        },
        RegistryEvent::Membership { added: true, thing: Arc::clone(&thing), group },
        RegistryEvent::TypeAssociation {
            added: false,
            thing: Arc::clone(&thing),
            thing_type: bulb,
        },
    ] {
        room.events.registry(&event);
    }
    let told = room.take();
    let topics: Vec<&str> = told.iter().map(|(topic, _)| &**topic).collect();
    assert_eq!(
        topics,
        [
            "$aws/events/thing/lamp/updated",
            "$aws/events/thingGroupHierarchy/thingGroup/hall/childThingGroup/wing/added",
            "$aws/events/thingGroupMembership/thingGroup/hall/thing/lamp/added",
            "$aws/events/thingTypeAssociation/thing/lamp/thingType/bulb/removed",
        ]
    );
    let body = &told[0].1;
    assert_eq!(
        (&body["eventType"], &body["operation"]),
        (&json!("THING_EVENT"), &json!("UPDATED"))
    );
    assert_eq!((&body["thingName"], &body["versionNumber"]), (&json!("lamp"), &json!(3)));
    assert_eq!((&body["attributes"], &body["thingTypeName"]), (&json!({ "a": "1" }), &Value::Null));
    let place = &told[1].1;
    assert_eq!(
        (&place["eventType"], &place["operation"]),
        (&json!("THING_GROUP_HIERARCHY_EVENT"), &json!("ADDED"))
    );
    assert_eq!(
        (&place["thingGroupName"], &place["childGroupName"]),
        (&json!("hall"), &json!("wing"))
    );
    assert_eq!(told[2].1["groupId"], "g-1");
}

#[test]
fn a_certificate_that_registers_itself_is_told_without_opting_in() {
    let room = room(None);
    let at = Timestamp::from_secs(1_767_323_045);
    let mut certificate = crate::registry::Certificate {
        id: "c0ffee".to_owned(),
        pem: String::new(),
        status: crate::registry::CertificateStatus::PendingActivation,
        mode: crate::registry::CertificateMode::SniOnly,
        ca: Some("ca00".to_owned()),
        not_before: at,
        not_after: at,
        created_at: at,
        changed_at: at,
        version: 1,
    };
    room.events.certificate_registered(&certificate);
    let (topic, body) = room.paper.0.lock().remove(0);
    assert_eq!(topic, "$aws/events/certificates/registered/ca00");
    assert_eq!(body["certificateId"], "c0ffee");
    assert_eq!(body["caCertificateId"], "ca00");
    assert_eq!(body["certificateStatus"], "PENDING_ACTIVATION");
    assert_eq!(body["certificateRegistrationTimestamp"], "1767323045000");
    assert!(body["timestamp"].is_i64() && body["awsAccountId"].is_string(), "{body}");
    certificate.ca = None;
    room.events.certificate_registered(&certificate);
    assert!(room.paper.0.lock().is_empty(), "it has no authority that would have registered it");
}
