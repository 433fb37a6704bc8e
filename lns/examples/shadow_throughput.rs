//! Updates a second through the room of shadows, with a real store and a broker that takes
//! everything, and what one costs in processor time: `cargo run --release --example shadow_throughput -- [sled|redb] [things] [seconds]`.

mod cpu;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lns::broker::{Broker, Busy, Message, Status, Ticket};
use lns::shadows::{Shadows, Surroundings};
use lns::store::{self, StoreKind};
use lns_pipeline::shadow::{ShadowId, Verb};

/// Requests under way: as many as a few hundred busy connections have.
const UNDER_WAY: u64 = 2000;

/// Counts what it is told.
#[derive(Default)]
struct Counter(AtomicU64);

impl Broker for Counter {
    fn publish(&self, _: Message, ticket: Ticket) -> Result<(), Busy> {
        self.0.fetch_add(1, Ordering::Relaxed);
        ticket.acknowledged();
        Ok(())
    }
    fn listen(&self, _: &'static str, _: Vec<String>) {}
    fn status(&self) -> Status {
        Status::default()
    }
    fn stop(&self, _: Duration) {}
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let kind = match arguments.next().as_deref() {
        None | Some("sled") => StoreKind::Sled,
        Some("redb") => StoreKind::Redb,
        Some(other) => anyhow::bail!("{other} is neither sled nor redb"),
    };
    let mut number = |default: u64| -> anyhow::Result<u64> {
        arguments.next().map_or(Ok(default), |text| text.parse().context("a number"))
    };
    let (things, seconds) = (number(10_000)?, number(10)?);
    let folder = tempfile::tempdir()?;
    let broker = Arc::new(Counter::default());
    let (shadows, thread) = Shadows::start(Surroundings {
        store: Arc::from(store::open(kind, folder.path())?),
        broker: Arc::clone(&broker) as Arc<dyn Broker>,
        observer: Arc::default(),
        clock: lns::clock::Clock::start(),
        in_flight: 0,
    })?;
    let (done, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut asked = 0;
    while begun.elapsed() < Duration::from_secs(seconds) {
        if asked - done.load(Ordering::Relaxed) >= UNDER_WAY {
            std::thread::yield_now();
            continue;
        }
        let id = ShadowId::classic(&format!("sensor-{}", asked % things))?;
        let body = format!(
            r#"{{"state":{{"reported":{{"temperature":{},"humidity":48,"battery":3.1,"count":{asked}}}}}}}"#,
            asked % 40
        );
        let done = Arc::clone(&done);
        shadows.ask((id, Verb::Update), body, 0, move |_| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        asked += 1;
    }
    let (updates, took) = (done.load(Ordering::Relaxed), begun.elapsed().as_secs_f64());
    let used = cpu::used("self", &["shadows", "sled", "redb"])?.as_secs_f64();
    let messages = broker.0.load(Ordering::Relaxed);
    println!(
        "{kind}, {things} things: {:.0} updates/s, {:.1} µs of CPU each, {messages} messages",
        updates as f64 / took,
        used * 1e6 / updates as f64
    );
    shadows.stop();
    thread.join().ok().context("the owner has panicked")
}
