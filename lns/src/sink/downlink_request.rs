//! The body of `lorawan/{DevEUI}/down`: an application's wish to send something.
//!
//! Strict on purpose. A key that we do not know might be a misspelt `Confirmed`, and a downlink
//! that does not do what was asked is worse than an error that says so.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use lns_lorawan::{TimeDelta, Timestamp};
use serde_json::{Map, Value};

/// The largest request, bytes. A payload has 242; an object to be encoded may be wordier.
pub const MAX_BODY: usize = 64 * 1024;
/// The largest payload that any data rate carries, bytes (RP002, maximum payload size tables).
pub const MAX_PAYLOAD: usize = 242;
/// The longest CorrelationId, bytes.
pub const MAX_CORRELATION_ID: usize = 128;
/// The longest a downlink may be asked to wait.
const MAX_WAIT_SECS: i64 = 366 * 24 * 60 * 60;

const KEYS: [&str; 7] =
    ["FPort", "PayloadData", "Payload", "Confirmed", "CorrelationId", "ExpiresIn", "ExpiresAt"];

/// What is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// These bytes, on this port.
    Bytes {
        /// 1 to 224.
        f_port: u8,
        /// At most [`MAX_PAYLOAD`].
        bytes: Vec<u8>,
    },
    /// What the profile's codec makes of this.
    Object {
        /// 1 to 224; `None`: the codec chooses.
        f_port: Option<u8>,
        /// Any JSON object.
        object: Map<String, Value>,
    },
}

/// An application's wish to send something.
#[derive(Clone, Debug, PartialEq)]
pub struct DownlinkRequest {
    /// What is to be sent.
    pub payload: Payload,
    /// Whether the device must acknowledge.
    pub confirmed: bool,
    /// The application's mark; the same within 24 hours queues once.
    pub correlation_id: Option<String>,
    /// When it is no longer wanted.
    pub expires_at: Option<Timestamp>,
}

/// Why a request was not taken; its label and its text go out on `…/error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum RequestError {
    #[error("the request has {0} bytes; at most {MAX_BODY} are read")]
    TooLarge(usize),
    #[error("the request is not JSON: {0}")]
    NotJson(String),
    #[error(
        "the request is {0}, not a JSON object such as {{\"FPort\":10,\"PayloadData\":\"AQI=\"}}"
    )]
    NotAnObject(&'static str),
    #[error(
        "there is no key {0:?}; the keys are FPort, PayloadData or Payload, Confirmed, CorrelationId, ExpiresIn or ExpiresAt"
    )]
    UnknownKey(String),
    #[error(
        "neither PayloadData nor Payload: send bytes as base64 in PayloadData, or an object for the codec in Payload"
    )]
    NoPayload,
    #[error("both PayloadData and Payload: send one of them")]
    TwoPayloads,
    #[error("PayloadData without FPort: name the port, 1 to 223 (224 for tests)")]
    NoFPort,
    #[error("FPort is {0}; it must be a whole number from 1 to 223, or 224 for tests")]
    BadFPort(String),
    #[error("PayloadData is not base64: {0}")]
    BadPayloadData(String),
    #[error("the payload has {0} bytes; at most {MAX_PAYLOAD} fit the largest frame")]
    PayloadTooLong(usize),
    #[error("Payload is {0}, not an object for the codec to encode; bytes go in PayloadData")]
    BadPayload(&'static str),
    #[error("Confirmed is {0}, not true or false")]
    BadConfirmed(&'static str),
    #[error("CorrelationId must be a text of 1 to {MAX_CORRELATION_ID} bytes")]
    BadCorrelationId,
    #[error("{0}")]
    BadExpiry(String),
    #[error("both ExpiresIn and ExpiresAt: send one of them")]
    TwoExpiries,
}

impl RequestError {
    /// The `Error` of the answer.
    pub fn label(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "TooLarge",
            Self::NotJson(_) => "NotJson",
            Self::NotAnObject(_) => "NotAnObject",
            Self::UnknownKey(_) => "UnknownKey",
            Self::NoPayload => "NoPayload",
            Self::TwoPayloads => "TwoPayloads",
            Self::NoFPort => "NoFPort",
            Self::BadFPort(_) => "BadFPort",
            Self::BadPayloadData(_) => "BadPayloadData",
            Self::PayloadTooLong(_) => "PayloadTooLong",
            Self::BadPayload(_) => "BadPayload",
            Self::BadConfirmed(_) => "BadConfirmed",
            Self::BadCorrelationId => "BadCorrelationId",
            Self::BadExpiry(_) => "BadExpiry",
            Self::TwoExpiries => "TwoExpiries",
        }
    }
}

/// A request that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub error: RequestError,
    /// The application's mark, where it could be read, so that it knows which request.
    pub correlation_id: Option<String>,
}

impl DownlinkRequest {
    /// Reads a request that came in at `now`.
    pub fn parse(body: &[u8], now: Timestamp) -> Result<Self, Refused> {
        let keys = object(body).map_err(|error| Refused { error, correlation_id: None })?;
        let correlation_id = correlation_id(&keys);
        let known = correlation_id.clone().ok().flatten();
        read(&keys, correlation_id, now).map_err(|error| Refused { error, correlation_id: known })
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, RequestError> {
    if body.len() > MAX_BODY {
        return Err(RequestError::TooLarge(body.len()));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(keys)) => Ok(keys),
        Ok(other) => Err(RequestError::NotAnObject(kind(&other))),
        Err(error) => Err(RequestError::NotJson(error.to_string())),
    }
}

fn read(
    keys: &Map<String, Value>,
    correlation_id: Result<Option<String>, RequestError>,
    now: Timestamp,
) -> Result<DownlinkRequest, RequestError> {
    if let Some(unknown) = keys.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(RequestError::UnknownKey(unknown.chars().take(64).collect()));
    }
    let correlation_id = correlation_id?;
    let confirmed = match keys.get("Confirmed") {
        None => false,
        Some(Value::Bool(confirmed)) => *confirmed,
        Some(other) => return Err(RequestError::BadConfirmed(kind(other))),
    };
    let payload = payload(keys, f_port(keys)?)?;
    Ok(DownlinkRequest { payload, confirmed, correlation_id, expires_at: expiry(keys, now)? })
}

fn correlation_id(keys: &Map<String, Value>) -> Result<Option<String>, RequestError> {
    match keys.get("CorrelationId") {
        None => Ok(None),
        Some(Value::String(text)) if (1..=MAX_CORRELATION_ID).contains(&text.len()) => {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(RequestError::BadCorrelationId),
    }
}

/// FPort 0 is for MAC commands; 225 up is reserved (TS001, port field). 224 is for the test protocol
/// (TS009), with which laboratories certify devices. AWS takes 1 to 223.
fn f_port(keys: &Map<String, Value>) -> Result<Option<u8>, RequestError> {
    let Some(value) = keys.get("FPort") else { return Ok(None) };
    let port = value.as_u64().and_then(|port| u8::try_from(port).ok());
    match port.filter(|port| (1..=224).contains(port)) {
        Some(port) => Ok(Some(port)),
        None => Err(RequestError::BadFPort(value.to_string().chars().take(32).collect())),
    }
}

fn payload(keys: &Map<String, Value>, f_port: Option<u8>) -> Result<Payload, RequestError> {
    match (keys.get("PayloadData"), keys.get("Payload")) {
        (None, None) => Err(RequestError::NoPayload),
        (Some(_), Some(_)) => Err(RequestError::TwoPayloads),
        (None, Some(Value::Object(object))) => {
            Ok(Payload::Object { f_port, object: object.clone() })
        }
        (None, Some(other)) => Err(RequestError::BadPayload(kind(other))),
        (Some(Value::String(text)), None) => {
            let bytes = decode(text)?;
            if bytes.len() > MAX_PAYLOAD {
                return Err(RequestError::PayloadTooLong(bytes.len()));
            }
            Ok(Payload::Bytes { f_port: f_port.ok_or(RequestError::NoFPort)?, bytes })
        }
        (Some(other), None) => {
            Err(RequestError::BadPayloadData(format!("it is {}, not a text", kind(other))))
        }
    }
}

/// Standard or URL-safe, padded or not.
fn decode(text: &str) -> Result<Vec<u8>, RequestError> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let url_safe = text.contains(['-', '_']);
    let engine = GeneralPurpose::new(if url_safe { &URL_SAFE } else { &STANDARD }, config);
    engine.decode(text.trim()).map_err(|error| RequestError::BadPayloadData(error.to_string()))
}

fn expiry(keys: &Map<String, Value>, now: Timestamp) -> Result<Option<Timestamp>, RequestError> {
    let bad = |reason: String| Err(RequestError::BadExpiry(reason));
    let at = match (keys.get("ExpiresIn"), keys.get("ExpiresAt")) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(RequestError::TwoExpiries),
        (Some(wait), None) => match seconds(wait) {
            Some(seconds) => now.plus(TimeDelta::from_secs(seconds)),
            None => {
                let wait: String = wait.to_string().chars().take(64).collect();
                return bad(format!(
                    "ExpiresIn is {wait}; write a time with its unit such as \"90s\" or \"10m\", \
                     or a number of seconds, from one second to a year"
                ));
            }
        },
        (None, Some(moment)) => match moment.as_str().and_then(Timestamp::parse_rfc3339) {
            Some(moment) => moment,
            None => {
                let moment: String = moment.to_string().chars().take(64).collect();
                return bad(format!(
                    "ExpiresAt is {moment}; write it as in \"2026-11-23T10:15:30Z\""
                ));
            }
        },
    };
    if at <= now {
        return bad(format!("ExpiresAt {at} has passed; it is {now}"));
    }
    Ok(Some(at))
}

fn seconds(wait: &Value) -> Option<i64> {
    let seconds = match wait {
        Value::Number(number) => number.as_i64()?,
        Value::String(text) => {
            i64::try_from(humantime::parse_duration(text).ok()?.as_secs()).ok()?
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (1..=MAX_WAIT_SECS).contains(&seconds).then_some(seconds)
}

/// What a value is, for people.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Timestamp {
        Timestamp::parse_rfc3339("2026-11-23T10:15:30Z").unwrap()
    }

    fn parse(body: &str) -> Result<DownlinkRequest, Refused> {
        DownlinkRequest::parse(body.as_bytes(), now())
    }

    #[test]
    fn bytes_are_read_in_every_dialect_of_base64() {
        for text in ["+/8B", "-_8B", "AQI=", "AQI", " AQI= "] {
            let request = parse(&json!({"FPort": 10, "PayloadData": text}).to_string()).unwrap();
            let bytes = if text.contains('A') { vec![1, 2] } else { vec![0xfb, 0xff, 1] };
            assert_eq!(request.payload, Payload::Bytes { f_port: 10, bytes }, "{text}");
            assert_eq!((request.confirmed, request.expires_at), (false, None));
        }
        let empty = parse(r#"{"FPort":1,"PayloadData":""}"#).unwrap();
        assert_eq!(empty.payload, Payload::Bytes { f_port: 1, bytes: vec![] });
    }

    #[test]
    fn an_object_is_left_to_the_codec() {
        let body = r#"{"FPort":10,"Payload":{"valve":"open"},"Confirmed":true,
            "CorrelationId":"open-42","ExpiresIn":"10m"}"#;
        let request = parse(body).unwrap();
        let object = json!({"valve": "open"}).as_object().unwrap().clone();
        assert_eq!(request.payload, Payload::Object { f_port: Some(10), object });
        assert!(request.confirmed);
        assert_eq!(request.correlation_id.as_deref(), Some("open-42"));
        let expected = Timestamp::parse_rfc3339("2026-11-23T10:25:30Z");
        assert_eq!(request.expires_at, expected);
        let without_port = parse(r#"{"Payload":{}}"#).unwrap();
        assert_eq!(without_port.payload, Payload::Object { f_port: None, object: Map::new() });
    }

    #[test]
    fn an_expiry_is_a_wait_or_a_moment() {
        for (key, value, expected) in [
            ("ExpiresIn", json!(90), "2026-11-23T10:17:00Z"),
            ("ExpiresIn", json!("2h 30m"), "2026-11-23T12:45:30Z"),
            ("ExpiresAt", json!("2026-11-23T11:15:31+01:00"), "2026-11-23T10:15:31Z"),
        ] {
            let body = json!({"FPort": 1, "PayloadData": "", key: value}).to_string();
            assert_eq!(parse(&body).unwrap().expires_at, Timestamp::parse_rfc3339(expected));
        }
    }

    #[test]
    fn every_bad_request_has_a_name_and_says_what_is_wrong() {
        let long = format!(r#"{{"FPort":1,"PayloadData":"{}"}}"#, "AAAA".repeat(81));
        let large = " ".repeat(MAX_BODY + 1);
        for (body, label, says) in [
            (large.as_str(), "TooLarge", "65537 bytes"),
            ("", "NotJson", "EOF"),
            ("hello", "NotJson", "line 1 column 1"),
            ("[1]", "NotAnObject", "a list"),
            ("null", "NotAnObject", "null"),
            (r#"{"Confirmd":true}"#, "UnknownKey", "Confirmd"),
            (r#"{"fport":1,"PayloadData":""}"#, "UnknownKey", "FPort"),
            (r#"{"FPort":1}"#, "NoPayload", "PayloadData"),
            (r#"{"FPort":1,"Payload":{},"PayloadData":""}"#, "TwoPayloads", "one of them"),
            (r#"{"PayloadData":"AQI="}"#, "NoFPort", "1 to 223"),
            (r#"{"FPort":0,"PayloadData":""}"#, "BadFPort", "FPort is 0"),
            (r#"{"FPort":225,"PayloadData":""}"#, "BadFPort", "FPort is 225"),
            (r#"{"FPort":300,"PayloadData":""}"#, "BadFPort", "FPort is 300"),
            (r#"{"FPort":-1,"PayloadData":""}"#, "BadFPort", "FPort is -1"),
            (r#"{"FPort":1.5,"PayloadData":""}"#, "BadFPort", "FPort is 1.5"),
            (r#"{"FPort":"10","PayloadData":""}"#, "BadFPort", "whole number"),
            (r#"{"FPort":1,"PayloadData":"A!"}"#, "BadPayloadData", "33"),
            (r#"{"FPort":1,"PayloadData":7}"#, "BadPayloadData", "a number"),
            (long.as_str(), "PayloadTooLong", "243 bytes"),
            (r#"{"FPort":1,"Payload":"AQI="}"#, "BadPayload", "a text"),
            (r#"{"FPort":1,"PayloadData":"","Confirmed":1}"#, "BadConfirmed", "a number"),
            (r#"{"FPort":1,"PayloadData":"","CorrelationId":""}"#, "BadCorrelationId", "128"),
            (r#"{"FPort":1,"PayloadData":"","CorrelationId":7}"#, "BadCorrelationId", "text"),
            (r#"{"FPort":1,"PayloadData":"","ExpiresIn":"soon"}"#, "BadExpiry", "soon"),
            (r#"{"FPort":1,"PayloadData":"","ExpiresIn":0}"#, "BadExpiry", "one second"),
            (r#"{"FPort":1,"PayloadData":"","ExpiresIn":1e99}"#, "BadExpiry", "a year"),
            (r#"{"FPort":1,"PayloadData":"","ExpiresAt":"x"}"#, "BadExpiry", "2026-11-23"),
            (
                r#"{"FPort":1,"PayloadData":"","ExpiresAt":"2020-01-01T00:00:00Z"}"#,
                "BadExpiry",
                "has passed",
            ),
            (
                r#"{"FPort":1,"PayloadData":"","ExpiresIn":1,"ExpiresAt":"x"}"#,
                "TwoExpiries",
                "one of them",
            ),
        ] {
            let refused = parse(body).expect_err(body);
            let text = refused.error.to_string();
            assert_eq!(refused.error.label(), label, "{body:.80}");
            assert!(text.contains(says), "{body:.80}: {text}");
            assert!(text.len() < 300, "{text}");
        }
    }

    #[test]
    fn a_refusal_carries_the_correlation_id_whenever_it_can_be_read() {
        let refused = parse(r#"{"CorrelationId":"c-1","Nonsense":1}"#).unwrap_err();
        assert_eq!(refused.correlation_id.as_deref(), Some("c-1"));
        assert_eq!(parse("{}").unwrap_err().correlation_id, None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_get_an_answer(body in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            if let Err(refused) = DownlinkRequest::parse(&body, now()) {
                proptest::prop_assert!(!refused.error.to_string().is_empty());
            }
        }
    }
}
