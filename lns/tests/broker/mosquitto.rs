//! What only another's broker can show: mosquitto's versions of MQTT, limits, copies and TLS.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use lns::broker::{
    Broker, BrokerTls, External, ExternalConfig, Message, Properties, Speech, Taken as Hold, Ticket,
};
use lns::clock::Clock;
use lns::identity::Authority;
use lns::store::{MemoryStore, Store};

use crate::support::*;

/// mosquitto in `folder`, with these lines besides.
fn mosquitto(folder: &Path, port: u16, more: &str) -> Option<Process> {
    Mosquitto { folder, port, more }.start()
}

fn external(port: u16, speech: Speech, taken: &Taken) -> External {
    let url = format!("mqtt://{HOST}:{port}").parse().unwrap();
    let config = ExternalConfig { speech, ..ExternalConfig::new(url) };
    External::start(config, taken.intake()).unwrap()
}

/// mosquitto_pub at QoS 1, with these arguments besides.
fn publish(port: u16, more: &[&str]) {
    let mut command = Command::new(tool("mosquitto_pub").expect("it comes with mosquitto_sub"));
    command.args(["-h", HOST, "-p", &port.to_string(), "-q", "1"]).args(more);
    assert!(command.status().unwrap().success());
}

/// Publishes on `topic` until the server hears it, and forgets what it heard.
fn once_subscribed(port: u16, topic: &str, taken: &Taken) {
    eventually("the server has subscribed", || {
        publish(port, &["-t", topic, "-m", "probe"]);
        !taken.topics().is_empty()
    });
    publish(port, &["-t", topic, "-m", "last probe"]);
    eventually("all probes have come", || {
        taken.0.lock().unwrap().last().is_some_and(|last| last.payload == "last probe")
    });
    taken.0.lock().unwrap().clear();
}

#[test]
fn properties_are_carried_both_ways() {
    let (Some(_), Some(subscriber)) = (tool("mosquitto_pub"), tool("mosquitto_sub")) else {
        return;
    };
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(_broker) = mosquitto(folder.path(), port, "") else { return };
    let taken = Taken::default();
    let server = external(port, Speech::Auto, &taken);
    server.listen("rules", vec!["in/+".into()]);
    once_subscribed(port, "in/probe", &taken);
    assert_eq!(server.status().protocol, 5);

    let said = |name: &'static str, value: &'static str| ["-D", "PUBLISH", name, value];
    let mut arguments = vec!["-V", "5", "-t", "in/a", "-m", "{}"];
    arguments.extend(said("content-type", "application/json"));
    arguments.extend(said("response-topic", "re/ply"));
    arguments.extend(said("correlation-data", "c-1"));
    arguments.extend(said("message-expiry-interval", "60"));
    arguments.extend(said("payload-format-indicator", "1"));
    arguments.extend(["-D", "PUBLISH", "user-property", "colour", "red"]);
    publish(port, &arguments);
    eventually("it", || !taken.topics().is_empty());
    let heard = taken.0.lock().unwrap()[0].clone();
    let given = heard.properties.clone().expect("properties");
    assert_eq!(given.content_type.as_deref(), Some("application/json"));
    assert_eq!(given.response_topic.as_deref(), Some("re/ply"));
    assert_eq!(given.correlation.as_deref(), Some(&b"c-1"[..]));
    assert_eq!(given.is_utf8, Some(true));
    assert!(given.expiry.is_some_and(|left| (55..=60).contains(&left)), "{:?}", given.expiry);
    assert_eq!(given.user, [("colour".to_owned(), "red".to_owned())]);

    // The same on the way out, to a retained message, so that nobody has to be there in time.
    let answer = Message { topic: "out/a".into(), retain: true, ..heard };
    let (acknowledge, numbers) = acknowledgements();
    server.publish(answer, Ticket::new(1, acknowledge)).unwrap();
    assert_eq!(numbers.recv_timeout(LONG), Ok(1));
    let mut command = Command::new(subscriber);
    command.args(["-h", HOST, "-p", &port.to_string(), "-V", "5", "-C", "1", "-W", "20"]);
    command.args(["-t", "out/a", "-F", "%p|%C|%R|%D|%F|%P"]);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert_eq!(told, "{}|application/json|re/ply|c-1|1|colour:red");
}

#[test]
fn overlapping_filters_bring_each_message_once_in_either_mqtt() {
    const MANY: usize = 50;
    if tool("mosquitto_pub").is_none() {
        return;
    }
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(_broker) = mosquitto(folder.path(), port, "") else { return };
    for (speech, level) in [(Speech::Five, 5), (Speech::ThreeOneOne, 4)] {
        let taken = Taken::default();
        let server = external(port, speech, &taken);
        server.listen("rules", ["a/#", "a/+/c", "a/b/c", "+/b/+"].map(Into::into).to_vec());
        server.listen("shadows", vec!["$aws/things/+/shadow/get".into(), "a/b/c".into()]);
        once_subscribed(port, "a/b/c", &taken);
        assert_eq!(server.status().protocol, level);
        for number in 0..MANY {
            publish(port, &["-t", "a/b/c", "-m", &number.to_string()]);
        }
        publish(port, &["-t", "$aws/things/lamp/shadow/get", "-m", ""]);
        eventually("the last", || taken.topics().iter().any(|topic| topic.starts_with('$')));
        let numbers: Vec<_> = taken.0.lock().unwrap().iter().map(|it| it.payload.clone()).collect();
        let expected: Vec<_> = (0..MANY).map(|number| number.to_string()).collect();
        assert_eq!(numbers[..MANY], expected);
        assert_eq!(numbers.len(), MANY + 1);
        // Given up, a filter brings nothing more; the others go on.
        server.listen("rules", vec!["x/+".into()]);
        server.listen("shadows", Vec::new());
        once_subscribed(port, "x/1", &taken);
        publish(port, &["-t", "a/b/c", "-m", "unheard"]);
        publish(port, &["-t", "x/1", "-m", "heard"]);
        eventually("the last", || taken.topics().iter().any(|topic| topic == "x/1"));
        assert_eq!(taken.topics(), ["x/1"]);
        server.stop(Duration::from_secs(5));
    }
}

/// Filters of rules are there before the rules: what came while the server was away is not lost.
#[test]
fn what_was_asked_for_before_a_restart_stands_until_the_rooms_are_there() {
    if tool("mosquitto_pub").is_none() {
        return;
    }
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(_broker) = mosquitto(folder.path(), port, "") else { return };
    let (store, taken): (Arc<dyn Store>, _) = (Arc::new(MemoryStore::new()), Taken::default());
    let open = || {
        let url = format!("mqtt://{HOST}:{port}").parse().unwrap();
        External::open(ExternalConfig::new(url), taken.intake(), Arc::clone(&store)).unwrap()
    };
    let first = open();
    first.listen("rules", vec!["home/#".into()]);
    once_subscribed(port, "home/probe", &taken);
    first.stop(Duration::from_secs(5));
    publish(port, &["-t", "home/1", "-m", "while it was away"]);
    let second = open();
    eventually("what waited", || taken.topics() == ["home/1"]);
    publish(port, &["-t", "home/2", "-m", "before the rooms"]);
    eventually("what came early", || taken.topics() == ["home/1", "home/2"]);
    second.listen("rules", vec!["home/+".into()]);
    publish(port, &["-t", "home/3", "-m", "after"]);
    eventually("what came after", || taken.topics() == ["home/1", "home/2", "home/3"]);
}

#[test]
fn a_message_that_is_too_large_for_us_does_not_stop_the_others() {
    if tool("mosquitto_pub").is_none() {
        return;
    }
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(_broker) = mosquitto(folder.path(), port, "") else { return };
    let big = folder.path().join("big");
    std::fs::write(&big, vec![b'x'; 3 << 20]).unwrap();
    for speech in [Speech::Five, Speech::ThreeOneOne] {
        let taken = Taken::default();
        let server = external(port, speech, &taken);
        server.listen("rules", vec!["in/+".into()]);
        once_subscribed(port, "in/probe", &taken);
        publish(port, &["-t", "in/1", "-f", big.to_str().unwrap()]);
        publish(port, &["-t", "in/2", "-m", "small"]);
        eventually("the small one", || taken.topics() == ["in/2"]);
        assert_eq!(server.status().connections, 1, "{speech}");
        server.stop(Duration::from_secs(5));
    }
}

#[test]
fn the_brokers_limits_on_size_and_flight_are_kept() {
    const MANY: u64 = 500;
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let limits = "max_packet_size 2000\nmax_inflight_messages 5\n";
    let Some(_broker) = mosquitto(folder.path(), port, limits) else { return };
    let server = external(port, Speech::Auto, &Taken::default());
    let (acknowledge, numbers) = acknowledgements();
    for number in 0..MANY {
        let body = vec![b'x'; if number % 100 == 7 { 5000 } else { 10 }];
        let ticket = Ticket::new(number, acknowledge.clone());
        server.publish(Message::new("out/x", body), ticket).unwrap();
    }
    let came: std::collections::BTreeSet<u64> =
        (0..MANY).map(|_| numbers.recv_timeout(LONG).expect("a ticket")).collect();
    assert_eq!(came, (0..MANY).collect());
    let status = server.status();
    assert_eq!((status.connections, status.dropped), (1, MANY / 100));
}

#[test]
fn what_the_server_still_holds_is_not_handed_over_again_after_a_lost_connection() {
    if tool("mosquitto_pub").is_none() {
        return;
    }
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(broker) = mosquitto(folder.path(), port, "") else { return };
    let held = Arc::new(Mutex::new(Vec::<(Message, Hold)>::new()));
    let holding = Arc::clone(&held);
    let intake = move |publication: lns::broker::Publication, hold| {
        holding.lock().unwrap().push((publication.message, hold));
        Ok(())
    };
    let url = format!("mqtt://{HOST}:{port}").parse().unwrap();
    let server = External::start(ExternalConfig::new(url), Arc::new(intake)).unwrap();
    server.listen("rules", vec!["in/+".into()]);
    eventually("it has subscribed", || {
        publish(port, &["-t", "in/probe", "-m", "probe"]);
        !held.lock().unwrap().is_empty()
    });
    publish(port, &["-t", "in/1", "-m", "held"]);
    let count = |body: &str| held.lock().unwrap().iter().filter(|it| it.0.payload == body).count();
    eventually("it is held", || count("held") == 1);
    // It writes its sessions as it ends, with what we have not acknowledged.
    broker.terminate();
    let broker = mosquitto(folder.path(), port, "").unwrap();
    publish(port, &["-t", "in/2", "-m", "next"]);
    eventually("the next, behind the repetitions", || count("next") == 1);
    assert_eq!(count("held"), 1);
    held.lock().unwrap().clear();
    // Let go, it is acknowledged: it does not come again.
    publish(port, &["-t", "in/3", "-m", "third"]);
    eventually("the third", || count("third") == 1);
    held.lock().unwrap().clear();
    publish(port, &["-t", "in/4", "-m", "fourth"]);
    eventually("the fourth", || count("fourth") == 1);
    held.lock().unwrap().clear();
    broker.terminate();
    let _broker = mosquitto(folder.path(), port, "").unwrap();
    publish(port, &["-t", "in/5", "-m", "fifth"]);
    eventually("the fifth", || count("fifth") == 1);
    assert_eq!((count("held"), count("next"), count("third")), (0, 0, 0));
}

#[test]
fn what_is_retained_from_before_is_no_news_but_for_the_states_of_bridges() {
    if tool("mosquitto_pub").is_none() {
        return;
    }
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(_broker) = mosquitto(folder.path(), port, "") else { return };
    publish(port, &["-r", "-t", "in/old", "-m", "old"]);
    publish(port, &["-r", "-t", "lns/v1/bridge/roof/state", "-m", "here"]);
    for speech in [Speech::Five, Speech::ThreeOneOne] {
        let taken = Taken::default();
        let server = external(port, speech, &taken);
        server.listen("rules", vec!["in/+".into()]);
        eventually("the bridge's state, and what is new", || {
            publish(port, &["-r", "-t", "in/new", "-m", "new"]);
            let topics = taken.topics();
            topics.iter().any(|topic| topic.ends_with("state"))
                && topics.iter().any(|topic| topic == "in/new")
        });
        assert!(!taken.topics().iter().any(|topic| topic == "in/old"), "{speech}");
        server.stop(Duration::from_secs(5));
    }
}

#[test]
fn tls_is_spoken_to_a_broker_that_we_trust_and_that_wants_our_certificate() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let clock = Clock::start();
    let authority = Authority::open(folder.path(), clock.now()).unwrap();
    let theirs = authority.server(&[HOST.to_owned()], clock.now()).unwrap();
    let mine = authority.keys_and_certificate(clock.now()).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let ca = file("root.pem", authority.pem());
    let identity = (file("mine.pem", &mine.certificate), file("mine.key", &mine.private_key));
    let files = format!(
        "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
        ca.display(),
        theirs.certificate.display(),
        theirs.key.display()
    );
    let Some(_broker) = mosquitto(folder.path(), port, &files) else { return };
    let open = |authorities, identity| {
        let url = format!("mqtts://{HOST}:{port}").parse().unwrap();
        let tls = BrokerTls { authorities, identity };
        let config = ExternalConfig { tls, ..ExternalConfig::new(url) };
        External::start(config, Taken::default().intake()).unwrap()
    };
    let stranger = open(None, Some(identity.clone()));
    let nameless = open(Some(ca.clone()), None);
    let known = open(Some(ca), Some(identity));
    let (acknowledge, numbers) = acknowledgements();
    known.publish(Message::new("a/b", "x"), Ticket::new(1, acknowledge)).unwrap();
    assert_eq!(numbers.recv_timeout(LONG), Ok(1));
    assert_eq!(stranger.status().connections, 0, "it does not trust this authority");
    assert_eq!(nameless.status().connections, 0, "the broker wants a certificate");
}

/// A broker that knows MQTT 3.1.1 only. It tells the level of each CONNECT that it gets, and how it
/// answers MQTT 5 is `refusal`.
fn of_old(refusal: &'static [u8]) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let levels = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&levels);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut packet = [0; 512];
            let count = stream.read(&mut packet).unwrap_or(0);
            // Behind the fixed header and the name stands the level (MQTT 3.1.1 §3.1.2.2).
            let Some(level) = packet[..count].get(8).copied() else { continue };
            told.lock().unwrap().push(level);
            let answer: &[u8] = if level == 4 { &[0x20, 2, 0, 0] } else { refusal };
            let _ = stream.write_all(answer);
            if level == 4 {
                thread::spawn(
                    move || while stream.read(&mut packet).is_ok_and(|count| count > 0) {},
                );
            }
        }
    });
    (port, levels)
}

#[test]
fn a_broker_that_does_not_know_mqtt_5_is_spoken_to_in_3_1_1() {
    for refusal in [&[0x20, 2, 0, 1][..], &[0x20, 3, 0, 0x84, 0], &[]] {
        let (port, levels) = of_old(refusal);
        let server = external(port, Speech::Auto, &Taken::default());
        eventually("it is connected", || server.status().connected);
        assert_eq!(server.status().protocol, 4, "{refusal:?}");
        let levels = levels.lock().unwrap().clone();
        let times = if refusal.is_empty() { 2 } else { 1 };
        assert_eq!(levels, [vec![5; times], vec![4]].concat(), "{refusal:?}");
    }
    let (port, levels) = of_old(&[0x20, 2, 0, 1]);
    let stubborn = external(port, Speech::Five, &Taken::default());
    eventually("it tries on", || levels.lock().unwrap().len() > 1);
    assert!(!stubborn.status().connected && !levels.lock().unwrap().contains(&4));
}

#[test]
fn what_has_waited_too_long_is_not_sent_and_the_rest_is_sent_with_less_time() {
    let Some(subscriber) = tool("mosquitto_sub") else { return };
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let server = external(port, Speech::Auto, &Taken::default());
    let (acknowledge, numbers) = acknowledgements();
    let expiring = |topic: &str, seconds| Message {
        retain: true,
        properties: Some(Box::new(Properties { expiry: Some(seconds), ..Properties::default() })),
        ..Message::new(topic, "x")
    };
    let begun = std::time::Instant::now();
    server.publish(expiring("out/short", 1), Ticket::new(1, acknowledge.clone())).unwrap();
    server.publish(expiring("out/long", 600), Ticket::new(2, acknowledge)).unwrap();
    // The broker comes when the first has expired.
    eventually("it has expired", || begun.elapsed() > Duration::from_millis(1100));
    let Some(_broker) = mosquitto(folder.path(), port, "") else { return };
    let mut came = [numbers.recv_timeout(LONG).unwrap(), numbers.recv_timeout(LONG).unwrap()];
    came.sort_unstable();
    assert_eq!((came, server.status().dropped), ([1, 2], 1));
    let mut command = Command::new(subscriber);
    command.args(["-h", HOST, "-p", &port.to_string(), "-V", "5", "-C", "1", "-W", "20"]);
    let output = command.args(["-t", "out/+", "-F", "%t %E"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let (topic, left) = told.split_once(' ').expect("topic and expiry");
    assert_eq!(topic, "out/long");
    assert!(left.parse::<u32>().is_ok_and(|left| (500..600).contains(&left)), "{told}");
}
