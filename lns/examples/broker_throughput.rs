//! How many messages a second go through the embedded broker, from this process to clients on
//! loopback: `cargo run --release --example broker_throughput -- [messages] [clients]`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lns::broker::{Broker, Embedded, EmbeddedConfig, Message, Ticket};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

/// About the size of an uplink with one gateway.
const BODY: usize = 900;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let messages: u64 = arguments.next().map_or(Ok(300_000), |text| text.parse())?;
    let clients: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let config = EmbeddedConfig::new("127.0.0.1:0".parse()?);
    let broker = Embedded::start(config, Arc::new(|_, _| Ok(())))?;
    let heard = Arc::new(AtomicU64::new(0));
    let ready = Arc::new(AtomicU64::new(0));
    for client in 0..clients {
        let mut options =
            MqttOptions::new(format!("client-{client}"), "127.0.0.1", broker.address().port());
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (heard, ready) = (heard.clone(), ready.clone());
        thread::spawn(move || listen(options, &heard, &ready));
    }
    while ready.load(Ordering::Relaxed) < clients {
        thread::sleep(Duration::from_millis(5));
    }

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
    say("taken by the broker", messages, begun.elapsed());
    let mut last = (0, Instant::now());
    while heard.load(Ordering::Relaxed) < messages * clients && last.1.elapsed().as_secs() < 3 {
        let now = heard.load(Ordering::Relaxed);
        if now > last.0 {
            last = (now, Instant::now());
        }
        thread::sleep(Duration::from_millis(1));
    }
    let heard = heard.load(Ordering::Relaxed);
    say("heard by clients, QoS 1", heard, last.1 - begun);
    println!("{:?}", broker.status());
    broker.stop(Duration::from_secs(5));
    Ok(())
}

fn say(what: &str, count: u64, time: Duration) {
    println!("{what}: {count} in {time:.2?}, {:.0}/s", count as f64 / time.as_secs_f64());
}

fn listen(options: MqttOptions, heard: &AtomicU64, ready: &AtomicU64) {
    let (client, mut connection) = Client::new(options, 10);
    client.subscribe("lorawan/+/up", QoS::AtLeastOnce).expect("the request queue is empty");
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
