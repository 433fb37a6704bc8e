//! Presence: what `$aws/events/presence` and `$aws/events/subscriptions` tell.

use lns_broker::{DisconnectClient, DisconnectReason, Input, Message, PresenceEvent, ReasonCode};

use crate::lab::*;

/// Events of a client, with their version numbers.
fn told(lab: &mut Lab) -> Vec<(u64, PresenceEvent)> {
    lab.presence.drain(..).map(|presence| (presence.version_number, presence.event)).collect()
}

#[test]
fn coming_and_going_is_told_with_a_growing_number() {
    let mut lab = Lab::new();
    for number in 0..3 {
        lab.connect(v5("a"));
        lab.leaves("a");
        let gone = PresenceEvent::Disconnected(DisconnectReason::ClientInitiated);
        assert_eq!(told(&mut lab), [(number, PresenceEvent::Connected), (number, gone)]);
    }
    lab.pass(3601);
    lab.connect(v5("a"));
    assert_eq!(told(&mut lab)[0].0, 0, "forgotten after an hour");
}

#[test]
fn why_a_client_has_gone_is_remembered_with_and_without_a_session() {
    let mut lab = Lab::new();
    lab.connect(v5("brief"));
    lab.connect(kept(v5("kept")));
    lab.cut("brief");
    lab.leaves("kept");
    let left = |lab: &Lab| lab.core.departed("brief").and_then(|gone| gone.left);
    assert_eq!(left(&lab), Some(DisconnectReason::ConnectionLost));
    let view = lab.core.session("kept").expect("it is kept");
    assert_eq!(view.left, Some(DisconnectReason::ClientInitiated));
    lab.connect(v5("brief"));
    lab.connect(kept(v5("kept")));
    assert_eq!(left(&lab), None, "it is back");
    assert_eq!(lab.core.session("kept").and_then(|view| view.left), None);
}

#[test]
fn a_kept_session_keeps_the_number_over_a_crash() {
    let mut lab = Lab::new();
    lab.connect(kept(v5("a")));
    lab.cut("a");
    lab.connect(kept(v5("a")));
    told(&mut lab);
    lab.crash();
    lab.connect(kept(v5("a")));
    assert_eq!(told(&mut lab), [(2, PresenceEvent::Connected)]);
}

#[test]
fn subscriptions_are_told_as_far_as_they_are_granted() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    told(&mut lab);
    lab.says("a", subscribe(1, &[("x/+", Q1), ("x+", Q1), ("$share/g/y", Q1)]));
    lab.says("a", unsubscribe(1, &["x/+", "z"]));
    lab.says("a", unsubscribe(1, &["z"]));
    assert_eq!(
        told(&mut lab),
        [
            (0, PresenceEvent::Subscribed(vec!["x/+".into(), "$share/g/y".into()])),
            (0, PresenceEvent::Unsubscribed(vec!["x/+".into()]))
        ]
    );
}

#[test]
fn every_end_has_its_reason() {
    let end = |act: &dyn Fn(&mut Lab)| {
        let mut lab = Lab::new();
        let mut connect = v3("a");
        connect.keep_alive = 10;
        lab.connect(connect);
        told(&mut lab);
        act(&mut lab);
        match told(&mut lab).remove(0).1 {
            PresenceEvent::Disconnected(reason) => (reason.name(), reason.is_client_initiated()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end(&|lab| lab.leaves("a")), ("CLIENT_INITIATED_DISCONNECT", true));
    assert_eq!(end(&|lab| lab.cut("a")), ("CONNECTION_LOST", false));
    assert_eq!(end(&|lab| lab.connect(v3("a"))), ("DUPLICATE_CLIENTID", false));
    assert_eq!(end(&|lab| lab.pass(16)), ("MQTT_KEEP_ALIVE_TIMEOUT", false));
    assert_eq!(end(&|lab| lab.says("a", publish(1, "a/+", "", Q1))), ("CLIENT_ERROR", false));
    let forged = || publish(1, "$aws/events/x", "", Q1);
    assert_eq!(end(&|lab| lab.says("a", forged())), ("FORBIDDEN_ACCESS", false));
    assert_eq!(end(&|lab| lab.input(Input::Stop)), ("SERVER_INITIATED_DISCONNECT", false));
    for (reason, name) in [
        (ReasonCode::MalformedPacket, "CLIENT_ERROR"),
        (ReasonCode::NotAuthorized, "FORBIDDEN_ACCESS"),
        (ReasonCode::MessageRateTooHigh, "THROTTLED"),
    ] {
        let order = |lab: &mut Lab| {
            let connection = lab.connection("a");
            lab.input(Input::Disconnect(connection, reason));
        };
        assert_eq!(end(&order), (name, false));
    }
    let order =
        DisconnectClient { client_id: "a".into(), clean_session: false, prevent_will: false };
    let end = end(&|lab| lab.input(Input::DisconnectClient(order.clone())));
    assert_eq!(end, ("API_INITIATED_DISCONNECT", false));
}

#[test]
fn an_operator_can_end_a_session_and_keep_the_will_from_being_sent() {
    for (clean_session, prevent_will) in
        [(false, false), (true, false), (false, true), (true, true)]
    {
        let mut lab = Lab::new();
        lab.connect(v5("b"));
        lab.says("b", subscribe(1, &[("w", Q0)]));
        lab.connect(with_will(kept(v5("a")), Message::new("w", "x", Q0), 5));
        lab.heard("b");
        let client_id = "a".into();
        lab.input(Input::DisconnectClient(DisconnectClient {
            client_id,
            clean_session,
            prevent_will,
        }));
        assert_eq!(lab.core.session("a").is_some(), !clean_session);
        lab.pass(6);
        assert_eq!(lab.heard("b").is_empty(), prevent_will);
    }
}

#[test]
fn a_stop_tells_clients_and_sends_no_wills() {
    let mut lab = Lab::new();
    lab.connect(v5("b"));
    lab.says("b", subscribe(1, &[("w", Q1)]));
    lab.connect(with_will(kept(v5("a")), Message::new("w", "x", Q1), 0));
    lab.heard("a");
    lab.heard("b");
    lab.input(Input::Stop);
    assert_eq!(lab.heard("a"), ["DISCONNECT ServerShuttingDown", "CLOSED"]);
    assert_eq!(lab.heard("b"), ["DISCONNECT ServerShuttingDown", "CLOSED"]);
    assert_eq!(lab.core.status().sessions, 1);
    lab.crash();
    lab.pass(10);
    assert_eq!(lab.core.status().queued, 0, "and the will is not in the store");
}
