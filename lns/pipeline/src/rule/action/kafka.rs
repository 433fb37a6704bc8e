//! kafka: send to a topic of a Kafka cluster. AWS's page "Apache Kafka".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ActionError, SecretText, bad, is_template, map_option};

/// Send to a topic of a Kafka cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kafka<T> {
    /// With AWS the way into a private network; here it names nothing and may be left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_arn: Option<String>,
    /// The topic.
    pub topic: T,
    /// The record's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<T>,
    /// The partition's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<T>,
    /// Properties of a Kafka producer; `bootstrap.servers` is needed.
    pub client_properties: BTreeMap<String, SecretText>,
    /// The record's headers, in order.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<KafkaHeader<T>>,
}

/// A header of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaHeader<T> {
    /// Its name.
    pub key: T,
    /// Its value.
    pub value: T,
}

impl<T> Kafka<T> {
    pub(super) fn try_map<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<Kafka<U>, E> {
        let topic = of(&self.topic)?;
        let (key, partition) = (map_option(&self.key, of)?, map_option(&self.partition, of)?);
        let headers = self
            .headers
            .iter()
            .map(|header| Ok(KafkaHeader { key: of(&header.key)?, value: of(&header.value)? }));
        Ok(Kafka {
            destination_arn: self.destination_arn.clone(),
            topic,
            key,
            partition,
            headers: headers.collect::<Result<_, E>>()?,
            client_properties: self.client_properties.clone(),
        })
    }
}

impl Kafka<String> {
    pub(super) fn check(&self) -> Result<(), ActionError> {
        const KIND: &str = "kafka";
        if self.topic.is_empty() {
            return Err(bad(KIND, "topic", "is empty"));
        }
        let servers = self.client_properties.get("bootstrap.servers");
        if servers.is_none_or(|servers| servers.expose().trim().is_empty()) {
            return Err(bad(KIND, "clientProperties", "need bootstrap.servers: host:port, …"));
        }
        let partition = self.partition.as_deref().filter(|text| !is_template(text));
        if partition.is_some_and(|text| text.parse::<u32>().is_err()) {
            return Err(bad(KIND, "partition", "is a number"));
        }
        if self.headers.len() > 100 {
            return Err(bad(KIND, "headers", "are 100 at most"));
        }
        Ok(())
    }
}
