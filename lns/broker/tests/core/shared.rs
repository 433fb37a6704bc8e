//! Shared subscriptions (MQTT 5.0 §4.8.2), which clients of MQTT 3.1.1 may use too.

use crate::lab::*;

fn member(lab: &mut Lab, name: &str, connect: lns_broker::Connect) {
    lab.connect(connect);
    lab.says(name, subscribe(1, &[("$share/g/t/+", Q2)]));
    lab.heard(name);
}

fn payloads(lab: &mut Lab, name: &str) -> Vec<String> {
    let heard = lab.heard(name).into_iter();
    heard.filter_map(|text| text.split(' ').nth(1).map(str::to_owned)).collect()
}

#[test]
fn members_take_turns() {
    let mut lab = Lab::new();
    for name in ["a", "b", "c"] {
        member(&mut lab, name, v5(name));
    }
    lab.connect(v3("p"));
    for n in 0..6 {
        lab.says("p", publish(0, "t/x", &n.to_string(), Q0));
    }
    assert_eq!(payloads(&mut lab, "a"), ["0", "3"]);
    assert_eq!(payloads(&mut lab, "b"), ["1", "4"]);
    assert_eq!(payloads(&mut lab, "c"), ["2", "5"]);
}

#[test]
fn a_kept_session_gets_messages_only_while_nobody_is_connected() {
    let mut lab = Lab::new();
    member(&mut lab, "kept", kept(v5("kept")));
    member(&mut lab, "b", v3("b"));
    lab.leaves("kept");
    lab.connect(v5("p"));
    lab.says("p", publish(1, "t/x", "one", Q1));
    lab.says("p", publish(2, "t/x", "two", Q1));
    assert_eq!(payloads(&mut lab, "b"), ["one", "two"]);
    for id in [1, 2] {
        lab.says("b", pub_ack(id));
    }
    lab.leaves("b");
    lab.says("p", publish(3, "t/x", "three", Q1));
    lab.heard("kept");
    lab.connect(kept(v5("kept")));
    assert_eq!(lab.heard("kept"), ["CONNACK present", "\"t/x\" three q1 #1"]);
}

#[test]
fn what_a_member_leaves_behind_for_good_goes_to_the_others() {
    let mut lab = Lab::new();
    member(&mut lab, "a", v5("a"));
    member(&mut lab, "b", v5("b"));
    lab.connect(v5("p"));
    for (id, payload, qos) in [(1, "one", Q1), (2, "-", Q1), (3, "two", Q2), (4, "-", Q1)] {
        lab.says("p", publish(id, "t/x", payload, qos));
    }
    assert_eq!(payloads(&mut lab, "a"), ["one", "two"]);
    lab.heard("b");
    lab.cut("a");
    assert_eq!(payloads(&mut lab, "b"), ["one"], "QoS 2 may have arrived: to nobody else");
}

#[test]
fn a_member_that_only_loses_its_connection_keeps_what_it_was_owed() {
    let mut lab = Lab::new();
    member(&mut lab, "a", kept(v5("a")));
    member(&mut lab, "b", v5("b"));
    lab.connect(v5("p"));
    lab.says("p", publish(1, "t/x", "one", Q1));
    lab.cut("a");
    assert_eq!(payloads(&mut lab, "b"), [""; 0]);
    lab.heard("a");
    lab.connect(kept(v5("a")));
    assert_eq!(lab.heard("a"), ["CONNACK present", "\"t/x\" one q1 #1 dup"]);
}

#[test]
fn a_queue_is_passed_on_when_its_session_expires() {
    let mut lab = Lab::new();
    member(&mut lab, "a", kept(v5("a")));
    lab.leaves("a");
    lab.connect(v5("p"));
    lab.says("p", publish(1, "t/x", "late", Q1));
    member(&mut lab, "b", kept(v5("b")));
    lab.pass(3601);
    assert_eq!(lab.heard("b"), ["\"t/x\" late q1 #1"]);
    lab.says("b", pub_ack(1));
    assert_eq!(lab.store.len(), 2, "b's session and subscription: {:?}", lab.store);
}

#[test]
fn shared_and_plain_subscriptions_are_apart() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", subscribe(1, &[("$share/g/t", Q1), ("$share/h/t", Q1), ("t", Q1)]));
    lab.heard("a");
    lab.says("a", publish(1, "t", "x", Q1));
    assert_eq!(lab.heard("a").len(), 4, "one for each, and the answer");
    lab.says("a", unsubscribe(2, &["$share/g/t"]));
    lab.says("a", publish(1, "t", "x", Q1));
    assert_eq!(lab.heard("a").len(), 4);
}

#[test]
fn retained_messages_are_not_sent_to_shared_subscriptions() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    lab.says("a", publish_message(0, retained("t", "x", Q0)));
    lab.says("a", subscribe(1, &[("$share/g/t", Q1)]));
    assert_eq!(lab.heard("a"), ["CONNACK", "SUBACK 1 [01]"]);
}

#[test]
fn shared_filters_that_are_none_are_refused() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    let filters = ["$share", "$share/", "$share/g", "$share//t", "$share/g/", "$share/g+/t"];
    for filter in filters.iter().chain(&["$share/#/t", "a/#/b", "a+", "", "a\0b"]) {
        lab.heard("a");
        lab.says("a", subscribe(1, &[(filter, Q1)]));
        assert_eq!(lab.heard("a"), ["SUBACK 1 [8f]"], "{filter:?}");
    }
}
