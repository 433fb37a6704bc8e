//! How many messages a second go through the embedded broker, and through mosquitto in the same run,
//! and what one costs in processor time: from one client to others at QoS 0 and 1, and from this
//! process to clients, all on loopback. Ours and mosquitto take turns; the table has medians.
//! `cargo run --release --example broker_throughput -- [messages] [clients] [rounds]`.

mod cpu;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lns::broker::{Broker, Embedded, EmbeddedConfig, Message, Ticket};
use rumqttc::{Client, Event, MqttOptions, Outgoing, Packet, QoS};

/// About the size of an uplink with one gateway.
const BODY: usize = 900;
/// Messages on their way at any time: less than either broker keeps for a slow reader.
const UNDER_WAY: u64 = 500;
/// Longer than any message takes.
const STALLED: Duration = Duration::from_secs(3);

/// What is sent.
#[derive(Clone, Copy)]
struct Load {
    messages: u64,
    clients: u64,
    qos: QoS,
}

/// A broker, and whose processor time is its own.
struct Contestant {
    name: &'static str,
    address: SocketAddr,
    process: String,
    threads: &'static [&'static str],
}

/// What one round has shown.
#[derive(Clone, Copy)]
struct Shown {
    per_second: f64,
    cpu_us: f64,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let messages: u64 = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let clients: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    anyhow::ensure!(messages > 0 && clients > 0 && rounds > 0, "each is at least 1");
    let config = EmbeddedConfig::new("127.0.0.1:0".parse()?);
    let broker = Embedded::start(config, Arc::new(|_, _| Ok(())))?;
    let mut contestants = vec![ours(&broker)];
    let mosquitto = mosquitto()?;
    if let Some((process, address, _)) = &mosquitto {
        let process = process.id().to_string();
        let (name, address) = ("mosquitto", *address);
        contestants.push(Contestant { name, address, process, threads: &[""] });
    }
    println!(
        "{messages} messages of {BODY} bytes to each of {clients} client(s), {rounds} round(s)"
    );
    println!("| way | broker | QoS | messages/s | CPU per message, µs |\n|---|---|--:|--:|--:|");
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let load = Load { messages, clients, qos };
        let mut shown = vec![Vec::new(); contestants.len()];
        for _ in 0..rounds {
            for (contestant, shown) in contestants.iter().zip(&mut shown) {
                shown.push(between(contestant, load)?);
            }
        }
        for (contestant, shown) in contestants.iter().zip(&shown) {
            say(("client to clients", contestant.name), qos, shown);
        }
    }
    if let Some((mut process, ..)) = mosquitto {
        process.kill()?;
        process.wait()?;
    }
    let load = Load { messages, clients, qos: QoS::AtLeastOnce };
    let shown: Result<Vec<_>, _> = (0..rounds).map(|_| from_here(&broker, load)).collect();
    say(("from the server to clients", "ours"), load.qos, &shown?);
    println!("{:?}", broker.status());
    broker.stop(Duration::from_secs(5));
    Ok(())
}

fn ours(broker: &Embedded) -> Contestant {
    let address = broker.address();
    Contestant { name: "ours", address, process: "self".to_owned(), threads: &["mqtt"] }
}

/// mosquitto on a free port, with its configuration; `None`, with a line that says so, where it is
/// not installed.
fn mosquitto() -> anyhow::Result<Option<(Child, SocketAddr, tempfile::NamedTempFile)>> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    // As much in flight as with us.
    let mut settings = tempfile::NamedTempFile::new()?;
    writeln!(settings, "listener {} 127.0.0.1\nallow_anonymous true", address.port())?;
    writeln!(settings, "max_inflight_messages 1000\nmax_queued_messages 100000")?;
    let mut command = Command::new("/usr/sbin/mosquitto");
    command.arg("-c").arg(settings.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(process) = command.spawn() else {
        println!("mosquitto is not installed: ours alone");
        return Ok(None);
    };
    while std::net::TcpStream::connect(address).is_err() {
        thread::sleep(Duration::from_millis(5));
    }
    Ok(Some((process, address, settings)))
}

impl Contestant {
    fn cpu(&self) -> anyhow::Result<Duration> {
        cpu::used(&self.process, self.threads)
    }

    /// What `load` has shown, of which `heard` arrived by `last`.
    fn shown(
        &self,
        (cpu, begun): (Duration, Instant),
        (heard, last): (u64, Instant),
        load: Load,
    ) -> anyhow::Result<Shown> {
        let all = load.messages * load.clients;
        if heard < all {
            println!("{} has lost {} of {all}", self.name, all - heard);
        }
        let used = self.cpu()?.saturating_sub(cpu);
        Ok(Shown {
            per_second: heard as f64 / (last - begun).as_secs_f64(),
            cpu_us: used.as_secs_f64() * 1e6 / heard as f64,
        })
    }
}

/// What subscribers hear, and until when.
struct Hearing {
    heard: Arc<AtomicU64>,
    expected: u64,
    listeners: Vec<(Client, thread::JoinHandle<()>)>,
}

impl Hearing {
    fn start(address: SocketAddr, load: Load) -> Self {
        let (heard, ready) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let listeners = (0..load.clients).map(|client| {
            let (client, connection) =
                Client::new(options(&format!("client-{client}"), address), 10);
            client.subscribe("site/+/up", load.qos).expect("the request queue is empty");
            let (heard, ready) = (heard.clone(), ready.clone());
            (client, thread::spawn(move || listen(connection, &heard, &ready)))
        });
        let listeners = listeners.collect();
        while ready.load(Ordering::Relaxed) < load.clients {
            thread::sleep(Duration::from_millis(5));
        }
        Self { heard, expected: load.messages * load.clients, listeners }
    }

    /// How many were heard, and when the last was.
    fn wait(&self) -> (u64, Instant) {
        let mut last = (0, Instant::now());
        while last.0 < self.expected && last.1.elapsed() < STALLED {
            let now = self.heard.load(Ordering::Relaxed);
            if now > last.0 {
                last = (now, Instant::now());
            }
            thread::sleep(Duration::from_millis(1));
        }
        last
    }

    fn end(self) {
        for (client, thread) in self.listeners {
            let _ = client.disconnect();
            let _ = thread.join();
        }
    }
}

fn options(id: &str, address: SocketAddr) -> MqttOptions {
    let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
    options.set_max_packet_size(1 << 20, 1 << 20).set_inflight(1000);
    options
}

/// Waits while too many messages before this one have not been heard.
fn wait_for_room(number: u64, heard: &AtomicU64, load: Load) {
    while number >= heard.load(Ordering::Relaxed) / load.clients + UNDER_WAY {
        thread::sleep(Duration::from_micros(50));
    }
}

/// From one client to others.
fn between(contestant: &Contestant, load: Load) -> anyhow::Result<Shown> {
    let hearing = Hearing::start(contestant.address, load);
    let (client, mut connection) = Client::new(options("publisher", contestant.address), 1000);
    let (heard, publisher) = (hearing.heard.clone(), client.clone());
    let before = (contestant.cpu()?, Instant::now());
    let writer = thread::spawn(move || {
        let body = vec![b'x'; BODY];
        for number in 0..load.messages {
            wait_for_room(number, &heard, load);
            let topic = format!("site/{:016x}/up", number % 10_000);
            publisher.publish(topic, load.qos, false, body.clone()).expect("the client runs");
        }
    });
    let talker = thread::spawn(move || {
        for event in connection.iter() {
            if matches!(event, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) {
                break;
            }
        }
    });
    let heard = hearing.wait();
    let shown = contestant.shown(before, heard, load);
    writer.join().expect("it ends");
    client.disconnect()?;
    talker.join().expect("it ends");
    hearing.end();
    shown
}

/// From this process to clients, without a socket on our side.
fn from_here(broker: &Embedded, load: Load) -> anyhow::Result<Shown> {
    let contestant = ours(broker);
    let hearing = Hearing::start(contestant.address, load);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let count = acknowledged.clone();
    let acknowledge = Arc::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let body = bytes::Bytes::from(vec![b'x'; BODY]);
    let before = (contestant.cpu()?, Instant::now());
    for number in 0..load.messages {
        wait_for_room(number, &hearing.heard, load);
        let topic = format!("site/{:016x}/up", number % 10_000);
        let mut message = Message::new(topic, body.clone());
        let mut ticket = Ticket::new(number, acknowledge.clone());
        while let Err(busy) = broker.publish(message, ticket) {
            (message, ticket) = (busy.message, busy.ticket);
            thread::sleep(Duration::from_micros(200));
        }
    }
    let heard = hearing.wait();
    let shown = contestant.shown(before, heard, load);
    anyhow::ensure!(
        acknowledged.load(Ordering::Relaxed) == load.messages,
        "the broker owes us some"
    );
    hearing.end();
    shown
}

fn say((way, broker): (&str, &str), qos: QoS, shown: &[Shown]) {
    let per_second = cpu::median(shown.iter().map(|one| one.per_second).collect());
    let cpu_us = cpu::median(shown.iter().map(|one| one.cpu_us).collect());
    println!("| {way} | {broker} | {} | {per_second:.0} | {cpu_us:.2} |", qos as u8);
}

fn listen(mut connection: rumqttc::Connection, heard: &AtomicU64, ready: &AtomicU64) {
    for event in connection.iter() {
        match event {
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                ready.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Event::Incoming(Packet::Publish(_))) => {
                heard.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
