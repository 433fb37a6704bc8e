//! From the language's actions to what this server does: a target for each action of a rule, and a
//! deed for each message.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lns_pipeline::rule::action::{self, Action, InfluxVersion, MqttHeaders, SecretText};
use lns_pipeline::rule::{Template, Value};
use lns_pipeline::topic::is_topic_name;

use crate::actions::{
    Batch, Deed, Downlink, FileFormat, FileTarget, Headers, HttpTarget, InfluxApi, InfluxTarget,
    KafkaTarget, PostgresTarget, Target,
};
use crate::config::Secret;

/// How long points wait for others, how many go together, and how many bytes, where a rule does not
/// say.
const INFLUX_OPEN_MS: u32 = 1000;
/// See [`INFLUX_OPEN_MS`].
const INFLUX_POINTS: u32 = 500;
/// See [`INFLUX_OPEN_MS`].
const INFLUX_BYTES: u32 = 131_072;

/// Where an action does what it does; `None` for one that there is no place for here.
///
/// `is_synced`: whether lines of files must be on the disk before they count as written.
pub fn target(action: &Action<Template>, is_synced: bool) -> Option<Target> {
    Some(match action {
        Action::Republish(_) => Target::Republish,
        Action::Http(action) => Target::Http(http_target(action)),
        Action::Kafka(action) => {
            let secret = |(name, value): (&String, &SecretText)| (name.clone(), secret_of(value));
            Target::Kafka(KafkaTarget {
                properties: action.client_properties.iter().map(secret).collect(),
            })
        }
        // Its destination would be one in a VPC, which nobody can create here.
        Action::InfluxDb(_) => return None,
        Action::InfluxLineProtocol(action) => Target::Influx(InfluxTarget {
            url: action.url.clone(),
            api: influx_api(action),
            token: action.token.as_ref().map(secret_of).unwrap_or_default(),
            precision: action.points.timestamp_unit.name(),
            batch: action.points.batch_config.map(influx_batch),
        }),
        Action::Postgresql(action) => Target::Postgres(PostgresTarget {
            url: secret_of(&action.url),
            table: action.table.clone(),
        }),
        Action::File(action) => Target::File(FileTarget {
            format: match action.format {
                action::FileFormat::JsonLines => FileFormat::JsonLines,
                action::FileFormat::Csv => FileFormat::Csv(action.columns.clone()),
            },
            rotate_bytes: action.rotate_bytes,
            rotate_after: action.rotate_seconds.map(Duration::from_secs),
            keep: action.keep_files,
            is_synced,
        }),
        Action::SendDownlink(_) => Target::SendDownlink,
        Action::SetShadow(_) => Target::SetShadow,
    })
}

fn secret_of(text: &SecretText) -> Secret {
    text.expose().to_owned().into()
}

/// Everything of an http action that is the same for all messages: secrets stand there, and are not
/// kept with each message.
fn http_target(action: &action::Http<Template>) -> HttpTarget {
    let batch = action.batch_config.unwrap_or_default();
    let batch = action.enable_batching.then(|| Batch {
        open: Duration::from_millis(u64::from(batch.max_batch_open_ms)),
        messages: batch.max_batch_size as usize,
        bytes: batch.max_batch_size_bytes as usize,
        across_topics: batch.batch_across_topics,
    });
    let constant = |template: &Template| template.constant().map(Secret::from);
    let headers = action.headers.iter();
    let headers = headers.map(|header| (header.key.clone(), constant(&header.value)));
    HttpTarget { url: constant(&action.url), headers: headers.collect(), batch }
}

fn influx_api<T>(action: &action::InfluxLineProtocol<T>) -> InfluxApi {
    let database = action.points.database_name.clone();
    match action.api {
        InfluxVersion::V1 => InfluxApi::V1 { database },
        InfluxVersion::V2 => InfluxApi::V2 {
            org: action.points.organization.clone().unwrap_or_default(),
            bucket: database,
        },
        InfluxVersion::V3 => InfluxApi::V3 { database },
    }
}

/// AWS names no defaults for these: what is not given does not end a batch before its largest value.
fn influx_batch(batch: action::InfluxBatchConfig) -> Batch {
    Batch {
        open: Duration::from_millis(u64::from(batch.max_batch_open_ms.unwrap_or(INFLUX_OPEN_MS))),
        messages: batch.max_batch_size.unwrap_or(INFLUX_POINTS) as usize,
        bytes: batch.max_batch_size_bytes.unwrap_or(INFLUX_BYTES) as usize,
        across_topics: batch.batch_across_topics,
    }
}

/// The deed of an http action.
fn post(written: &Action<Template>, action: &action::Http<String>, payload: Vec<u8>) -> Deed {
    let (mut url, mut headers) = (action.url.clone(), Vec::new());
    let constant = match written {
        Action::Http(written) => http_target(written),
        _ => HttpTarget::default(),
    };
    if constant.url.is_some() {
        let end = url.find(['?', '#']).unwrap_or(url.len());
        url.truncate(end);
    }
    for (at, header) in action.headers.iter().enumerate() {
        if constant.headers.get(at).is_none_or(|(_, value)| value.is_none()) {
            headers.push((header.key.clone(), header.value.clone()));
        }
    }
    Deed::Http { url, headers, payload }
}

/// What an action, as it was written and filled in, has to do with a result; else why it cannot be
/// done.
pub fn deed(
    written: &Action<Template>,
    task: &action::Task,
    result: &Value,
) -> Result<Deed, String> {
    let payload = || match result {
        Value::Binary(bytes) => bytes.to_vec(),
        other => lns_pipeline::rule::write_json(other).into(),
    };
    Ok(match task {
        Action::Republish(action) => Deed::Republish {
            topic: topic(&action.topic)?,
            qos: action.qos,
            retain: false,
            headers: action.headers.as_ref().map(headers).transpose()?.unwrap_or_default(),
            payload: payload(),
        },
        Action::Http(action) => post(written, action, payload()),
        Action::Kafka(action) => Deed::Kafka {
            topic: action.topic.clone(),
            key: action.key.clone(),
            partition: number(action.partition.as_deref(), "partition")?,
            headers: action.headers.iter().map(|h| (h.key.clone(), h.value.clone())).collect(),
            payload: payload(),
        },
        Action::InfluxDb(_) => {
            return Err("influxDB needs a destination of InfluxDB, which there is none of; use \
                        influxLineProtocol"
                .to_owned());
        }
        Action::InfluxLineProtocol(action) => {
            let lines = action.points.lines(result, false).map_err(|error| error.to_string())?;
            Deed::Influx { line: lines.join("\n") }
        }
        Action::Postgresql(action) => {
            let row = action.row(result).map_err(|error| error.to_string())?;
            let row: serde_json::Map<_, _> = row.into_iter().collect();
            Deed::Postgres { row: serde_json::Value::Object(row).to_string() }
        }
        Action::File(action) => Deed::File {
            path: action
                .safe_path()
                .ok_or_else(|| format!("{:?} leads out of the folder of files", action.path))?
                .to_owned(),
            payload: payload(),
        },
        Action::SendDownlink(action) => Deed::SendDownlink {
            device: action.wireless_device_id.clone(),
            f_port: number(action.f_port.as_deref(), "fPort")?,
            confirmed: action.transmit_mode == 1,
            payload: match &action.payload_data {
                Some(text) => Downlink::Bytes(
                    STANDARD
                        .decode(text)
                        .map_err(|error| format!("payloadData {text:?} is no base64: {error}"))?,
                ),
                None => Downlink::Object(lns_pipeline::rule::write_json(result)),
            },
        },
        Action::SetShadow(action) => Deed::SetShadow {
            thing: action.thing_name.clone(),
            shadow: action.shadow_name.clone(),
            payload: action
                .document(result)
                .ok_or("what the rule selected is no object, so it is no state of a shadow")?
                .to_string()
                .into(),
        },
    })
}

/// The topic to republish to. One that begins with `$` is written with two of them, as with AWS, so
/// that nobody publishes to the broker's own by accident.
fn topic(written: &str) -> Result<String, String> {
    let topic = match written.strip_prefix('$') {
        Some(reserved) if reserved.starts_with('$') => reserved,
        Some(_) => {
            return Err(format!("{written:?} is reserved; write it with two $ if it is meant"));
        }
        None => written,
    };
    if !is_topic_name(topic) {
        return Err(format!("{topic:?} is no topic to publish to"));
    }
    Ok(topic.to_owned())
}

fn headers(written: &MqttHeaders<String>) -> Result<Headers, String> {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let correlation = some(&written.correlation_data)
        .map(|text| {
            STANDARD.decode(&text).map_err(|_| format!("correlationData {text:?} is no base64"))
        })
        .transpose()?;
    Ok(Headers {
        is_utf8: match written.payload_format_indicator.as_deref() {
            Some("UTF8_DATA") => Some(true),
            Some("UNSPECIFIED_BYTES") => Some(false),
            None | Some("") => None,
            Some(other) => return Err(format!("payloadFormatIndicator {other:?} is none")),
        },
        content_type: some(&written.content_type),
        response_topic: some(&written.response_topic),
        correlation,
        expiry: number(written.message_expiry.as_deref(), "messageExpiry")?,
        user: written.user_properties.iter().map(|p| (p.key.clone(), p.value.clone())).collect(),
    })
}

/// A number that a template has made; nothing where it made nothing.
fn number<N: std::str::FromStr>(text: Option<&str>, member: &str) -> Result<Option<N>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("{member} {text:?} is no number that it can be"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_topic_is_written_with_two_dollars() {
        assert_eq!(topic("a/b"), Ok("a/b".to_owned()));
        assert_eq!(
            topic("$$aws/things/t/shadow/update"),
            Ok("$aws/things/t/shadow/update".to_owned())
        );
        for wrong in ["$aws/x", "", "a/+", "a/#"] {
            assert!(topic(wrong).is_err(), "{wrong}");
        }
    }

    /// A rule whose actions and error action hold secrets, and a message.
    #[test]
    fn what_is_kept_of_a_message_holds_no_secret() {
        use lns_pipeline::rule::{Env, Evaluated, Nothing, Origin, Payload, Rule, Seeded};

        let headers = serde_json::json!([
            { "key": "Authorization", "value": "Bearer hush" },
            { "key": "X-Device", "value": "${device}" },
        ]);
        let rule = serde_json::json!({
            "sql": "SELECT n AS value FROM 'a'", "awsIotSqlVersion": "2016-03-23",
            "actions": [
                { "http": { "url": "https://h.example/in?token=hush", "headers": headers } },
                { "http": { "url": "https://h.example/${device}", "headers": headers } },
                { "postgresql": { "url": "postgresql://u:hush@h/d", "table": "t" } },
                { "kafka": { "topic": "t", "clientProperties": {
                    "bootstrap.servers": "k:1", "sasl.plain.password": "hush" } } },
                { "influxLineProtocol": {
                    "url": "http://i", "token": "hush", "databaseName": "d", "tableName": "t" } },
            ],
            "errorAction": { "http": {
                "url": "https://h.example/${device}/errors", "headers": headers } },
        });
        let rule = Rule::compile("r", &rule).expect("it is one");
        assert!(!format!("{rule:?}").contains("hush"));
        let (dice, origin) = (Seeded::new(1), Origin::default());
        let env = Env {
            now_ms: 0,
            dice: &dice,
            account_id: "1",
            origin: &origin,
            shadows: &Nothing,
            things: &Nothing,
            descriptors: &Nothing,
        };
        let payload = Payload::new(r#"{"n":1,"device":"pump"}"#);
        let Evaluated::Matched(outcome) = rule.evaluate(&env, &payload) else {
            unreachable!("it has no condition")
        };
        for (written, filled) in rule.actions().iter().zip(&outcome.actions) {
            let filled = filled.as_ref().expect("it is filled in");
            let deed = deed(written, filled, outcome.output.value()).expect("it can be done");
            assert!(!format!("{deed:?}").contains("hush"), "{deed:?}");
            let target = target(written, true).expect("it has a place");
            assert!(!format!("{target:?}").contains("hush"), "{target:?}");
        }
        let written = rule.error_action().expect("there is one");
        let filled = outcome.error_action.expect("there is one").expect("it is filled in");
        let kept = written.variable(&filled);
        assert_eq!(kept, ["https://h.example/pump/errors", "pump"]);
        assert_eq!(written.refilled(&kept), Some(filled));
        assert_eq!(written.refilled(&kept[..1]), None);
    }

    #[test]
    fn a_number_that_a_template_makes_is_one_or_nothing() {
        assert_eq!(number::<u8>(Some("7"), "fPort"), Ok(Some(7)));
        assert_eq!(number::<u8>(Some(""), "fPort"), Ok(None));
        assert_eq!(number::<u8>(None, "fPort"), Ok(None));
        assert!(number::<u8>(Some("700"), "fPort").is_err());
    }
}
