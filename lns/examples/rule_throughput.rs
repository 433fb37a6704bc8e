//! Messages a second from the broker through the room of rules into the actions' durable queues, and
//! what one costs: with three rules, and with a thousand of which a message meets three.
//! `cargo run --release --example rule_throughput -- [sled|redb] [messages] [rounds]`.
//!
//! Of the three that a message meets one selects everything, one selects nothing, and one is for its
//! device alone. So two tasks are made durable before the message's ticket comes back; each publishes.

mod cpu;
#[path = "../tests/fake/mod.rs"]
#[allow(dead_code)]
mod fake;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lns::actions::{Actions, Clients, Hosts, Settings, Updated, Web};
use lns::broker::{
    Broker, Embedded, EmbeddedConfig, Listener, Message, Publication, Taken, Ticket,
};
use lns::clock::Clock;
use lns::observe::Observer;
use lns::registry::{Defaults, Registry, Tags, TopicRule};
use lns::rules::{Knowledge, Rules, Sheets, Surroundings};
use lns::store::{self, StoreKind};
use lns_lorawan::{Region, Timestamp};
use serde_json::json;

/// With so many rules, all told.
const RULES: [usize; 2] = [3, 1000];
/// Longer than anything takes.
const STALLED: Duration = Duration::from_secs(60);
/// Threads that do the work, by how their names begin.
const THREADS: [(&str, &[&str]); 5] = [
    ("broker", &["mqtt"]),
    ("rules", &["rules"]),
    ("queues", &["actions-commit"]),
    ("actions", &["actions"]),
    ("store", &["sled", "redb"]),
];

/// No rule here asks for a shadow.
struct NoShadows;

impl lns::actions::Shadows for NoShadows {
    fn update(&self, _: (&str, Option<&str>), _: Vec<u8>, _: u8) -> Updated {
        tokio::sync::oneshot::channel().1
    }
}

impl Sheets for NoShadows {
    fn shadow(&self, _: &str, _: Option<&str>) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

/// The rooms.
struct Rooms {
    broker: Arc<Embedded>,
    rules: Arc<Rules>,
    actions: Arc<Actions>,
    observer: Arc<Observer>,
    _folder: tempfile::TempDir,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let kind = match arguments.next().as_deref() {
        None | Some("sled") => StoreKind::Sled,
        Some("redb") => StoreKind::Redb,
        Some(other) => anyhow::bail!("{other} is neither sled nor redb"),
    };
    let messages: u64 = arguments.next().map_or(Ok(50_000), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    anyhow::ensure!(messages > 0 && rounds > 0, "each is at least 1");
    println!("{kind}, {messages} messages, three rules met by each, {rounds} round(s)");
    let parts = THREADS.map(|(part, _)| part).join(" | ");
    println!("| rules | messages/s | evaluations/s | CPU per message, µs | {parts} |");
    println!("|--:|--:|--:|--:|{}", "--:|".repeat(THREADS.len()));
    for count in RULES {
        let rooms = Rooms::open(kind, count)?;
        let shown: Result<Vec<_>, _> = (0..rounds).map(|_| rooms.run(messages, count)).collect();
        let shown = shown?;
        let per_second = cpu::median(shown.iter().map(|(per_second, _)| *per_second).collect());
        let used: Vec<f64> = (0..THREADS.len())
            .map(|part| cpu::median(shown.iter().map(|(_, used)| used[part]).collect()))
            .collect();
        let parts: String = used.iter().map(|us| format!(" {us:.1} |")).collect();
        let all: f64 = used.iter().sum();
        println!("| {count} | {per_second:.0} | {:.0} | {all:.1} |{parts}", per_second * 3.0);
        rooms.close();
    }
    Ok(())
}

impl Rooms {
    fn open(kind: StoreKind, count: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = Arc::from(store::open(kind, folder.path())?);
        let registry = Arc::new(Registry::open(Arc::clone(&store), Defaults::of(Region::Eu868))?);
        let put = |rule| registry.put(rule).map(drop);
        put(rule(
            "all",
            "SELECT DecodedPayload.temperature AS t, topic(2) AS d FROM 'lorawan/+/up'",
        ))?;
        put(rule("none", "SELECT * FROM 'lorawan/#' WHERE DecodedPayload.temperature > 90"))?;
        for device in 0..count - 2 {
            let statement = format!("SELECT * FROM 'lorawan/{device:016x}/up'");
            put(rule(&format!("device_{device}"), &statement))?;
        }
        let room: Arc<OnceLock<Arc<Rules>>> = Arc::default();
        let intake = {
            let room = Arc::clone(&room);
            Arc::new(move |publication: Publication, taken: Taken| {
                let Some(rules) = room.get() else { return Ok(()) };
                if !rules.has_room() {
                    return Err((publication, taken));
                }
                if rules.wants(&publication.message.topic) {
                    rules.take(&publication, taken);
                }
                Ok(())
            })
        };
        let broker =
            Arc::new(Embedded::start(EmbeddedConfig::new("127.0.0.1:0".parse()?), intake)?);
        let (clock, observer) = (Clock::start(), Arc::new(Observer::new()));
        let fake = Arc::new(fake::Fake::default());
        let clients = Clients {
            broker: Arc::clone(&broker) as _,
            registry: Arc::clone(&registry),
            devices: Arc::clone(&fake) as _,
            codecs: fake,
            shadows: Arc::new(NoShadows),
            web: Web::new(Hosts::default())?,
            files: folder.path().to_owned(),
            clock: clock.clone(),
            confirm_at: None,
        };
        let around = (Arc::clone(&observer), clock.clone());
        let actions = Arc::new(Actions::start(Settings::default(), (store, clients), around)?);
        let descriptors = folder.path().to_owned();
        let knowledge = Knowledge::new(Arc::clone(&registry), Arc::new(NoShadows), descriptors);
        let surroundings = Surroundings {
            registry,
            actions: Arc::clone(&actions),
            broker: Arc::clone(&broker) as _,
            observer: Arc::clone(&observer),
            clock,
            knowledge,
            is_synced: false,
        };
        // As many workers as the server has.
        let rules = Arc::new(Rules::start(surroundings, 2)?);
        let _ = room.set(Arc::clone(&rules));
        Ok(Self { broker, rules, actions, observer, _folder: folder })
    }

    /// Messages a second until all are durable in the queues, and what one costs in µs, by part,
    /// until all actions are done.
    fn run(&self, messages: u64, rules: usize) -> anyhow::Result<(f64, Vec<f64>)> {
        let devices = rules as u64 - 2;
        let body = bytes::Bytes::from(uplink().to_string());
        let done = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&done);
        let acknowledge = Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let selected = self.observer.rules.rule("all").selected;
        let (before, selected_before, begun) = (parts()?, selected.get(), Instant::now());
        for number in 0..messages {
            let topic = format!("lorawan/{:016x}/up", number % devices);
            let mut message = Message::new(topic, body.clone());
            let mut ticket = Ticket::new(number, acknowledge.clone());
            while let Err(busy) = self.broker.publish(message, ticket) {
                (message, ticket) = (busy.message, busy.ticket);
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        wait(begun, || done.load(Ordering::Relaxed) == messages).context("tickets are owed")?;
        let took = begun.elapsed();
        wait(begun, || self.actions.waiting() == 0).context("actions are owed")?;
        anyhow::ensure!(selected.get() - selected_before == messages, "a rule missed some");
        let used = parts()?.into_iter().zip(before);
        let used = used.map(|(after, before)| (after - before) * 1e6 / messages as f64).collect();
        Ok((messages as f64 / took.as_secs_f64(), used))
    }

    fn close(self) {
        self.rules.stop();
        self.actions.stop(Duration::from_secs(5));
        self.broker.stop(Duration::from_secs(5));
    }
}

/// What each part has used, in seconds.
fn parts() -> anyhow::Result<Vec<f64>> {
    let used = |names: &[&str]| cpu::used("self", names).map(|used| used.as_secs_f64());
    // `actions` begins `actions-commit` too.
    let queues = used(&["actions-commit"])?;
    let less = |part, used: f64| if part == "actions" { used - queues } else { used };
    THREADS.iter().map(|(part, names)| Ok(less(*part, used(names)?))).collect()
}

fn wait(begun: Instant, holds: impl Fn() -> bool) -> anyhow::Result<()> {
    while !holds() {
        anyhow::ensure!(begun.elapsed() < STALLED, "not within {STALLED:?}");
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}

fn rule(name: &str, statement: &str) -> TopicRule {
    TopicRule {
        name: name.to_owned(),
        sql: statement.to_owned(),
        sql_version: "2016-03-23".to_owned(),
        topic_pattern: None,
        description: None,
        actions: vec![json!({"republish": {"topic": "out/${topic(2)}", "qos": 1}})],
        error_action: None,
        disabled: false,
        created_at: Timestamp::from_secs(0),
        tags: Tags::default(),
    }
}

/// About what an uplink of one gateway is told as.
fn uplink() -> serde_json::Value {
    json!({
        "WirelessDeviceId": "6f2f5a0e-6f0a-4e67-9f1c-5a7b6a3f5d10",
        "PayloadData": "AQICAwQFBgc=",
        "DecodedPayload": {"temperature": 21.5, "humidity": 60, "battery": 3.61, "state": "open"},
        "WirelessMetadata": {"LoRaWAN": {
            "ADR": true, "Bandwidth": 125, "ClassB": false, "CodeRate": "4/5", "DataRate": "5",
            "DevAddr": "00b96cd4", "DevEui": "58a0cb000202c99f", "FCnt": 1234, "FPort": 2,
            "Frequency": "868100000",
            "Gateways": [{"GatewayEui": "80029cfffe5cf1cc", "Snr": 9.75, "Rssi": -29}],
            "MIC": "7255cb07", "MType": "UnconfirmedDataUp", "Major": "LoRaWANR1",
            "Modulation": "LORA", "SpreadingFactor": 7, "Timestamp": "2026-05-03T03:24:29Z",
        }},
    })
}
