//! Who may do what on the embedded broker.

use std::process::Command;

use lns::broker::{Broker, Credentials, EmbeddedConfig, Message, Ticket};
use rumqttc::{ConnectReturnCode, LastWill, MqttOptions, Packet, QoS};

use crate::support::*;

fn with_bridge_password() -> EmbeddedConfig {
    let bridge = Credentials { username: "bridge".into(), password: "secret".into() };
    EmbeddedConfig { bridge: Some(bridge), ..loopback() }
}

fn bridge(mut options: MqttOptions) -> MqttOptions {
    options.set_credentials("bridge", "secret");
    options
}

const UP: &str = "lns/v1/gateway/0102030405060708/up";

#[test]
fn gateways_topics_are_the_bridges_alone_once_it_has_a_password() {
    let (broker, taken) = start(with_bridge_password());
    let application = Tester::connect(options("app", broker.address()));
    assert!(application.subscribe("#"));
    assert!(!application.subscribe("lns/v1/gateway/+/up"));

    let the_bridge = Tester::connect(bridge(options("bridge", broker.address())));
    assert!(the_bridge.subscribe("lns/v1/gateway/+/down"));
    assert!(!the_bridge.subscribe("#"));
    assert!(the_bridge.publish(UP, "x"));
    assert_eq!(taken.topics(), [UP]);

    // The bridge hears its downlink; the application, for all its `#`, only what is its own.
    let down = "lns/v1/gateway/0102030405060708/down";
    broker.publish(Message::new(down, "frame"), Ticket::nobody()).unwrap();
    broker.publish(Message::new("lorawan/x/up", "event"), Ticket::nobody()).unwrap();
    assert_eq!(the_bridge.message().unwrap().0, down);
    assert_eq!(application.message().unwrap().0, "lorawan/x/up");

    // MQTT 3.1.1 has no refusal but the end of the connection.
    assert!(!application.publish(UP, "forged"));
    assert_eq!(taken.topics(), [UP]);
    assert!(broker.status().refused >= 3);
}

#[test]
fn nobody_speaks_for_the_server() {
    let (broker, _) = start(loopback());
    let listener = Tester::connect(options("listener", broker.address()));
    assert!(listener.subscribe("lorawan/#"));
    for topic in ["lorawan/0102030405060708/up", "lorawan/gateways/x/stat", "$aws/events/x"] {
        let tester = Tester::connect(options("app", broker.address()));
        assert!(!tester.publish(topic, "forged"), "{topic}");
    }
    broker.publish(Message::new("lorawan/x/up", "true"), Ticket::nobody()).unwrap();
    assert_eq!(listener.message().unwrap().1, "true");
}

#[test]
fn mqtt_5_says_not_authorized() {
    let Some(publisher) = tool("mosquitto_pub") else { return };
    let (broker, _) = start(loopback());
    let port = broker.address().port().to_string();
    let mut command = Command::new(publisher);
    command.args(["-h", "127.0.0.1", "-p", &port, "-V", "5", "-q", "1", "-t", "lorawan/x/up"]);
    let output = command.args(["-m", "forged"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.to_lowercase().contains("not authorized"), "{said:?}");
}

#[test]
fn a_wrong_password_is_refused() {
    let (broker, _) = start(with_bridge_password());
    let mut wrong = options("bridge", broker.address());
    wrong.set_credentials("bridge", "guess");
    assert_eq!(refusal(wrong), Some(ConnectReturnCode::BadUserNamePassword));
    assert_eq!(refusal(bridge(options("bridge", broker.address()))), None);
}

#[test]
fn a_will_is_checked_at_connect_and_taken_in_when_its_owner_dies() {
    let (broker, taken) = start(with_bridge_password());
    let state = "lns/v1/bridge/bridge/state";
    let will = |topic: &str| LastWill::new(topic, "gone", QoS::AtLeastOnce, true);

    let mut forged = options("app", broker.address());
    forged.set_last_will(will(state));
    assert_eq!(refusal(forged), Some(ConnectReturnCode::NotAuthorized));

    let mut good = bridge(options("bridge", broker.address()));
    good.set_last_will(will(state));
    let tester = Tester::connect(good.clone());
    tester.wait(|packet| matches!(packet, Packet::ConnAck(_)).then_some(())).unwrap();
    // Another with its name: the broker ends the first without a DISCONNECT.
    let second = Tester::connect(bridge(options("bridge", broker.address())));
    assert!(second.subscribe("lns/v1/gateway/+/down"));
    eventually("the will is taken in", || taken.topics() == [state]);
}

/// What the broker says to CONNECT; `None`: welcome.
fn refusal(options: MqttOptions) -> Option<ConnectReturnCode> {
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    let first = connection.iter().next().expect("an answer");
    drop(client);
    match first {
        Ok(_) => None,
        Err(rumqttc::ConnectionError::ConnectionRefused(code)) => Some(code),
        Err(error) => panic!("{error}"),
    }
}
