//! More cases of the Eclipse Paho interoperability suite for MQTT 5: aliases, sizes, flow control, delays,
//! shared subscriptions.

use std::time::{Duration, Instant};

use crate::packets::property as p;
use crate::packets::*;
use crate::stage::Stage;
use crate::support::LONG;
use crate::talker::{Heard, Will};

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

#[test]
fn a_clients_topic_alias_stands_for_a_topic_until_its_connection_ends() {
    let stage = stage("v5-client-alias");
    let topic = stage.topic("A");
    let alias = |number| props().short(p::ALIAS, number);
    let mut a = stage.client("a");
    a.utter(Q1, &topic, b"x", &alias(0));
    assert_eq!(a.expect(DISCONNECT).reason(), 0x94);
    assert_eq!(a.hear(LONG), Heard::End);

    let hello = stage.hello("a").kept().with(kept(600));
    let (mut a, ack) = stage.connect(&hello);
    assert!(ack.number(p::ALIAS_MAXIMUM).is_some_and(|most| most > 0));
    a.subscribe(&[(&topic, 2)]);
    a.utter(Q1, &topic, b"1", &alias(1));
    a.utter(Q1, "", b"2", &alias(1));
    assert!(a.messages(2).iter().all(|message| message.topic == topic));
    a.rest();
    a.leave();

    let (mut a, ack) = stage.connect(&hello);
    assert!(ack.session_present);
    a.utter(Q1, "", b"3", &alias(1));
    assert_eq!(a.expect(DISCONNECT).reason(), 0x82, "nothing is known of the alias");
    stage.client("a").leave();
}

#[test]
fn the_server_uses_topic_aliases_where_the_client_takes_them() {
    let stage = stage("v5-server-alias");
    let topic = stage.topic("A");
    for maximum in [Some(1), Some(0), None] {
        let given = maximum.map_or(props(), |most| props().short(p::ALIAS_MAXIMUM, most));
        let (mut a, _) = stage.connect(&stage.hello("a").with(given));
        a.subscribe(&[(&topic, 2)]);
        for flags in [0, Q1, Q2] {
            a.utter(flags, &topic, b"x", &props());
        }
        let mut messages = a.messages(3);
        messages.sort_by_key(Packet::qos);
        let aliases: Vec<_> = messages.iter().map(|message| message.number(p::ALIAS)).collect();
        let topics: Vec<_> = messages.iter().map(|message| &*message.topic).collect();
        if maximum == Some(1) {
            assert_eq!((aliases, topics), (vec![Some(1); 3], vec![&*topic, "", ""]));
        } else {
            assert_eq!((aliases, topics), (vec![None; 3], vec![&*topic; 3]));
        }
        a.leave();
    }
}

#[test]
fn neither_end_gets_a_packet_larger_than_it_takes() {
    let stage = stage("v5-large");
    let topic = stage.topic("A");
    let small = props().long(p::MAXIMUM_PACKET, 64);
    let (mut a, ack) = stage.connect(&stage.hello("a").with(small));
    a.subscribe(&[(&topic, 2)]);
    a.utter(0, &topic, &[b'.'; 32], &props());
    assert_eq!(a.messages(1)[0].payload.len(), 32);
    a.publish(Q1, &topic, &".".repeat(64));
    assert_eq!(a.rest(), [], "it takes 64 bytes at most");
    if let Some(most) = ack.number(p::MAXIMUM_PACKET) {
        a.utter(0, &topic, &vec![b'.'; most as usize], &props());
        assert_eq!(a.expect(DISCONNECT).reason(), 0x95);
        assert_eq!(a.hear(LONG), Heard::End);
    }
}

#[test]
fn the_clients_receive_maximum_bounds_what_it_has_not_acknowledged() {
    let stage = stage("v5-flow-out");
    let topic = stage.topic("A");
    let two = props().short(p::RECEIVE_MAXIMUM, 2);
    let (mut a, _) = stage.connect(&stage.hello("a").with(two));
    a.subscribe(&[(&topic, 2)]);
    let mut b = stage.client("b");
    for body in ["1", "2", "3"] {
        b.publish(Q1, &topic, body);
    }
    let (first, second) = (a.expect(PUBLISH), a.expect(PUBLISH));
    a.say(&[0xC0, 0]);
    a.expect(PINGRESP);
    a.acknowledge(0x40, first.packet_id);
    assert_eq!(a.expect(PUBLISH).body(), "3");
    a.acknowledge(0x40, second.packet_id);
    a.leave();
}

/// The client goes on with the exchange of each message before it hears that it was too many: what it
/// writes then must not cost it the broker's last words.
#[test]
fn more_than_the_servers_receive_maximum_ends_the_connection() {
    let stage = stage("v5-flow-in");
    let (mut a, ack) = stage.connect(&stage.hello("a"));
    let most = ack.number(p::RECEIVE_MAXIMUM).unwrap_or(65_535);
    for _ in 0..=most {
        a.utter(Q2, &stage.topic("A"), b"x", &props());
    }
    let mut answered = 0;
    let last = loop {
        let packet = a.packet();
        if packet.kind == DISCONNECT {
            break packet;
        }
        assert_eq!(packet.kind, PUBREC);
        a.acknowledge(0x62, packet.packet_id);
        answered += 1;
    };
    assert_eq!((last.reason(), answered), (0x93, most));
}

#[test]
fn a_will_waits_for_its_delay_and_not_beyond_the_session() {
    let stage = stage("v5-delay");
    let mut b = stage.client("b");
    b.subscribe(&[(&stage.topic("gone"), 2)]);
    for (delay, session, expected) in [(1, 3, 1), (5, 0, 0), (5, 1, 1)] {
        let late = Will { props: props().long(p::WILL_DELAY, delay), ..stage.will("gone", "gone") };
        let (a, _) = stage.connect(&stage.hello("a").with(kept(session)).will(late));
        let since = Instant::now();
        a.cut();
        assert_eq!(b.messages(1)[0].body(), "gone");
        let waited = since.elapsed();
        assert!(waited >= Duration::from_secs(expected), "{delay} {session}: {waited:?}");
        assert!(waited < Duration::from_secs(expected + 3), "{delay} {session}: {waited:?}");
        stage.client("a").leave();
    }
}

#[test]
fn a_shared_subscription_gives_each_message_to_one_of_its_members() {
    let stage = stage("v5-shared");
    let (mut a, mut b) = (stage.client("a"), stage.client("b"));
    let shared = format!("$share/sharename/{}", stage.topic("x"));
    let own = stage.topic("A");
    assert_eq!(a.subscribe(&[(&shared, 2), (&own, 2)]), [2, 2]);
    assert_eq!(b.subscribe(&[(&shared, 2), (&own, 2)]), [2, 2]);
    let mut c = stage.client("c");
    c.publish(Q1, &own, "for both");
    assert_eq!((a.rest().len(), b.rest().len()), (1, 1));
    for _ in 0..10 {
        c.publish(Q1, &stage.topic("x"), "for one");
    }
    assert_eq!(a.rest().len() + b.rest().len(), 10);
}
