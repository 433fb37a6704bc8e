//! What actions do: the part that is the same for all messages, and the part that is each one's.
//!
//! A [`Target`] comes from the rule and may hold secrets, so it is never stored with a task: a
//! corrected password serves what already waits. A [`Deed`] is what the templates made of one message.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// What is to be done for one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Deed {
    /// Publish it.
    Republish {
        /// Where.
        topic: String,
        /// 0 or 1.
        qos: u8,
        /// Whether the broker keeps it.
        retain: bool,
        /// What MQTT 5 says besides.
        headers: Headers,
        /// The body.
        payload: Vec<u8>,
    },
    /// POST it.
    Http {
        /// Where; without its query if it is the same for all messages, for then the target has it.
        url: String,
        /// Names and values of those headers that are not the same for all messages.
        headers: Vec<(String, String)>,
        /// The body.
        payload: Vec<u8>,
    },
    /// Insert a row.
    Postgres {
        /// Its columns, as an object.
        row: String,
    },
    /// Write a point.
    Influx {
        /// In line protocol, without the line feed.
        line: String,
    },
    /// Produce a record.
    Kafka {
        /// Where.
        topic: String,
        /// Its key.
        key: Option<String>,
        /// The partition, where it is not the key's.
        partition: Option<i32>,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The value.
        payload: Vec<u8>,
    },
    /// Append a line.
    File {
        /// Below the configured folder.
        path: String,
        /// The selected value.
        payload: Vec<u8>,
    },
    /// Queue a downlink.
    SendDownlink {
        /// The device: its DevEUI or WirelessDeviceId.
        device: String,
        /// FPort; `None`: the codec chooses.
        f_port: Option<u8>,
        /// Whether the device must acknowledge it.
        confirmed: bool,
        /// Bytes, or an object for the device's codec.
        payload: Downlink,
    },
    /// Update a shadow.
    SetShadow {
        /// Whose.
        thing: String,
        /// Which; `None`: the classic one.
        shadow: Option<String>,
        /// The document.
        payload: Vec<u8>,
    },
}

/// What a downlink carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Downlink {
    /// FRMPayload.
    Bytes(Vec<u8>),
    /// JSON for the codec.
    Object(String),
}

/// What MQTT 5 says of a republished message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Headers {
    /// Whether the body is UTF-8.
    pub is_utf8: Option<bool>,
    /// Content Type.
    pub content_type: Option<String>,
    /// Response Topic.
    pub response_topic: Option<String>,
    /// Correlation Data.
    pub correlation: Option<Vec<u8>>,
    /// Message Expiry Interval, s.
    pub expiry: Option<u32>,
    /// User Properties.
    pub user: Vec<(String, String)>,
}

impl Deed {
    /// The action's name in errors.
    pub fn kind(&self) -> &'static str {
        match self {
            Deed::Republish { .. } => "RepublishAction",
            Deed::Http { .. } => "HttpAction",
            Deed::Postgres { .. } => "PostgresqlAction",
            Deed::Influx { .. } => "InfluxLineProtocolAction",
            Deed::Kafka { .. } => "KafkaAction",
            Deed::File { .. } => "FileAction",
            Deed::SendDownlink { .. } => "SendDownlinkAction",
            Deed::SetShadow { .. } => "SetShadowAction",
        }
    }

    /// Upon what it is done, for the error document.
    pub fn resource(&self) -> &str {
        match self {
            Deed::Republish { topic, .. } | Deed::Kafka { topic, .. } => topic,
            // What follows the path may hold a secret.
            Deed::Http { url, .. } => url.split(['?', '#']).next().unwrap_or_default(),
            Deed::Postgres { .. } | Deed::Influx { .. } => "",
            Deed::File { path, .. } => path,
            Deed::SendDownlink { device, .. } => device,
            Deed::SetShadow { thing, .. } => thing,
        }
    }
}

/// Where an action does what it does.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The broker.
    Republish,
    /// HTTP endpoints.
    Http(HttpTarget),
    /// A table.
    Postgres(PostgresTarget),
    /// A bucket.
    Influx(InfluxTarget),
    /// A cluster.
    Kafka(KafkaTarget),
    /// Files.
    File(FileTarget),
    /// Devices.
    SendDownlink,
    /// Shadows.
    SetShadow,
}

/// HTTP endpoints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpTarget {
    /// Where, if it is the same for all messages.
    pub url: Option<Secret>,
    /// Headers in order; those without a value get the deed's.
    pub headers: Vec<(String, Option<Secret>)>,
    /// Several messages in one request, as a JSON array.
    pub batch: Option<Batch>,
}

/// How messages gather.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch {
    /// How long the first waits for others.
    pub open: Duration,
    /// The most messages.
    pub messages: usize,
    /// The most bytes.
    pub bytes: usize,
    /// Whether messages of several topics may share a request.
    pub across_topics: bool,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct PostgresTarget {
    /// `postgresql://user:password@host:port/database?sslmode=…`.
    pub url: Secret,
    /// The table, its schema before it where it is not the first of the path.
    pub table: String,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct InfluxTarget {
    /// The server, as `http://127.0.0.1:8086`.
    pub url: String,
    /// Which door it has.
    pub api: InfluxApi,
    /// The token; for version 1 `user:password`. Empty: none.
    pub token: Secret,
    /// The unit of timestamps in lines: `ns`, `us`, `ms` or `s`.
    pub precision: &'static str,
    /// Several messages in one request, and when they are enough.
    pub batch: Option<Batch>,
}

/// The doors of InfluxDB's versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InfluxApi {
    /// `/write` of version 1.
    V1 {
        /// The database.
        database: String,
    },
    /// `/api/v2/write`, which version 3 has as well.
    V2 {
        /// The organization.
        org: String,
        /// The bucket.
        bucket: String,
    },
    /// `/api/v3/write_lp`.
    V3 {
        /// The database.
        database: String,
    },
}

/// A cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct KafkaTarget {
    /// Properties of the client, as Kafka names them. Values may be secrets.
    pub properties: BTreeMap<String, Secret>,
}

/// Files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileTarget {
    /// How lines look.
    pub format: FileFormat,
    /// A file of this size is set aside.
    pub rotate_bytes: Option<u64>,
    /// A file of this age is set aside.
    pub rotate_after: Option<Duration>,
    /// How many files that were set aside are kept; `None`: all.
    pub keep: Option<u32>,
    /// Whether a task is done only when the disk has it.
    pub is_synced: bool,
}

/// How lines look.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FileFormat {
    /// One JSON value a line.
    #[default]
    JsonLines,
    /// RFC 4180, with these members of the selected object as columns.
    Csv(Vec<String>),
}

impl Target {
    /// Whether a deed is for this target. A rule that was replaced may have left others waiting.
    pub fn fits(&self, deed: &Deed) -> bool {
        matches!(
            (self, deed),
            (Target::Republish, Deed::Republish { .. })
                | (Target::Http(_), Deed::Http { .. })
                | (Target::Postgres(_), Deed::Postgres { .. })
                | (Target::Influx(_), Deed::Influx { .. })
                | (Target::Kafka(_), Deed::Kafka { .. })
                | (Target::File(_), Deed::File { .. })
                | (Target::SendDownlink, Deed::SendDownlink { .. })
                | (Target::SetShadow, Deed::SetShadow { .. })
        )
    }
}
