//! What MQTT tells a server to refuse, statement by statement: bytes said on a connection, and how it
//! ends. The numbers are the conformance statements of MQTT 5.0, appendix B; MQTT 3.1.1 has most of
//! them under other numbers. What a connection must do instead is in `statements_kept.rs`.

use crate::packets::*;
use crate::stage::Stage;
use crate::support::LONG;
use crate::talker::{Heard, Hello, Talker};

const MALFORMED: u8 = 0x81;
const PROTOCOL_ERROR: u8 = 0x82;
const TOPIC_INVALID: u8 = 0x90;
const ALIAS_INVALID: u8 = 0x94;

/// What a client says that has been let in, and the reason that it is given in MQTT 5.
type Wrong = (&'static str, &'static [u8], u8);

/// Alike in both, but for what MQTT 5 puts between: see [`in_v5`].
const IN_BOTH: &[Wrong] = &[
    ("1.5.4-1, a surrogate", b"\x30\x06\0\x04a\xED\xA0\x80", MALFORMED),
    ("1.5.4-1, an overlong form", b"\x30\x05\0\x03a\xC0\xAF", MALFORMED),
    ("1.5.4-2", b"\x30\x05\0\x03a\0b", MALFORMED),
    ("2.1.3-1, CONNECT", b"\x11\0", MALFORMED),
    ("2.1.3-1, PUBACK", b"\x41\x02\0\x01", MALFORMED),
    ("2.1.3-1, PUBREC", b"\x52\x02\0\x01", MALFORMED),
    ("3.6.1-1, PUBREL", b"\x60\x02\0\x01", MALFORMED),
    ("2.1.3-1, PUBCOMP", b"\x72\x02\0\x01", MALFORMED),
    ("3.8.1-1, SUBSCRIBE", b"\x80\x06\0\x01\0\x01t\0", MALFORMED),
    ("3.10.1-1, UNSUBSCRIBE", b"\xA0\x05\0\x01\0\x01t", MALFORMED),
    ("2.1.3-1, PINGREQ", b"\xC1\0", MALFORMED),
    ("3.14.1-1, DISCONNECT", b"\xE1\0", MALFORMED),
    ("2.2.1-3, PUBLISH", b"\x32\x05\0\x01t\0\0", PROTOCOL_ERROR),
    ("2.2.1-3, SUBSCRIBE", b"\x82\x06\0\0\0\x01t\0", PROTOCOL_ERROR),
    ("2.2.1-3, UNSUBSCRIBE", b"\xA2\x05\0\0\0\x01t", PROTOCOL_ERROR),
    ("3.3.1-2", b"\x38\x03\0\x01t", MALFORMED),
    ("3.3.1-4", b"\x36\x05\0\x01t\0\x01", MALFORMED),
    ("3.3.2-2, +", b"\x30\x05\0\x03a/+", TOPIC_INVALID),
    ("3.3.2-2, #", b"\x30\x05\0\x03a/#", TOPIC_INVALID),
    ("3.8.3-2", b"\x82\x02\0\x01", PROTOCOL_ERROR),
    ("3.8.3-5", b"\x82\x06\0\x01\0\x01t\xC0", MALFORMED),
    ("3.8.3, QoS 3", b"\x82\x06\0\x01\0\x01t\x03", MALFORMED),
    ("3.8.3, a filter without options", b"\x82\x05\0\x01\0\x01t", MALFORMED),
    ("3.10.3-2", b"\xA2\x02\0\x01", PROTOCOL_ERROR),
    ("what only servers say, CONNACK", b"\x20\x02\0\0", PROTOCOL_ERROR),
    ("what only servers say, SUBACK", b"\x90\x03\0\x01\0", PROTOCOL_ERROR),
    ("what only servers say, UNSUBACK", b"\xB0\x02\0\x01", PROTOCOL_ERROR),
    ("what only servers say, PINGRESP", b"\xD0\0", PROTOCOL_ERROR),
    ("a type that does not exist", b"\0\0", MALFORMED),
    ("a PUBACK without identifier", b"\x40\x01\0", MALFORMED),
    ("a PINGREQ with a body", b"\xC0\x01\0", MALFORMED),
];

/// With the properties that only MQTT 5 has.
const IN_V5: &[Wrong] = &[
    ("2.2.2-1, no length of properties", b"\x30\x03\0\x01t", MALFORMED),
    ("2.2.2, properties longer than the packet", b"\x30\x04\0\x01t\x09", MALFORMED),
    ("2.2.2, of another packet", b"\x30\x09\0\x01t\x05\x11\0\0\0\x01", MALFORMED),
    ("2.2.2, of none", b"\x30\x06\0\x01t\x02\x7F\0", MALFORMED),
    ("3.3.2.3.2, format 2", b"\x30\x06\0\x01t\x02\x01\x02", PROTOCOL_ERROR),
    ("3.3.2.3.3, expiry twice", b"\x30\x0E\0\x01t\x0A\x02\0\0\0\x01\x02\0\0\0\x01", PROTOCOL_ERROR),
    ("3.3.2-8, alias 0", b"\x30\x07\0\x01t\x03\x23\0\0", ALIAS_INVALID),
    ("3.3.2-9, alias beyond ours", b"\x30\x07\0\x01t\x03\x23\xFF\xFF", ALIAS_INVALID),
    ("3.3.2.3.4, an alias that stands for nothing", b"\x30\x06\0\0\x03\x23\0\x01", PROTOCOL_ERROR),
    ("3.3.2.1, neither topic nor alias", b"\x30\x03\0\0\0", PROTOCOL_ERROR),
    ("3.3.2-14", b"\x30\x08\0\x01t\x04\x08\0\x01#", TOPIC_INVALID),
    ("3.3.4-6", b"\x30\x06\0\x01t\x02\x0B\x01", PROTOCOL_ERROR),
    ("3.8.2.1.2, identifier 0", b"\x82\x09\0\x01\x02\x0B\0\0\x01t\0", PROTOCOL_ERROR),
    ("3.8.2.1.2, twice", b"\x82\x0B\0\x01\x04\x0B\x01\x0B\x02\0\x01t\0", PROTOCOL_ERROR),
    ("3.8.3-4", b"\x82\x10\0\x01\0\0\x0A$share/g/t\x04", PROTOCOL_ERROR),
    ("3.8.3.1, retain handling 3", b"\x82\x07\0\x01\0\0\x01t\x30", PROTOCOL_ERROR),
    (
        "3.14.2.2.2, a session is not lengthened from 0",
        b"\xE0\x07\0\x05\x11\0\0\0\x09",
        PROTOCOL_ERROR,
    ),
    ("3.15.1-1, AUTH's flags", b"\xF1\0", MALFORMED),
    ("4.12.0-7, AUTH without a method in CONNECT", b"\xF0\x06\x18\x04\x15\0\x01x", PROTOCOL_ERROR),
    ("3.4.2, a reason that PUBACK does not have", b"\x40\x03\0\x01\x03", MALFORMED),
];

/// The same in MQTT 5: no properties, behind what they stand behind.
fn in_v5(bytes: &[u8]) -> Vec<u8> {
    let mut body = bytes[2..].to_vec();
    let identifier = if bytes[0] & 6 == 0 { 0 } else { 2 };
    match bytes[0] >> 4 {
        PUBLISH => {
            let end = 2 + usize::from(body[1]) + identifier;
            body.insert(end.min(body.len()), 0);
        }
        8 | 10 => body.insert(2, 0),
        _ => {}
    }
    packet(bytes[0], &body)
}

fn ends(stage: &Stage, (statement, bytes): (&str, &[u8]), reason: Option<u8>) {
    let mut a = stage.client("a");
    a.say(bytes);
    if let Some(reason) = reason {
        let last = a.expect(DISCONNECT);
        assert_eq!(last.reason(), reason, "[{statement}] {last:?}");
    }
    assert_eq!(a.hear(LONG), Heard::End, "[{statement}]");
}

#[test]
fn what_is_against_either_standard_ends_the_connection() {
    let (old, new) = (Stage::new(Mqtt::V311, "said-3"), Stage::new(Mqtt::V5, "said-5"));
    for (statement, bytes, reason) in IN_BOTH {
        ends(&old, (statement, bytes), None);
        ends(&new, (statement, &in_v5(bytes)), Some(*reason));
    }
}

#[test]
fn what_is_against_mqtt_5_ends_the_connection_with_its_reason() {
    let stage = Stage::new(Mqtt::V5, "said-5-alone");
    for (statement, bytes, reason) in IN_V5 {
        ends(&stage, (statement, bytes), Some(*reason));
    }
    let old = Stage::new(Mqtt::V311, "said-3-auth");
    ends(&old, ("AUTH, which MQTT 3.1.1 does not have", b"\xF0\0"), None);
    ends(&old, ("options of MQTT 5", b"\x82\x06\0\x01\0\x01t\x05"), None);
}

/// The body of a CONNECT, and the reason of its CONNACK; `None`: the connection ends without one.
type WrongHello = (&'static str, &'static [u8], Option<u8>);

const HELLOS: &[WrongHello] = &[
    ("3.1.2-1, another name", b"\0\x04MQTJ\x05\x02\0\0\0\0\x01a", Some(MALFORMED)),
    ("3.1.2-1, in small letters", b"\0\x04mqtt\x05\x02\0\0\0\0\x01a", Some(MALFORMED)),
    ("3.1.2-2, a level to come", b"\0\x04MQTT\x06\x02\0\0\0\0\x01a", Some(0x84)),
    ("3.1.2-3", b"\0\x04MQTT\x05\x03\0\0\0\0\x01a", Some(MALFORMED)),
    ("3.1.2-11", b"\0\x04MQTT\x05\x0A\0\0\0\0\x01a", Some(MALFORMED)),
    ("3.1.2-12", b"\0\x04MQTT\x05\x1E\0\0\0\0\x01a\0\0\x01t\0\0", Some(MALFORMED)),
    ("3.1.2-13", b"\0\x04MQTT\x05\x22\0\0\0\0\x01a", Some(MALFORMED)),
    (
        "3.1.2.11.2, twice",
        b"\0\x04MQTT\x05\x02\0\0\x0A\x11\0\0\0\x01\x11\0\0\0\x01\0\x01a",
        Some(PROTOCOL_ERROR),
    ),
    (
        "3.1.2.11.3, receive maximum 0",
        b"\0\x04MQTT\x05\x02\0\0\x03\x21\0\0\0\x01a",
        Some(PROTOCOL_ERROR),
    ),
    (
        "3.1.2.11.4, packet size 0",
        b"\0\x04MQTT\x05\x02\0\0\x05\x27\0\0\0\0\0\x01a",
        Some(PROTOCOL_ERROR),
    ),
    (
        "3.1.2.11.7, neither 0 nor 1",
        b"\0\x04MQTT\x05\x02\0\0\x02\x17\x02\0\x01a",
        Some(PROTOCOL_ERROR),
    ),
    (
        "3.1.2.11.10, data without method",
        b"\0\x04MQTT\x05\x02\0\0\x04\x16\0\x01x\0\x01a",
        Some(PROTOCOL_ERROR),
    ),
    (
        "4.12.0-1, a method that is not known",
        b"\0\x04MQTT\x05\x02\0\0\x04\x15\0\x01x\0\x01a",
        Some(0x8C),
    ),
    ("3.1.3-4, a name that is not UTF-8", b"\0\x04MQTT\x05\x02\0\0\0\0\x01\xFF", Some(MALFORMED)),
    ("3.1.3-3, no name at all", b"\0\x04MQTT\x05\x02\0\0\0", Some(MALFORMED)),
    (
        "3.1.3-11, a will on a wildcard",
        b"\0\x04MQTT\x05\x06\0\0\0\0\x01a\0\0\x01#\0\0",
        Some(TOPIC_INVALID),
    ),
    (
        "3.1.2-17, no user name where its flag is",
        b"\0\x04MQTT\x05\x82\0\0\0\0\x01a",
        Some(MALFORMED),
    ),
    (
        "3.1.2-16, a user name without its flag",
        b"\0\x04MQTT\x05\x02\0\0\0\0\x01a\0\x01u",
        Some(MALFORMED),
    ),
];

/// As [`HELLOS`], by what MQTT 3.1.1 says: it has few answers, and no other but the end.
const OLD_HELLOS: &[WrongHello] = &[
    ("3.1.2-2, a level before", b"\0\x06MQIsdp\x03\x02\0\0\0\x01a", Some(1)),
    ("3.1.2-2, a level that is none", b"\0\x04MQTT\x03\x02\0\0\0\x01a", Some(1)),
    ("3.1.2-3", b"\0\x04MQTT\x04\x03\0\0\0\x01a", None),
    ("3.1.2-22, a password without user name", b"\0\x04MQTT\x04\x42\0\0\0\x01a\0\x01p", None),
    ("3.1.3-8, a kept session without name", b"\0\x04MQTT\x04\0\0\0\0\0", Some(2)),
];

fn is_not_let_in(mqtt: Mqtt, hellos: &[WrongHello]) {
    let stage = Stage::new(mqtt, "hello");
    for (statement, body, reason) in hellos {
        let mut a = Talker::silent(stage.address, mqtt);
        // What follows is not looked at (3.1.4-6).
        a.say(&[packet(0x10, body), packet(0xC0, b"")].concat());
        if let Some(reason) = reason {
            let ack = a.expect(CONNACK);
            assert_eq!((ack.reason(), ack.session_present), (*reason, false), "[{statement}]");
        }
        assert_eq!(a.hear(LONG), Heard::End, "[{statement}]");
    }
}

#[test]
fn a_connect_against_mqtt_5_is_answered_with_its_reason() {
    is_not_let_in(Mqtt::V5, HELLOS);
}

#[test]
fn a_connect_against_mqtt_3_1_1_is_answered_where_there_is_an_answer() {
    is_not_let_in(Mqtt::V311, OLD_HELLOS);
}

/// [MQTT-3.1.0-1].
#[test]
fn what_comes_before_connect_ends_the_connection_unheard() {
    for mqtt in [Mqtt::V311, Mqtt::V5] {
        let stage = Stage::new(mqtt, "before");
        let mut witness = stage.client("witness");
        witness.subscribe(&[("#", 0)]);
        for first in [&b"\xC0\0"[..], b"\x30\x04\0\x01t\0", b"\xE0\0", b"\xF0\0", b"\x11\x0D"] {
            let mut a = Talker::silent(stage.address, mqtt);
            a.say(&[first, &Hello::new(mqtt, "late").bytes()].concat());
            assert_eq!(a.hear(LONG), Heard::End, "{first:?}");
        }
        assert_eq!(witness.rest(), []);
    }
}
