//! LoRaWAN devices bound to things, and SIGKILL at any moment: what a device has reported is in its
//! thing's shadow, and what was desired of it reaches it by one command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use system_tests::harness::{
    AbpSession, Application, Downlink, Emission, Gateway, Http, Message, Place, Provision,
    eventually,
};

use super::dice::Dice;

/// One gateway has two windows for what is heard at once.
const LAMPS: u8 = 2;
/// How often the server is killed.
const LIVES: u8 = 6;
/// Both windows of an uplink have passed.
const WINDOWS: Duration = Duration::from_millis(2100);

/// A lamp counts its uplinks and does what it is told.
const CODEC: &str = "
function decodeUplink(input) { return { data: { count: input.bytes[0], level: input.bytes[1] } }; }
function encodeDownlink(input) { return { bytes: [input.data.level], fPort: 10 }; }";

struct Lamp {
    dev_eui: u64,
    thing: String,
    session: AbpSession,
    sent: u8,
    level: u8,
}

impl Lamp {
    fn install(number: u8, place: Place, profile: &str) -> Self {
        let (http, provision) = (Http(place.http()), Provision(Http(place.http())));
        let (dev_eui, thing) =
            (0x70b3_d57e_d005_0100 + u64::from(number), format!("lamp-{number}"));
        let session = AbpSession::numbered(20 + number);
        let device = provision.abp(profile, dev_eui, &session);
        let made = http.request("POST", &format!("/things/{thing}"), "{}").json();
        let arn = json!({ "ThingArn": made["thingArn"] }).to_string();
        http.request("PUT", &format!("/wireless-devices/{device}/thing"), &arn);
        Self { dev_eui, thing, session, sent: 0, level: 0 }
    }

    fn topic(&self, end: &str) -> String {
        format!("$aws/things/{}/shadow/{end}", self.thing)
    }

    /// Says how things are.
    fn report(&mut self, gateway: &Gateway) {
        let bytes = self.session.uplink(u32::from(self.sent), 2, &[self.sent, self.level], false);
        self.sent += 1;
        let datr = "SF7BW125".to_owned();
        // Apart on the air, so that each has a window of its own.
        let frequency_hz = 903_900_000 + 200_000 * (self.dev_eui as u32 % 8);
        gateway.push(&Emission { frequency_hz, datr, bytes }, gateway.tmst());
    }

    /// Its last report has been delivered.
    fn accepted(&self, application: &Application) {
        application.uplink(self.dev_eui, u64::from(self.sent) - 1);
    }

    /// The level that a downlink commands, if it is ours.
    fn commanded(&self, downlink: &Downlink) -> Option<(u16, u8)> {
        let opened = self.session.open(&downlink.bytes)?;
        (opened.f_port == Some(10)).then(|| (opened.f_cnt, opened.payload[0]))
    }

    /// Does what it has heard since it last listened.
    fn listen(&mut self, gateway: &Gateway, until: Instant) {
        while let Some(heard) = gateway.emitted(until, |it| self.commanded(it).is_some()) {
            self.level = self.commanded(&heard).expect("it is ours").1;
        }
    }

    /// The level is wanted, and the server has said that it knows.
    fn desire(&self, application: &Application, level: u8) {
        let wish = json!({ "state": { "desired": { "level": level } } });
        application.publish(&self.topic("update"), &wish);
        let accepted = self.topic("update/accepted");
        application.wait("the wish to be accepted", |it| {
            it.topic == accepted && it.body["state"]["desired"]["level"] == level
        });
    }

    fn shadow(&self, place: Place, name: &str) -> Value {
        let path = format!("/things/{}/shadow{name}", self.thing);
        Http(place.http()).try_request("GET", &path, "").expect("an answer").json()
    }
}

#[test]
fn shadows_of_devices_lose_no_report_and_no_wish_when_the_server_is_killed() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let mut server = super::start(place, folder.path(), &[]);
    let provision = Provision(Http(place.http()));
    provision.codec("lamp", CODEC);
    let profile =
        json!({ "MacVersion": "1.0.3", "RegParamsRevision": "A", "RxDelay1": 1, "Codec": "lamp" });
    let profile = provision.profile(&profile);
    let mut lamps: Vec<Lamp> =
        (0..LAMPS).map(|number| Lamp::install(number, place, &profile)).collect();
    let application = Application::connect(place.mqtt(), "application");
    application.subscribe("$aws/things/+/shadow/update/+");
    let mut connections = application.subscriptions();
    let gateway = Gateway::start(0x0016_c001_ff10_d446, place.udp(), 5_000_000);
    gateway.connect();

    let mut dice = Dice::cast();
    for life in 1..=LIVES {
        for lamp in &mut lamps {
            lamp.report(&gateway);
            if dice.between(0, 3) > 0 {
                lamp.desire(&application, life);
            }
        }
        // Each other life ends with its uplinks accepted: what a gateway's datagram carried is gone
        // with a server that dies while it gathers the copies.
        if life % 2 == 0 {
            lamps.iter().for_each(|lamp| lamp.accepted(&application));
        }
        // From before the uplinks are gathered to after their downlinks have left.
        std::thread::sleep(Duration::from_millis(dice.between(0, 1300)));
        server.kill();
        server = super::start(place, folder.path(), &[]);
        gateway.connect();
        connections += 1;
        application.subscribed(connections);
        lamps.iter_mut().for_each(|lamp| lamp.listen(&gateway, Instant::now()));
    }
    for lamp in &lamps {
        lamp.desire(&application, LIVES + 1);
    }
    settle(&mut lamps, &gateway, place);
    for lamp in &lamps {
        check_reports(lamp, &application, place);
        check_commands(lamp, &application, &gateway);
    }
}

/// Uplinks until every lamp has done what is wanted and its shadow says so.
fn settle(lamps: &mut [Lamp], gateway: &Arc<Gateway>, place: Place) {
    eventually("every wish to be settled", || {
        lamps.iter_mut().for_each(|lamp| lamp.report(gateway));
        let windows = Instant::now() + WINDOWS;
        lamps.iter_mut().for_each(|lamp| lamp.listen(gateway, windows));
        lamps.iter().all(|lamp| {
            let told = &lamp.shadow(place, "?name=lorawan")["state"]["reported"]["downlink"];
            told["status"] == "settled" && lamp.shadow(place, "")["state"].get("delta").is_none()
        })
    });
}

/// What was accepted is in the shadow in the end, which has never gone back.
fn check_reports(lamp: &Lamp, application: &Application, place: Place) {
    let accepted = application.all(|it| it.is(lamp.dev_eui, "up"));
    let accepted: BTreeSet<u64> = accepted.iter().filter_map(Message::f_cnt).collect();
    assert!(accepted.len() > usize::from(LIVES / 2), "{} of {}", accepted.len(), lamp.sent);
    let last = u64::from(lamp.sent) - 1;
    assert_eq!(accepted.last(), Some(&last));
    let state = &lamp.shadow(place, "")["state"];
    let all = json!({ "count": last, "level": LIVES + 1 });
    assert_eq!(state["reported"], all);
    assert_eq!(lamp.shadow(place, "?name=lorawan")["state"]["reported"]["f_cnt_up"], last);

    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    let documents = lamp.topic("update/documents");
    for told in application.all(|it| it.topic == documents) {
        let current = &told.body["current"];
        let version = current["version"].as_u64().expect("a version");
        let count = current["state"]["reported"]["count"].as_u64().unwrap_or(0);
        let before = counts.insert(version, count);
        assert!(before.is_none_or(|before| before == count), "version {version} means two states");
    }
    let counts: Vec<u64> = counts.into_values().collect();
    assert!(counts.is_sorted(), "reported has gone back: {counts:?}");
}

/// Each wish has been sent by one command at most, and none after a newer one.
fn check_commands(lamp: &Lamp, application: &Application, gateway: &Gateway) {
    let sent: Vec<(u16, u8)> =
        gateway.downlinks().iter().filter_map(|it| lamp.commanded(it)).collect();
    let levels: Vec<u8> = sent.iter().map(|(_, level)| *level).collect();
    assert!(levels.is_sorted(), "an old wish after a newer: {levels:?}");
    assert_eq!(levels.last(), Some(&(LIVES + 1)));
    let level_of: BTreeMap<u64, u8> =
        sent.iter().map(|(f_cnt, level)| (u64::from(*f_cnt), *level)).collect();
    let mut commands: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
    for told in application.all(|it| it.is(lamp.dev_eui, "txack")) {
        let f_cnt = told.body["FCntDown"].as_u64();
        if let Some(level) = f_cnt.and_then(|f_cnt| level_of.get(&f_cnt)) {
            commands.entry(*level).or_default().insert(told.text("MessageId").to_owned());
        }
    }
    assert!(!commands.is_empty());
    assert!(commands.values().all(|ids| ids.len() == 1), "{commands:?}");
}

/// What waits in the queue of a device: the payloads.
fn queue(place: Place, device: &str) -> Vec<String> {
    let path = format!("/v1/wireless-devices/{device}/queue");
    let list = Http(place.http()).request("GET", &path, "").json();
    let list = list["queue"].as_array().expect("a list").clone();
    list.iter().map(|it| it["payload_data"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The first lamp's wish goes from device to device with its thing, and ends with it.
#[test]
fn a_wish_follows_its_thing_from_device_to_device() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let _server = super::start(place, folder.path(), &[]);
    let (http, provision) = (Http(place.http()), Provision(Http(place.http())));
    provision.codec("lamp", CODEC);
    let profile = provision.profile(&json!({ "MacVersion": "1.0.3", "Codec": "lamp" }));
    let device = |number: u8| {
        let dev_eui = 0x70b3_d57e_d005_0200 + u64::from(number);
        provision.abp(&profile, dev_eui, &AbpSession::numbered(40 + number))
    };
    let (first, second) = (device(1), device(2));
    let made = http.request("POST", "/things/lamp", "{}").json();
    let arn = json!({ "ThingArn": made["thingArn"] }).to_string();
    let bind = |device: &str| {
        http.request("PUT", &format!("/wireless-devices/{device}/thing"), &arn);
    };
    let unbind = |device: &str| {
        http.request("DELETE", &format!("/wireless-devices/{device}/thing"), "");
    };
    let desire = |level: u8| {
        let wish = json!({ "state": { "desired": { "level": level } } }).to_string();
        http.request("POST", "/things/lamp/shadow", &wish);
    };
    let queues = |of_first: &[&str], of_second: &[&str]| {
        eventually("the queues", || {
            queue(place, &first) == of_first && queue(place, &second) == of_second
        });
    };
    bind(&first);
    desire(1);
    queues(&["AQ=="], &[]);
    // A thing stands for one device at a time.
    let path = format!("/wireless-devices/{second}/thing");
    let refused = http.try_request("PUT", &path, &arn).expect("an answer");
    assert_eq!(refused.status, 409, "{}", refused.body);
    unbind(&first);
    queues(&[], &[]);
    desire(2);
    bind(&second);
    queues(&[], &["Ag=="]);
    // The profile keeps wishes away, for as long as it does.
    let mode = |mode: &str| {
        let change = json!({ "shadow": mode }).to_string();
        http.request("PATCH", &format!("/v1/device-profiles/{profile}"), &change);
    };
    mode("reported");
    queues(&[], &[]);
    desire(3);
    mode("on");
    queues(&[], &["Aw=="]);
    let kept = http.try_request("DELETE", "/things/lamp", "").expect("an answer");
    assert_eq!(kept.status, 400, "{}", kept.body);
    http.request("DELETE", &format!("/wireless-devices/{second}"), "");
    bind(&first);
    queues_of_first(place, &first, "Aw==");
    unbind(&first);
    http.request("DELETE", "/things/lamp", "");
    let left = http.request("GET", "/things/lamp/shadow", "").json();
    assert_eq!(left["state"]["desired"], json!({ "level": 3 }), "shadows outlive the binding");
}

fn queues_of_first(place: Place, device: &str, payload: &str) {
    eventually("the queue", || queue(place, device) == [payload]);
}
