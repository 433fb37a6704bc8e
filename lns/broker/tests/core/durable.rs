//! What survives the death of the server, and what waits until it would.

use lns_broker::{ClientPacket, Key, Message, Record};

use crate::lab::*;

fn kept_subscriber(lab: &mut Lab, qos: lns_broker::Qos) {
    lab.connect(kept(v5("s")));
    lab.says("s", subscribe(1, &[("t/#", qos)]));
    lab.heard("s");
}

#[test]
fn acknowledgements_wait_for_the_commit() {
    let mut lab = Lab::new();
    lab.commits = false;
    lab.connect(kept(v5("s")));
    lab.says("s", subscribe(1, &[("t/#", Q1)]));
    assert_eq!(lab.heard("s"), ["CONNACK"], "SUBACK promises a durable subscription");
    lab.commit_all();
    assert_eq!(lab.heard("s"), ["SUBACK 1 [01]"]);
    lab.connect(v5("p"));
    lab.heard("p");
    lab.says("p", publish(1, "t/1", "x", Q1));
    lab.says("p", publish(2, "else", "x", Q1));
    assert_eq!(lab.heard("s"), ["\"t/1\" x q1 #1"], "at least once: sent at once");
    assert_eq!(lab.heard("p"), [""; 0], "the second is behind the first");
    lab.commit_all();
    assert_eq!(lab.heard("p"), ["PUBACK 1", "PUBACK 2"]);
    lab.says("s", unsubscribe(2, &["t/#"]));
    assert_eq!(lab.heard("s"), [""; 0]);
    lab.commit_all();
    assert_eq!(lab.heard("s"), ["UNSUBACK 2 [00]"]);
}

#[test]
fn nothing_is_written_for_clean_sessions() {
    let mut lab = Lab::new();
    lab.commits = false;
    lab.connect(v3("a"));
    lab.says("a", subscribe(1, &[("t", Q2)]));
    lab.says("a", publish(1, "t", "x", Q2));
    lab.says("a", pub_rec(1));
    lab.says("a", pub_comp(1));
    lab.says("a", pub_rel(1));
    lab.cut("a");
    assert!(lab.uncommitted.is_empty());
}

#[test]
fn a_kept_session_survives_a_crash_with_all_it_has() {
    let mut lab = Lab::new();
    kept_subscriber(&mut lab, Q2);
    lab.says("s", subscribe(2, &[("$share/g/u", Q1)]));
    lab.cut("s");
    lab.connect(v5("p"));
    for (id, topic, qos) in [(1, "t/1", Q1), (2, "u", Q1), (3, "t/2", Q2)] {
        lab.says("p", publish(id, topic, "x", qos));
    }
    lab.says("p", publish_message(4, retained("t/r", "r", Q1)));
    lab.crash();
    lab.connect(kept(v5("s")));
    assert_eq!(
        lab.heard("s"),
        [
            "CONNACK present",
            "\"t/1\" x q1 #1",
            "\"u\" x q1 #2",
            "\"t/r\" r q1 #4",
            "\"t/2\" x q2 #3"
        ],
        "QoS 2 waits until its identifier is durable"
    );
    let view = lab.core.session("s").expect("it is kept");
    assert_eq!(
        view.filters.iter().map(|(filter, _)| &**filter).collect::<Vec<_>>(),
        ["$share/g/u", "t/#"]
    );
    assert!(lab.core.retained("t/r").is_some());
    lab.says("s", publish(1, "t/new", "x", Q1));
    assert_eq!(lab.heard("s")[0], "\"t/new\" x q1 #5", "the subscriptions work");
}

#[test]
fn an_older_retained_message_does_not_overtake_a_newer_one() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("s")));
    lab.connect(v5("p"));
    lab.says("p", publish_message(0, retained("t", "old", Q0)));
    lab.heard("s");
    lab.commits = false;
    lab.says("s", subscribe(1, &[("t", Q1)]));
    lab.says("p", publish_message(0, retained("t", "new", Q0)));
    assert_eq!(lab.heard("s"), [""; 0], "the retained one waits for SUBACK");
    lab.commit_all();
    assert_eq!(lab.heard("s"), ["SUBACK 1 [01]", "\"t\" old q0 retained", "\"t\" new q0"]);
    lab.says("s", subscribe(2, &[("t", Q1)]));
    lab.cut("s");
    lab.says("p", publish(0, "t", "newest", Q0));
    assert_eq!(lab.core.status().queued, 0, "QoS 0 is not queued for who is away");
}

#[test]
fn a_body_stands_once_and_goes_with_its_last_reader() {
    let mut lab = Lab::new();
    for name in ["a", "b", "c"] {
        lab.connect(kept(v5(name)));
        lab.says(name, subscribe(1, &[("t", Q1)]));
    }
    lab.says("a", publish(1, "t", "x", Q1));
    let bodies = |lab: &Lab| lab.store.keys().filter(|key| matches!(key, Key::Message(_))).count();
    assert_eq!(bodies(&lab), 1);
    lab.says("a", pub_ack(1));
    lab.says("b", pub_ack(1));
    assert_eq!(bodies(&lab), 1);
    lab.crash();
    assert_eq!(bodies(&lab), 1);
    lab.connect(kept(v5("c")));
    lab.says("c", pub_ack(1));
    assert_eq!(bodies(&lab), 0);
    assert_eq!(lab.store.len(), 6, "three sessions and their subscriptions");
}

#[test]
fn a_qos_2_delivery_waits_until_its_packet_identifier_is_durable() {
    let mut lab = Lab::new();
    kept_subscriber(&mut lab, Q2);
    lab.commits = false;
    lab.connect(v5("p"));
    lab.says("p", publish(1, "t/1", "x", Q2));
    assert_eq!(lab.heard("s"), [""; 0]);
    lab.commit_all();
    assert_eq!(lab.heard("s"), ["\"t/1\" x q2 #1"]);
    lab.crash();
    lab.connect(kept(v5("s")));
    lab.commit_all();
    assert_eq!(lab.heard("s"), ["CONNACK present", "\"t/1\" x q2 #1 dup"], "the same identifier");
    lab.says("s", pub_rec(1));
    assert_eq!(lab.heard("s"), [""; 0], "PUBREL waits: it must not be forgotten");
    lab.commit_all();
    assert_eq!(lab.heard("s"), ["PUBREL 1"]);
    lab.crash();
    lab.connect(kept(v5("s")));
    assert_eq!(lab.heard("s"), ["CONNACK present", "PUBREL 1"]);
    lab.says("s", pub_comp(1));
    lab.commit_all();
    let left = |key: &Key| !matches!(key, Key::Session(_) | Key::Subscription(..));
    assert!(!lab.store.keys().any(left), "{:?}", lab.store);
}

#[test]
fn a_qos_2_message_that_is_repeated_after_a_crash_is_not_delivered_again() {
    let mut lab = Lab::new();
    kept_subscriber(&mut lab, Q1);
    lab.connect(kept(v5("p")));
    lab.heard("p");
    lab.says("p", publish(7, "t/1", "x", Q2));
    assert_eq!(lab.heard("p"), ["PUBREC 7"]);
    assert_eq!(lab.heard("s").len(), 1);
    lab.says("s", pub_ack(1));
    lab.crash();
    lab.connect(kept(v5("s")));
    lab.connect(kept(v5("p")));
    lab.heard("p");
    let ClientPacket::Publish(mut again) = publish(7, "t/1", "x", Q2) else { unreachable!() };
    again.dup = true;
    lab.says("p", ClientPacket::Publish(again));
    assert_eq!(lab.heard("p"), ["PUBREC 7"]);
    assert_eq!(lab.heard("s"), ["CONNACK present"]);
    lab.says("p", pub_rel(7));
    assert_eq!(lab.heard("p"), ["PUBCOMP 7"]);
    lab.says("p", publish(7, "t/1", "y", Q2));
    assert_eq!(lab.heard("s").len(), 1, "the identifier is free");
}

#[test]
fn a_pub_comp_waits_until_the_identifier_is_free_in_the_store() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("p")));
    lab.says("p", publish(7, "t/1", "x", Q2));
    lab.heard("p");
    lab.commits = false;
    lab.says("p", pub_rel(7));
    assert_eq!(lab.heard("p"), [""; 0]);
    lab.commit_all();
    assert_eq!(lab.heard("p"), ["PUBCOMP 7"]);
}

/// A storm has found this: the release of a QoS 2 message was written and not committed when its
/// client's connection broke. The repeated PUBREL found nothing to release and was answered at once;
/// then the server died, and its store still had the identifier, which the client used again.
#[test]
fn a_repeated_release_waits_for_the_commit_of_the_first() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("p")));
    lab.says("p", publish(7, "t/1", "x", Q2));
    lab.commits = false;
    lab.says("p", pub_rel(7));
    lab.cut("p");
    lab.connect(kept(v5("p")));
    lab.heard("p");
    lab.says("p", pub_rel(7));
    assert_eq!(lab.heard("p"), [""; 0]);
    lab.commit_all();
    assert_eq!(lab.heard("p"), ["PUBCOMP 7 PacketIdentifierNotFound"]);
}

#[test]
fn the_intake_gets_a_qos_2_message_again_that_it_had_not_taken() {
    let mut lab = Lab::new();
    lab.input(listen(&["t/#"]));
    kept_subscriber(&mut lab, Q1);
    lab.connect(kept(v5("p")));
    lab.lets_go = false;
    lab.says("p", publish(7, "t/1", "x", Q2));
    assert_eq!(lab.accepted.len(), 1);
    lab.crash();
    lab.input(listen(&["t/#"]));
    lab.connect(kept(v5("p")));
    lab.heard("p");
    lab.says("p", publish(7, "t/1", "x", Q2));
    assert_eq!(lab.accepted.len(), 2, "handed in again");
    assert_eq!(lab.core.session("s").map(|view| view.queued), Some(1), "but not routed again");
    assert_eq!(lab.heard("p"), [""; 0]);
    lab.let_go();
    assert_eq!(lab.heard("p"), ["PUBREC 7"]);
    lab.says("p", publish(7, "t/1", "x", Q2));
    assert_eq!(lab.accepted.len(), 2);
}

#[test]
fn the_will_of_a_client_that_was_connected_is_sent_after_a_crash() {
    let mut lab = Lab::new();
    lab.connect(with_will(kept(v5("a")), Message::new("t/w", "x", Q1), 5));
    kept_subscriber(&mut lab, Q1);
    lab.crash();
    lab.connect(kept(v5("s")));
    lab.pass(4);
    assert_eq!(lab.heard("s"), ["CONNACK present"]);
    lab.pass(1);
    assert_eq!(lab.heard("s"), ["\"t/w\" x q1 #1"]);
    lab.crash();
    lab.pass(10);
    lab.connect(kept(v5("s")));
    assert_eq!(
        lab.heard("s"),
        ["CONNACK present", "\"t/w\" x q1 #1"],
        "the message, no second will"
    );
}

#[test]
fn a_session_expires_though_the_server_was_away() {
    let mut lab = Lab::new();
    kept_subscriber(&mut lab, Q1);
    lab.leaves("s");
    lab.now = lab.now.plus_seconds(3601);
    lab.crash();
    lab.pass(0);
    assert_eq!(lab.core.status().sessions, 0);
    assert!(lab.store.is_empty(), "{:?}", lab.store);
}

#[test]
fn records_that_belong_to_nothing_are_deleted_at_start() {
    let mut lab = Lab::new();
    kept_subscriber(&mut lab, Q1);
    lab.leaves("s");
    lab.connect(v5("p"));
    lab.says("p", publish(1, "t/1", "x", Q1));
    let session = lab.store.keys().find(|key| matches!(key, Key::Session(_))).cloned();
    lab.store.remove(&session.expect("it is kept"));
    assert_eq!(lab.store.len(), 3);
    lab.crash();
    assert!(lab.store.is_empty(), "{:?}", lab.store);
}

#[test]
fn records_know_their_keys() {
    let mut lab = Lab::new();
    kept_subscriber(&mut lab, Q2);
    lab.says("s", publish(1, "t/1", "x", Q2));
    lab.says("s", publish_message(2, retained("r", "x", Q1)));
    assert_eq!(lab.store.len(), 6);
    for (key, record) in &lab.store {
        assert_eq!(*key, record.key());
        let belongs = !matches!(record, Record::Message(_) | Record::Retained(_));
        assert_eq!(key.session().is_some(), belongs);
    }
}
