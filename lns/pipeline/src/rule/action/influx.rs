//! influxDB: write as points of InfluxDB's line protocol, to a destination that was created for it
//! (AWS's page "InfluxDB"). influxLineProtocol: the same to a URL, our own kind.
//!
//! Each object of the result is a point: its `timestamp` is the point's, what `tableName` or a tag
//! takes by `@{key}` is no field, all else is one.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{ActionError, SecretText, bad, check_url};
use crate::rule::value::{Object, Value};
use crate::rule::write_json;

/// The most tags and fields of a point.
const MAX_COLUMNS: usize = 250;

/// Write to a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InfluxDb<T> {
    /// The destination.
    pub destination_arn: String,
    /// AWS needs it; here it is accepted and not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// What to write.
    #[serde(flatten)]
    pub points: Points<T>,
}

/// Write to a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InfluxLineProtocol<T> {
    /// The server, as `http://host:8086`.
    pub url: String,
    /// Which of its interfaces points go to.
    #[serde(default)]
    pub api: InfluxVersion,
    /// What it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretText>,
    /// What to write.
    #[serde(flatten)]
    pub points: Points<T>,
}

/// An interface of InfluxDB, by the version that brought it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InfluxVersion {
    /// `/write`: databases, and `user:password` for a token.
    V1,
    /// `/api/v2/write`: organizations, buckets and tokens.
    #[default]
    V2,
    /// `/api/v3/write_lp`: databases and tokens.
    V3,
}

/// How a result becomes points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Points<T> {
    /// The database; in version 2 the bucket.
    pub database_name: String,
    /// The table; in version 2 the measurement.
    pub table_name: T,
    /// Version 2 wants one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Tags and their values.
    #[serde(default = "BTreeMap::new", skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, T>,
    /// What `timestamp` counts.
    #[serde(default)]
    pub timestamp_unit: TimestampUnit,
    /// When a batch is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_config: Option<InfluxBatchConfig>,
}

/// When a batch of points is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct InfluxBatchConfig {
    /// How long the first point waits, in milliseconds.
    pub max_batch_open_ms: Option<u32>,
    /// How many points.
    pub max_batch_size: Option<u32>,
    /// How many bytes.
    pub max_batch_size_bytes: Option<u32>,
    /// Whether points of several topics may go together.
    pub batch_across_topics: bool,
}

/// What a timestamp counts since 1970 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimestampUnit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[default]
    #[serde(rename = "ms")]
    Milliseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
}

impl TimestampUnit {
    /// Its name in a request's `precision`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }
}

/// Why a result is no points.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not objects.
    #[error("a point is an object; the result is none, nor an array of them")]
    NotAnObject,
    /// No time, where there must be one.
    #[error("the point has no timestamp")]
    NoTimestamp,
    /// A time that is no whole number.
    #[error("the point's timestamp is no whole number")]
    BadTimestamp,
    /// Nothing to write.
    #[error("the point has no fields")]
    NoFields,
    /// A key that cannot be one.
    #[error("{0:?} is no name of a tag or field: it is empty or begins with _")]
    BadKey(String),
    /// A whole number beyond 64 bits.
    #[error("{0} is too large for a whole number of a point")]
    TooLarge(String),
    /// No table.
    #[error("the name of the table is empty")]
    NoTable,
    /// More than a point may have.
    #[error("the point has {0} tags and fields; at most {MAX_COLUMNS} are written")]
    TooManyColumns(usize),
}

impl<T> Points<T> {
    fn try_map<U, E>(&self, of: &mut impl FnMut(&T) -> Result<U, E>) -> Result<Points<U>, E> {
        let table_name = of(&self.table_name)?;
        let tags = self.tags.iter().map(|(name, value)| Ok((name.clone(), of(value)?)));
        Ok(Points {
            database_name: self.database_name.clone(),
            table_name,
            organization: self.organization.clone(),
            tags: tags.collect::<Result<_, E>>()?,
            timestamp_unit: self.timestamp_unit,
            batch_config: self.batch_config,
        })
    }
}

impl<T> InfluxDb<T> {
    pub(super) fn try_map<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<InfluxDb<U>, E> {
        Ok(InfluxDb {
            destination_arn: self.destination_arn.clone(),
            role_arn: self.role_arn.clone(),
            points: self.points.try_map(of)?,
        })
    }
}

impl<T> InfluxLineProtocol<T> {
    pub(super) fn try_map<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<InfluxLineProtocol<U>, E> {
        Ok(InfluxLineProtocol {
            url: self.url.clone(),
            api: self.api,
            token: self.token.clone(),
            points: self.points.try_map(of)?,
        })
    }
}

impl InfluxLineProtocol<String> {
    pub(super) fn check(&self) -> Result<(), ActionError> {
        check_url("influxLineProtocol", "url", &self.url)?;
        self.points.check("influxLineProtocol")
    }
}

impl Points<String> {
    pub(super) fn check(&self, kind: &'static str) -> Result<(), ActionError> {
        if self.database_name.is_empty() {
            return Err(bad(kind, "databaseName", "is empty"));
        }
        if self.table_name.is_empty() {
            return Err(bad(kind, "tableName", "is empty"));
        }
        if let Some(name) = self.tags.keys().find(|name| !is_key(name)) {
            return Err(bad(kind, "tags", LineError::BadKey(name.clone()).to_string()));
        }
        for text in std::iter::once(&self.table_name).chain(self.tags.values()) {
            let mixed = text.contains("@{") && text.contains("${");
            if mixed || text.matches("@{").count() > 1 {
                return Err(bad(
                    kind,
                    "tags",
                    format!("{text:?} has more than one @{{…}}, or ${{…}} too"),
                ));
            }
        }
        let batch = self.batch_config.unwrap_or_default();
        for (member, value, range) in [
            ("batchConfig.maxBatchSize", batch.max_batch_size, 1..=500),
            ("batchConfig.maxBatchOpenMs", batch.max_batch_open_ms, 5..=1000),
            ("batchConfig.maxBatchSizeBytes", batch.max_batch_size_bytes, 100..=131_072),
        ] {
            if let Some(value) = value.filter(|value| !range.contains(value)) {
                let why = format!("is {value}; it goes from {} to {}", range.start(), range.end());
                return Err(bad(kind, member, why));
            }
        }
        Ok(())
    }

    /// The lines that a result is, one for each point. Where no time is needed, a point without
    /// one gets the server's.
    pub fn lines(&self, result: &Value, needs_time: bool) -> Result<Vec<String>, LineError> {
        let points = match result {
            Value::Array(points) => points.iter().collect(),
            other => vec![other],
        };
        let line = |point: &Value| match point {
            Value::Object(point) => self.line(point, needs_time),
            _ => Err(LineError::NotAnObject),
        };
        points.into_iter().map(line).collect()
    }

    fn line(&self, point: &Object, needs_time: bool) -> Result<String, LineError> {
        let mut taken = vec!["timestamp".to_owned()];
        let table = fill(&self.table_name, point, &mut taken);
        if table.is_empty() {
            return Err(LineError::NoTable);
        }
        let mut line = escaped(&table, &[',', ' ']);
        let mut columns = 0;
        for (name, template) in &self.tags {
            let value = fill(template, point, &mut taken);
            // A backslash at the end would escape what follows.
            let value = value.trim_end_matches('\\');
            if !value.is_empty() {
                let special = [',', '=', ' '];
                write!(line, ",{}={}", escaped(name, &special), escaped(value, &special))
                    .expect("a string takes all");
                columns += 1;
            }
        }
        let mut fields = Vec::new();
        for (name, value) in point.iter().filter(|(name, _)| !taken.iter().any(|t| **t == ***name))
        {
            if !is_key(name) {
                return Err(LineError::BadKey(name.to_string()));
            }
            if let Some(value) = field(value)? {
                fields.push(format!("{}={value}", escaped(name, &[',', '=', ' '])));
            }
        }
        columns += fields.len();
        match fields.len() {
            0 => return Err(LineError::NoFields),
            _ if columns > MAX_COLUMNS => return Err(LineError::TooManyColumns(columns)),
            _ => {}
        }
        write!(line, " {}", fields.join(",")).expect("a string takes all");
        match point.get("timestamp") {
            Some(Value::Int(time)) => write!(line, " {time}").expect("a string takes all"),
            None if !needs_time => {}
            None => return Err(LineError::NoTimestamp),
            Some(_) => return Err(LineError::BadTimestamp),
        }
        Ok(line)
    }
}

/// A text with its `@{key}` filled in from a point; the key is no field then.
fn fill(text: &str, point: &Object, taken: &mut Vec<String>) -> String {
    let parts = text.split_once("@{").and_then(|(before, rest)| {
        let (path, after) = rest.split_once('}')?;
        Some((before, path, after))
    });
    let Some((before, path, after)) = parts else { return text.to_owned() };
    let mut keys = path.trim().split('.');
    let first = keys.next().unwrap_or_default();
    taken.push(first.to_owned());
    let value = point.get(first).map(|value| keys.fold(value, |value, key| value.member(key)));
    let value = value.and_then(Value::to_text).unwrap_or_default();
    format!("{before}{value}{after}")
}

/// A field's value; `None` if there is nothing to write.
fn field(value: &Value) -> Result<Option<String>, LineError> {
    Ok(Some(match value {
        Value::Undefined | Value::Null | Value::Binary(_) => return Ok(None),
        Value::Boolean(truth) => if *truth { "t" } else { "f" }.to_owned(),
        Value::Int(number) if i64::try_from(*number).is_ok() => format!("{number}i"),
        Value::Int(number) if u64::try_from(*number).is_ok() => format!("{number}u"),
        Value::Int(number) => return Err(LineError::TooLarge(number.to_string())),
        Value::Decimal(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => quoted(&write_json(value)),
    }))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Special characters with a backslash; a line's end, which no name may have, as a space.
fn escaped(text: &str, special: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let character = if matches!(character, '\n' | '\r') { ' ' } else { character };
        if special.contains(&character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

fn is_key(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('_')
}
