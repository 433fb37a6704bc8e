//! How many messages a second go through the embedded broker, and through mosquitto in the same run:
//! from one client to another at QoS 0 and 1, and from this process to clients, all on loopback.
//! `cargo run --release --example broker_throughput -- [messages] [clients]`.

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
/// Longer than any message takes.
const STALLED: Duration = Duration::from_secs(3);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let messages: u64 = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let clients: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let config = EmbeddedConfig::new("127.0.0.1:0".parse()?);
    let broker = Embedded::start(config, Arc::new(|_, _| Ok(())))?;
    let mosquitto = mosquitto();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        between("ours", broker.address(), (messages, clients, qos));
        if let Some((_, address)) = &mosquitto {
            between("mosquitto", *address, (messages, clients, qos));
        }
    }
    if let Some((mut process, _)) = mosquitto {
        process.kill()?;
        process.wait()?;
    }
    from_here(&broker, messages, clients);
    println!("{:?}", broker.status());
    broker.stop(Duration::from_secs(5));
    Ok(())
}

/// mosquitto on a free port; `None`, with a line that says so, where it is not installed.
fn mosquitto() -> Option<(Child, SocketAddr)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
    let mut command = Command::new("/usr/sbin/mosquitto");
    command.args(["-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(process) = command.spawn() else {
        println!("mosquitto is not installed: ours alone");
        return None;
    };
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    while std::net::TcpStream::connect(address).is_err() {
        thread::sleep(Duration::from_millis(5));
    }
    Some((process, address))
}

/// What subscribers hear, and until when.
struct Hearing {
    heard: Arc<AtomicU64>,
    expected: u64,
}

impl Hearing {
    fn start(address: SocketAddr, (messages, clients, qos): (u64, u64, QoS)) -> Self {
        let (heard, ready) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        for client in 0..clients {
            let options = options(&format!("client-{client}-{qos:?}"), address);
            let (heard, ready) = (heard.clone(), ready.clone());
            thread::spawn(move || listen(options, qos, &heard, &ready));
        }
        while ready.load(Ordering::Relaxed) < clients {
            thread::sleep(Duration::from_millis(5));
        }
        Self { heard, expected: messages * clients }
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
}

fn options(id: &str, address: SocketAddr) -> MqttOptions {
    let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
    options.set_max_packet_size(1 << 20, 1 << 20).set_inflight(1000);
    options
}

/// From one client to others.
fn between(whose: &str, address: SocketAddr, (messages, clients, qos): (u64, u64, QoS)) {
    let hearing = Hearing::start(address, (messages, clients, qos));
    let (client, mut connection) = Client::new(options("publisher", address), 1000);
    let begun = Instant::now();
    thread::spawn(move || {
        let body = vec![b'x'; BODY];
        for number in 0..messages {
            let topic = format!("lorawan/{:016x}/up", number % 10_000);
            client.publish(topic, qos, false, body.clone()).expect("the client runs");
        }
        let _ = client.disconnect();
    });
    let talker = thread::spawn(move || {
        let mut acknowledged = 0;
        for event in connection.iter() {
            match event {
                Ok(Event::Incoming(Packet::PubAck(_))) => acknowledged += 1,
                Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_) => break,
                Ok(_) => {}
            }
        }
        acknowledged
    });
    let (heard, last) = hearing.wait();
    say(&format!("{whose}, client to {clients} client(s), {qos:?}"), heard, last - begun);
    let _: u64 = talker.join().expect("it ends");
}

/// From this process to clients, without a socket on our side.
fn from_here(broker: &Embedded, messages: u64, clients: u64) {
    let hearing = Hearing::start(broker.address(), (messages, clients, QoS::AtLeastOnce));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let count = acknowledged.clone();
    let acknowledge = Arc::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let body = bytes::Bytes::from(vec![b'x'; BODY]);
    let begun = Instant::now();
    for number in 0..messages {
        let topic = format!("lorawan/{:016x}/up", number % 10_000);
        let mut message = Message::new(topic, body.clone());
        let mut ticket = Ticket::new(number, acknowledge.clone());
        while let Err(busy) = broker.publish(message, ticket) {
            (message, ticket) = (busy.message, busy.ticket);
            thread::sleep(Duration::from_micros(200));
        }
    }
    while acknowledged.load(Ordering::Relaxed) < messages {
        thread::sleep(Duration::from_millis(1));
    }
    say("from this process: taken by the broker", messages, begun.elapsed());
    let (heard, last) = hearing.wait();
    say("from this process: heard by clients, QoS 1", heard, last - begun);
}

fn say(what: &str, count: u64, time: Duration) {
    println!("{what}: {count} in {time:.2?}, {:.0}/s", count as f64 / time.as_secs_f64());
}

fn listen(options: MqttOptions, qos: QoS, heard: &AtomicU64, ready: &AtomicU64) {
    let (client, mut connection) = Client::new(options, 10);
    client.subscribe("lorawan/+/up", qos).expect("the request queue is empty");
    for event in connection.iter() {
        match event {
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                ready.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Event::Incoming(Packet::Publish(_))) => {
                heard.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}
