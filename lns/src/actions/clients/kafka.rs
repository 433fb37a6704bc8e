//! Kafka: produces records, by librdkafka.

use std::sync::Arc;

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::{Deed, KafkaTarget};
use super::super::task::{ActionId, Task};
use super::hosts::Hosts;

/// Records handed over at once.
const RECORDS: usize = 1000;

/// How long librdkafka tries to deliver a record. Ours is the patience that lasts.
const DELIVERY_MS: &str = "10000";

/// Says which message a record is: the same when it is produced again.
const MESSAGE_ID: &str = "lns-message-id";

/// The properties that a rule may set, as Kafka's clients call them, and as librdkafka does. Others
/// could name files or code of this machine.
const PROPERTIES: [(&str, &str); 15] = [
    ("acks", "acks"),
    ("batch.size", "batch.size"),
    ("bootstrap.servers", "bootstrap.servers"),
    ("client.id", "client.id"),
    ("compression.type", "compression.type"),
    ("enable.idempotence", "enable.idempotence"),
    ("linger.ms", "linger.ms"),
    ("max.request.size", "message.max.bytes"),
    ("request.timeout.ms", "request.timeout.ms"),
    ("retry.backoff.ms", "retry.backoff.ms"),
    ("sasl.mechanism", "sasl.mechanism"),
    ("sasl.plain.password", "sasl.password"),
    ("sasl.plain.username", "sasl.username"),
    ("security.protocol", "security.protocol"),
    ("ssl.ca.pem", "ssl.ca.pem"),
];

/// Spellings of passwords and names for the other mechanisms.
const SCRAM: [(&str, &str); 2] =
    [("sasl.scram.username", "sasl.username"), ("sasl.scram.password", "sasl.password")];

/// Whether librdkafka was built with OpenSSL.
const HAS_TLS: bool = cfg!(feature = "kafka-tls");

pub(super) struct Kafka {
    action: ActionId,
    target: KafkaTarget,
    hosts: Hosts,
    producer: Option<FutureProducer>,
}

impl Kafka {
    pub fn new(action: &ActionId, target: KafkaTarget, hosts: Hosts) -> Self {
        Self { action: action.clone(), target, hosts, producer: None }
    }

    fn producer(&mut self) -> Result<FutureProducer, Outcome> {
        if self.producer.is_none() {
            self.check().map_err(Outcome::Refused)?;
            let config = self.config().map_err(Outcome::Refused)?;
            let made = config.create().map_err(|error: KafkaError| {
                Outcome::Refused(format!("librdkafka does not take clientProperties: {error}"))
            })?;
            self.producer = Some(made);
        }
        Ok(self.producer.clone().expect("just made"))
    }

    /// Whether its properties are some that can be used here; else why not.
    pub fn check(&self) -> Result<(), String> {
        let config = self.config()?;
        let is = |name: &str, wanted: &[&str]| {
            let value = config.get(name).unwrap_or_default().to_ascii_uppercase();
            wanted.iter().any(|wanted| value.starts_with(wanted))
        };
        let needs_tls = is("security.protocol", &["SSL", "SASL_SSL"])
            || is("sasl.mechanism", &["SCRAM", "OAUTHBEARER"]);
        if needs_tls && !HAS_TLS {
            return Err("this lns was built without TLS and SCRAM for Kafka: build it with \
                        `cargo build --release -p lns --features kafka-tls`, which needs OpenSSL"
                .to_owned());
        }
        Ok(())
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let mut config = ClientConfig::new();
        config.set("client.id", format!("lns-{}-{}", self.action.rule, self.action.label()));
        config.set("acks", "all");
        for (name, value) in &self.target.properties {
            let known = PROPERTIES.iter().chain(&SCRAM).find(|(known, _)| known == name);
            let (_, ours) = known
                .ok_or_else(|| format!("the client property {name} is not one to set here"))?;
            config.set(*ours, value.expose());
        }
        config.set("delivery.timeout.ms", DELIVERY_MS);
        let servers = self.target.properties.get("bootstrap.servers");
        let servers = servers.ok_or("clientProperties has no bootstrap.servers")?;
        for server in servers.expose().split(',') {
            let host = server.trim().rsplit_once(':').map_or(server, |(host, _)| host);
            self.hosts.admit(host.rsplit("//").next().unwrap_or(host))?;
        }
        Ok(config)
    }
}

#[async_trait]
impl Client for Kafka {
    fn appetite(&self) -> Appetite {
        Appetite::of(RECORDS)
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let producer = match self.producer() {
            Ok(producer) => producer,
            Err(outcome) => return outcome.for_all(tasks),
        };
        // Handed over one after the other, so that records of one key keep their order.
        let on_their_way: Vec<_> = tasks.iter().map(|task| produce(&producer, task)).collect();
        let mut outcomes = Vec::new();
        for record in on_their_way {
            outcomes.push(match record {
                Err(outcome) => outcome,
                Ok(record) => match record.await {
                    Ok(Ok(_)) => Outcome::Done,
                    Ok(Err((error, _))) => outcome(&error),
                    Err(_) => Outcome::Away("librdkafka has stopped".to_owned()),
                },
            });
        }
        outcomes
    }
}

/// Hands one record over; what comes back is fulfilled when the cluster has it.
fn produce(producer: &FutureProducer, task: &Task) -> Result<DeliveryFuture, Outcome> {
    let Deed::Kafka { topic, key, partition, headers, payload } = &task.deed else {
        return Err(Outcome::Refused("not a record".to_owned()));
    };
    let id = task.id.to_string();
    let mut all = OwnedHeaders::new().insert(Header { key: MESSAGE_ID, value: Some(&id) });
    for (key, value) in headers {
        all = all.insert(Header { key, value: Some(value) });
    }
    let mut record = FutureRecord::<str, [u8]>::to(topic).payload(payload).headers(all);
    record.key = key.as_deref();
    record.partition = *partition;
    producer.send_result(record).map_err(|(error, _)| outcome(&error))
}

fn outcome(error: &KafkaError) -> Outcome {
    use RDKafkaErrorCode as Code;
    let why = error.to_string();
    match error.rdkafka_error_code() {
        Some(
            Code::MessageSizeTooLarge
            | Code::InvalidTopic
            | Code::InvalidRecord
            | Code::UnknownPartition,
        ) => Outcome::Refused(why),
        // Rights and topics are made by people, meanwhile.
        Some(
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::Authentication,
        ) => Outcome::Retry(why),
        Some(_) | None => Outcome::Away(why),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Secret;

    fn config(properties: &[(&str, &str)]) -> Result<ClientConfig, String> {
        let properties: BTreeMap<String, Secret> =
            properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned().into())).collect();
        let id = ActionId::new("r", 0);
        Kafka::new(&id, KafkaTarget { properties }, Hosts::default()).config()
    }

    #[test]
    fn tls_and_scram_are_refused_in_words_where_they_are_not_built_in() {
        let servers = ("bootstrap.servers", "a:9092");
        let check = |properties: &[(&str, &str)]| {
            let properties: BTreeMap<String, Secret> =
                properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned().into())).collect();
            let target = KafkaTarget { properties };
            let kafka = Kafka::new(&ActionId::new("r", 0), target, Hosts::default());
            kafka.check().and_then(|()| {
                let made: Result<FutureProducer, _> = kafka.config()?.create();
                made.map(|_| ()).map_err(|error| error.to_string())
            })
        };
        let plain = [
            servers,
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.plain.username", "u"),
            ("sasl.plain.password", "p"),
        ];
        assert_eq!(check(&plain), Ok(()));
        let scram = [
            servers,
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.scram.username", "u"),
            ("sasl.scram.password", "p"),
        ];
        for secure in [&scram[..], &[servers, ("security.protocol", "ssl")]] {
            let checked = check(secure);
            assert_eq!(checked.is_ok(), HAS_TLS, "{checked:?}");
            let said = checked.err().unwrap_or_default();
            assert!(HAS_TLS || said.contains("kafka-tls"), "{said}");
        }
    }

    #[test]
    fn properties_of_kafkas_clients_are_librdkafkas_and_no_others_are_taken() {
        let servers = ("bootstrap.servers", "a:9092, b:9092");
        let made = config(&[servers, ("sasl.plain.password", "p"), ("acks", "1")]).expect("known");
        assert_eq!(made.get("sasl.password"), Some("p"));
        assert_eq!(made.get("acks"), Some("1"));
        assert!(config(&[servers, ("plugin.library.paths", "/tmp/x.so")]).is_err());
        assert!(config(&[servers, ("ssl.ca.location", "/etc/shadow")]).is_err());
        assert!(config(&[("acks", "1")]).is_err());
        assert!(config(&[("bootstrap.servers", "ok:1,169.254.169.254:9092")]).is_err());
    }
}
