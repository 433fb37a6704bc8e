//! Subscriptions that very many retained messages meet: served a slice at a time.

use lns_broker::{Config, Input, Key, Qos};

use crate::lab::*;

/// Retained messages, in the order of their topics.
const MANY: usize = 2000;

/// A broker that looks at so many retained messages at once, with client `p` and so many retained
/// messages `t/0000`, `t/0001`, ….
fn lab(at_once: usize, retained_messages: usize, qos: Qos) -> Lab {
    let mut config = Config::default();
    config.bounds.retained_at_once = at_once;
    let mut lab = Lab::with(config);
    lab.connect(v5("p"));
    for number in 0..retained_messages {
        lab.says("p", publish_message(1, retained(&topic(number), "old", qos)));
    }
    lab.heard("p");
    lab
}

fn topic(number: usize) -> String {
    format!("t/{number:04}")
}

/// The topics of what a client was delivered since the last time.
fn delivered(lab: &mut Lab) -> Vec<String> {
    let topic = |(_, delivery): (String, lns_broker::Delivery)| delivery.topic().to_string();
    std::mem::take(&mut lab.deliveries).into_iter().map(topic).collect()
}

#[test]
fn no_step_of_a_wide_subscription_looks_at_more_than_a_slice() {
    let mut lab = lab(256, MANY, Q0);
    lab.connect(v5("s"));
    lab.connect(v5("other"));
    lab.says("other", subscribe(1, &[("live", Q1)]));
    lab.wakes = false;
    lab.says("s", subscribe(1, &[("#", Q0)]));
    let mut topics = delivered(&mut lab);
    assert_eq!(topics.len(), 256, "the first slice comes with the SUBACK");
    for steps in 1.. {
        assert!(lab.core.next_wake().is_some_and(|at| at <= lab.now), "there is more to do");
        lab.heard("other");
        lab.says("p", publish(7, "live", "x", Q1));
        assert_eq!(lab.heard("other").len(), 1, "others are served between two slices");
        assert_eq!(delivered(&mut lab), ["live"], "`s` hears it after what was there before");
        lab.input(Input::Wake);
        let slice = delivered(&mut lab);
        assert!(slice.len() <= 256 || steps == MANY / 256, "{}", slice.len());
        topics.extend(slice.into_iter().filter(|topic| topic != "live"));
        if lab.core.next_wake().is_none() {
            assert_eq!(steps, MANY / 256);
            break;
        }
    }
    assert_eq!(topics, (0..MANY).map(topic).collect::<Vec<_>>(), "each once, in order");
    assert_eq!(lab.core.status().queued, 0);
}

#[test]
fn a_filter_that_meets_nothing_is_looked_for_in_slices_too() {
    let mut lab = lab(256, MANY, Q0);
    lab.connect(v5("s"));
    lab.wakes = false;
    lab.says("s", subscribe(1, &[("+/nothing", Q1), ("+/none", Q1)]));
    let mut steps = 0;
    while lab.core.next_wake().is_some() {
        lab.input(Input::Wake);
        steps += 1;
    }
    // The first slice is of the first filter alone.
    assert_eq!(steps, MANY / 256 + MANY.div_ceil(256));
    assert_eq!(delivered(&mut lab), [""; 0]);
}

#[test]
fn a_client_that_does_not_acknowledge_is_looked_up_no_more_than_it_takes() {
    let mut lab = lab(10, 100, Q1);
    let mut connect = v5("s");
    connect.receive_maximum = std::num::NonZeroU16::new(3);
    lab.connect(connect);
    lab.says("s", subscribe(1, &[("#", Q1)]));
    assert_eq!(delivered(&mut lab).len(), 3);
    assert_eq!(lab.core.status().queued, 7, "one slice, of a hundred messages");
    assert_eq!(lab.core.next_wake(), None, "it waits for the client");
    for id in 1..=7 {
        lab.says("s", pub_ack(id));
    }
    assert_eq!(delivered(&mut lab), (3..10).map(topic).collect::<Vec<_>>());
    lab.says("s", pub_ack(8));
    assert_eq!(delivered(&mut lab), [topic(10)]);
}

#[test]
fn what_comes_later_stays_behind_and_what_is_replaced_comes_once() {
    let mut lab = lab(2, 6, Q0);
    lab.connect(v5("s"));
    lab.wakes = false;
    lab.says("s", subscribe(1, &[("#", Q1)]));
    lab.says("p", publish(0, "t/0005", "live", Q0));
    lab.says("p", publish_message(0, retained("t/0004", "new", Q0)));
    lab.says("p", publish_message(0, retained("t/0009", "first", Q0)));
    lab.wakes = true;
    lab.input(Input::Wake);
    lab.says("p", publish(0, "t/0005", "last", Q0));
    assert_eq!(
        lab.heard("s"),
        [
            "CONNACK",
            "SUBACK 1 [01]",
            "\"t/0000\" old q0 retained",
            "\"t/0001\" old q0 retained",
            "\"t/0002\" old q0 retained",
            "\"t/0003\" old q0 retained",
            "\"t/0005\" old q0 retained",
            "\"t/0005\" live q0",
            "\"t/0004\" new q0",
            "\"t/0009\" first q0",
            "\"t/0005\" last q0",
        ]
    );
}

#[test]
fn a_kept_session_is_owed_the_rest_after_a_crash() {
    let mut lab = lab(2, 7, Q1);
    let mut connect = kept(v5("s"));
    connect.receive_maximum = std::num::NonZeroU16::new(1);
    lab.connect(connect);
    lab.says("s", subscribe(1, &[("t/+", Q1)]));
    lab.says("p", publish(1, "t/live", "x", Q1));
    lab.says("s", pub_ack(1));
    lab.says("s", pub_ack(2));
    assert_eq!(delivered(&mut lab), [topic(0), topic(1), topic(2)]);
    assert!(lab.store.keys().any(|key| matches!(key, Key::Owed(..))));
    lab.crash();
    lab.connect(kept(v5("s")));
    let rest: Vec<String> = (2..7).map(topic).chain(["t/live".to_owned()]).collect();
    assert_eq!(delivered(&mut lab), rest, "the last is sent again: it was not acknowledged");
    assert!(!lab.store.keys().any(|key| matches!(key, Key::Owed(..))));
    lab.connect(v5("p"));
    lab.says("p", publish(1, "t/new", "x", Q1));
    assert_eq!(delivered(&mut lab), ["t/new"], "its place is its own");
}

#[test]
fn a_lost_connection_ends_what_is_owed_at_qos_0_alone() {
    let mut lab = lab(2, 7, Q1);
    lab.connect(kept(v5("s")));
    lab.wakes = false;
    lab.says("s", subscribe(1, &[("t/#", Q0)]));
    lab.says("s", subscribe(2, &[("+/+", Q1)]));
    lab.cut("s");
    delivered(&mut lab);
    lab.wakes = true;
    lab.connect(kept(v5("s")));
    let all: Vec<String> = (0..7).map(topic).collect();
    assert_eq!(
        delivered(&mut lab),
        all,
        "of the second subscription, with what was not acknowledged"
    );
}

#[test]
fn who_unsubscribes_is_owed_nothing_and_who_subscribes_again_all() {
    let mut lab = lab(2, 6, Q1);
    lab.connect(kept(v5("s")));
    lab.wakes = false;
    lab.says("s", subscribe(1, &[("t/#", Q1)]));
    lab.says("s", unsubscribe(2, &["t/#"]));
    while lab.core.next_wake().is_some() {
        lab.input(Input::Wake);
    }
    assert_eq!(delivered(&mut lab), [topic(0), topic(1)]);
    assert!(!lab.store.keys().any(|key| matches!(key, Key::Owed(..))));
    lab.says("s", subscribe(3, &[("t/#", Q1)]));
    lab.says("s", subscribe(4, &[("t/#", Q1)]));
    delivered(&mut lab);
    lab.wakes = true;
    lab.input(Input::Wake);
    assert_eq!(delivered(&mut lab), (2..6).map(topic).collect::<Vec<_>>(), "once, not twice");
}
