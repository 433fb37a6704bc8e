//! An external broker that is killed, restarted, late, or not there at all.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use lns::broker::{
    Acknowledge, Broker, EmbeddedConfig, External, ExternalConfig, Message, Origin, Publication,
    Ticket,
};
use rumqttc::QoS;

use crate::support::*;

fn external(port: u16, taken: &Taken) -> External {
    let url = format!("mqtt://{HOST}:{port}").parse().unwrap();
    External::start(ExternalConfig::new(url), taken.intake()).unwrap()
}

/// Publishes numbers, waiting for room where there is none.
fn publish(broker: &External, numbers: std::ops::Range<u64>, acknowledge: &Acknowledge) {
    for number in numbers {
        let mut message = Message::new("lorawan/0102030405060708/up", number.to_string());
        let mut ticket = Ticket::new(number, acknowledge.clone());
        while let Err(busy) = broker.publish(message, ticket) {
            (message, ticket) = (busy.message, busy.ticket);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// mosquitto, with a database that it writes when told to ([`save`]).
fn mosquitto(folder: &Path, port: u16) -> Option<Process> {
    Mosquitto { folder, port, more: "" }.start()
}

/// Has mosquitto write its sessions to disk.
fn save(folder: &Path, broker: &Process) {
    let told = Command::new("kill").args(["-USR1", &broker.0.id().to_string()]).status();
    assert!(told.unwrap().success());
    eventually("mosquitto has saved", || folder.join("mosquitto.db").exists());
}

/// A subscriber that is always there: it connects anew whenever its connection is lost.
struct Subscriber {
    heard: Arc<Mutex<Vec<u64>>>,
    ended: Arc<AtomicBool>,
}

impl Subscriber {
    fn start(port: u16) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let (list, end) = (heard.clone(), ended.clone());
        let mut options = options("app", SocketAddr::from(([127, 0, 0, 2], port)));
        options.set_clean_session(false);
        let ready = Arc::new(AtomicBool::new(false));
        let subscribed = ready.clone();
        thread::spawn(move || {
            while !end.load(Ordering::SeqCst) {
                listen(options.clone(), &list, &subscribed);
                thread::sleep(Duration::from_millis(50));
            }
        });
        eventually("the subscriber has subscribed", || ready.load(Ordering::SeqCst));
        Self { heard, ended }
    }

    fn numbers(&self) -> BTreeSet<u64> {
        self.heard.lock().unwrap().iter().copied().collect()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

fn listen(options: rumqttc::MqttOptions, heard: &Mutex<Vec<u64>>, subscribed: &AtomicBool) {
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    client.subscribe("lorawan/+/up", QoS::AtLeastOnce).unwrap();
    for event in connection.iter() {
        match event {
            Ok(rumqttc::Event::Incoming(rumqttc::Packet::SubAck(_))) => {
                subscribed.store(true, Ordering::SeqCst);
            }
            Ok(rumqttc::Event::Incoming(rumqttc::Packet::Publish(publish))) => {
                let text = std::str::from_utf8(&publish.payload).unwrap();
                heard.lock().unwrap().push(text.parse().unwrap());
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// A broker of our own that plays the stranger.
fn stranger() -> EmbeddedConfig {
    EmbeddedConfig::new(SocketAddr::from(([127, 0, 0, 2], 0)))
}

fn all(numbers: &Receiver<u64>, count: u64) -> BTreeSet<u64> {
    let all = (0..count).map(|_| numbers.recv_timeout(LONG).expect("a ticket"));
    all.collect()
}

#[test]
fn mosquitto_killed_in_the_midst_of_a_stream_and_restarted_nothing_is_lost() {
    const ROUNDS: u64 = 4;
    const EACH: u64 = 3000;
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let Some(mut broker) = mosquitto(folder.path(), port) else { return };
    let subscriber = Subscriber::start(port);
    // From here on it finds its subscription after a restart.
    save(folder.path(), &broker);
    let external = external(port, &Taken::default());
    let (acknowledge, numbers) = acknowledgements();

    // What mosquitto has acknowledged may die with it: that is its promise, and not ours.
    let mut tickets = BTreeSet::new();
    let mut its_own = BTreeSet::new();
    for round in 0..ROUNDS {
        let end = (round + 1) * EACH;
        let before = external.status().acknowledged;
        publish(&external, round * EACH..end - EACH / 3, &acknowledge);
        eventually("the stream flows", || external.status().acknowledged > before + EACH / 10);
        broker.kill();
        publish(&external, end - EACH / 3..end, &acknowledge);
        eventually("the loss is noticed", || !external.status().connected);
        for number in numbers.try_iter() {
            assert!(tickets.insert(number), "{number} came back twice");
            its_own.insert(number);
        }
        broker = mosquitto(folder.path(), port).unwrap();
        eventually("the rest is acknowledged", || external.status().in_flight == 0);
        for number in numbers.try_iter() {
            assert!(tickets.insert(number), "{number} came back twice");
        }
        assert_eq!(tickets, (0..end).collect());
        let ours: BTreeSet<u64> = tickets.difference(&its_own).copied().collect();
        assert!(ours.len() as u64 >= end / 3, "each time a third met no broker");
        eventually("all of ours is delivered", || ours.is_subset(&subscriber.numbers()));
    }
    assert!(external.status().connections > ROUNDS);
    external.stop(Duration::from_secs(5));
}

#[test]
fn requests_reach_the_server_through_mosquitto_even_those_published_while_it_was_away() {
    let Some(publisher) = tool("mosquitto_pub") else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let Some(_broker) = mosquitto(folder.path(), port) else { return };
    let request = |body: &str| {
        let mut command = Command::new(&publisher);
        command.args(["-h", HOST, "-p", &port.to_string(), "-q", "1"]);
        command.args(["-t", "lorawan/0102030405060708/down", "-m", body]);
        assert!(command.status().unwrap().success());
    };
    let taken = Taken::default();
    let first = external(port, &taken);
    eventually("the server has subscribed", || {
        request("again and again");
        !taken.topics().is_empty()
    });
    first.stop(Duration::from_secs(5));
    let count = taken.topics().len();
    request("while it was away");
    let _second = external(port, &taken);
    eventually("it comes with the session", || taken.topics().len() > count);
    let bodies = taken.0.lock().unwrap();
    assert_eq!(bodies.last().unwrap().payload, "while it was away");
}

#[test]
fn without_a_broker_it_starts_waits_and_is_bounded() {
    let port = free_port();
    let url = format!("mqtt://{HOST}:{port}").parse().unwrap();
    let config = ExternalConfig { in_flight: 10, ..ExternalConfig::new(url) };
    let taken = Taken::default();
    let external = External::start(config, taken.intake()).unwrap();
    let (acknowledge, numbers) = acknowledgements();
    let message = |number: u64| Message::new("a/b", number.to_string());
    for number in 0..10 {
        external.publish(message(number), Ticket::new(number, acknowledge.clone())).unwrap();
    }
    let busy = external.publish(message(10), Ticket::new(10, acknowledge.clone())).unwrap_err();
    assert_eq!((busy.message, busy.ticket.number()), (message(10), 10));
    assert!(!external.status().connected);
    assert!(numbers.try_recv().is_err());

    // The broker comes; here our own plays the stranger.
    let address = SocketAddr::from(([127, 0, 0, 2], port));
    let (stranger, _) = start(EmbeddedConfig::new(address));
    assert_eq!(all(&numbers, 10), (0..10).collect());
    assert_eq!(external.status().in_flight, 0);
    assert!(stranger.status().connections >= 1);
}

#[test]
fn a_request_is_acknowledged_to_the_broker_only_when_the_server_took_it() {
    let (stranger, _) = start(stranger());
    let port = stranger.address().port();
    let full = Arc::new(AtomicBool::new(true));
    let taken = Taken::default();
    let (gate, take) = (full.clone(), taken.intake());
    let url: lns::broker::BrokerUrl = format!("mqtt://{HOST}:{port}").parse().unwrap();
    let external = |gate: Arc<AtomicBool>| {
        let take = take.clone();
        let intake = move |publication, taken| {
            if gate.load(Ordering::SeqCst) {
                Err((publication, taken))
            } else {
                take(publication, taken)
            }
        };
        External::start(ExternalConfig::new(url.clone()), Arc::new(intake)).unwrap()
    };
    // The first server has no room for it and dies with it in its hands.
    let first = external(gate.clone());
    let application = Tester::connect(options("app", stranger.address()));
    let (acknowledge, numbers) = acknowledgements();
    first.publish(Message::new("a/b", "x"), Ticket::new(1, acknowledge)).unwrap();
    // Acknowledged after its subscriptions, so these stand now.
    assert_eq!(numbers.recv_timeout(LONG), Ok(1));
    assert!(application.publish("lns/v1/gateway/0102030405060708/up", "frame"));
    drop(first);
    assert!(taken.topics().is_empty());
    // The second finds it in its session.
    full.store(false, Ordering::SeqCst);
    let _second = external(full);
    eventually("it is delivered again", || !taken.topics().is_empty());
    assert_eq!(taken.topics()[0], "lns/v1/gateway/0102030405060708/up");
}

#[test]
fn the_server_hears_its_own_words_once_and_listens_to_more_while_it_runs() {
    let (stranger, _) = start(stranger());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let list = heard.clone();
    let intake = move |publication: Publication, _: lns::broker::Taken| {
        list.lock().unwrap().push((publication.message.payload, publication.origin));
        Ok(())
    };
    let url = format!("mqtt://{HOST}:{}", stranger.address().port()).parse().unwrap();
    let external = External::start(ExternalConfig::new(url), Arc::new(intake)).unwrap();
    external.listen("rules", vec!["home/#".into()]);
    let application = Tester::connect(options("app", stranger.address()));
    eventually("it has subscribed", || {
        assert!(application.publish("home/probe", "probe"));
        !heard.lock().unwrap().is_empty()
    });
    let (acknowledge, numbers) = acknowledgements();
    let message = Message { hops: 2, ..Message::new("home/kitchen", "ours") };
    external.publish(message, Ticket::new(1, acknowledge)).unwrap();
    assert_eq!(numbers.recv_timeout(LONG), Ok(1));
    // It comes after the copy of ours, by the same way.
    assert!(application.publish("home/kitchen", "theirs"));
    eventually("the other's", || heard.lock().unwrap().iter().any(|(body, _)| body == "theirs"));
    let mut heard = heard.lock().unwrap().clone();
    heard.retain(|(body, _)| body != "probe");
    let expected = [("ours", Origin::Server { hops: 2 }), ("theirs", Origin::Elsewhere)];
    assert_eq!(heard, expected.map(|(body, origin)| (body.into(), origin)));
}

#[test]
fn a_broker_that_accepts_and_never_speaks_does_not_hold_up_the_stop() {
    let silent = TcpListener::bind((HOST, 0)).unwrap();
    let taken = Taken::default();
    let external = external(silent.local_addr().unwrap().port(), &taken);
    let (acknowledge, numbers) = acknowledgements();
    publish(&external, 0..5, &acknowledge);
    let connection = silent.accept().unwrap();
    external.stop(Duration::from_secs(5));
    assert!(numbers.try_recv().is_err());
    assert_eq!(external.status().in_flight, 5);
    drop(connection);
}

#[test]
fn what_no_broker_would_take_is_dropped_and_does_not_end_the_connection() {
    let (stranger, _) = start(stranger());
    let taken = Taken::default();
    let external = external(stranger.address().port(), &taken);
    let (acknowledge, numbers) = acknowledgements();
    let big = vec![b'x'; 2 << 20];
    for (number, message) in [
        Message::new("farm/+/up", "x"),
        Message::new("", "x"),
        Message::new("lorawan/x/up", big),
        Message::new("a/b", "good"),
    ]
    .into_iter()
    .enumerate()
    {
        external.publish(message, Ticket::new(number as u64, acknowledge.clone())).unwrap();
    }
    assert_eq!(all(&numbers, 4), (0..4).collect());
    assert_eq!(external.status().connections, 1);
}
