//! Clients that do what they must not.

use std::sync::Arc;

use lns_broker::{ClientPacket, Config, Disconnect, Message, Properties, Publish, ReasonCode};

use crate::lab::*;

/// What an MQTT 5 client hears that says this right after its CONNACK.
fn answer(packet: ClientPacket) -> Vec<String> {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", packet);
    let mut heard = lab.heard("a");
    heard.remove(0);
    heard
}

fn ends_with(reason: &str) -> Vec<String> {
    vec![format!("DISCONNECT {reason}"), "CLOSED".to_owned()]
}

#[test]
fn topics_with_wildcards_or_nothing_end_the_connection() {
    for topic in ["a/+", "#", "a\0b", "+"] {
        assert_eq!(answer(publish(1, topic, "x", Q1)), ends_with("TopicNameInvalid"), "{topic:?}");
    }
    assert_eq!(answer(publish(0, "", "x", Q0)), ends_with("TopicNameInvalid"));
}

#[test]
fn what_only_a_server_may_say_ends_the_connection() {
    let mut publish = Publish::new(None, Message::new("t", "x", Q0));
    publish.has_subscription_identifier = true;
    assert_eq!(answer(ClientPacket::Publish(publish)), ends_with("ProtocolError"));
    assert_eq!(answer(ClientPacket::Auth), ends_with("ProtocolError"));
    assert_eq!(answer(subscribe(1, &[])), ends_with("ProtocolError"));
    assert_eq!(answer(unsubscribe(1, &[])), ends_with("ProtocolError"));
    let mut message = Message::new("t", "x", Q0);
    let response_topic = Some("a/#".to_owned());
    message.properties = Some(Box::new(Properties { response_topic, ..Properties::default() }));
    assert_eq!(answer(publish_message(0, message)), ends_with("ProtocolError"));
    let without_id = Publish::new(None, Message::new("t", "x", Q1));
    assert_eq!(answer(ClientPacket::Publish(without_id)), ends_with("MalformedPacket"));
}

#[test]
fn a_second_connect_ends_the_connection() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    let connection = lab.connection("a");
    lab.heard("a");
    let access: Arc<dyn lns_broker::Access> = Arc::new(lns_broker::Unrestricted);
    let connecting = lns_broker::Connecting {
        connection,
        connect: v5("other"),
        principal: None,
        address: None,
        thing: None,
        access: Ok(access),
    };
    lab.input(lns_broker::Input::Connect(Box::new(connecting)));
    assert_eq!(lab.heard("a"), ends_with("ProtocolError"));
    assert_eq!(lab.core.status(), Default::default());
}

#[test]
fn acknowledgements_of_nothing_change_nothing() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", subscribe(1, &[("t", Q2)]));
    lab.says("a", publish(0, "t", "x", Q0));
    lab.says("a", publish(1, "t", "x", Q1));
    lab.heard("a");
    for packet in [pub_ack(9), pub_comp(9), pub_comp(1), pub_rec(9), pub_rel(9)] {
        lab.says("a", packet);
    }
    assert_eq!(
        lab.heard("a"),
        ["PUBREL 9 PacketIdentifierNotFound", "PUBCOMP 9 PacketIdentifierNotFound"]
    );
    lab.says("a", pub_rec(1));
    assert_eq!(lab.heard("a"), ["PUBREL 1 PacketIdentifierNotFound"], "1 is QoS 1");
    assert_eq!(lab.core.status().in_flight, 1);
    lab.says("a", publish(1, "t", "y", Q2));
    lab.says("a", pub_ack(2));
    lab.says("a", pub_comp(2));
    assert_eq!(lab.core.status().in_flight, 2, "a PUBACK or PUBCOMP does not end a QoS 2 message");
}

#[test]
fn a_packet_identifier_in_use_is_refused_for_another_qos() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", publish(1, "t", "x", Q2));
    lab.heard("a");
    lab.says("a", publish(1, "t", "x", Q1));
    assert_eq!(lab.heard("a"), ["PUBACK 1 PacketIdentifierInUse"]);
    lab.says("a", publish(1, "other", "x", Q2));
    assert_eq!(lab.heard("a"), ["PUBREC 1"], "taken for a repetition, whatever it carries");
}

#[test]
fn a_refused_qos_2_message_leaves_its_identifier_free() {
    let mut lab = Lab::new();
    let denials = Denials::of(&[(Asked::Publish, "no")]);
    lab.connect_with(v5("a"), Ok(Arc::new(denials)));
    lab.says("a", subscribe(1, &[("t", Q0)]));
    lab.heard("a");
    lab.says("a", publish(1, "no", "x", Q2));
    lab.says("a", publish(1, "t", "x", Q2));
    assert_eq!(lab.heard("a"), ["PUBREC 1 NotAuthorized", "\"t\" x q0", "PUBREC 1"]);
}

#[test]
fn an_alias_is_no_way_round_the_permission() {
    let mut lab = Lab::new();
    let denials = Denials::of(&[(Asked::Publish, "no")]);
    lab.connect_with(v5("a"), Ok(Arc::new(denials)));
    lab.heard("a");
    for topic in ["no", ""] {
        let mut publish = Publish::new(Some(id(1)), Message::new(topic, "x", Q1));
        publish.topic_alias = Some(3);
        lab.says("a", ClientPacket::Publish(publish));
        assert_eq!(lab.heard("a"), ["PUBACK 1 NotAuthorized"]);
    }
}

/// After a crash, a repeated QoS 2 message that the server had not taken is handed in again: what
/// the client repeats may be something else.
#[test]
fn a_repetition_is_no_way_round_the_permission() {
    let mut lab = Lab::new();
    lab.input(listen(&["#", "$aws/#"]));
    lab.lets_go = false;
    let denials = Denials::of(&[(Asked::Publish, "no")]);
    lab.access = Arc::new(denials.clone());
    lab.connect_with(kept(v5("a")), Ok(Arc::new(denials.clone())));
    lab.says("a", publish(7, "yes", "x", Q2));
    lab.crash();
    lab.input(listen(&["#", "$aws/#"]));
    lab.connect_with(kept(v5("a")), Ok(Arc::new(denials)));
    lab.accepted.clear();
    lab.says("a", subscribe(1, &[("yes", Q0)]));
    for topic in ["no", "$aws/events/x"] {
        lab.heard("a");
        lab.says("a", publish(7, topic, "x", Q2));
        assert_eq!(lab.heard("a"), ["PUBREC 7 NotAuthorized"]);
        assert!(lab.accepted.is_empty(), "{topic}");
    }
    lab.lets_go = true;
    lab.says("a", publish(7, "yes", "new", Q2));
    assert_eq!(lab.heard("a"), ["\"yes\" new q0", "PUBREC 7"], "the identifier is free");
}

#[test]
fn a_closed_connection_says_nothing_any_more() {
    let mut lab = Lab::new();
    lab.connect(v5("b"));
    lab.says("b", subscribe(1, &[("t", Q0)]));
    lab.connect(v5("a"));
    lab.says("a", ClientPacket::Disconnect(Disconnect::because(ReasonCode::Success)));
    lab.heard("a");
    lab.heard("b");
    for packet in [publish(1, "t", "x", Q1), subscribe(1, &[("t", Q1)]), ClientPacket::PingReq] {
        lab.says("a", packet);
    }
    lab.cut("a");
    lab.cut("a");
    assert_eq!(lab.heard("a"), [""; 0]);
    assert_eq!(lab.heard("b"), [""; 0]);
}

#[test]
fn a_client_that_never_releases_is_bounded_by_the_identifiers() {
    let mut config = Config::default();
    config.bounds.unacknowledged = 10;
    let mut lab = Lab::with(config);
    lab.connect(v5("a"));
    lab.heard("a");
    for id in 1..=11 {
        lab.says("a", publish(id, "t", "x", Q2));
    }
    let heard = lab.heard("a");
    assert_eq!(heard[heard.len() - 2..], ends_with("ReceiveMaximumExceeded"));
}

#[test]
fn a_filter_of_slashes_alone_is_refused() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.heard("a");
    lab.says("a", subscribe(1, &[(&"/".repeat(60_000), Q0)]));
    assert_eq!(lab.heard("a"), ["SUBACK 1 [8f]"]);
}
