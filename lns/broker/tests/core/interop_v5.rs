//! What the Eclipse Paho interoperability suite checks for MQTT 5 (`client_test5.py`), as tests of
//! our own; what both versions share stands in `interop_v3`.

use std::num::NonZeroU16;

use bytes::Bytes;
use lns_broker::{
    ClientPacket, Config, Connecting, ConnectionId, Core, Disconnect, Identifiers, Input, Limits,
    Message, Output, Properties, Publish, ReasonCode, RetainHandling, ServerPacket, Subscribe,
    SubscriptionOptions, Unrestricted,
};

use crate::lab::*;

fn properties() -> Properties {
    Properties {
        payload_is_text: Some(true),
        content_type: Some("my name".into()),
        response_topic: Some("answers/here".into()),
        correlation_data: Some(Bytes::from_static(b"334")),
        user: vec![("a".into(), "2".into()), ("c".into(), "3".into()), ("a".into(), "2".into())],
    }
}

/// User properties, payload format, content type, request/response.
#[test]
fn properties_travel_unchanged_with_live_and_retained_messages() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", subscribe(1, &[("t", Q2)]));
    for (id, qos) in [(0, Q0), (1, Q1), (2, Q2)] {
        let mut message = retained("t", "", qos);
        message.payload = Bytes::from_static(b"x");
        message.properties = Some(Box::new(properties()));
        lab.says("a", publish_message(id, message));
    }
    lab.says("a", subscribe(2, &[("t", Q2)]));
    let seen: Vec<_> = lab.deliveries.iter().map(|(_, d)| d.properties().cloned()).collect();
    assert_eq!(seen, vec![Some(properties()); 4], "three live, the last one retained");
}

#[test]
fn an_assigned_client_identifier_is_told() {
    let mut core = Core::new(Config::default());
    let mut connect = v5("made-up");
    connect.assigned = true;
    connect.session_expiry = Some(100_000);
    let connecting = Connecting {
        connection: ConnectionId(1),
        connect,
        principal: None,
        address: None,
        thing: None,
        access: Ok(std::sync::Arc::new(Unrestricted)),
    };
    let mut outputs = Vec::new();
    core.handle(Default::default(), Input::Connect(Box::new(connecting)), &mut outputs);
    let Some(Output::Send(_, ServerPacket::ConnAck(ack))) = outputs.first() else {
        panic!("{outputs:?}");
    };
    assert_eq!(ack.assigned_client_id.as_deref(), Some("made-up"));
    assert_eq!(ack.session_expiry, Some(7200), "the server's longest");
    assert_eq!(ack.receive_maximum, Some(1000));
    assert_eq!(ack.topic_alias_maximum, Some(32));
    assert_eq!(ack.server_keep_alive, None);
}

#[test]
fn sessions_end_when_their_time_is_over() {
    let mut lab = Lab::new();
    let connect = |clean: bool, expiry: u32| {
        let mut connect = v5("a");
        connect.clean_start = clean;
        connect.session_expiry = Some(expiry);
        connect
    };
    let leave = |expiry| {
        let mut disconnect = Disconnect::because(ReasonCode::Success);
        disconnect.session_expiry = Some(expiry);
        ClientPacket::Disconnect(disconnect)
    };
    let connack = |lab: &mut Lab, connect| {
        lab.heard("a");
        lab.connect(connect);
        lab.heard("a").remove(0)
    };
    assert_eq!(connack(&mut lab, connect(true, 0)), "CONNACK");
    lab.leaves("a");
    assert_eq!(connack(&mut lab, connect(false, 0)), "CONNACK", "it ended at once");
    lab.leaves("a");
    assert_eq!(connack(&mut lab, connect(true, 5)), "CONNACK");
    lab.leaves("a");
    lab.pass(2);
    assert_eq!(connack(&mut lab, connect(false, 5)), "CONNACK present");
    lab.leaves("a");
    lab.pass(6);
    assert_eq!(connack(&mut lab, connect(false, 1)), "CONNACK", "after 6 s of 5");
    lab.says("a", leave(5));
    lab.pass(3);
    assert_eq!(connack(&mut lab, connect(false, 5)), "CONNACK present", "DISCONNECT said 5 s");
    lab.says("a", leave(0));
    assert_eq!(connack(&mut lab, connect(false, 0)), "CONNACK", "DISCONNECT said 0 s");
    lab.says("a", leave(5));
    assert_eq!(lab.heard("a"), ["DISCONNECT ProtocolError", "CLOSED"], "from 0 to more");
}

#[test]
fn a_shortened_message_does_not_outlive_its_expiry() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("b")));
    lab.says("b", subscribe(1, &[("t", Q2)]));
    lab.leaves("b");
    lab.connect(v5("a"));
    for (id, payload, qos, expiry) in
        [(1, "gone", Q1, 1), (2, "gone", Q2, 1), (3, "one", Q1, 6), (4, "two", Q2, 6)]
    {
        let mut message = Message::new("t", payload, qos);
        message.expiry = Some(expiry);
        lab.says("a", publish_message(id, message));
    }
    lab.pass(3);
    lab.heard("b");
    lab.connect(kept(v5("b")));
    assert_eq!(lab.heard("b"), ["CONNACK present", "\"t\" one q1 #1 3s", "\"t\" two q2 #2 3s"]);
}

#[test]
fn no_local_keeps_a_client_from_its_own_words() {
    let mut lab = Lab::new();
    let options = SubscriptionOptions { no_local: true, ..SubscriptionOptions::at(Q2) };
    for name in ["a", "b"] {
        lab.connect(v5(name));
        lab.says(name, subscribe_as(1, "t", options));
        lab.heard(name);
    }
    lab.says("a", publish(1, "t", "hi", Q1));
    assert_eq!(lab.heard("a"), ["PUBACK 1"]);
    assert_eq!(lab.heard("b"), ["\"t\" hi q1 #1"]);
}

#[test]
fn retain_as_published_keeps_the_flag() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    let options = SubscriptionOptions { retain_as_published: true, ..SubscriptionOptions::at(Q0) };
    lab.says("a", subscribe_as(1, "t", options));
    lab.connect(v5("b"));
    lab.says("b", subscribe(1, &[("t", Q0)]));
    lab.says("a", publish(0, "t", "plain", Q0));
    lab.says("a", publish_message(0, retained("t", "kept", Q0)));
    assert_eq!(lab.heard("a")[2..], ["\"t\" plain q0", "\"t\" kept q0 retained"]);
    assert_eq!(lab.heard("b")[2..], ["\"t\" plain q0", "\"t\" kept q0"]);
}

#[test]
fn retain_handling_says_when_retained_messages_are_sent() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", publish_message(0, retained("t", "x", Q0)));
    let count = |lab: &mut Lab, retain_handling| {
        lab.heard("a");
        let options = SubscriptionOptions { retain_handling, ..SubscriptionOptions::at(Q2) };
        lab.says("a", subscribe_as(1, "+", options));
        lab.heard("a").len() - 1
    };
    assert_eq!(count(&mut lab, RetainHandling::DoNotSend), 0);
    assert_eq!(count(&mut lab, RetainHandling::SendIfNew), 0, "it is not new");
    lab.says("a", unsubscribe(1, &["+"]));
    assert_eq!(count(&mut lab, RetainHandling::SendIfNew), 1);
    assert_eq!(count(&mut lab, RetainHandling::SendIfNew), 0);
    assert_eq!(count(&mut lab, RetainHandling::Send), 1);
    assert_eq!(count(&mut lab, RetainHandling::Send), 1);
}

#[test]
fn unsubscribing_ends_a_subscription_and_says_if_there_was_none() {
    let mut lab = Lab::new();
    lab.connect(v5("b"));
    lab.says("b", subscribe(1, &[("0", Q2), ("1", Q2), ("2", Q2)]));
    lab.heard("b");
    lab.says("b", unsubscribe(2, &["0", "never"]));
    assert_eq!(lab.heard("b"), ["UNSUBACK 2 [00 11]"]);
    for topic in ["0", "1", "2"] {
        lab.says("b", publish(0, topic, "x", Q0));
    }
    assert_eq!(lab.heard("b"), ["\"1\" x q0", "\"2\" x q0"]);
}

#[test]
fn subscription_identifiers_of_all_that_match_come_along() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    for (id, identifier, filter) in [(1, Some(456), "t/+"), (2, Some(2), "t/#"), (3, None, "#")] {
        lab.says(
            "a",
            ClientPacket::Subscribe(Subscribe {
                packet_id: crate::lab::id(id),
                identifier,
                filters: vec![(filter.into(), SubscriptionOptions::at(Q1))],
            }),
        );
    }
    lab.says("a", publish(1, "t/x", "hi", Q1));
    let (_, delivery) = lab.deliveries.pop().expect("one copy");
    assert!(lab.deliveries.is_empty());
    let mut identifiers = delivery.subscription_identifiers.as_slice().to_vec();
    identifiers.sort_unstable();
    assert_eq!(identifiers, [2, 456]);
    assert_eq!(Identifiers::default().as_slice(), [0u32; 0]);
}

#[test]
fn a_request_is_answered_where_it_asks() {
    let mut lab = Lab::new();
    lab.connect(v5("asks"));
    lab.says("asks", subscribe(1, &[("answers/here", Q1)]));
    lab.connect(v5("answers"));
    lab.says("answers", subscribe(1, &[("requests", Q1)]));
    let mut message = Message::new("requests", "?", Q1);
    message.properties = Some(Box::new(properties()));
    lab.says("asks", publish_message(1, message));
    let (_, request) = lab.deliveries.pop().expect("the request");
    let asked = request.properties().expect("with properties").clone();
    let topic = asked.response_topic.clone().expect("a topic");
    let mut answer = Message::new(topic, "!", Q1);
    let correlation_data = asked.correlation_data;
    answer.properties = Some(Box::new(Properties { correlation_data, ..Properties::default() }));
    lab.says("answers", publish_message(1, answer));
    let (_, answer) = lab.deliveries.pop().expect("the answer");
    let correlation = answer.properties().and_then(|p| p.correlation_data.clone());
    assert_eq!(correlation.as_deref(), Some(&b"334"[..]));
}

#[test]
fn a_clients_topic_alias_stands_for_a_topic_on_its_connection_alone() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", subscribe(1, &[("t", Q0)]));
    let with_alias = |topic: &str, alias| {
        let mut publish = Publish::new(None, Message::new(topic, "x", Q0));
        publish.topic_alias = Some(alias);
        ClientPacket::Publish(publish)
    };
    lab.heard("a");
    lab.says("a", with_alias("t", 1));
    lab.says("a", with_alias("", 1));
    assert_eq!(lab.heard("a"), ["\"t\" x q0", "\"t\" x q0"]);
    lab.connect(v5("a"));
    lab.heard("a");
    lab.says("a", with_alias("", 1));
    assert_eq!(lab.heard("a"), ["DISCONNECT ProtocolError", "CLOSED"], "a new connection");
    for alias in [0, 33] {
        lab.connect(v5("a"));
        lab.heard("a");
        lab.says("a", with_alias("t", alias));
        assert_eq!(lab.heard("a"), ["DISCONNECT TopicAliasInvalid", "CLOSED"]);
    }
}

#[test]
fn the_servers_topic_aliases_stay_within_the_clients_maximum() {
    let mut lab = Lab::new();
    let mut connect = v5("a");
    connect.topic_alias_maximum = 2;
    lab.connect(connect);
    lab.says("a", subscribe(1, &[("#", Q1)]));
    lab.heard("a");
    for topic in ["one", "two", "one", "three", "two"] {
        lab.says("a", publish(0, topic, "x", Q0));
    }
    assert_eq!(
        lab.heard("a"),
        [
            "\"one\" x q0 alias1",
            "\"two\" x q0 alias2",
            "\"\" x q0 alias1",
            "\"three\" x q0",
            "\"\" x q0 alias2"
        ]
    );
}

#[test]
fn a_message_larger_than_the_client_takes_is_not_sent() {
    let mut lab = Lab::new();
    let mut connect = v5("a");
    connect.maximum_packet_size = Some(64);
    lab.connect(connect);
    lab.says("a", subscribe(1, &[("t", Q2)]));
    lab.heard("a");
    for (id, qos) in [(1, Q0), (2, Q1), (3, Q2)] {
        lab.says("a", publish(id, "t", &"x".repeat(60), qos));
    }
    assert_eq!(lab.heard("a"), ["PUBACK 2", "PUBREC 3"]);
    assert_eq!(lab.core.status().in_flight, 0);
    lab.says("a", publish(0, "t", "fits", Q0));
    assert_eq!(lab.heard("a"), ["\"t\" fits q0"]);
}

#[test]
fn the_server_can_shorten_the_keep_alive() {
    let limits = Limits { keep_alive: Some((30, 60)), ..Limits::default() };
    for (asked, expected) in [(120, 60), (0, 60), (45, 45), (10, 30)] {
        let mut lab = Lab::with(Config { limits, ..Config::default() });
        let mut connect = v5("a");
        connect.keep_alive = asked;
        // One of MQTT 3.1.1 is not told, and bound all the same.
        let mut old = v3("b");
        old.keep_alive = asked;
        lab.connect(old);
        lab.connect(connect);
        lab.pass(expected + expected / 2 - 1);
        assert_eq!(lab.heard("a"), ["CONNACK"], "asked for {asked}");
        lab.pass(1);
        lab.pass(1);
        assert_eq!(lab.heard("a"), ["DISCONNECT KeepAliveTimeout", "CLOSED"]);
        assert_eq!(lab.heard("b"), ["CONNACK", "CLOSED"]);
    }
}

#[test]
fn the_receive_maximum_of_the_client_bounds_what_is_in_flight() {
    let mut lab = Lab::new();
    let mut connect = v5("a");
    connect.receive_maximum = NonZeroU16::new(2);
    lab.connect(connect);
    lab.says("a", subscribe(1, &[("t", Q2)]));
    lab.connect(v5("b"));
    lab.heard("a");
    for id in 1..=4 {
        lab.says("b", publish(id, "t", "x", Q2));
    }
    lab.says("b", publish(0, "t", "zero", Q0));
    assert_eq!(lab.heard("a"), ["\"t\" x q2 #1", "\"t\" x q2 #2", "\"t\" zero q0"]);
    lab.says("a", pub_rec(1));
    assert_eq!(lab.heard("a"), ["PUBREL 1"], "the quota grows with PUBCOMP");
    lab.says("a", pub_comp(1));
    assert_eq!(lab.heard("a"), ["\"t\" x q2 #3"]);
}

#[test]
fn the_receive_maximum_of_the_server_is_kept_or_the_connection_ends() {
    let mut config = Config::default();
    config.bounds.unacknowledged = 2;
    let mut lab = Lab::with(config);
    lab.connect(v5("a"));
    lab.heard("a");
    for id in 1..=2 {
        lab.says("a", publish(id, "t", "x", Q2));
    }
    lab.says("a", pub_rel(1));
    lab.says("a", publish(3, "t", "x", Q2));
    assert_eq!(lab.heard("a"), ["PUBREC 1", "PUBREC 2", "PUBCOMP 1", "PUBREC 3"]);
    lab.says("a", publish(4, "t", "x", Q2));
    assert_eq!(lab.heard("a").last().map(String::as_str), Some("CLOSED"));
}

#[test]
fn a_will_waits_for_its_delay_and_not_beyond_the_session() {
    let mut lab = Lab::new();
    lab.connect(v5("b"));
    lab.says("b", subscribe(1, &[("t", Q0)]));
    lab.heard("b");
    // (session expiry, will delay) → when it comes
    for (expiry, delay, after) in [(60, 3, 3), (4, 9, 4), (0, 9, 0)] {
        let mut connect = with_will(v5("a"), Message::new("t", "will", Q0), delay);
        connect.session_expiry = Some(expiry);
        lab.connect(connect);
        lab.cut("a");
        if after > 0 {
            lab.pass(after - 1);
            assert_eq!(lab.heard("b"), [""; 0], "{expiry} {delay}");
            lab.pass(1);
        }
        assert_eq!(lab.heard("b"), ["\"t\" will q0"], "{expiry} {delay}");
    }
}

#[test]
fn a_will_is_not_sent_when_the_client_is_back_in_time() {
    let mut lab = Lab::new();
    lab.connect(v5("b"));
    lab.says("b", subscribe(1, &[("t", Q0)]));
    lab.heard("b");
    lab.connect(with_will(kept(v5("a")), Message::new("t", "will", Q0), 5));
    lab.cut("a");
    lab.pass(3);
    lab.connect(kept(v5("a")));
    lab.pass(60);
    assert_eq!(lab.heard("b"), [""; 0]);
}

#[test]
fn a_client_that_leaves_may_ask_for_its_will() {
    let mut lab = Lab::new();
    lab.connect(v5("b"));
    lab.says("b", subscribe(1, &[("t", Q0)]));
    lab.heard("b");
    let mut message = retained("t", "will", Q0);
    message.properties = Some(Box::new(properties()));
    lab.connect(with_will(v5("a"), message, 0));
    let disconnect = Disconnect::because(ReasonCode::DisconnectWithWill);
    lab.says("a", ClientPacket::Disconnect(disconnect));
    assert_eq!(lab.heard("b"), ["\"t\" will q0"]);
    assert_eq!(lab.deliveries[0].1.properties(), Some(&properties()));
    assert!(lab.core.retained("t").is_some(), "a will can be retained");
}
