//! The Kafka action against librdkafka's mock cluster.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lns::actions::{Deed, KafkaTarget, Target};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;

use crate::support::{Bench, until};

fn target(servers: &str) -> Target {
    let properties = [("bootstrap.servers", servers), ("acks", "all"), ("linger.ms", "5")];
    let properties: BTreeMap<_, _> = properties
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned().into()))
        .collect();
    Target::Kafka(KafkaTarget { properties })
}

fn record(number: usize) -> Deed {
    Deed::Kafka {
        topic: "uplinks".into(),
        key: Some(format!("device-{}", number % 3)),
        partition: None,
        headers: vec![("rule".to_owned(), "r".to_owned())],
        payload: number.to_string().into_bytes(),
    }
}

#[test]
fn records_arrive_with_key_headers_and_id_in_the_order_of_each_key() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("uplinks", 3, 1).expect("a topic");
    let bench = Bench::new();
    bench.apply(vec![target(&cluster.bootstrap_servers())]);
    for number in 0..300 {
        bench.queue(0, record(number));
    }
    bench.drained(0);
    assert_eq!(bench.meters(0).sent.get(), 300, "{:?}", bench.reasons());
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    consumer.subscribe(&["uplinks"]).expect("subscribed");
    let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let give_up = Instant::now() + Duration::from_secs(30);
    while by_key.values().map(Vec::len).sum::<usize>() < 300 {
        assert!(Instant::now() < give_up, "{by_key:?}");
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let text =
            |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let headers = message.headers().expect("headers");
        let names: Vec<&str> = headers.iter().map(|header| header.key).collect();
        assert_eq!(names, ["lns-message-id", "rule"]);
        let number = text(message.payload()).parse().expect("a number");
        by_key.entry(text(message.key())).or_default().push(number);
    }
    for (key, numbers) in by_key {
        assert!(numbers.is_sorted(), "{key}: {numbers:?}");
    }
}

#[test]
fn a_cluster_that_is_away_makes_records_wait_and_a_property_that_is_none_is_a_dead_letter() {
    let bench = Bench::new();
    let bad = KafkaTarget {
        properties: BTreeMap::from([("plugin.library.paths".to_owned(), "x".to_owned().into())]),
    };
    bench.apply(vec![target("127.0.0.1:1"), Target::Kafka(bad)]);
    bench.queue(0, record(1));
    bench.queue(1, record(1));
    bench.drained(1);
    assert!(bench.reasons()[0].contains("plugin.library.paths"));
    until("it was tried and waits", || bench.meters(0).retried.get() > 0);
    assert_eq!(bench.actions.queues("r")[0].1, 1);
}
