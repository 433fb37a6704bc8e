//! What the Eclipse Paho interoperability suite checks for MQTT 3.1.1 (`client_test.py`), as tests
//! of our own: one for each of its ten.

use crate::lab::*;
use lns_broker::{Message, ReasonCode};

#[test]
fn basic_a_message_of_each_qos_arrives() {
    let mut lab = Lab::new();
    lab.connect(v3("a"));
    lab.says("a", subscribe(2, &[("t/a", Q2)]));
    lab.says("a", publish(1, "t/a", "zero", Q0));
    lab.says("a", publish(1, "t/a", "one", Q1));
    lab.says("a", publish(2, "t/a", "two", Q2));
    assert_eq!(
        lab.heard("a"),
        [
            "CONNACK",
            "SUBACK 2 [02]",
            "\"t/a\" zero q0",
            "\"t/a\" one q1 #1",
            "PUBACK 1",
            "\"t/a\" two q2 #2",
            "PUBREC 2",
        ]
    );
    lab.says("a", pub_rel(2));
    lab.says("a", pub_ack(1));
    lab.says("a", pub_rec(2));
    lab.says("a", pub_comp(2));
    assert_eq!(lab.heard("a"), ["PUBCOMP 2", "PUBREL 2"]);
    lab.leaves("a");
    assert_eq!(lab.heard("a"), ["CLOSED"]);
    assert_eq!(lab.core.status(), Default::default(), "nothing is left");
}

#[test]
fn retained_messages_of_each_qos_arrive_and_can_be_cleared() {
    let mut lab = Lab::new();
    lab.connect(v3("a"));
    for (id, topic, qos) in [(1, "T/0", Q0), (1, "T/1", Q1), (2, "T/2", Q2)] {
        lab.says("a", publish_message(id, retained(topic, "x", qos)));
    }
    lab.says("a", pub_rel(2));
    lab.heard("a");
    lab.says("a", subscribe(3, &[("+/+", Q2)]));
    let heard = lab.heard("a");
    assert_eq!(
        heard,
        [
            "SUBACK 3 [02]",
            "\"T/0\" x q0 retained",
            "\"T/1\" x q1 #1 retained",
            "\"T/2\" x q2 #2 retained"
        ]
    );

    lab.connect(v3("b"));
    for (id, topic, qos) in [(1, "T/0", Q0), (1, "T/1", Q1), (2, "T/2", Q2)] {
        lab.says("b", publish_message(id, retained(topic, "", qos)));
    }
    lab.heard("b");
    lab.says("b", subscribe(3, &[("+/+", Q2)]));
    assert_eq!(lab.heard("b"), ["SUBACK 3 [02]"]);
    assert_eq!(lab.core.status().retained, 0);
}

#[test]
fn offline_queueing_keeps_qos_1_and_2_for_who_comes_back() {
    let mut lab = Lab::new();
    lab.connect(kept(v3("a")));
    lab.says("a", subscribe(1, &[("+/+", Q2)]));
    lab.leaves("a");
    lab.connect(v3("b"));
    lab.says("b", publish(0, "t/0", "zero", Q0));
    lab.says("b", publish(1, "t/1", "one", Q1));
    lab.says("b", publish(2, "t/2", "two", Q2));
    lab.heard("a");
    lab.connect(kept(v3("a")));
    assert_eq!(lab.heard("a"), ["CONNACK present", "\"t/1\" one q1 #1", "\"t/2\" two q2 #2"]);
}

#[test]
fn a_will_is_sent_when_the_connection_is_lost() {
    let mut lab = Lab::new();
    lab.connect(v3("b"));
    lab.says("b", subscribe(1, &[("T/C", Q2)]));
    lab.connect(with_will(v3("a"), Message::new("T/C", "lost", Q0), 0));
    lab.heard("b");
    lab.cut("a");
    assert_eq!(lab.heard("b"), ["\"T/C\" lost q0"]);
}

#[test]
fn a_will_is_forgotten_when_the_client_says_goodbye() {
    let mut lab = Lab::new();
    lab.connect(v3("b"));
    lab.says("b", subscribe(1, &[("T/C", Q2)]));
    lab.connect(with_will(v3("a"), Message::new("T/C", "lost", Q0), 0));
    lab.heard("b");
    lab.leaves("a");
    assert_eq!(lab.heard("b"), [""; 0]);
}

#[test]
fn overlapping_subscriptions_give_one_copy_at_the_highest_qos() {
    let mut lab = Lab::new();
    lab.connect(v3("a"));
    lab.says("a", subscribe(1, &[("T/#", Q2), ("T/+", Q1)]));
    lab.heard("a");
    lab.says("a", publish(2, "T/C", "once", Q2));
    assert_eq!(lab.heard("a"), ["\"T/C\" once q2 #1", "PUBREC 2"]);
}

#[test]
fn a_silent_client_is_dropped_after_one_and_a_half_keep_alives() {
    let mut lab = Lab::new();
    lab.connect(v3("b"));
    lab.says("b", subscribe(1, &[("/T", Q2)]));
    let mut connect = with_will(v3("a"), Message::new("/T", "silent", Q0), 0);
    connect.keep_alive = 5;
    lab.connect(connect);
    lab.heard("b");
    lab.pass(4);
    lab.says("a", lns_broker::ClientPacket::PingReq);
    lab.pass(7);
    assert_eq!(lab.heard("a"), ["CONNACK", "PINGRESP"]);
    lab.pass(1);
    assert_eq!(lab.heard("a"), ["CLOSED"], "11.5 s");
    assert_eq!(lab.heard("b"), ["\"/T\" silent q0"]);
}

#[test]
fn what_was_not_acknowledged_is_sent_again_in_its_order() {
    let mut lab = Lab::new();
    lab.connect(kept(v3("b")));
    lab.says("b", subscribe(1, &[("T/#", Q2)]));
    lab.says("b", publish(1, "T/B", "one", Q1));
    lab.says("b", publish(2, "T/C", "two", Q2));
    lab.says("b", publish(3, "T/D", "three", Q2));
    lab.says("b", pub_rec(3));
    lab.leaves("b");
    lab.heard("b");
    lab.connect(kept(v3("b")));
    assert_eq!(
        lab.heard("b"),
        ["CONNACK present", "\"T/B\" one q1 #1 dup", "\"T/C\" two q2 #2 dup", "PUBREL 3"]
    );
}

#[test]
fn a_client_without_name_cannot_keep_a_session() {
    let mut lab = Lab::new();
    let mut connect = kept(v3("random"));
    connect.assigned = true;
    lab.connect(connect.clone());
    assert_eq!(lab.heard("random"), ["CONNACK ClientIdentifierNotValid", "CLOSED"]);
    assert_eq!(ReasonCode::ClientIdentifierNotValid.connect_return_code(), 2);
    connect.clean_start = true;
    lab.connect(connect);
    assert_eq!(lab.heard("random"), ["CONNACK"]);
}

#[test]
fn a_refused_subscription_is_answered_with_0x80() {
    let mut lab = Lab::new();
    let denials = Denials::of(&[(Asked::Subscribe, "nosubscribe")]);
    lab.connect_with(v3("a"), Ok(std::sync::Arc::new(denials)));
    lab.says("a", subscribe(1, &[("nosubscribe", Q2), ("else", Q1)]));
    assert_eq!(lab.heard("a"), ["CONNACK", "SUBACK 1 [87 01]"]);
    assert_eq!(ReasonCode::NotAuthorized.subscribe_return_code(), 0x80);
}

#[test]
fn wildcards_do_not_meet_topics_that_begin_with_a_dollar() {
    let mut lab = Lab::new();
    lab.connect(v3("b"));
    lab.says("b", subscribe(1, &[("+/+/#", Q2), ("#", Q1)]));
    lab.heard("b");
    lab.says("b", publish(1, "$aws/things/b", "", Q1));
    assert_eq!(lab.heard("b"), ["PUBACK 1"]);
}
