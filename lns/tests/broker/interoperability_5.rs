//! The cases of the Eclipse Paho interoperability suite for MQTT 5 (`client_test5.py`), in our own
//! words, over sockets. What passes stands in `docs/MQTT.md`.

use std::time::{Duration, Instant};

use crate::packets::property as p;
use crate::packets::*;
use crate::stage::Stage;
use crate::support::LONG;
use crate::talker::{Heard, Hello, Talker, Will};

const RETAIN: u8 = 1;
const Q1: u8 = 2;
const Q2: u8 = 4;

fn stage(case: &'static str) -> Stage {
    Stage::new(Mqtt::V5, case)
}

fn props() -> Props {
    Props::default()
}

/// A session that outlives its connection by so many seconds.
fn kept(seconds: u32) -> Props {
    props().long(p::SESSION_EXPIRY, seconds)
}

fn qos(messages: &[Packet]) -> Vec<u8> {
    let mut all: Vec<u8> = messages.iter().map(Packet::qos).collect();
    all.sort_unstable();
    all
}

#[test]
fn basic_connect_publish_at_each_qos_and_two_ways_to_connect_wrongly() {
    let stage = stage("v5-basic");
    stage.client("a").leave();
    let mut a = stage.client("a");
    let topic = stage.topic("A");
    assert_eq!(a.subscribe(&[(&topic, 2)]), [2]);
    for flags in [0, Q1, Q2] {
        a.utter(flags, &topic, b"x", &props());
    }
    assert_eq!(qos(&a.messages(3)), [0, 1, 2]);
    a.leave();

    let mut a = stage.client("a");
    a.say(&stage.hello("a").bytes());
    let last = a.expect(DISCONNECT);
    assert_eq!((last.reason(), a.hear(LONG)), (0x82, Heard::End), "a second CONNECT");
    let wrong = Hello { name: "hj", ..stage.hello("a") };
    assert_eq!(Talker::hello(stage.address, &wrong).1, Heard::End, "another protocol");
}

#[test]
fn retained_messages_keep_their_user_properties() {
    let stage = stage("v5-retained");
    let mut a = stage.client("a");
    let given = props().pair("a", "2").pair("c", "3");
    for (flags, topic) in [(0, "0/x"), (Q1, "1/x"), (Q2, "2/x")] {
        a.publish_with(flags | RETAIN, &stage.topic(topic), "kept", &given);
    }
    a.subscribe(&[(&stage.topic("+/+"), 2)]);
    let messages = a.messages(3);
    assert_eq!(qos(&messages), [0, 1, 2]);
    assert!(messages.iter().all(|one| one.retain() && one.texts(p::USER) == ["a=2", "c=3"]));
    for topic in ["0/x", "1/x", "2/x"] {
        a.utter(RETAIN, &stage.topic(topic), b"", &props());
    }
    a.leave();
}

#[test]
fn a_will_is_sent_for_who_is_cut_off() {
    let stage = stage("v5-will");
    let mut b = stage.client("b");
    b.subscribe(&[(&stage.topic("gone"), 2)]);
    let (a, _) = stage.connect(&stage.hello("a").will(stage.will("gone", "not disconnected")));
    a.cut();
    let messages = b.messages(1);
    assert_eq!((messages[0].qos(), messages[0].body()), (2, "not disconnected"));
    assert_eq!(b.rest(), []);
}

#[test]
fn a_client_without_a_name_is_told_the_one_it_gets() {
    let stage = stage("v5-nameless");
    let nameless = Hello { id: String::new(), ..stage.hello("") };
    let (a, ack) = stage.connect(&nameless);
    assert!(!ack.texts(p::ASSIGNED_NAME)[0].is_empty());
    a.leave();
    // MQTT 5 has no reason to refuse one that does not ask for a clean start: it can come back.
    let (a, ack) = stage.connect(&nameless.kept());
    assert!(!ack.texts(p::ASSIGNED_NAME)[0].is_empty());
    a.leave();
}

#[test]
fn messages_for_who_is_away_wait_for_it() {
    let stage = stage("v5-offline");
    let hello = stage.hello("a").kept().with(kept(600));
    let (mut a, _) = stage.connect(&hello);
    a.subscribe(&[(&stage.topic("+/+"), 2)]);
    a.leave();
    let mut b = stage.client("b");
    for (flags, topic) in [(0, "0/x"), (Q1, "1/x"), (Q2, "2/x")] {
        b.publish(flags, &stage.topic(topic), "late");
    }
    b.leave();
    let (mut a, ack) = stage.connect(&hello);
    assert!(ack.session_present);
    assert_eq!(qos(&a.messages(2)), [1, 2]);
    a.leave();
    stage.client("a").leave();
}

#[test]
fn overlapping_subscriptions_give_a_copy_at_the_highest_qos() {
    let stage = stage("v5-overlapping");
    let mut a = stage.client("a");
    a.subscribe(&[(&stage.topic("A/#"), 2), (&stage.topic("A/+"), 1)]);
    a.utter(Q2, &stage.topic("A/C"), b"overlapping", &props());
    assert_eq!(qos(&a.messages(1)), [2]);
    assert_eq!(a.rest(), []);
}

#[test]
fn who_is_silent_longer_than_its_keep_alive_is_dropped() {
    let stage = stage("v5-keep-alive");
    let mut b = stage.client("b");
    b.subscribe(&[(&stage.topic("gone"), 2)]);
    let hello = stage.hello("a").will(stage.will("gone", "keepalive expiry"));
    let (mut a, _) = stage.connect(&Hello { keep_alive: 1, ..hello });
    let since = Instant::now();
    assert_eq!(b.messages(1)[0].body(), "keepalive expiry");
    assert!(since.elapsed() >= Duration::from_millis(1400), "{:?}", since.elapsed());
    assert_eq!(a.expect(DISCONNECT).reason(), 0x8D);
    assert_eq!(a.hear(LONG), Heard::End);
}

#[test]
fn what_was_not_acknowledged_is_sent_again_after_a_reconnection() {
    let stage = stage("v5-redelivery");
    let hello = stage.hello("b").kept().with(kept(600));
    let (mut b, _) = stage.connect(&hello);
    b.subscribe(&[(&stage.topic("#"), 2)]);
    let mut a = stage.client("a");
    a.publish(Q1, &stage.topic("B"), "1");
    a.publish(Q2, &stage.topic("C"), "2");
    let first: Vec<_> = (0..2).map(|_| b.packet().packet_id).collect();
    b.leave();
    let (mut b, _) = stage.connect(&hello);
    let again = b.messages(2);
    assert!(again.iter().all(Packet::dup), "{again:?}");
    assert_eq!(again.iter().map(|one| one.packet_id).collect::<Vec<_>>(), first);
    b.leave();
    stage.client("b").leave();
}

/// The suite subscribes to `test/nosubscribe`, which a server must have been told to refuse, and wants
/// 0x80 where MQTT 5 has a better word.
#[test]
fn a_subscription_that_is_not_allowed_is_answered_with_its_reason() {
    let bridge = lns::broker::Credentials { username: "bridge".into(), password: "x".into() };
    let config = lns::broker::EmbeddedConfig { bridge: Some(bridge), ..crate::support::loopback() };
    let stage = Stage::with(Mqtt::V5, "v5-refused", config);
    let mut a = stage.client("a");
    assert_eq!(a.subscribe(&[("lns/v1/gateway/+/up", 2), (&stage.topic("A"), 1)]), [0x87, 1]);
}

#[test]
fn what_is_published_below_a_dollar_meets_no_wildcard_and_costs_no_connection() {
    let stage = stage("v5-dollar");
    let mut b = stage.client("b");
    b.subscribe(&[("+/+", 2), ("#", 2)]);
    b.rest();
    b.publish(0, "$TopicA/B", "for nobody");
    for flags in [Q1, Q2] {
        let answer = b.publish(flags, "$TopicA/B", "for nobody");
        // The suite's client takes no acknowledgement longer than four bytes.
        assert!(answer.props.is_empty(), "{answer:?}");
    }
    assert_eq!(b.rest(), []);
}

#[test]
fn unsubscribing_from_one_topic_leaves_the_others() {
    let stage = stage("v5-unsubscribe");
    let mut b = stage.client("b");
    let topics = ["A", "B", "C"].map(|topic| stage.topic(topic));
    topics.iter().for_each(|topic| assert_eq!(b.subscribe(&[(topic, 2)]), [2]));
    assert_eq!(b.unsubscribe(&topics[0]).reasons, [0]);
    assert_eq!(b.unsubscribe(&topics[0]).reasons, [0x11], "no such subscription any more");
    let mut a = stage.client("a");
    topics.iter().for_each(|topic| drop(a.publish(Q1, topic, "x")));
    let heard = b.rest();
    assert_eq!(heard.iter().map(|one| &one.topic).collect::<Vec<_>>(), [&topics[1], &topics[2]]);
}

#[test]
fn a_session_lives_as_long_as_its_client_says_at_connect_or_at_the_end() {
    let stage = stage("v5-session");
    let hello = |seconds| stage.hello("a").kept().with(kept(seconds));
    let here = |seconds| stage.connect(&hello(seconds));
    // A will that is due later than the session ends tells when the session has ended.
    let mut witness = stage.client("witness");
    witness.subscribe(&[(&stage.topic("end"), 1)]);
    let dying = |seconds| {
        let late = Will { props: props().long(p::WILL_DELAY, 600), ..stage.will("end", "") };
        hello(seconds).will(late)
    };

    stage.client("a").leave();
    let (a, ack) = here(0);
    assert!(!ack.session_present);
    a.leave();
    let (a, ack) = here(600);
    assert!(!ack.session_present, "0 seconds are over at once");
    a.leave();
    let (a, ack) = here(600);
    assert!(ack.session_present);
    a.leave_with(0, &kept(0));
    let (a, ack) = stage.connect(&dying(1));
    assert!(!ack.session_present, "ended by DISCONNECT");
    a.cut();
    witness.messages(1);
    let (a, ack) = stage.connect(&dying(600));
    assert!(!ack.session_present, "one second is over");
    // DISCONNECT with will, and another time for the session.
    a.leave_with(4, &kept(2));
    let (a, ack) = here(1);
    assert!(ack.session_present);
    a.leave_with(0, &kept(600));
    let (a, ack) = here(600);
    assert!(ack.session_present, "lengthened by DISCONNECT");
    a.leave_with(0, &kept(0));
}

#[test]
fn user_properties_content_type_and_format_travel_along() {
    let stage = stage("v5-properties");
    let mut a = stage.client("a");
    let topic = stage.topic("A");
    a.subscribe(&[(&topic, 2)]);
    let given = props().byte(p::PAYLOAD_FORMAT, 1).text(p::CONTENT_TYPE, "My name");
    let given = given.pair("a", "2").pair("c", "3");
    for flags in [0, Q1, Q2] {
        a.utter(flags, &topic, b"", &given);
    }
    let messages = a.messages(3);
    assert_eq!(qos(&messages), [0, 1, 2]);
    for message in messages {
        assert_eq!(message.number(p::PAYLOAD_FORMAT), Some(1));
        assert_eq!(message.texts(p::CONTENT_TYPE), ["My name"]);
        assert_eq!(message.texts(p::USER), ["a=2", "c=3"]);
    }
}

#[test]
fn a_message_does_not_wait_longer_than_its_expiry() {
    let stage = stage("v5-expiry");
    let hello = stage.hello("b").kept().with(kept(600));
    let (mut b, _) = stage.connect(&hello);
    let topic = stage.topic("A");
    b.subscribe(&[(&topic, 2)]);
    b.leave();
    let mut a = stage.client("a");
    let expires = |seconds| props().long(p::EXPIRY, seconds);
    for flags in [Q1, Q2] {
        a.publish_with(flags, &topic, "expires", &expires(1));
        a.publish_with(flags, &topic, "stays", &expires(60));
    }
    // A will that is due in 3 s says when 2 s have passed; nothing else has to be waited for.
    let mut witness = stage.client("witness");
    witness.subscribe(&[(&stage.topic("later"), 1)]);
    let due = Will { props: props().long(p::WILL_DELAY, 2), ..stage.will("later", "") };
    stage.connect(&stage.hello("clock").with(kept(60)).will(due)).0.cut();
    witness.messages(1);
    let (mut b, _) = stage.connect(&hello);
    let messages = b.messages(2);
    for message in messages {
        assert_eq!(message.body(), "stays");
        let left = message.number(p::EXPIRY).unwrap();
        assert!((30..60).contains(&left), "{left} s are left");
    }
    assert_eq!(b.rest(), []);
    b.leave_with(0, &kept(0));
}

#[test]
fn no_local_retain_as_published_and_retain_handling_do_what_they_say() {
    const NO_LOCAL: u8 = 4;
    const AS_PUBLISHED: u8 = 8;
    let stage = stage("v5-options");
    let topic = stage.topic("A");
    let (mut a, mut b) = (stage.client("a"), stage.client("b"));
    a.subscribe(&[(&topic, 2 | NO_LOCAL)]);
    b.subscribe(&[(&topic, 2 | NO_LOCAL)]);
    a.publish(Q1, &topic, "to others");
    assert_eq!(a.rest(), []);
    assert_eq!(b.messages(1)[0].body(), "to others");

    b.subscribe(&[(&topic, 2 | AS_PUBLISHED)]);
    a.publish(Q1, &topic, "passing");
    a.publish(Q1 | RETAIN, &topic, "kept");
    assert_eq!(b.messages(2).iter().map(Packet::retain).collect::<Vec<_>>(), [false, true]);
    a.publish(Q1 | RETAIN, &topic, "");

    let all = stage.topic("r/+/x");
    for (flags, topic) in [(0, "r/0/x"), (Q1, "r/1/x"), (Q2, "r/2/x")] {
        a.publish(flags | RETAIN, &stage.topic(topic), "kept");
    }
    // 1: if the subscription is new; 2: never; 0: always.
    for (handling, first, second) in [(1 << 4, 3, 0), (2 << 4, 0, 0), (0, 3, 3)] {
        let mut c = stage.client("c");
        for expected in [first, second] {
            c.subscribe(&[(&all, 2 | handling)]);
            let messages = c.messages(expected);
            assert_eq!((messages.len(), c.rest()), (expected, vec![]), "{handling}");
        }
        c.leave();
    }
    for topic in ["r/0/x", "r/1/x", "r/2/x"] {
        a.publish(Q1 | RETAIN, &stage.topic(topic), "");
    }
}

#[test]
fn subscription_identifiers_of_all_that_match_come_along() {
    let stage = stage("v5-identifiers");
    let topic = stage.topic("A");
    let numbered = |number| props().varint(p::SUBSCRIPTION, number);
    let (mut a, mut b) = (stage.client("a"), stage.client("b"));
    a.subscribe_with(&[(&topic, 2)], &numbered(456_789));
    b.subscribe_with(&[(&topic, 2)], &numbered(2));
    b.subscribe_with(&[(&format!("{topic}/#"), 2)], &numbered(3));
    b.utter(Q1, &topic, b"x", &props());
    assert_eq!(a.messages(1)[0].numbers(p::SUBSCRIPTION), [456_789]);
    let mut numbers = b.messages(1)[0].numbers(p::SUBSCRIPTION);
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3]);
    assert_eq!(b.rest(), []);
}

#[test]
fn a_request_is_answered_where_it_asks() {
    let stage = stage("v5-request");
    let topic = stage.topic("A");
    let (mut a, mut b) = (stage.client("a"), stage.client("b"));
    a.subscribe(&[(&topic, 2 | 4)]);
    b.subscribe(&[(&topic, 2 | 4)]);
    let asking = props().text(p::RESPONSE_TOPIC, &topic).text(p::CORRELATION, "334");
    a.publish_with(Q1, &topic, "request", &asking);
    let request = b.messages(1).remove(0);
    assert_eq!(request.texts(p::RESPONSE_TOPIC), [&topic]);
    assert_eq!(request.texts(p::CORRELATION), ["334"]);
    b.publish_with(Q1, request.texts(p::RESPONSE_TOPIC)[0], "response", &asking);
    assert_eq!(a.messages(1)[0].body(), "response");
}
