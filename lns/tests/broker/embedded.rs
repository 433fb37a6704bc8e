//! The embedded broker, as clients see it.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{IpAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lns::broker::{
    Broker, BrokerError, Embedded, EmbeddedConfig, Message, Origin, Publication, Surroundings,
    Ticket,
};
use lns::clock::Clock;
use lns::store::{Fault, FaultyStore, MemoryStore};
use rumqttc::{Packet, QoS};

use crate::support::*;

#[test]
fn what_the_server_publishes_arrives_in_order_and_every_ticket_comes_back() {
    let (broker, _) = start(loopback());
    let tester = Tester::connect(options("app", broker.address()));
    assert!(tester.subscribe("lorawan/+/up"));

    let (acknowledge, numbers) = acknowledgements();
    for number in 0..5000u64 {
        let mut message = Message::new(format!("lorawan/{number:016x}/up"), number.to_string());
        let mut ticket = Ticket::new(number, acknowledge.clone());
        while let Err(busy) = broker.publish(message, ticket) {
            (message, ticket) = (busy.message, busy.ticket);
            std::thread::yield_now();
        }
    }
    for number in 0..5000u64 {
        assert_eq!(numbers.recv_timeout(LONG).unwrap(), number);
        let (topic, body) = tester.message().expect("a message");
        assert_eq!((topic, body), (format!("lorawan/{number:016x}/up"), number.to_string()));
    }
    let status = broker.status();
    assert_eq!((status.in_flight, status.acknowledged, status.dropped), (0, 5000, 0));
}

#[test]
fn a_client_that_was_away_finds_its_messages_when_it_comes_back() {
    let (broker, _) = start(loopback());
    let mut persistent = options("app", broker.address());
    persistent.set_clean_session(false);
    let tester = Tester::connect(persistent.clone());
    assert!(tester.subscribe("lorawan/#"));
    tester.client.disconnect().unwrap();
    while tester.wait(|_| Some(())).is_some() {}

    let (acknowledge, numbers) = acknowledgements();
    for number in 0..100 {
        let message = Message::new("lorawan/0102030405060708/up", number.to_string());
        broker.publish(message, Ticket::new(number, acknowledge.clone())).unwrap();
    }
    assert_eq!(numbers.iter().take(100).last(), Some(99));

    let tester = Tester::connect(persistent);
    // In any order: the library sends again, last first, what was on its way at the disconnection.
    let mut heard = BTreeSet::new();
    while heard.len() < 100 {
        heard.insert(tester.message().unwrap().1.parse::<u64>().unwrap());
    }
    assert_eq!(heard, (0..100).collect());
}

#[test]
fn a_request_is_taken_in_before_its_sender_hears_puback() {
    let (broker, taken) = start(loopback());
    let tester = Tester::connect(options("app", broker.address()));
    assert!(tester.publish("lorawan/0102030405060708/down", "{}"));
    assert_eq!(taken.topics(), ["lorawan/0102030405060708/down"]);
    assert!(tester.publish("home/kitchen", "on"));
    assert!(tester.publish("lns/v1/gateway/0102030405060708/up", "x"));
    let expected = ["lorawan/0102030405060708/down", "lns/v1/gateway/0102030405060708/up"];
    assert_eq!(taken.topics(), expected);
    assert_eq!(broker.status().taken_in, 2);
}

#[test]
fn while_the_server_has_no_room_the_sender_waits_for_its_puback() {
    let full = Arc::new(AtomicBool::new(true));
    let taken = Arc::new(Mutex::new(Vec::new()));
    let (gate, list) = (full.clone(), taken.clone());
    let intake = Arc::new(move |publication: Publication, taken| {
        if gate.load(Ordering::SeqCst) {
            return Err((publication, taken));
        }
        list.lock().unwrap().push(publication.message.topic);
        Ok(())
    });
    let broker = Embedded::start(loopback(), intake).unwrap();
    let tester = Tester::connect(options("app", broker.address()));
    let other = Tester::connect(options("other", broker.address()));
    tester.client.publish("lorawan/0102030405060708/down", QoS::AtLeastOnce, false, "{}").unwrap();
    // Others are not held up meanwhile.
    assert!(other.publish("home/kitchen", "on"));
    assert!(!tester.events.try_iter().any(|packet| matches!(packet, Packet::PubAck(_))));
    full.store(false, Ordering::SeqCst);
    tester.wait(|packet| matches!(packet, Packet::PubAck(_)).then_some(())).expect("a PUBACK");
    assert_eq!(*taken.lock().unwrap(), ["lorawan/0102030405060708/down"]);
}

#[test]
fn the_sender_waits_until_everybody_who_took_it_has_let_it_go() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let holding = held.clone();
    let intake = Arc::new(move |publication, taken| {
        holding.lock().unwrap().push((publication, taken));
        Ok(())
    });
    let broker = Embedded::start(loopback(), intake).unwrap();
    broker.listen("test", vec!["home/#".into()]);
    let tester = Tester::connect(options("app", broker.address()));
    tester.client.publish("home/kitchen", QoS::AtLeastOnce, false, "on").unwrap();
    eventually("it is taken", || held.lock().unwrap().len() == 1);
    assert!(!tester.events.try_iter().any(|packet| matches!(packet, Packet::PubAck(_))));
    let (publication, taken) = held.lock().unwrap().pop().unwrap();
    let Origin::Client(client) = &publication.origin else { panic!("{publication:?}") };
    assert_eq!((&*client.client_id, client.address.is_some()), ("app", true));
    let other = taken.clone();
    drop(taken);
    assert!(!tester.events.try_iter().any(|packet| matches!(packet, Packet::PubAck(_))));
    drop(other);
    tester.wait(|packet| matches!(packet, Packet::PubAck(_)).then_some(())).expect("a PUBACK");
}

#[test]
fn the_server_hears_its_own_words_and_what_it_listens_to_changes_while_it_runs() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let holding = held.clone();
    let intake = Arc::new(move |publication, taken| {
        holding.lock().unwrap().push((publication, taken));
        Ok(())
    });
    let broker = Embedded::start(loopback(), intake).unwrap();
    let (acknowledge, numbers) = acknowledgements();
    let say = |number, hops| {
        let message = Message { hops, ..Message::new("lorawan/x/up", "event") };
        broker.publish(message, Ticket::new(number, acknowledge.clone())).unwrap();
    };
    say(1, 0);
    assert_eq!(numbers.recv_timeout(LONG), Ok(1));
    broker.listen("rules", vec!["lorawan/+/up".into()]);
    say(2, 3);
    eventually("it is heard", || held.lock().unwrap().len() == 1);
    assert!(numbers.try_recv().is_err());
    let (publication, taken) = held.lock().unwrap().pop().unwrap();
    assert_eq!(publication.origin, Origin::Server { hops: 3 });
    drop(taken);
    assert_eq!(numbers.recv_timeout(LONG), Ok(2));
    broker.listen("rules", Vec::new());
    say(4, 0);
    assert_eq!(numbers.recv_timeout(LONG), Ok(4));
    assert!(held.lock().unwrap().is_empty());
}

#[test]
fn beyond_its_bound_it_gives_messages_back() {
    let (broker, _) = start(EmbeddedConfig { in_flight: 4, ..loopback() });
    let message = || Message::new("lorawan/0102030405060708/up", "x");
    // The first acknowledgement is held, and with it the broker's hand on the next messages.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let hold = Arc::new(move |_| {
        let _ = held.lock().unwrap().recv();
    });
    broker.publish(message(), Ticket::new(0, hold)).unwrap();
    let given_back = (0..10).filter_map(|_| broker.publish(message(), Ticket::nobody()).err());
    let given_back: Vec<_> = given_back.collect();
    assert!(!given_back.is_empty());
    assert_eq!(given_back[0].message, message());
    assert!(broker.status().busy > 0 && broker.status().in_flight <= 4);
    drop(release);
    eventually("room again", || broker.status().in_flight == 0);
    broker.publish(message(), Ticket::nobody()).unwrap();
}

#[test]
fn retained_messages_are_kept_and_cleared() {
    let (broker, _) = start(loopback());
    let tester = Tester::connect(options("bridge", broker.address()));
    let retain = |body: &str| {
        tester.client.publish("lns/v1/bridge/a/state", QoS::AtLeastOnce, true, body).unwrap();
        tester.wait(|packet| matches!(packet, Packet::PubAck(_)).then_some(())).unwrap();
    };
    retain("here");
    let late = Tester::connect(options("late", broker.address()));
    assert!(late.subscribe("lns/v1/bridge/+/state"));
    assert_eq!(late.message().unwrap().1, "here");
    retain("");
    assert_eq!(late.message().unwrap().1, "");
    let later = Tester::connect(options("later", broker.address()));
    assert!(later.subscribe("lns/v1/bridge/+/state"));
    retain("again");
    assert_eq!(later.message().unwrap().1, "again");
}

#[test]
fn a_port_in_use_is_one_line_that_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Embedded::start(EmbeddedConfig::new(address), Taken::default().intake());
    let error = error.err().expect("the port is taken");
    assert!(matches!(error, BrokerError::PortInUse { .. }), "{error:?}");
    let line = error.to_string();
    assert!(line.contains(&address.to_string()) && line.contains("--mqtt"), "{line}");
    assert!(!line.contains('\n'));
}

#[test]
fn it_does_not_listen_to_the_world_without_a_password() {
    let config = EmbeddedConfig::new("0.0.0.0:0".parse().unwrap());
    let error = Embedded::start(config, Taken::default().intake()).err().unwrap();
    assert!(matches!(error, BrokerError::OpenToTheWorld { .. }), "{error:?}");
}

#[test]
fn stopped_it_frees_its_port_even_from_async_code_and_takes_nothing_more() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (broker, _) = start(EmbeddedConfig::new((HOST.parse::<IpAddr>().unwrap(), 0).into()));
        let address = broker.address();
        let tester = Tester::connect(options("app", address));
        assert!(tester.subscribe("lorawan/#"));
        broker.publish(Message::new("lorawan/x/up", "last"), Ticket::nobody()).unwrap();
        assert_eq!(tester.message().unwrap().1, "last");
        broker.stop(Duration::from_secs(5));
        assert!(broker.publish(Message::new("a", "b"), Ticket::nobody()).is_err());
        let again = Embedded::start(EmbeddedConfig::new(address), Taken::default().intake());
        again.expect("the port is free").stop(Duration::from_secs(5));
    });
}

#[test]
fn it_listens_on_ipv6() {
    let (broker, taken) = start(EmbeddedConfig::new("[::1]:0".parse().unwrap()));
    let tester = Tester::connect(options("app", broker.address()));
    assert!(tester.publish("lorawan/0102030405060708/down", "{}"));
    assert_eq!(taken.topics().len(), 1);
}

#[test]
fn mosquittos_clients_talk_to_it_in_3_1_1_and_5() {
    let (Some(subscriber), Some(publisher)) = (tool("mosquitto_sub"), tool("mosquitto_pub")) else {
        return;
    };
    let (broker, taken) = start(loopback());
    let port = broker.address().port().to_string();
    for version in ["311", "5"] {
        let mut command = Command::new(&subscriber);
        command.args(["-h", "127.0.0.1", "-p", &port, "-V", version, "-q", "1", "-v"]);
        command.args(["-t", "lorawan/#", "-C", "1"]).stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        // It does not say when it has subscribed, so it is spoken to until it has heard.
        eventually("mosquitto_sub has its message", || {
            broker.publish(Message::new("lorawan/x/up", "hello"), Ticket::nobody()).unwrap();
            process.0.try_wait().unwrap().is_some()
        });
        let mut heard = String::new();
        process.0.stdout.take().unwrap().read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "lorawan/x/up hello\n");

        let mut command = Command::new(&publisher);
        command.args(["-h", "127.0.0.1", "-p", &port, "-V", version, "-q", "1"]);
        command.args(["-t", "lorawan/0102030405060708/down", "-m", version]);
        assert!(command.status().unwrap().success());
        assert_eq!(taken.0.lock().unwrap().last().unwrap().payload, version.as_bytes());
    }
}

#[test]
fn it_stops_in_time_though_the_store_refuses_everything() {
    let (store, faults) = FaultyStore::new(Box::new(MemoryStore::new()));
    let around = Surroundings {
        intake: Taken::default().intake(),
        store: Arc::new(store),
        gate: None,
        clock: Clock::start(),
    };
    let broker = Embedded::open(loopback(), around).unwrap();
    let mut kept = options("kept", broker.address());
    kept.set_clean_session(false);
    let kept = Tester::connect(kept);
    assert!(kept.subscribe("kept/#"));
    faults.always(Fault::Full);
    let before = faults.commits();
    let publisher = Tester::connect(options("publisher", broker.address()));
    publisher.client.publish("kept/one", QoS::AtLeastOnce, false, "1").unwrap();
    eventually("the store was asked", || faults.commits() > before);
    let begun = Instant::now();
    broker.stop(Duration::from_secs(1));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
