//! What clients see of the limits that an operator can set, and of anonymity forbidden.

use std::time::{Duration, Instant};

use lns::broker::{BrokerError, Credentials, Embedded, EmbeddedConfig};
use lns_broker::{Bounds, Limits};

use crate::packets::property as p;
use crate::packets::*;
use crate::stage::Stage;
use crate::support::{LONG, Taken, loopback};
use crate::talker::{Heard, Hello, Talker};

const Q1: u8 = 2;
const Q2: u8 = 4;
const QUOTA: u8 = 0x97;

fn aws(mqtt: Mqtt, case: &'static str) -> Stage {
    // Each client connects more often here than AWS would have it.
    let limits = Limits {
        client_connects_per_second: None,
        publishes_per_second: None,
        retain_interval: None,
        ..Limits::aws()
    };
    Stage::with(mqtt, case, EmbeddedConfig { limits, ..loopback() })
}

fn with(mqtt: Mqtt, case: &'static str, limits: Limits) -> Stage {
    Stage::with(mqtt, case, EmbeddedConfig { limits, ..loopback() })
}

/// What the client is answered, or how its connection ends.
fn answer(mqtt: Mqtt, topic: &str, body: &[u8]) -> Option<u8> {
    let stage = aws(mqtt, "limits");
    let mut a = stage.client("a");
    a.utter(Q1, topic, body, &Props::default());
    match a.hear(LONG) {
        Heard::Packet(packet) => {
            assert_eq!(packet.kind, PUBACK, "{packet:?}");
            Some(packet.reason())
        }
        Heard::End => None,
        Heard::Silence => panic!("no answer"),
    }
}

#[test]
fn a_message_beyond_a_limit_is_refused_and_ends_a_connection_of_3_1_1() {
    let (deep, long) = ("1/2/3/4/5/6/7/8/9", "x".repeat(257));
    let (fits, large) = (vec![0; 128 << 10], vec![0; (128 << 10) + 1]);
    for (topic, body, v5) in
        [(deep, &fits[..0], 0x90), (&*long, &fits[..0], 0x90), ("t", &large[..], QUOTA)]
    {
        assert_eq!(answer(Mqtt::V5, topic, body), Some(v5), "{topic}");
        assert_eq!(answer(Mqtt::V311, topic, body), None, "{topic}");
    }
    assert_eq!(answer(Mqtt::V311, "1/2/3/4/5/6/7/8", &fits), Some(0));
    assert_eq!(
        answer(Mqtt::V5, "$aws/things/a/shadow/name/b/update/and/more/levels", b""),
        Some(0x10)
    );
}

#[test]
fn user_properties_have_a_limit() {
    let stage = aws(Mqtt::V5, "words");
    let mut a = stage.client("a");
    let wordy = |length| Props::default().pair("k", &"v".repeat(length));
    assert_eq!(a.publish_with(Q1, "t", "", &wordy(8191)).reason(), 0x10);
    assert_eq!(a.publish_with(Q1, "t", "", &wordy(8192)).reason(), QUOTA);
}

#[test]
fn subscriptions_beyond_a_limit_are_refused_each_by_itself() {
    for (mqtt, refused) in [(Mqtt::V5, QUOTA), (Mqtt::V311, 0x80)] {
        let stage = aws(mqtt, "subscriptions");
        let mut a = stage.client("a");
        let filters: Vec<String> = (0..51).map(|number| format!("f/{number}")).collect();
        let nine: Vec<_> = filters[..9].iter().map(|filter| (&**filter, 1)).collect();
        assert_eq!(a.subscribe(&nine), [refused; 9]);
        for filter in &filters[..50] {
            assert_eq!(a.subscribe(&[(filter, 1)]), [1]);
        }
        assert_eq!(a.subscribe(&[(&filters[50], 1), (&filters[0], 1)]), [refused, 1]);
        let too_deep = if mqtt == Mqtt::V5 { 0x8F } else { 0x80 };
        assert_eq!(a.subscribe(&[("1/2/3/4/5/6/7/8/#", 1)]), [too_deep]);
    }
}

#[test]
fn a_client_identifier_that_is_too_long_is_not_let_in() {
    for (mqtt, refused) in [(Mqtt::V5, 0x85), (Mqtt::V311, 2)] {
        let stage = aws(mqtt, "names");
        let (_, answer) = Talker::hello(stage.address, &Hello::new(mqtt, &"x".repeat(129)));
        let Heard::Packet(answer) = answer else { panic!("{answer:?}") };
        assert_eq!((answer.kind, answer.reason()), (CONNACK, refused));
        Talker::connect(stage.address, &Hello::new(mqtt, &"x".repeat(128)));
    }
}

/// The suite's own case of a server's keep alive: it asks for 120 s and is told 60.
#[test]
fn the_keep_alive_is_shortened_and_the_client_told() {
    let limits = Limits { keep_alive: Some((30, 60)), ..Limits::default() };
    let stage = with(Mqtt::V5, "keep-alive", limits);
    for (asked, told) in [(120, Some(60)), (0, Some(60)), (10, Some(30)), (45, None)] {
        let (a, ack) = stage.connect(&Hello { keep_alive: asked, ..stage.hello("a") });
        assert_eq!(ack.number(p::SERVER_KEEP_ALIVE), told, "asked for {asked}");
        a.leave();
    }
    let limits = Limits { keep_alive: Some((1, 1)), ..Limits::default() };
    for mqtt in [Mqtt::V5, Mqtt::V311] {
        let stage = with(mqtt, "silence", limits);
        let mut a = stage.client("a");
        let since = Instant::now();
        while a.hear(LONG) != Heard::End {}
        assert!(since.elapsed() >= Duration::from_millis(1400), "{:?}", since.elapsed());
    }
}

#[test]
fn who_publishes_too_fast_is_refused_what_is_too_much() {
    let limits = Limits { publishes_per_second: Some(5), ..Limits::default() };
    let stage = with(Mqtt::V5, "rate", limits);
    let mut b = stage.client("b");
    b.subscribe(&[("t", 1)]);
    let mut a = stage.client("a");
    for _ in 0..20 {
        a.utter(0, "t", b"", &Props::default());
    }
    let refused = [Q1, Q2].map(|flags| a.publish(flags, "t", "").reason());
    assert_eq!(refused, [QUOTA, QUOTA]);
    assert!((5..20).contains(&b.rest().len()), "QoS 0 beyond it is dropped");

    let stage = with(Mqtt::V311, "rate", limits);
    let mut a = stage.client("a");
    for _ in 0..20 {
        a.utter(0, "t", b"", &Props::default());
    }
    assert_eq!(a.rest(), [], "QoS 0 costs nothing");
    let ended = (0..20).any(|_| {
        a.utter(Q1, "t", b"", &Props::default());
        a.hear(LONG) == Heard::End
    });
    assert!(ended, "MQTT 3.1.1 has no words for it");
}

#[test]
fn bytes_beyond_a_rate_wait_each_way_and_none_is_lost() {
    const RATE: u32 = 64 << 10;
    let config = EmbeddedConfig { bytes_per_second: Some(RATE), ..loopback() };
    let stage = Stage::with(Mqtt::V5, "bytes", config);
    let mut b = stage.client("b");
    b.subscribe(&[("t", 0)]);
    let mut a = stage.client("a");
    let since = Instant::now();
    // Four seconds' worth, of which one may go at once.
    for _ in 0..16 {
        a.utter(0, "t", &[b'x'; 16 << 10], &Props::default());
    }
    let all = b.messages(16);
    assert!(all.iter().all(|message| message.payload.len() == 16 << 10));
    assert!(since.elapsed() >= Duration::from_millis(2500), "{:?}", since.elapsed());
}

#[test]
fn who_connects_too_often_is_turned_away() {
    let limits = Limits { client_connects_per_second: Some(1), ..Limits::default() };
    for (mqtt, refused) in [(Mqtt::V5, 0x9F), (Mqtt::V311, 3)] {
        let stage = with(mqtt, "arrivals", limits);
        // However slow this machine is: of many, two come within one second.
        let answers = (0..200).map(|_| match Talker::hello(stage.address, &stage.hello("a")).1 {
            Heard::Packet(answer) => answer.reason(),
            other => panic!("{other:?}"),
        });
        assert!(answers.into_iter().any(|answer| answer == refused));
        stage.client("b");
    }
}

#[test]
fn receive_maximum_aliases_and_packet_size_are_told() {
    let bounds = Bounds {
        unacknowledged: 100,
        in_flight: 100,
        topic_aliases: 8,
        packet_bytes: 146 << 10,
        ..Bounds::default()
    };
    let stage = Stage::with(Mqtt::V5, "told", EmbeddedConfig { bounds, ..loopback() });
    let (mut a, ack) = stage.connect(&stage.hello("a"));
    let told = [p::RECEIVE_MAXIMUM, p::ALIAS_MAXIMUM, p::MAXIMUM_PACKET].map(|id| ack.number(id));
    assert_eq!(told, [Some(100), Some(8), Some(146 << 10)]);
    a.utter(0, "t", &vec![0; 150 << 10], &Props::default());
    assert_eq!(a.expect(DISCONNECT).reason(), 0x95);
}

#[test]
fn where_nobody_may_be_anonymous_loopback_makes_no_difference() {
    let user = |name: &str| Credentials { username: name.into(), password: "secret".into() };
    let config = EmbeddedConfig {
        anonymous: false,
        bridge: Some(user("bridge")),
        application: Some(user("app")),
        ..loopback()
    };
    for (mqtt, refused) in [(Mqtt::V5, 0x86), (Mqtt::V311, 4)] {
        let stage = Stage::with(mqtt, "somebody", config.clone());
        let named = |name: &str, password: &str| Hello {
            user: Some((name.to_owned(), password.to_owned())),
            ..stage.hello(name)
        };
        for hello in [stage.hello("a"), named("eve", ""), named("app", "guess")] {
            let (mut a, answer) = Talker::hello(stage.address, &hello);
            let Heard::Packet(answer) = answer else { panic!("{answer:?}") };
            assert_eq!((answer.kind, answer.reason()), (CONNACK, refused));
            assert_eq!(a.hear(LONG), Heard::End);
        }
        let (mut app, _) = stage.connect(&named("app", "secret"));
        assert_eq!(app.publish(Q1, "t", "x").reason() & 0x80, 0);
        let not_granted = if mqtt == Mqtt::V5 { 0x87 } else { 0x80 };
        assert_eq!(app.subscribe(&[("lns/v1/#", 0)]), [not_granted], "it is no bridge either");
        stage.connect(&named("bridge", "secret"));
    }
    // Without any password nobody at all could connect: that is an error at start, not a riddle later.
    let nobody = EmbeddedConfig { anonymous: false, ..loopback() };
    let error = Embedded::start(nobody, Taken::default().intake()).err().unwrap();
    assert!(matches!(error, BrokerError::NobodyCanConnect), "{error:?}");
}
