//! What the server says as a client is what the broker's own half reads, and the other way round.

use crate::{
    Ack, ClientPacket, Message, PacketId, Properties, Qos, ReasonCode, RetainHandling,
    ServerPacket, SubAck, Version,
};
use bytes::{Bytes, BytesMut};

use super::answer::{self, Answer};
use super::client::{self, Opening, Publishing, Wish};
use super::*;

const BOTH: [Version; 2] = [Version::V311, Version::V5];

fn said(say: impl FnOnce(&mut BytesMut)) -> Frame {
    let mut out = BytesMut::new();
    say(&mut out);
    let frame = Frame::take(&mut out, 1 << 20).expect("readable").expect("whole");
    assert!(out.is_empty(), "its length is the one it says");
    frame
}

fn heard(packet: &ServerPacket, version: Version) -> Answer {
    let frame = said(|out| build(packet, version, out));
    answer::parse(&frame, version).expect("readable")
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

#[test]
fn connect_says_who_we_are_and_what_we_take() {
    for version in BOTH {
        let opening = Opening {
            version,
            client_id: "lns",
            credentials: Some(("u", "p")),
            keep_alive: 10,
            receive_maximum: 256,
            maximum_packet_size: 1 << 20,
            kept: true,
        };
        let frame = said(|out| client::connect(&opening, out));
        assert!(frame.is_connect());
        let hello = parse_connect(&frame.body).expect("a CONNECT");
        assert_eq!((hello.connect.version, &*hello.connect.client_id), (version, "lns"));
        assert!(!hello.connect.clean_start);
        assert_eq!(hello.connect.keep_alive, 10);
        assert_eq!(hello.username.as_deref(), Some("u"));
        assert_eq!(hello.password.as_deref(), Some(&b"p"[..]));
        let limits = (hello.connect.session_expiry, hello.connect.maximum_packet_size);
        let expected = (version == Version::V5).then_some((u32::MAX, 1 << 20));
        assert_eq!(limits, expected.unzip());
    }
}

#[test]
fn publish_carries_properties_in_mqtt_5_and_leaves_them_out_in_3_1_1() {
    let properties = Properties {
        payload_is_text: Some(true),
        content_type: Some("application/json".into()),
        response_topic: Some("re/ply".into()),
        correlation_data: Some(Bytes::from_static(b"\0\xFF")),
        user: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
    };
    let message = Message {
        expiry: Some(59),
        properties: Some(Box::new(properties)),
        ..Message::new("a/b", "body", Qos::AtMostOnce)
    };
    for version in BOTH {
        let publishing = Publishing { message: &message, packet: 7, dup: true };
        let frame = said(|out| publishing.put(version, out));
        let packet = parse(&frame, version).expect("a PUBLISH");
        let ClientPacket::Publish(publish) = packet else { panic!("{packet:?}") };
        assert_eq!((publish.packet_id, publish.dup), (Some(id(7)), true));
        let got = publish.message;
        assert_eq!(
            (&*got.topic, &got.payload[..], got.qos),
            ("a/b", &b"body"[..], Qos::AtLeastOnce)
        );
        if version == Version::V311 {
            assert_eq!((got.expiry, got.properties), (None, None));
            continue;
        }
        assert_eq!(got.expiry, Some(59));
        let given = got.properties.expect("properties");
        assert_eq!(given.payload_is_text, Some(true));
        assert_eq!(given.content_type.as_deref(), Some("application/json"));
        assert_eq!(given.response_topic.as_deref(), Some("re/ply"));
        assert_eq!(given.correlation_data.as_deref(), Some(&b"\0\xFF"[..]));
        assert_eq!(given.user, [("a".into(), "1".into()), ("a".into(), "2".into())]);
    }
}

#[test]
fn subscriptions_are_asked_for_and_given_up() {
    let filters = [("a/+", Wish::WithRetained), ("b/#", Wish::Fresh)];
    for version in BOTH {
        let frame = said(|out| client::subscribe(3, &filters, version, out));
        let packet = parse(&frame, version).expect("a SUBSCRIBE");
        let ClientPacket::Subscribe(asked) = packet else { panic!("{packet:?}") };
        assert_eq!(asked.packet_id, id(3));
        let five = version == Version::V5;
        for ((filter, options), (wanted, _)) in asked.filters.iter().zip(filters) {
            assert_eq!((filter.as_str(), options.qos), (wanted, Qos::AtLeastOnce));
            assert_eq!(options.no_local, five);
        }
        let fresh = asked.filters[1].1.retain_handling;
        assert_eq!(fresh == RetainHandling::DoNotSend, five);

        let frame = said(|out| client::unsubscribe(4, &["a/+", "b/#"], version, out));
        let packet = parse(&frame, version).expect("an UNSUBSCRIBE");
        let ClientPacket::Unsubscribe(given_up) = packet else { panic!("{packet:?}") };
        assert_eq!(
            (given_up.packet_id, given_up.filters),
            (id(4), vec!["a/+".into(), "b/#".into()])
        );
    }
}

#[test]
fn the_small_packets_are_read_by_the_broker() {
    for version in BOTH {
        let packet = parse(&said(|out| client::pub_ack(9, out)), version).expect("a PUBACK");
        assert!(matches!(packet, ClientPacket::PubAck(ack) if ack == Ack::success(id(9))));
        let packet = parse(&said(client::ping), version).expect("a PINGREQ");
        assert!(matches!(packet, ClientPacket::PingReq));
        let packet = parse(&said(client::disconnect), version).expect("a DISCONNECT");
        let ClientPacket::Disconnect(farewell) = packet else { panic!("{packet:?}") };
        assert_eq!(farewell.reason, ReasonCode::Success);
    }
}

#[test]
fn the_brokers_answers_are_read() {
    for version in BOTH {
        let ack = ServerPacket::PubAck(Ack::because(id(5), ReasonCode::QuotaExceeded));
        let Answer::PubAck { packet, reason } = heard(&ack, version) else { panic!("no PUBACK") };
        let expected =
            if version == Version::V5 { ReasonCode::QuotaExceeded } else { ReasonCode::Success };
        assert_eq!((packet, reason), (id(5), expected));
        let reasons = vec![ReasonCode::GrantedQos1, ReasonCode::UnspecifiedError];
        let ack = SubAck { packet_id: id(6), reasons: reasons.clone(), reason_string: None };
        let answer = heard(&ServerPacket::SubAck(ack), version);
        assert!(matches!(answer, Answer::SubAck { packet, reasons: got }
            if packet == id(6) && got == reasons));
        assert!(matches!(heard(&ServerPacket::PingResp, version), Answer::PingResp));
    }
}

#[test]
fn what_a_broker_allows_is_read_from_its_welcome() {
    let frame = |bytes: &[u8]| Frame::take(&mut BytesMut::from(bytes), 100).unwrap().unwrap();
    let properties: &[u8] = &[0x21, 0, 20, 0x27, 0, 0, 0x10, 0, 0x25, 0, 0x13, 0, 30, 0x22, 0, 10];
    let mut bytes = vec![0x20, 3 + properties.len() as u8, 1, 0, properties.len() as u8];
    bytes.extend(properties);
    let Ok(Answer::ConnAck(welcome)) = answer::parse(&frame(&bytes), Version::V5) else {
        panic!("no CONNACK")
    };
    assert_eq!((welcome.reason, welcome.session_present), (ReasonCode::Success, true));
    assert_eq!((welcome.receive_maximum, welcome.maximum_packet_size), (Some(20), Some(4096)));
    assert_eq!((welcome.retains, welcome.takes_qos_1), (false, true));
    assert_eq!(welcome.keep_alive, Some(30));
    // An old broker refuses MQTT 5 in the words of 3.1.1.
    let refused = answer::parse(&frame(&[0x20, 2, 0, 1]), Version::V5);
    assert!(matches!(refused, Ok(Answer::ConnAck(welcome))
        if welcome.reason == ReasonCode::UnsupportedProtocolVersion));
}

#[test]
fn garbage_from_a_broker_is_refused_and_does_not_panic() {
    use proptest::prelude::*;
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..64), five in any::<bool>())| {
        let version = if five { Version::V5 } else { Version::V311 };
        if let Ok(Some(frame)) = Frame::take(&mut BytesMut::from(&bytes[..]), 1 << 20) {
            let _ = answer::parse(&frame, version);
        }
    });
}
