//! What MQTT tells a server to do, statement by statement, over sockets, where the interoperability
//! cases do not ask it. The numbers are the conformance statements of MQTT 5.0, appendix B. What
//! a server must refuse is in `statements_refused.rs`.

use crate::packets::property as p;
use crate::packets::*;
use crate::stage::Stage;
use crate::support::LONG;
use crate::talker::{Heard, Hello, Talker, Will};

const RETAIN: u8 = 1;
const Q1: u8 = 2;
const Q2: u8 = 4;
const DUP: u8 = 8;
const BOTH: [Mqtt; 2] = [Mqtt::V311, Mqtt::V5];

fn bodies(messages: &[Packet]) -> Vec<&str> {
    messages.iter().map(Packet::body).collect()
}

/// A PUBLISH of `x` without properties, with an identifier that the talker does not choose.
fn message(mqtt: Mqtt, flags: u8, (topic, id): (&str, u8)) -> Vec<u8> {
    let properties = if mqtt == Mqtt::V5 { vec![0] } else { vec![] };
    packet(0x30 | flags, &[text(topic), vec![0, id], properties, b"x".to_vec()].concat())
}

/// A session that is there when its client comes back, in either MQTT.
fn kept(stage: &Stage, client: &str) -> Hello {
    let hello = stage.hello(client).kept();
    match hello.mqtt {
        Mqtt::V311 => hello,
        Mqtt::V5 => hello.with(Props::default().long(p::SESSION_EXPIRY, 600)),
    }
}

/// [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1].
#[test]
fn filters_with_a_wildcard_out_of_place_are_refused_each_by_itself() {
    let wrong = ["", "a#", "a/#/b", "#/a", "a+", "+a", "a/b+/c", "a/#b"];
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "filters");
        let refused = if mqtt == Mqtt::V5 { 0x8F } else { 0x80 };
        let mut a = stage.client("a");
        for filter in wrong {
            let reasons = a.subscribe(&[("good/+/#", 1), (filter, 1), ("good", 2)]);
            assert_eq!(reasons, [1, refused, 2], "{filter:?} in {mqtt:?}");
        }
    }
}

/// [MQTT-4.7.1], [MQTT-4.7.2-1], [MQTT-4.7.3-4]: the standard's own examples among them.
#[test]
fn filters_match_what_the_standard_says() {
    let cases: &[(&str, &str, bool)] = &[
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/#", "sport", true),
        ("sport/#", "sports", false),
        ("sport/tennis/+", "sport/tennis/player2", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        ("+", "finance", true),
        ("+/tennis/#", "sport/tennis", true),
        ("sport/+/player1", "sport/tennis/player1", true),
        ("#", "/", true),
        ("+/+/+", "//", true),
        ("ACCOUNTS", "Accounts", false),
        ("Accounts payable", "Accounts payable", true),
        ("finance", "/finance", false),
        ("finance/", "finance", false),
        ("\u{FEFF}mark", "\u{FEFF}mark", true),
        ("mark", "\u{FEFF}mark", false),
        ("caf\u{E9}", "cafe\u{301}", false),
        ("#", "$other/x", false),
        ("+/x", "$other/x", false),
    ];
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "matches");
        let mut b = stage.client("b");
        for (filter, topic, matches) in cases {
            let mut a = stage.client("a");
            a.subscribe(&[(filter, 0)]);
            b.publish(Q1, topic, "x");
            let heard = a.rest();
            assert_eq!(heard.len(), usize::from(*matches), "{filter:?}, {topic:?} in {mqtt:?}");
            assert!(heard.iter().all(|one| one.topic == *topic), "1.5.4-3: {heard:?}");
        }
    }
}

/// [MQTT-4.7.3-3], [MQTT-3.1.3-5], [MQTT-1.5.4-1].
#[test]
fn topics_and_names_may_be_as_long_as_a_length_can_say() {
    let long = "\u{2708}".repeat(21_845);
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "long");
        let name = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".repeat(16);
        let (mut a, _) = stage.connect(&Hello { id: name, ..stage.hello("a") });
        assert_eq!(a.subscribe(&[(&long, 1)]), [1]);
        a.utter(Q1, &long, b"x", &Props::default());
        assert_eq!(a.messages(1)[0].topic.len(), 65_535);
    }
}

/// [MQTT-3.8.4-3], [MQTT-3.8.4-4], [MQTT-3.8.4-8]: the subscription is another one, what is retained
/// comes again, nothing is missed.
#[test]
fn a_subscription_that_is_made_again_replaces_the_first() {
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "again");
        let topic = stage.topic("A");
        let (mut a, mut b) = (stage.client("a"), stage.client("b"));
        b.publish(Q2 | RETAIN, &topic, "kept");
        for qos in [2, 0, 1] {
            assert_eq!(a.subscribe(&[(&topic, qos)]), [qos]);
            let retained = a.messages(1);
            assert_eq!((retained[0].qos(), retained[0].retain()), (qos, true));
            b.publish(Q2, &topic, "new");
            let new = a.messages(1);
            assert_eq!((new[0].qos(), new[0].retain(), new[0].body()), (qos, false, "new"));
            assert_eq!(a.rest(), []);
        }
        b.publish(Q1 | RETAIN, &topic, "");
    }
}

/// [MQTT-3.8.4-5] to [MQTT-3.8.4-7], [MQTT-3.9.3-1]: one answer for all, in their order.
#[test]
fn many_filters_in_a_packet_are_many_subscriptions() {
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "many");
        let filters: Vec<String> = (0..8).map(|number| stage.topic(&format!("{number}"))).collect();
        let wanted: Vec<(&str, u8)> =
            filters.iter().zip([2, 1, 0].into_iter().cycle()).map(|(f, qos)| (&**f, qos)).collect();
        let mut a = stage.client("a");
        assert_eq!(a.subscribe(&wanted), wanted.iter().map(|(_, qos)| *qos).collect::<Vec<_>>());
        let mut b = stage.client("b");
        for (filter, qos) in &wanted {
            b.publish(Q2, filter, "x");
            assert_eq!(a.messages(1)[0].qos(), *qos);
        }
    }
}

/// [MQTT-3.10.4-2], [MQTT-3.10.4-3]: a message that is under way is seen through.
#[test]
fn who_unsubscribes_still_gets_what_had_begun() {
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "begun");
        let topic = stage.topic("A");
        let (mut a, mut b) = (stage.client("a"), stage.client("b"));
        a.subscribe(&[(&topic, 2)]);
        b.publish(Q2, &topic, "begun");
        let begun = a.expect(PUBLISH);
        a.unsubscribe(&topic);
        b.publish(Q2, &topic, "too late");
        a.acknowledge(0x50, begun.packet_id);
        assert_eq!(a.expect(PUBREL).packet_id, begun.packet_id);
        a.acknowledge(0x70, begun.packet_id);
        assert_eq!(a.rest(), []);
    }
}

/// [MQTT-3.3.1-5] to [MQTT-3.3.1-8].
#[test]
fn one_message_is_retained_a_topic_and_an_empty_one_clears_it() {
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "retained");
        let topic = stage.topic("A");
        let (mut a, mut b) = (stage.client("a"), stage.client("b"));
        b.subscribe(&[(&topic, 0)]);
        for (flags, body) in [(Q1 | RETAIN, "1"), (Q1, "not kept"), (RETAIN, "2"), (Q1, "")] {
            a.publish(flags, &topic, body);
        }
        let live = b.messages(4);
        assert_eq!(bodies(&live), ["1", "not kept", "2", ""]);
        assert!(live.iter().all(|one| !one.retain()), "they are news");
        b.subscribe(&[(&topic, 0)]);
        assert_eq!(bodies(&b.messages(1)), ["2"], "an empty one without RETAIN clears nothing");
        a.publish(Q1 | RETAIN, &topic, "");
        assert_eq!(bodies(&b.messages(1)), [""], "who listens hears of it");
        b.subscribe(&[(&topic, 0)]);
        assert_eq!(b.rest(), []);
    }
}

/// [MQTT-4.3.3-10] to [MQTT-4.3.3-12]: DUP says nothing that counts; PUBREL frees the identifier.
#[test]
fn a_qos_2_message_is_passed_on_once_for_each_release() {
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "once");
        let topic = stage.topic("A");
        let (mut a, mut b) = (stage.client("a"), stage.client("b"));
        b.subscribe(&[(&topic, 1)]);
        let [message, repeated] = [Q2, Q2 | DUP].map(|flags| message(mqtt, flags, (&topic, 9)));
        for first in [&message, &repeated] {
            for said in [first, &repeated, &message] {
                a.say(said);
                assert_eq!(a.expect(PUBREC).packet_id, 9);
            }
            for _ in 0..2 {
                a.acknowledge(0x62, 9);
                assert_eq!(a.expect(PUBCOMP).packet_id, 9, "a repeated PUBREL is answered");
            }
            let heard = b.messages(1);
            assert!(!heard[0].dup(), "[MQTT-3.3.1-3]");
            assert_eq!(b.rest(), [], "{mqtt:?}");
        }
    }
}

/// [MQTT-4.4.0-1], [MQTT-4.3.3-6]: what was received is not sent again, but its release is.
#[test]
fn a_release_is_repeated_after_a_lost_connection() {
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "release");
        let topic = stage.topic("A");
        let hello = kept(&stage, "a");
        let (mut a, _) = stage.connect(&hello);
        a.subscribe(&[(&topic, 2)]);
        stage.client("b").publish(Q2, &topic, "x");
        let message = a.expect(PUBLISH);
        a.acknowledge(0x50, message.packet_id);
        assert_eq!(a.expect(PUBREL).packet_id, message.packet_id);
        a.cut();
        let (mut a, ack) = stage.connect(&hello);
        assert!(ack.session_present);
        let again = a.expect(PUBREL);
        assert_eq!((again.packet_id, again.flags), (message.packet_id, 2), "[MQTT-3.6.1-1]");
        a.acknowledge(0x70, message.packet_id);
        assert_eq!(a.rest(), []);
        a.leave();
        stage.client("a").leave();
    }
}

/// [MQTT-4.3.3-4], [MQTT-4.4.0-2]: a PUBREC that refuses ends it, and a PUBREL must not follow.
#[test]
fn a_qos_2_message_that_its_reader_refuses_is_over() {
    let stage = Stage::new(Mqtt::V5, "refused");
    let hello = kept(&stage, "a");
    let (mut a, _) = stage.connect(&hello);
    let topic = stage.topic("A");
    a.subscribe(&[(&topic, 2)]);
    stage.client("b").publish(Q2, &topic, "x");
    let [high, low] = a.expect(PUBLISH).packet_id.to_be_bytes();
    a.say(&packet(0x50, &[high, low, 0x97]));
    assert_eq!(a.rest(), []);
    a.cut();
    let (mut a, ack) = stage.connect(&hello);
    assert!(ack.session_present);
    assert_eq!(a.rest(), [], "it is not sent again");
    a.leave_with(0, &Props::default().long(p::SESSION_EXPIRY, 0));
}

/// Section 3.1.4: a client need not wait for CONNACK.
#[test]
fn what_is_said_right_behind_connect_is_done() {
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "behind");
        let mut b = stage.client("b");
        let topic = stage.topic("A");
        b.subscribe(&[(&topic, 1)]);
        let publish = message(mqtt, Q1, (&topic, 1));
        let mut a = Talker::silent(stage.address, mqtt);
        a.say(&[stage.hello("a").bytes(), publish, vec![0xC0, 0, 0xE0, 0]].concat());
        assert_eq!(a.expect(CONNACK).reason(), 0);
        assert_eq!(a.expect(PUBACK).packet_id, 1);
        a.expect(PINGRESP);
        assert_eq!(a.hear(LONG), Heard::End);
        assert_eq!(bodies(&b.messages(1)), ["x"]);
    }
}

/// [MQTT-3.1.2-14], [MQTT-3.1.2-15], and the will's own properties (3.1.3.2).
#[test]
fn a_will_is_retained_if_it_says_so_and_travels_with_its_properties() {
    let stage = Stage::new(Mqtt::V5, "will");
    let topic = stage.topic("gone");
    let mut b = stage.client("b");
    b.subscribe(&[(&topic, 1)]);
    let given = Props::default()
        .byte(p::PAYLOAD_FORMAT, 1)
        .long(p::EXPIRY, 600)
        .text(p::CONTENT_TYPE, "text/plain")
        .text(p::RESPONSE_TOPIC, "answer/here")
        .text(p::CORRELATION, "7")
        .pair("z", "1")
        .pair("a", "2");
    for (retain, stays) in [(0, 0), (0x20, 1)] {
        let will = Will { props: given.clone(), qos: 1, ..stage.will("gone", "bye") };
        let mut bytes = stage.hello("a").will(will).bytes();
        // The flags of CONNECT stand behind the header, the name and the level.
        let at = bytes.windows(4).position(|window| window == b"MQTT").unwrap() + 5;
        bytes[at] |= retain;
        let mut a = Talker::silent(stage.address, Mqtt::V5);
        a.say(&bytes);
        assert_eq!(a.expect(CONNACK).reason(), 0);
        a.cut();
        let heard = b.messages(1).remove(0);
        assert_eq!((heard.body(), heard.qos(), heard.retain()), ("bye", 1, false));
        assert_eq!(heard.texts(p::CONTENT_TYPE), ["text/plain"]);
        assert_eq!(heard.texts(p::RESPONSE_TOPIC), ["answer/here"]);
        assert_eq!(heard.texts(p::CORRELATION), ["7"]);
        assert_eq!(heard.texts(p::USER), ["z=1", "a=2"], "[MQTT-3.1.3-10]: in their order");
        let mut late = stage.client("late");
        late.subscribe(&[(&topic, 1)]);
        assert_eq!(late.messages(stays).len(), stays);
        assert_eq!(late.rest(), []);
    }
    stage.client("a").publish(Q1 | RETAIN, &topic, "");
}

/// [MQTT-3.1.4-3], [MQTT-3.1.2-8]: the older connection ends, and its will is sent.
#[test]
fn the_same_name_again_takes_the_older_ones_place() {
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "takeover");
        let mut b = stage.client("b");
        b.subscribe(&[(&stage.topic("gone"), 1)]);
        let (mut old, _) = stage.connect(&stage.hello("a").will(stage.will("gone", "old")));
        let mut new = stage.client("a");
        if mqtt == Mqtt::V5 {
            assert_eq!(old.expect(DISCONNECT).reason(), 0x8E);
        }
        assert_eq!(old.hear(LONG), Heard::End);
        assert_eq!(bodies(&b.messages(1)), ["old"]);
        assert_eq!(new.rest(), [], "the new one is served");
    }
}

/// [MQTT-3.2.2-2], [MQTT-3.2.2-3], [MQTT-3.1.2-4] to [MQTT-3.1.2-6].
#[test]
fn a_session_is_said_to_be_there_when_it_is() {
    for mqtt in BOTH {
        let stage = Stage::new(mqtt, "present");
        let topic = stage.topic("A");
        let come = |hello: &Hello| {
            let (a, ack) = stage.connect(hello);
            (a, ack.session_present)
        };
        stage.client("a").leave();
        let hello = kept(&stage, "a");
        let (mut a, present) = come(&hello);
        assert!(!present, "the clean session has left nothing");
        a.subscribe(&[(&topic, 1)]);
        a.leave();
        let (mut a, present) = come(&hello);
        assert!(present);
        a.utter(Q1, &topic, b"its subscription is there", &Props::default());
        assert_eq!(a.messages(1).len(), 1);
        a.leave();
        let (mut a, present) = come(&stage.hello("a"));
        assert!(!present, "a clean start");
        a.publish(Q1, &topic, "x");
        assert_eq!(a.rest(), [], "its subscription is gone");
        a.leave();
    }
}

/// [MQTT-3.1.2-29]: who does not want to know why is told in messages, CONNACK and DISCONNECT alone.
#[test]
fn reasons_are_spared_who_does_not_want_them() {
    let stage = Stage::new(Mqtt::V5, "reasons");
    for (wants, told) in [(0, 0), (1, 1)] {
        let props = Props::default().byte(p::PROBLEM_INFORMATION, wants);
        let (mut a, _) = stage.connect(&stage.hello("a").with(props));
        let refused = a.publish(Q1, "lorawan/x/up", "not the server");
        assert_eq!((refused.reason(), refused.texts(p::REASON).len()), (0x87, told));
    }
}

/// [MQTT-3.3.4-5], section 4.8.2: filters that overlap, one of them shared.
#[test]
fn a_shared_subscription_stands_beside_a_plain_one() {
    let stage = Stage::new(Mqtt::V5, "beside");
    let topic = stage.topic("A");
    let mut a = stage.client("a");
    let shared = format!("$share/group/{topic}");
    a.subscribe_with(&[(&shared, 1)], &Props::default().varint(p::SUBSCRIPTION, 1));
    a.subscribe_with(&[(&topic, 1)], &Props::default().varint(p::SUBSCRIPTION, 2));
    stage.client("b").publish(Q1, &topic, "x");
    let mut numbers: Vec<_> =
        a.messages(2).iter().map(|one| one.numbers(p::SUBSCRIPTION)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [[1], [2]]);
    for wrong in ["$share/group", "$share//t", "$share/a+/t", "$share/a#/t", "$share/g/"] {
        assert_eq!(a.subscribe(&[(wrong, 1)]), [0x8F], "[MQTT-4.8.2-1], [MQTT-4.8.2-2]: {wrong}");
    }
}
