//! The cases of the Eclipse Paho interoperability suite for MQTT 3.1.1 (`client_test.py`), in our own
//! words, over sockets: one test for each. What passes stands in `docs/MQTT.md`.

use std::time::{Duration, Instant};

use crate::packets::{CONNACK, Mqtt, Packet, Props, packet};
use crate::stage::Stage;
use crate::support::LONG;
use crate::talker::{Heard, Hello, Talker};

const RETAIN: u8 = 1;
const Q1: u8 = 2;
const Q2: u8 = 4;

fn stage(case: &'static str) -> Stage {
    Stage::new(Mqtt::V311, case)
}

/// QoS and body of each, in order of QoS.
fn told(mut messages: Vec<Packet>) -> Vec<(u8, String)> {
    messages.sort_by_key(Packet::qos);
    messages.iter().map(|message| (message.qos(), message.body().to_owned())).collect()
}

#[test]
fn basic_connect_publish_at_each_qos_and_two_ways_to_connect_wrongly() {
    let stage = stage("v3-basic");
    stage.client("a").leave();
    let mut a = stage.client("a");
    let topic = stage.topic("A");
    assert_eq!(a.subscribe(&[(&topic, 2)]), [2]);
    for (flags, body) in [(0, "qos 0"), (Q1, "qos 1"), (Q2, "qos 2")] {
        a.utter(flags, &topic, body.as_bytes(), &Props::default());
    }
    let expected = [(0, "qos 0".into()), (1, "qos 1".into()), (2, "qos 2".into())];
    assert_eq!(told(a.messages(3)), expected);
    a.leave();

    let mut a = stage.client("a");
    a.say(&stage.hello("a").bytes());
    assert_eq!(a.hear(LONG), Heard::End, "a second CONNECT");
    let wrong = Hello { name: "hj", ..stage.hello("a") };
    assert_eq!(Talker::hello(stage.address, &wrong).1, Heard::End, "another protocol");
}

#[test]
fn retained_messages_of_each_qos_meet_a_wildcard_and_are_cleared() {
    let stage = stage("v3-retained");
    let topics = ["0/x", "1/x", "2/x"].map(|topic| stage.topic(topic));
    let all = stage.topic("+/+");
    for (body, expected) in [("kept", 3), ("", 0)] {
        let mut a = stage.client("a");
        for (flags, topic) in [0, Q1, Q2].into_iter().zip(&topics) {
            a.publish(flags | RETAIN, topic, body);
        }
        assert_eq!(a.subscribe(&[(&all, 2)]), [2]);
        let messages = a.messages(expected);
        assert!(messages.iter().all(|message| message.retain() && message.body() == "kept"));
        assert_eq!(messages.iter().map(Packet::qos).sum::<u8>(), expected as u8);
        assert_eq!(a.rest(), []);
        a.leave();
    }
}

#[test]
fn messages_for_who_is_away_wait_for_it() {
    let stage = stage("v3-offline");
    let (mut a, _) = stage.connect(&stage.hello("a").kept());
    a.subscribe(&[(&stage.topic("+/+"), 2)]);
    a.leave();
    let mut b = stage.client("b");
    for (flags, topic) in [(0, "0/x"), (Q1, "1/x"), (Q2, "2/x")] {
        b.publish(flags, &stage.topic(topic), "late");
    }
    b.leave();
    let (mut a, ack) = stage.connect(&stage.hello("a").kept());
    assert!(ack.session_present);
    assert_eq!(told(a.messages(2)), [(1, "late".into()), (2, "late".into())]);
    a.leave();
    stage.client("a").leave();
}

#[test]
fn a_will_is_sent_for_who_is_cut_off() {
    let stage = stage("v3-will");
    let mut b = stage.client("b");
    b.subscribe(&[(&stage.topic("gone"), 2)]);
    let hello = stage.hello("a").will(stage.will("gone", "client not disconnected"));
    let (a, _) = stage.connect(&Hello { keep_alive: 2, ..hello });
    a.cut();
    assert_eq!(told(b.messages(1)), [(2, "client not disconnected".into())]);
    assert_eq!(b.rest(), []);
}

/// The standard allows one copy at the highest QoS, or one for each subscription; ours gives one.
#[test]
fn overlapping_subscriptions_give_a_copy_at_the_highest_qos() {
    let stage = stage("v3-overlapping");
    let mut a = stage.client("a");
    let (deep, flat) = (stage.topic("A/#"), stage.topic("A/+"));
    assert_eq!(a.subscribe(&[(&deep, 2), (&flat, 1)]), [2, 1]);
    a.utter(Q2, &stage.topic("A/C"), b"overlapping", &Props::default());
    let messages = told(a.messages(1));
    assert_eq!(messages, [(2, "overlapping".into())]);
    assert_eq!(a.rest(), []);
}

#[test]
fn who_is_silent_longer_than_its_keep_alive_is_dropped() {
    let stage = stage("v3-keep-alive");
    let mut b = stage.client("b");
    b.subscribe(&[(&stage.topic("/A"), 2)]);
    let hello = stage.hello("a").will(stage.will("/A", "keepalive expiry"));
    let (mut a, _) = stage.connect(&Hello { keep_alive: 1, ..hello });
    let since = Instant::now();
    assert_eq!(told(b.messages(1)), [(2, "keepalive expiry".into())]);
    assert!(since.elapsed() >= Duration::from_millis(1400), "{:?}", since.elapsed());
    assert_eq!(a.hear(LONG), Heard::End);
}

#[test]
fn what_was_not_acknowledged_is_sent_again_after_a_reconnection() {
    let stage = stage("v3-redelivery");
    let (mut b, _) = stage.connect(&stage.hello("b").kept());
    b.subscribe(&[(&stage.topic("#"), 2)]);
    let mut a = stage.client("a");
    a.publish(Q1, &stage.topic("B"), "1");
    a.publish(Q2, &stage.topic("C"), "2");
    // It hears both and answers neither.
    let first: Vec<_> = (0..2).map(|_| b.packet()).collect();
    assert!(first.iter().all(|message| !message.dup()));
    b.leave();
    let (mut b, ack) = stage.connect(&stage.hello("b").kept());
    assert!(ack.session_present);
    let again = b.messages(2);
    assert!(again.iter().all(Packet::dup), "{again:?}");
    let same = |messages: &[Packet]| -> Vec<(u16, String)> {
        messages.iter().map(|one| (one.packet_id, one.topic.clone())).collect()
    };
    assert_eq!(same(&again), same(&first));
    assert_eq!(b.rest(), []);
    b.leave();
    stage.client("b").leave();
}

#[test]
fn a_client_without_a_name_has_no_session_to_come_back_to() {
    let stage = stage("v3-nameless");
    let nameless = Hello { id: String::new(), ..stage.hello("") };
    let (mut refused, answer) = Talker::hello(stage.address, &nameless.clone().kept());
    let Heard::Packet(answer) = answer else { panic!("{answer:?}") };
    assert_eq!((answer.kind, answer.reason()), (CONNACK, 2), "identifier rejected");
    assert_eq!(refused.hear(LONG), Heard::End);
    let (mut a, _) = stage.connect(&nameless);
    assert_eq!(a.rest(), []);
    a.leave();
}

/// The suite subscribes to `nosubscribe`, which a server must have been told to refuse; here it is a
/// filter that no client may have.
#[test]
fn a_subscription_that_is_not_allowed_is_answered_with_0x80() {
    let bridge = lns::broker::Credentials { username: "bridge".into(), password: "x".into() };
    let config = lns::broker::EmbeddedConfig { bridge: Some(bridge), ..crate::support::loopback() };
    let stage = Stage::with(Mqtt::V311, "v3-refused", config);
    let mut a = stage.client("a");
    assert_eq!(a.subscribe(&[("lns/v1/gateway/+/up", 2), (&stage.topic("A"), 1)]), [0x80, 1]);
    assert_eq!(a.rest(), []);
}

#[test]
fn what_is_published_below_a_dollar_meets_no_wildcard_and_costs_no_connection() {
    let stage = stage("v3-dollar");
    let mut b = stage.client("b");
    b.subscribe(&[("+/+", 2), ("#", 2)]);
    b.rest();
    for flags in [0, Q1, Q2] {
        b.publish(flags, "$TopicA/B", "for nobody");
    }
    assert_eq!(b.rest(), []);
    // What pretends to be the server does cost it.
    b.say(&packet(0x30, b"\0\x0B$aws/events"));
    assert_eq!(b.hear(LONG), Heard::End);
}

#[test]
fn unsubscribing_from_one_topic_leaves_the_others() {
    let stage = stage("v3-unsubscribe");
    let mut b = stage.client("b");
    let topics = ["A", "B", "C"].map(|topic| stage.topic(topic));
    topics.iter().for_each(|topic| assert_eq!(b.subscribe(&[(topic, 2)]), [2]));
    b.unsubscribe(&topics[0]);
    let mut a = stage.client("a");
    topics.iter().for_each(|topic| drop(a.publish(Q1, topic, "x")));
    let heard = b.rest();
    assert_eq!(heard.iter().map(|one| &one.topic).collect::<Vec<_>>(), [&topics[1], &topics[2]]);
}
