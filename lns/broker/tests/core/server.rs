//! What the server says and hears, and who waits for it.

use std::sync::Arc;

use lns_broker::{Input, Message, Origin, Peer, Publishing, ReasonCode, Receipt};

use crate::lab::*;

fn topics(lab: &mut Lab) -> Vec<String> {
    lab.accepted.drain(..).map(|one| one.publication.message.topic.to_string()).collect()
}

#[test]
fn the_server_hears_what_it_listens_to_and_nothing_else() {
    let mut lab = Lab::new();
    lab.input(listen(&["lorawan/+/down", "shared"]));
    lab.connect(v5("a"));
    lab.says("a", subscribe(1, &[("shared", Q0)]));
    for topic in ["lorawan/1/down", "lorawan/1/up", "shared"] {
        lab.says("a", publish(0, topic, "x", Q0));
    }
    assert_eq!(topics(&mut lab), ["lorawan/1/down", "shared"]);
    lab.input(listen(&["other"]));
    for topic in ["lorawan/1/down", "shared", "other"] {
        lab.says("a", publish(0, topic, "x", Q0));
    }
    assert_eq!(topics(&mut lab), ["other"]);
    assert_eq!(lab.heard("a").len(), 4, "the client's subscription is not touched");
}

#[test]
fn the_server_learns_who_has_published() {
    let mut lab = Lab::new();
    lab.input(listen(&["#"]));
    lab.connect(v5("a"));
    lab.says("a", publish(0, "t", "x", Q0));
    lab.input(own("t", "x", 1));
    let peer = Arc::new(Peer {
        client_id: "".into(),
        principal: Some("p".into()),
        address: None,
        thing: None,
    });
    let message = Message::new("t", "x", Q1);
    let on_behalf = Some(peer.clone());
    lab.input(Input::Publish(Publishing { message, hops: 0, on_behalf, receipt: None }));
    let origins: Vec<Origin> = lab.accepted.iter().map(|one| one.origin.clone()).collect();
    assert!(matches!(&origins[0], Origin::Client(peer) if &*peer.client_id == "a"));
    assert_eq!(origins[1..], [Origin::Server { hops: 0 }, Origin::Client(peer)]);
}

#[test]
fn acknowledgements_wait_for_the_intake_and_keep_their_order() {
    let mut lab = Lab::new();
    lab.input(listen(&["held"]));
    lab.lets_go = false;
    lab.connect(v5("a"));
    lab.heard("a");
    lab.says("a", publish(1, "held", "x", Q1));
    lab.says("a", publish(2, "free", "x", Q1));
    lab.says("a", publish(3, "held", "x", Q2));
    assert_eq!(lab.heard("a"), [""; 0]);
    let last = lab.holds.pop().expect("two holds");
    lab.input(Input::Taken(last));
    assert_eq!(lab.heard("a"), [""; 0], "the first is not taken");
    lab.let_go();
    assert_eq!(lab.heard("a"), ["PUBACK 1", "PUBACK 2", "PUBREC 3"]);
}

#[test]
fn a_receipt_comes_back_when_the_message_is_durable_and_taken() {
    let mut lab = Lab::new();
    lab.input(listen(&["held"]));
    lab.connect(kept(v5("a")));
    lab.says("a", subscribe(1, &[("durable", Q1)]));
    lab.leaves("a");
    lab.commits = false;
    lab.lets_go = false;
    lab.input(own("nobody", "x", 1));
    assert_eq!(lab.settled, [(Receipt(1), Ok(()))]);
    lab.input(own("durable", "x", 2));
    lab.input(own("held", "x", 3));
    lab.input(own("durable", "x", 4));
    assert_eq!(lab.settled.len(), 1);
    lab.let_go();
    assert_eq!(lab.settled[1..], [(Receipt(3), Ok(()))]);
    assert!(lab.commit_one());
    assert_eq!(lab.settled[2..], [(Receipt(2), Ok(()))]);
    lab.commit_all();
    assert_eq!(lab.settled[3..], [(Receipt(4), Ok(()))]);
    lab.input(own("not/+/a/name", "x", 5));
    assert_eq!(lab.settled[4..], [(Receipt(5), Err(ReasonCode::TopicNameInvalid))]);
}

#[test]
fn basic_ingest_is_heard_by_the_server_alone() {
    let mut lab = Lab::new();
    lab.input(listen(&["$aws/rules/#"]));
    lab.connect(v5("a"));
    lab.says("a", subscribe(1, &[("$aws/rules/#", Q1)]));
    lab.heard("a");
    lab.says("a", publish_message(1, retained("$aws/rules/r/t", "x", Q1)));
    assert_eq!(lab.heard("a"), ["PUBACK 1"]);
    assert_eq!(topics(&mut lab), ["$aws/rules/r/t"]);
    assert_eq!(lab.core.status().retained, 0);
}

#[test]
fn a_hold_of_a_session_that_is_gone_is_let_go_without_harm() {
    let mut lab = Lab::new();
    lab.input(listen(&["t"]));
    lab.lets_go = false;
    lab.connect(v5("a"));
    lab.says("a", publish(1, "t", "x", Q1));
    lab.cut("a");
    lab.connect(v5("b"));
    lab.heard("b");
    lab.says("b", publish(1, "t", "x", Q1));
    let holds = std::mem::take(&mut lab.holds);
    lab.input(Input::Taken(holds[0]));
    assert_eq!(lab.heard("b"), [""; 0], "b stands where a stood");
    lab.input(Input::Taken(holds[1]));
    assert_eq!(lab.heard("b"), ["PUBACK 1"]);
}

#[test]
fn wills_are_heard_with_their_client_as_origin() {
    let mut lab = Lab::new();
    lab.input(listen(&["w"]));
    lab.connect(with_will(v5("a"), Message::new("w", "x", Q1), 0));
    lab.cut("a");
    assert_eq!(topics(&mut lab), ["w"]);
    assert_eq!(lab.holds, []);
}

#[test]
fn retained_messages_can_be_listed_in_pages() {
    let mut lab = Lab::new();
    for (n, topic) in ["b", "a", "c"].into_iter().enumerate() {
        let message = retained(topic, "x", Q1);
        let receipt = Some(Receipt(n as u64));
        lab.input(Input::Publish(Publishing { message, hops: 0, on_behalf: None, receipt }));
    }
    let page = |after: Option<&str>| -> Vec<String> {
        let all = lab.core.retained_after(after);
        all.map(|(publication, _)| publication.message.topic.to_string()).collect()
    };
    assert_eq!(page(None), ["a", "b", "c"]);
    assert_eq!(page(Some("a")), ["b", "c"]);
    assert_eq!(lab.core.retained("b").map(|(_, at)| at), Some(lab.now));
}
