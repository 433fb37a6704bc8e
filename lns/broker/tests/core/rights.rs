//! Permissions: asked before anything happens, and for each recipient.

use std::sync::Arc;

use lns_broker::{
    Access, Action, DropCause, Input, Message, Note, PresenceEvent, ReasonCode, ServerPacket,
    Subscribe, SubscriptionOptions,
};

use crate::lab::*;

fn with(denied: &[(Asked, &str)]) -> (Denials, Result<Arc<dyn Access>, ReasonCode>) {
    let denials = Denials::of(denied);
    (denials.clone(), Ok(Arc::new(denials)))
}

fn dropped(lab: &Lab, client: &str, why: DropCause) -> bool {
    lab.notes.iter().any(|note| {
        matches!(note, Note::Dropped { client_id, cause } if **client_id == *client && *cause == why)
    })
}

#[test]
fn who_may_not_connect_is_told_and_closed() {
    let mut lab = Lab::new();
    lab.connect_with(v5("a"), with(&[(Asked::Connect, "a")]).1);
    assert_eq!(lab.heard("a"), ["CONNACK NotAuthorized", "CLOSED"]);
    lab.connect_with(v3("b"), Err(ReasonCode::BadUserNameOrPassword));
    assert_eq!(lab.heard("b"), ["CONNACK BadUserNameOrPassword", "CLOSED"]);
    assert!(denied(&lab, Action::Connect, "a"));
    let failed: Vec<_> = lab.presence.iter().map(|presence| presence.event.clone()).collect();
    assert_eq!(
        failed,
        [
            PresenceEvent::ConnectFailed(ReasonCode::NotAuthorized),
            PresenceEvent::ConnectFailed(ReasonCode::BadUserNameOrPassword)
        ]
    );
}

#[test]
fn a_refused_publish_is_answered_in_mqtt_5_and_ends_the_connection_in_3_1_1() {
    let mut lab = Lab::new();
    lab.connect_with(v5("a"), with(&[(Asked::Publish, "no"), (Asked::Retain, "once")]).1);
    lab.says("a", publish(0, "no", "x", Q0));
    lab.says("a", publish(1, "no", "x", Q1));
    lab.says("a", publish(2, "no", "x", Q2));
    lab.says("a", publish_message(3, retained("once", "x", Q1)));
    lab.says("a", publish(4, "once", "x", Q1));
    assert_eq!(
        lab.heard("a"),
        [
            "CONNACK",
            "PUBACK 1 NotAuthorized",
            "PUBREC 2 NotAuthorized",
            "PUBACK 3 NotAuthorized",
            "PUBACK 4"
        ]
    );
    assert!(denied(&lab, Action::Publish, "no") && denied(&lab, Action::Retain, "once"));
    lab.connect_with(v3("b"), with(&[(Asked::Publish, "no")]).1);
    lab.says("b", publish(1, "no", "x", Q1));
    assert_eq!(lab.heard("b"), ["CONNACK", "CLOSED"]);
}

#[test]
fn the_servers_topics_are_refused_whatever_the_rights() {
    for topic in ["$aws/events/x", "$SYS/x", "$share/g/t", "$aws/certificates/create/json", "$x"] {
        let mut lab = Lab::new();
        lab.connect(v5("a"));
        lab.says("a", publish(1, topic, "x", Q1));
        assert_eq!(lab.heard("a")[1], "PUBACK 1 NotAuthorized", "{topic}");
    }
}

#[test]
fn filters_below_a_dollar_may_have_more_dollars() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", subscribe(1, &[("$aws/things/a/jobs/$next/get/+", Q1)]));
    lab.heard("a");
    let topic = "$aws/things/a/jobs/$next/get/accepted";
    lab.input(own(topic, "x", 1));
    assert_eq!(lab.heard("a"), [format!("{topic:?} x q1 #1")]);
}

#[test]
fn a_will_passes_the_publish_permission_at_connect() {
    for (asked, topic) in [(Asked::Publish, "w"), (Asked::Retain, "w")] {
        let mut lab = Lab::new();
        lab.connect_with(with_will(v5("a"), retained("w", "x", Q1), 0), with(&[(asked, topic)]).1);
        assert_eq!(lab.heard("a"), ["CONNACK NotAuthorized", "CLOSED"]);
    }
    for topic in ["$aws/events/presence/connected/a", "$SYS/x"] {
        let mut lab = Lab::new();
        lab.connect(with_will(v3("a"), Message::new(topic, "x", Q1), 0));
        assert_eq!(lab.heard("a"), ["CONNACK NotAuthorized", "CLOSED"], "{topic}");
    }
    let mut lab = Lab::new();
    lab.connect(with_will(v5("a"), Message::new("w/#", "x", Q1), 0));
    assert_eq!(lab.heard("a"), ["CONNACK TopicNameInvalid", "CLOSED"]);
}

#[test]
fn a_will_passes_the_publish_permission_again_when_it_is_sent() {
    let mut lab = Lab::new();
    lab.connect(v5("b"));
    lab.says("b", subscribe(1, &[("w", Q1)]));
    lab.heard("b");
    let (denials, access) = with(&[]);
    lab.connect_with(with_will(v5("a"), Message::new("w", "x", Q1), 0), access);
    denials.add(Asked::Publish, "w");
    lab.input(Input::AccessChanged);
    lab.cut("a");
    assert_eq!(lab.heard("b"), [""; 0]);
    assert!(denied(&lab, Action::Will, "w"));
}

#[test]
fn receive_is_asked_for_each_recipient_and_each_topic() {
    let mut lab = Lab::new();
    lab.connect_with(v5("a"), with(&[(Asked::Receive, "secret/1")]).1);
    lab.connect(v5("b"));
    for name in ["a", "b"] {
        lab.says(name, subscribe(1, &[("#", Q1), ("secret/+", Q0)]));
        lab.heard(name);
    }
    for (id, topic) in [(1, "secret/1"), (2, "secret/2")] {
        lab.says("b", publish(id, topic, "x", Q1));
        lab.says("b", publish(0, topic, "y", Q0));
    }
    assert_eq!(lab.heard("a"), ["\"secret/2\" x q1 #1", "\"secret/2\" y q0"]);
    assert_eq!(lab.heard("b").len(), 6, "four messages, two answers");
    assert!(dropped(&lab, "a", DropCause::NotPermitted));
    assert!(!dropped(&lab, "b", DropCause::NotPermitted));
}

#[test]
fn retained_messages_pass_the_receive_permission_too() {
    let mut lab = Lab::new();
    lab.connect(v5("b"));
    lab.says("b", publish_message(0, retained("secret", "x", Q0)));
    lab.says("b", publish_message(0, retained("open", "x", Q0)));
    lab.connect_with(v5("a"), with(&[(Asked::Receive, "secret")]).1);
    lab.says("a", subscribe(1, &[("#", Q1)]));
    assert_eq!(lab.heard("a"), ["CONNACK", "SUBACK 1 [01]", "\"open\" x q0 retained"]);
}

#[test]
fn what_was_queued_is_asked_for_again_when_the_client_is_back() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("a")));
    lab.says("a", subscribe(1, &[("#", Q1)]));
    lab.says("a", publish(1, "sent", "x", Q1));
    lab.cut("a");
    lab.connect(v5("b"));
    lab.says("b", publish(1, "queued", "x", Q1));
    lab.says("b", publish(2, "open", "x", Q1));
    lab.heard("a");
    let denied = with(&[(Asked::Receive, "sent"), (Asked::Receive, "queued")]).1;
    lab.connect_with(kept(v5("a")), denied);
    assert_eq!(lab.heard("a"), ["CONNACK present", "\"open\" x q1 #2"]);
    assert_eq!(lab.store.len(), 4, "session, subscription, one body and its place");
}

#[test]
fn a_change_of_rights_holds_from_then_on() {
    let mut lab = Lab::new();
    let (denials, access) = with(&[]);
    lab.connect_with(v5("a"), access);
    lab.says("a", subscribe(1, &[("t", Q0)]));
    lab.says("a", publish(1, "t", "x", Q1));
    denials.add(Asked::Publish, "t");
    lab.says("a", publish(2, "t", "x", Q1));
    lab.input(Input::AccessChanged);
    lab.says("a", publish(3, "t", "x", Q1));
    let (_, other) = with(&[(Asked::Receive, "t")]);
    let connection = lab.connection("a");
    lab.input(Input::Access(connection, other.expect("an access")));
    lab.says("a", publish(4, "t", "x", Q1));
    assert_eq!(
        lab.heard("a")[2..],
        ["\"t\" x q0", "PUBACK 1", "\"t\" x q0", "PUBACK 2", "PUBACK 3 NotAuthorized", "PUBACK 4"]
    );
}

#[test]
fn another_principal_takes_over_only_the_subscriptions_that_it_may_make() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("a")));
    lab.says("a", subscribe(1, &[("open", Q1), ("secret", Q1), ("$share/g/secret", Q1)]));
    lab.leaves("a");
    let denied = with(&[(Asked::Subscribe, "secret")]).1;
    lab.connect_with(kept(v5("a")), denied.clone());
    lab.leaves("a");
    let filters = |lab: &Lab| lab.core.session("a").map_or(0, |view| view.filters.len());
    assert_eq!(filters(&lab), 3, "the same principal keeps what it was granted");
    lab.principal = "another";
    lab.connect_with(kept(v5("a")), denied);
    assert_eq!(filters(&lab), 1);
    lab.heard("a");
    lab.says("a", publish(1, "secret", "x", Q1));
    assert_eq!(lab.heard("a"), ["PUBACK 1"]);
    lab.crash();
    assert_eq!(filters(&lab), 1);
}

#[test]
fn a_shared_subscription_is_no_way_round() {
    let mut lab = Lab::new();
    let denials = [(Asked::Subscribe, "secret/#"), (Asked::Receive, "open/secret")];
    lab.connect_with(v5("a"), with(&denials).1);
    lab.says("a", subscribe(1, &[("$share/g/secret/#", Q1), ("$share/g/open/#", Q1)]));
    assert_eq!(lab.heard("a"), ["CONNACK", "SUBACK 1 [87 01]"]);
    lab.connect(v5("b"));
    lab.says("b", subscribe(1, &[("$share/g/open/#", Q1)]));
    lab.heard("b");
    for id in 1..=3 {
        lab.says("b", publish(id, "open/secret", "x", Q1));
    }
    assert_eq!(lab.heard("a"), [""; 0]);
    assert_eq!(lab.heard("b").len(), 6, "all three go to the member that may");
}

#[test]
fn answers_are_remembered_for_a_bounded_number_of_topics() {
    let mut lab = Lab::new();
    let (_, access) = with(&[(Asked::Receive, "t/7"), (Asked::Publish, "t/9")]);
    lab.connect_with(v5("a"), access);
    lab.says("a", subscribe(1, &[("#", Q0)]));
    lab.heard("a");
    for round in 0..3 {
        for topic in 0..200 {
            lab.says("a", publish(0, &format!("t/{topic}"), "x", Q0));
        }
        assert_eq!(lab.heard("a").len(), 198, "round {round}");
    }
}

#[test]
fn a_subscription_identifier_is_no_way_round_no_local_for_shared() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    let options = SubscriptionOptions { no_local: true, ..SubscriptionOptions::at(Q1) };
    for (identifier, filter, options) in
        [(None, "$share/g/t", options), (Some(0), "t", SubscriptionOptions::at(Q1))]
    {
        lab.connect(v5("a"));
        lab.heard("a");
        let filters = vec![(filter.to_owned(), options)];
        let subscribe = Subscribe { packet_id: id(1), identifier, filters };
        lab.says("a", lns_broker::ClientPacket::Subscribe(subscribe));
        assert_eq!(lab.heard("a"), ["DISCONNECT ProtocolError", "CLOSED"]);
    }
}

/// The reason strings that a client hears in answer to what it may not do.
fn words(connect: lns_broker::Connect) -> Vec<&'static str> {
    let mut lab = Lab::new();
    lab.connect_with(connect.clone(), with(&[(Asked::Connect, "a")]).1);
    let denied = with(&[(Asked::Publish, "no"), (Asked::Subscribe, "no")]).1;
    lab.connect_with(connect, denied);
    lab.says("a", publish(1, "no", "x", Q1));
    lab.says("a", publish(2, "no", "x", Q2));
    lab.says("a", subscribe(1, &[("yes", Q1), ("no", Q1)]));
    lab.says("a", subscribe(2, &[("yes", Q1)]));
    lab.input(Input::Stop);
    let said = lab.packets.iter().filter_map(|(_, packet)| match packet {
        ServerPacket::PubAck(ack) | ServerPacket::PubRec(ack) => ack.reason_string,
        ServerPacket::SubAck(ack) => ack.reason_string,
        ServerPacket::Disconnect(of) => of.reason_string,
        ServerPacket::ConnAck(ack) => ack.reason_string,
        _ => None,
    });
    said.collect()
}

#[test]
fn refusals_say_why_to_clients_that_want_to_know() {
    let why = ReasonCode::NotAuthorized.words().expect("it has words");
    assert_eq!(words(v5("a")), [why, why, why, why, "the server stops"]);
    let mut deaf = v5("a");
    deaf.problem_information = false;
    assert_eq!(words(deaf), [""; 0]);
    let mut narrow = v5("a");
    narrow.maximum_packet_size = Some(100);
    assert_eq!(words(narrow), [""; 0]);
}

#[test]
fn what_is_published_below_a_dollar_goes_nowhere_and_costs_nobody_the_connection() {
    for client in [v3("a"), v5("a")] {
        let mut lab = Lab::new();
        lab.connect(v5("b"));
        lab.says("b", subscribe(1, &[("#", Q2), ("+/+", Q2), ("$SYS/#", Q2)]));
        lab.input(listen(&["#", "$SYS/#"]));
        lab.connect(client);
        lab.heard("a");
        lab.heard("b");
        lab.says("a", publish(0, "$SYS/x", "0", Q0));
        lab.says("a", publish(1, "$SYS/x", "1", Q1));
        lab.says("a", publish_message(2, retained("$TopicA/B", "2", Q2)));
        assert_eq!(lab.heard("a"), ["PUBACK 1 NotAuthorized", "PUBREC 2 NotAuthorized"]);
        assert_eq!(lab.heard("b"), [""; 0]);
        let reason = ReasonCode::NotAuthorized;
        let ignored = Note::Ignored { client_id: "a".into(), reason };
        assert_eq!(lab.notes.iter().filter(|note| **note == ignored).count(), 3);
        assert_eq!(lab.core.status().retained, 0);
    }
}
