//! Bytes in and out, and garbage.

use std::num::NonZeroU16;

use crate::{
    Ack, ClientPacket, ConnAck, Disconnect, Qos, ReasonCode, ServerPacket, SubAck, Version,
};
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

const MOST: usize = 1 << 20;

fn frame(bytes: &[u8]) -> Result<Option<Frame>, WireError> {
    Frame::take(&mut BytesMut::from(bytes), MOST)
}

fn packet(bytes: &[u8], version: Version) -> Result<ClientPacket, WireError> {
    parse(&frame(bytes)?.expect("a whole packet"), version)
}

fn built(packet: &ServerPacket, version: Version) -> Vec<u8> {
    let mut out = BytesMut::new();
    build(packet, version, &mut out);
    out.to_vec()
}

fn hello(body: &[u8]) -> Result<Hello, WireError> {
    parse_connect(body)
}

#[test]
fn a_packet_is_whole_when_its_length_says_so() {
    assert!(frame(&[]).unwrap().is_none());
    assert!(frame(&[0xC0]).unwrap().is_none());
    assert!(frame(&[0x30, 3, 0, 1]).unwrap().is_none());
    let mut two = BytesMut::from(&[0xC0, 0, 0xC0, 0][..]);
    assert_eq!(Frame::take(&mut two, MOST).unwrap().unwrap().first, 0xC0);
    assert_eq!(two.len(), 2);
    assert!(frame(&[0x30, 0x80, 0x80, 0x80]).unwrap().is_none());
    let endless = frame(&[0x30, 0x80, 0x80, 0x80, 0x80]);
    assert!(matches!(endless, Err(WireError::Malformed(_))));
}

#[test]
fn a_packet_that_is_too_large_is_refused_by_its_header() {
    // 268,435,455 bytes are announced, and none are there.
    let refused = frame(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]);
    assert!(matches!(refused, Err(WireError::TooLarge { size: 268_435_460, most: MOST })));
}

#[test]
fn connect_of_both_versions_is_read() {
    let body = b"\0\x04MQTT\x04\xC2\0\x3C\0\x01a\0\x01u\0\x01p";
    let said = hello(body).unwrap();
    assert_eq!((said.connect.version, &*said.connect.client_id), (Version::V311, "a"));
    assert_eq!((said.connect.keep_alive, said.connect.clean_start), (60, true));
    assert_eq!(said.username.as_deref(), Some("u"));
    assert_eq!(said.password, Some(Bytes::from_static(b"p")));

    // Session expiry 10, receive maximum 5; a will with a delay of 3.
    let body = b"\0\x04MQTT\x05\x2E\0\0\x08\x11\0\0\0\x0A\x21\0\x05\0\x01b\x05\x18\0\0\0\x03\0\x01w\0\x02by";
    let said = hello(body).unwrap();
    assert_eq!((said.connect.version, said.connect.session_expiry), (Version::V5, Some(10)));
    assert_eq!(said.connect.receive_maximum, NonZeroU16::new(5));
    let will = said.connect.will.unwrap();
    assert_eq!((will.delay, &*will.message.topic, will.message.qos), (3, "w", Qos::AtLeastOnce));
    assert!(will.message.retain);
}

#[test]
fn a_connect_against_the_standard_is_refused_by_name() {
    for (body, reason) in [
        (&b"\0\x06MQIsdp\x03\x02\0\0\0\x01a"[..], ReasonCode::UnsupportedProtocolVersion),
        (b"\0\x04MQTT\x06\x02\0\0\0\x01a", ReasonCode::UnsupportedProtocolVersion),
        (b"\0\x04mqtt\x04\x02\0\0\0\x01a", ReasonCode::MalformedPacket),
        // The reserved flag.
        (b"\0\x04MQTT\x04\x03\0\0\0\x01a", ReasonCode::MalformedPacket),
        // A will's QoS without a will; QoS 3.
        (b"\0\x04MQTT\x04\x0A\0\0\0\x01a", ReasonCode::MalformedPacket),
        (b"\0\x04MQTT\x04\x1E\0\0\0\x01a\0\x01t\0\0", ReasonCode::MalformedPacket),
        // A password without a user name is an error in 3.1.1 only.
        (b"\0\x04MQTT\x04\x42\0\0\0\x01a\0\x01p", ReasonCode::MalformedPacket),
        // A session to be kept without a name.
        (b"\0\x04MQTT\x04\0\0\0\0\0", ReasonCode::ClientIdentifierNotValid),
        // A will on a wildcard.
        (b"\0\x04MQTT\x04\x06\0\0\0\x01a\0\x01#\0\0", ReasonCode::TopicNameInvalid),
        // Bytes after the end; U+0000 in the name.
        (b"\0\x04MQTT\x04\x02\0\0\0\x01a!", ReasonCode::MalformedPacket),
        (b"\0\x04MQTT\x04\x02\0\0\0\x01\0", ReasonCode::MalformedPacket),
        // Receive maximum 0; a property twice; one that is not CONNECT's; extended authentication.
        (b"\0\x04MQTT\x05\x02\0\0\x03\x21\0\0\0\x01a", ReasonCode::ProtocolError),
        (b"\0\x04MQTT\x05\x02\0\0\x06\x21\0\x01\x21\0\x01\0\x01a", ReasonCode::ProtocolError),
        (b"\0\x04MQTT\x05\x02\0\0\x03\x23\0\x01\0\x01a", ReasonCode::MalformedPacket),
        (b"\0\x04MQTT\x05\x02\0\0\x04\x15\0\x01x\0\x01a", ReasonCode::BadAuthenticationMethod),
    ] {
        let error = hello(body).err().unwrap_or_else(|| panic!("{body:?} is taken"));
        assert_eq!(error.reason(), reason, "{body:?}: {error}");
    }
}

#[test]
fn publish_is_read_with_its_properties() {
    let ClientPacket::Publish(said) = packet(b"\x3B\x08\0\x01t\0\x07abc", Version::V311).unwrap()
    else {
        panic!("not a PUBLISH")
    };
    assert_eq!(
        (said.packet_id.map(u16::from), said.dup, said.message.retain),
        (Some(7), true, true)
    );
    assert_eq!(said.message.payload, "abc");

    let bytes = b"\x30\x16\0\0\x11\x23\0\x02\x01\x01\x02\0\0\0\x09\x26\0\x01k\0\x01vhi";
    let ClientPacket::Publish(said) = packet(bytes, Version::V5).unwrap() else {
        panic!("not a PUBLISH")
    };
    assert_eq!((said.topic_alias, said.message.expiry), (Some(2), Some(9)));
    let properties = said.message.properties.unwrap();
    assert_eq!(properties.payload_is_text, Some(true));
    assert_eq!(properties.user, [("k".to_owned(), "v".to_owned())]);
    assert_eq!(said.message.payload, "hi");
}

#[test]
fn packets_against_the_standard_are_refused_by_name() {
    for (bytes, version, reason) in [
        // QoS 3; DUP at QoS 0; packet identifier 0; a wildcard; no topic at all.
        (&b"\x36\x05\0\x01t\0\x01"[..], Version::V311, ReasonCode::MalformedPacket),
        (b"\x38\x03\0\x01t", Version::V311, ReasonCode::MalformedPacket),
        (b"\x32\x05\0\x01t\0\0", Version::V311, ReasonCode::ProtocolError),
        (b"\x30\x03\0\x01+", Version::V311, ReasonCode::TopicNameInvalid),
        (b"\x30\x02\0\0", Version::V311, ReasonCode::TopicNameInvalid),
        (b"\x30\x03\0\0\0", Version::V5, ReasonCode::ProtocolError),
        // A topic that is not UTF-8, and one that ends too early.
        (b"\x30\x03\0\x01\xFF", Version::V311, ReasonCode::MalformedPacket),
        (b"\x30\x03\0\x09t", Version::V311, ReasonCode::MalformedPacket),
        // Flags of PUBREL, of SUBSCRIBE; reserved bits of options; no filter; retain handling 3.
        (b"\x60\x02\0\x01", Version::V311, ReasonCode::MalformedPacket),
        (b"\x80\x06\0\x01\0\x01t\0", Version::V311, ReasonCode::MalformedPacket),
        (b"\x82\x06\0\x01\0\x01t\x04", Version::V311, ReasonCode::MalformedPacket),
        (b"\x82\x02\0\x01", Version::V311, ReasonCode::ProtocolError),
        (b"\x82\x07\0\x01\0\0\x01t\x30", Version::V5, ReasonCode::ProtocolError),
        (b"\xA2\x02\0\x01", Version::V311, ReasonCode::ProtocolError),
        // What only servers say; a second CONNECT; AUTH before MQTT 5; type 0.
        (b"\x20\x02\0\0", Version::V311, ReasonCode::ProtocolError),
        (b"\x10\0", Version::V5, ReasonCode::ProtocolError),
        (b"\xF0\0", Version::V311, ReasonCode::MalformedPacket),
        (b"\0\0", Version::V5, ReasonCode::MalformedPacket),
        // Bytes in PINGREQ; a reason that does not exist.
        (b"\xC0\x01\0", Version::V311, ReasonCode::MalformedPacket),
        (b"\x40\x03\0\x01\x03", Version::V5, ReasonCode::MalformedPacket),
    ] {
        let error = packet(bytes, version).err().unwrap_or_else(|| panic!("{bytes:?} is taken"));
        assert_eq!(error.reason(), reason, "{bytes:?}: {error}");
    }
}

#[test]
fn answers_are_the_bytes_that_the_standards_say() {
    let id = NonZeroU16::new(7).unwrap();
    let refused = || Ack::because(id, ReasonCode::NotAuthorized);
    let granted = || SubAck {
        packet_id: id,
        reasons: vec![ReasonCode::GrantedQos1, ReasonCode::NotAuthorized],
        reason_string: None,
    };
    for (packet, v311, v5) in [
        (ServerPacket::PingResp, &b"\xD0\0"[..], &b"\xD0\0"[..]),
        (ServerPacket::PubAck(Ack::success(id)), b"\x40\x02\0\x07", b"\x40\x02\0\x07"),
        (ServerPacket::PubAck(refused()), b"\x40\x02\0\x07", b"\x40\x04\0\x07\x87\0"),
        (ServerPacket::PubRel(Ack::success(id)), b"\x62\x02\0\x07", b"\x62\x02\0\x07"),
        (ServerPacket::SubAck(granted()), b"\x90\x04\0\x07\x01\x80", b"\x90\x05\0\x07\0\x01\x87"),
        (ServerPacket::UnsubAck(granted()), b"\xB0\x02\0\x07", b"\xB0\x05\0\x07\0\x01\x87"),
        (
            ServerPacket::Disconnect(Disconnect::because(ReasonCode::SessionTakenOver)),
            b"",
            b"\xE0\x02\x8E\0",
        ),
    ] {
        assert_eq!(built(&packet, Version::V311), v311, "{packet:?}");
        assert_eq!(built(&packet, Version::V5), v5, "{packet:?}");
    }
    let ack = ConnAck {
        session_present: true,
        reason: ReasonCode::Success,
        session_expiry: None,
        receive_maximum: Some(10),
        maximum_packet_size: None,
        assigned_client_id: Some("x".into()),
        topic_alias_maximum: None,
        server_keep_alive: None,
        reason_string: None,
    };
    let ack = ServerPacket::ConnAck(Box::new(ack));
    assert_eq!(built(&ack, Version::V311), b"\x20\x02\x01\0");
    assert_eq!(built(&ack, Version::V5), b"\x20\x0A\x01\0\x07\x21\0\x0A\x12\0\x01x");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn garbage_is_refused_or_read_and_never_panics(
        first in any::<u8>(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = BytesMut::from(&[&[first, body.len() as u8 & 0x7F][..], &body].concat()[..]);
        while let Ok(Some(frame)) = Frame::take(&mut bytes, MOST) {
            for version in [Version::V311, Version::V5] {
                let _ = parse(&frame, version);
            }
            let _ = parse_connect(&frame.body);
        }
    }

    /// One byte of a packet that is read changed: the walls are thinnest next to the door.
    #[test]
    fn a_packet_with_one_byte_wrong_never_panics(at in 0_usize..40, byte in any::<u8>()) {
        let whole: [&[u8]; 4] = [
            b"\x30\x16\0\0\x11\x23\0\x02\x01\x01\x02\0\0\0\x09\x26\0\x01k\0\x01vhi",
            b"\x82\x09\0\x01\x02\x0B\x01\0\x01t\x01",
            b"\x10\x29\0\x04MQTT\x05\x2E\0\0\x08\x11\0\0\0\x0A\x21\0\x05\0\x01b\x05\x18\0\0\0\x03\0\x01w\0\x02by",
            b"\xE0\x07\0\x05\x11\0\0\0\x01",
        ];
        for packet in whole {
            let mut bytes = BytesMut::from(packet);
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(Some(frame)) = Frame::take(&mut bytes, MOST) {
                let _ = parse(&frame, Version::V5);
                let _ = parse_connect(&frame.body);
            }
        }
    }
}
