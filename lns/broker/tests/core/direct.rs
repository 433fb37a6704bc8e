//! Messages to one client, whatever it has subscribed to.

use std::sync::Arc;

use lns_broker::{Direct, Input, Message, Qos, ReasonCode, Receipt};

use crate::lab::*;

fn direct(to: &str, qos: Qos, receipt: u64) -> Input {
    let message = Message::new("door/open", "now", qos);
    Input::Direct(Direct { client_id: to.into(), message, receipt: Receipt(receipt) })
}

/// What has been settled since the last call.
fn settled(lab: &mut Lab) -> Vec<(u64, Result<(), ReasonCode>)> {
    lab.settled.drain(..).map(|(receipt, result)| (receipt.0, result)).collect()
}

#[test]
fn a_client_hears_it_without_a_subscription_and_nobody_else_does() {
    let mut lab = Lab::new();
    lab.connect(v5("door"));
    lab.connect(v5("other"));
    lab.says("other", subscribe(1, &[("#", Q1)]));
    lab.heard("door");
    lab.heard("other");
    lab.input(direct("door", Q0, 1));
    assert_eq!(settled(&mut lab), [(1, Ok(()))]);
    lab.input(direct("door", Q1, 2));
    assert_eq!(settled(&mut lab), [], "it is settled by the client");
    assert_eq!(lab.heard("door"), ["\"door/open\" now q0", "\"door/open\" now q1 #1"]);
    lab.says("door", pub_ack(1));
    assert_eq!(settled(&mut lab), [(2, Ok(()))]);
    assert!(lab.heard("other").is_empty());
    assert!(lab.accepted.is_empty(), "the server's own rooms do not hear it");
}

#[test]
fn who_is_not_there_or_may_not_hear_it_gets_nothing() {
    let gone = Err(ReasonCode::NoMatchingSubscribers);
    let mut lab = Lab::new();
    lab.input(direct("nobody", Q1, 1));
    lab.connect(kept(v5("door")));
    lab.cut("door");
    lab.input(direct("door", Q1, 2));
    assert_eq!(settled(&mut lab), [(1, gone), (2, gone)]);
    assert_eq!(lab.core.status().queued, 0, "it is not for later");
    let deaf = Denials::of(&[(Asked::Receive, "door/open")]);
    lab.connect_with(v5("deaf"), Ok(Arc::new(deaf)));
    lab.input(direct("deaf", Q1, 3));
    assert_eq!(settled(&mut lab), [(3, Err(ReasonCode::NotAuthorized))]);
}

#[test]
fn what_is_not_acknowledged_ends_with_the_connection() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("door")));
    lab.input(direct("door", Q1, 1));
    lab.heard("door");
    lab.cut("door");
    assert_eq!(settled(&mut lab), [(1, Err(ReasonCode::NoMatchingSubscribers))]);
    lab.connect(kept(v5("door")));
    assert_eq!(lab.heard("door"), ["CLOSED", "CONNACK present"][1..], "it does not come again");
    let mut narrow = v5("narrow");
    narrow.receive_maximum = std::num::NonZeroU16::new(1);
    lab.connect(narrow);
    lab.input(direct("narrow", Q1, 2));
    lab.input(direct("narrow", Q1, 3));
    assert_eq!(settled(&mut lab), [(3, Err(ReasonCode::QuotaExceeded))]);
}
