//! What the Eclipse Paho interoperability suite checks for MQTT 3.1.1 (`client_test.py`), as tests
//! of our own: one for each of its ten.

use crate::lab::*;
use lns_broker::{Message, SubscriptionOptions};

#[test]
fn basic_three_messages_of_each_qos_arrive() {
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
    assert_eq!(lab.core.status(), Default::default());
}
