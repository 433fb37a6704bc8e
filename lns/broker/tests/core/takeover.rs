//! Two connections under one client identifier, and sessions that go on.

use lns_broker::{ClientPacket, Message, Version};

use crate::lab::*;

#[test]
fn the_older_connection_is_told_and_closed() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("a")));
    lab.says("a", subscribe(1, &[("t", Q1)]));
    lab.says("a", publish(1, "t", "x", Q1));
    lab.connect(kept(v5("a")));
    assert_eq!(
        lab.heard("a"),
        [
            "CONNACK",
            "SUBACK 1 [01]",
            "\"t\" x q1 #1",
            "PUBACK 1",
            "DISCONNECT SessionTakenOver",
            "CLOSED",
            "CONNACK present",
            "\"t\" x q1 #1 dup",
        ]
    );
    assert_eq!(lab.core.status().connections, 1);
}

#[test]
fn a_clean_start_ends_the_session_of_the_older_connection() {
    let mut lab = Lab::new();
    lab.connect(kept(v3("a")));
    lab.says("a", subscribe(1, &[("t", Q1)]));
    lab.connect(v3("a"));
    lab.heard("a");
    lab.says("a", publish(1, "t", "x", Q1));
    assert_eq!(lab.heard("a"), ["PUBACK 1"]);
    assert!(lab.store.is_empty(), "{:?}", lab.store);
}

#[test]
fn a_takeover_sends_the_will_unless_it_is_delayed_and_the_session_goes_on() {
    for (clean, delay, sent) in [(false, 0, 1), (false, 5, 0), (true, 5, 1), (true, 0, 1)] {
        let mut lab = Lab::new();
        lab.connect(v5("b"));
        lab.says("b", subscribe(1, &[("w", Q0)]));
        lab.heard("b");
        lab.connect(with_will(kept(v5("a")), Message::new("w", "x", Q0), delay));
        let mut again = kept(v5("a"));
        again.clean_start = clean;
        lab.connect(again);
        lab.pass(10);
        assert_eq!(lab.heard("b").len(), sent, "clean {clean}, delay {delay}");
    }
}

#[test]
fn a_session_can_be_taken_up_with_the_other_mqtt() {
    let mut lab = Lab::new();
    lab.connect(kept(v3("a")));
    lab.says("a", subscribe(1, &[("t", Q1)]));
    lab.leaves("a");
    lab.connect(v5("b"));
    lab.says("b", publish(1, "t", "x", Q1));
    lab.heard("a");
    lab.connect(kept(v5("a")));
    assert_eq!(lab.heard("a"), ["CONNACK present", "\"t\" x q1 #1"]);
    assert_eq!(lab.core.session("a").map(|view| view.version), Some(Version::V5));
}

#[test]
fn a_session_that_is_taken_up_without_expiry_is_not_durable_any_more() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("a")));
    lab.says("a", subscribe(1, &[("t", Q1)]));
    lab.leaves("a");
    lab.connect(v5("b"));
    lab.says("b", publish(1, "t", "x", Q1));
    assert!(!lab.store.is_empty());
    let mut connect = v5("a");
    connect.clean_start = false;
    lab.heard("a");
    lab.connect(connect);
    assert_eq!(lab.heard("a"), ["CONNACK present", "\"t\" x q1 #1"]);
    assert!(lab.store.is_empty(), "{:?}", lab.store);
    lab.says("a", ClientPacket::PubAck(lns_broker::Ack::success(id(1))));
    lab.cut("a");
    assert_eq!(lab.core.session("a"), None);
}

#[test]
fn packet_identifiers_go_round_and_skip_those_in_flight() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", subscribe(1, &[("t", Q1)]));
    lab.heard("a");
    lab.says("a", publish(1, "t", "stuck", Q1));
    for _ in 0..65_534 {
        lab.says("a", publish(1, "t", "x", Q1));
        let (_, delivery) = lab.deliveries.pop().expect("it is sent");
        lab.says("a", pub_ack(delivery.packet_id.expect("QoS 1").get()));
    }
    lab.heard("a");
    lab.says("a", publish(1, "t", "next", Q1));
    assert_eq!(lab.heard("a")[0], "\"t\" next q1 #2", "1 is in flight");
}

#[test]
fn clients_that_come_and_go_leave_no_deadlines_behind() {
    let mut lab = Lab::new();
    for _ in 0..50 {
        let mut connect = with_will(kept(v5("a")), Message::new("w", "x", Q0), 600);
        connect.keep_alive = 60_000;
        lab.connect(connect);
        let mut message = retained("r", "x", Q0);
        message.expiry = Some(1_000_000);
        lab.says("a", publish_message(0, message));
        lab.cut("a");
        lab.pass(1);
    }
    let mut wakes = 0;
    while let Some(at) = lab.core.next_wake() {
        lab.now = at;
        lab.input(lns_broker::Input::Wake);
        wakes += 1;
    }
    assert_eq!(wakes, 3, "one will, one session, one retained message");
}
