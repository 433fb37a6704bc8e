//! Actions: what a rule does with what it selects.
//!
//! An action is written as AWS's API has it: an object with one member, whose name says the kind.
//! It is generic over its texts: as JSON they are strings, in a [`Rule`](super::Rule) they are
//! templates, and in a [`Task`] they are strings again, filled in for one message. A task can be
//! stored and carried out later.
//!
//! Kinds of AWS's: republish, http, kafka, influxDB. Kinds of our own: influxLineProtocol,
//! postgresql, file, sendDownlink, setShadow. Those that ask another service of AWS are refused.
//! `docs/RULES.md` describes the members.

mod file;
mod http;
mod influx;
mod kafka;
mod lorawan;
mod postgresql;
mod republish;
mod secret;
mod shadow;

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::template::Template;

pub use file::{FileFormat, WriteFile};
pub use http::{BatchConfig, Header, Http};
pub use influx::{
    InfluxBatchConfig, InfluxDb, InfluxLineProtocol, InfluxVersion, LineError, Points,
    TimestampUnit,
};
pub use kafka::{Kafka, KafkaHeader};
pub use lorawan::SendDownlink;
pub use postgresql::{Postgresql, RowError};
pub use republish::{MqttHeaders, Republish, UserProperty};
pub use secret::{HIDDEN, SecretText, hidden, restored};
pub use shadow::{Section, SetShadow};

/// Something to do. `T` is what stands where templates may stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action<T> {
    /// Publish it to another topic.
    Republish(Republish<T>),
    /// POST it to a URL.
    Http(Http<T>),
    /// Send it to a Kafka topic.
    Kafka(Kafka<T>),
    /// Write it as points, to a destination that was created for it.
    #[serde(rename = "influxDB")]
    InfluxDb(InfluxDb<T>),
    /// Write it as points, to a URL.
    InfluxLineProtocol(InfluxLineProtocol<T>),
    /// Insert it as a row.
    Postgresql(Postgresql<T>),
    /// Append it to a file.
    File(WriteFile<T>),
    /// Send it to a LoRaWAN device.
    SendDownlink(SendDownlink<T>),
    /// Merge it into a device shadow.
    SetShadow(SetShadow<T>),
}

/// An action for one message, all templates filled in.
pub type Task = Action<String>;

/// Why an action is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// Not one member.
    #[error("an action is an object with one member, which names its kind; this has {0}")]
    NotOneKind(usize),
    /// A kind of AWS's that asks a service which is not here.
    #[error("the action {kind} asks a service of AWS and is not available; {instead}")]
    NeedsService {
        /// Which kind.
        kind: &'static str,
        /// What serves in its place.
        instead: &'static str,
    },
    /// No kind at all.
    #[error("{0:?} is no kind of action")]
    UnknownKind(String),
    /// Members that are missing, or are something else.
    #[error("{kind}: {why}")]
    BadShape {
        /// Which kind.
        kind: String,
        /// What is wrong.
        why: String,
    },
    /// A member whose value cannot be.
    #[error("{kind}: {member} {why}")]
    BadMember {
        /// Which kind.
        kind: &'static str,
        /// Which member.
        member: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Kinds of AWS's that are refused, and what serves in their place.
const SERVICES: [(&str, &str); 20] = [
    ("dynamoDB", "a postgresql action keeps rows"),
    ("dynamoDBv2", "a postgresql action keeps rows"),
    ("lambda", "an http action calls code"),
    ("sns", "an http action calls other services"),
    ("sqs", "a kafka action queues messages"),
    ("kinesis", "a kafka action streams messages"),
    ("s3", "a file action keeps messages"),
    ("firehose", "a kafka action streams messages"),
    ("cloudwatchMetric", "an influxLineProtocol action keeps measurements"),
    ("cloudwatchAlarm", "an http action calls other services"),
    ("cloudwatchLogs", "a file action keeps messages"),
    ("elasticsearch", "an http action calls other services"),
    ("openSearch", "an http action calls other services"),
    ("salesforce", "an http action calls other services"),
    ("iotAnalytics", "AWS has ended it"),
    ("iotEvents", "AWS has ended it"),
    ("iotSiteWise", "an influxLineProtocol action keeps measurements"),
    ("stepFunctions", "an http action calls other services"),
    ("timestream", "an influxLineProtocol action keeps measurements"),
    ("location", "an http action calls other services"),
];

/// Reads an action as JSON, and checks what can be checked before a message comes.
pub fn parse(json: &serde_json::Value) -> Result<Action<String>, ActionError> {
    let members = json.as_object().filter(|members| members.len() == 1);
    let count = json.as_object().map_or(0, serde_json::Map::len);
    let (kind, _) = members.and_then(|m| m.iter().next()).ok_or(ActionError::NotOneKind(count))?;
    if let Some((kind, instead)) = SERVICES.into_iter().find(|(service, _)| service == kind) {
        return Err(ActionError::NeedsService { kind, instead });
    }
    if !KINDS.contains(&kind.as_str()) {
        return Err(ActionError::UnknownKind(kind.clone()));
    }
    let action = Action::deserialize(json)
        .map_err(|error| ActionError::BadShape { kind: kind.clone(), why: error.to_string() })?;
    check_members(kind, &json[kind.as_str()])?;
    action.check()?;
    Ok(action)
}

/// Refuses unknown members of those kinds whose reader cannot, for it reads members of two structs.
fn check_members(kind: &str, members: &serde_json::Value) -> Result<(), ActionError> {
    let points =
        ["databaseName", "tableName", "organization", "tags", "timestampUnit", "batchConfig"];
    let own: &[&str] = match kind {
        "influxDB" => &["destinationArn", "roleArn"],
        "influxLineProtocol" => &["url", "api", "token"],
        _ => return Ok(()),
    };
    let known = |member: &str| points.contains(&member) || own.contains(&member);
    let unknown = members.as_object().and_then(|members| members.keys().find(|name| !known(name)));
    match unknown {
        Some(name) => Err(ActionError::BadShape {
            kind: kind.to_owned(),
            why: format!("unknown field `{name}`"),
        }),
        None => Ok(()),
    }
}

/// The kinds that there are.
const KINDS: [&str; 9] = [
    "republish",
    "http",
    "kafka",
    "influxDB",
    "influxLineProtocol",
    "postgresql",
    "file",
    "sendDownlink",
    "setShadow",
];

impl<T> Action<T> {
    /// Which kind it is, as AWS names it in a failure: `RepublishAction`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Republish(_) => "RepublishAction",
            Self::Http(_) => "HttpAction",
            Self::Kafka(_) => "KafkaAction",
            Self::InfluxDb(_) => "InfluxDBAction",
            Self::InfluxLineProtocol(_) => "InfluxLineProtocolAction",
            Self::Postgresql(_) => "PostgresqlAction",
            Self::File(_) => "FileAction",
            Self::SendDownlink(_) => "SendDownlinkAction",
            Self::SetShadow(_) => "SetShadowAction",
        }
    }

    /// The same action with other texts.
    pub fn try_map_ref<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<Action<U>, E> {
        Ok(match self {
            Self::Republish(action) => Action::Republish(action.try_map(of)?),
            Self::Http(action) => Action::Http(action.try_map(of)?),
            Self::Kafka(action) => Action::Kafka(action.try_map(of)?),
            Self::InfluxDb(action) => Action::InfluxDb(action.try_map(of)?),
            Self::InfluxLineProtocol(action) => Action::InfluxLineProtocol(action.try_map(of)?),
            Self::Postgresql(action) => Action::Postgresql(action.try_map(of)?),
            Self::File(action) => Action::File(action.try_map(of)?),
            Self::SendDownlink(action) => Action::SendDownlink(action.try_map(of)?),
            Self::SetShadow(action) => Action::SetShadow(action.try_map(of)?),
        })
    }
}

impl Action<Template> {
    /// The texts of a filled-in action that are not the same for all messages, in order: what must be
    /// kept to do it later. What is constant, secrets above all, stays in the rule.
    pub fn variable(&self, filled: &Task) -> Vec<String> {
        let mut constant = Vec::new();
        let mut texts = Vec::new();
        let Ok(_) = self.try_map_ref(&mut |template| {
            constant.push(template.constant().is_some());
            Ok::<(), Infallible>(())
        });
        let Ok(_) = filled.try_map_ref(&mut |text| {
            texts.push(text.clone());
            Ok::<(), Infallible>(())
        });
        let variable = texts.into_iter().zip(constant).filter(|(_, constant)| !constant);
        variable.map(|(text, _)| text).collect()
    }

    /// This action with the texts that [`variable`](Self::variable) has kept; `None` if they are not
    /// as many as it has templates that vary.
    pub fn refilled(&self, texts: &[String]) -> Option<Task> {
        let mut texts = texts.iter();
        let task = self.try_map_ref(&mut |template| {
            template.constant().or_else(|| texts.next().cloned()).ok_or(())
        });
        task.ok().filter(|_| texts.next().is_none())
    }
}

impl Action<String> {
    /// The same action with other texts.
    pub fn try_map<U, E>(
        self,
        of: &mut impl FnMut(String) -> Result<U, E>,
    ) -> Result<Action<U>, E> {
        self.try_map_ref(&mut |text: &String| of(text.clone()))
    }

    /// To what it is done, for a failure: a topic, a URL, a table.
    pub fn resource(&self) -> &str {
        match self {
            Self::Republish(action) => &action.topic,
            // What follows the path may hold a secret.
            Self::Http(action) => action.url.split(['?', '#']).next().unwrap_or_default(),
            Self::Kafka(action) => &action.topic,
            Self::InfluxDb(action) => &action.points.database_name,
            Self::InfluxLineProtocol(action) => &action.points.database_name,
            Self::Postgresql(action) => &action.table,
            Self::File(action) => &action.path,
            Self::SendDownlink(action) => &action.wireless_device_id,
            Self::SetShadow(action) => &action.thing_name,
        }
    }

    fn check(&self) -> Result<(), ActionError> {
        match self {
            Self::Republish(action) => action.check(),
            Self::Http(action) => action.check(),
            Self::Kafka(action) => action.check(),
            Self::InfluxDb(action) => action.points.check("influxDB"),
            Self::InfluxLineProtocol(action) => action.check(),
            Self::Postgresql(action) => action.check(),
            Self::File(action) => action.check(),
            Self::SendDownlink(action) => action.check(),
            Self::SetShadow(action) => action.check(),
        }
    }
}

/// An error about a member.
fn bad(kind: &'static str, member: &'static str, why: impl Into<String>) -> ActionError {
    ActionError::BadMember { kind, member, why: why.into() }
}

/// Whether a text has an expression in it, so that it is known only with a message.
fn is_template(text: &str) -> bool {
    text.contains("${")
}

/// The same optional text, mapped.
fn map_option<T, U, E>(
    text: &Option<T>,
    of: &mut impl FnMut(&T) -> Result<U, E>,
) -> Result<Option<U>, E> {
    text.as_ref().map(of).transpose()
}

/// An `http` or `https` URL. What stands behind the host may have templates.
fn check_url(kind: &'static str, member: &'static str, url: &str) -> Result<(), ActionError> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    if url.len() > 2000 {
        return Err(bad(
            kind,
            member,
            format!("has {} bytes; at most 2000 are accepted", url.len()),
        ));
    }
    if host.is_empty() || is_template(host) || host.contains([' ', '@']) {
        return Err(bad(
            kind,
            member,
            format!("{url:?} is no http or https URL with a constant host"),
        ));
    }
    Ok(())
}
