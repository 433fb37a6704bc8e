//! Bytes as text: base64, and Protocol Buffers.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Answer, Call, Function};
use crate::rule::json;
use crate::rule::value::Value;

/// Writes padding, and reads with and without it: devices leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub const FUNCTIONS: &[Function] = &[
    Function { raw_star: true, ..Function::new("encode", encode).since_2016() },
    Function { raw_star: true, ..Function::new("decode", decode).since_2016().impure() },
];

/// Bytes as base64, for functions that give them so.
pub fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn encode(call: &mut Call<'_>) -> Answer {
    let [value, Value::String(scheme)] = call.arguments else { return Ok(Value::Undefined) };
    if &**scheme != "base64" {
        return Ok(Value::Undefined);
    }
    match (value, value.to_text()) {
        (Value::Binary(bytes), _) => call.text(&BASE64.encode(bytes)),
        (_, Some(text)) => call.text(&BASE64.encode(&*text)),
        (_, None) => Ok(Value::Undefined),
    }
}

fn decode(call: &mut Call<'_>) -> Answer {
    let [value, Value::String(scheme), rest @ ..] = call.arguments else {
        return Ok(Value::Undefined);
    };
    match (&**scheme, rest) {
        ("base64", []) => decode_base64(value, call),
        (
            "proto",
            [
                Value::String(bucket),
                Value::String(key),
                Value::String(file),
                Value::String(message),
            ],
        ) => {
            let bytes = match value {
                // A payload may be the message, or its base64 as a JSON text (AWS's page "Working
                // with binary payloads").
                Value::Binary(bytes) => match json::parse(bytes) {
                    Some(Value::String(text)) => BASE64.decode(text.as_bytes()).ok(),
                    Some(_) | None => Some(bytes.to_vec()),
                },
                Value::String(text) => BASE64.decode(text.as_bytes()).ok(),
                _ => None,
            };
            let Some(bytes) = bytes else { return Ok(Value::Null) };
            call.budget.charge(bytes.len())?;
            let Some(types) = call.env.descriptors.types(bucket, key)? else {
                return Ok(Value::Undefined);
            };
            Ok(types.decode(file, message, &bytes).unwrap_or(Value::Null))
        }
        _ => Ok(Value::Undefined),
    }
}

/// A JSON document becomes what it says, other text stays text. What is no base64, or no text, is
/// `Null`.
fn decode_base64(value: &Value, call: &mut Call<'_>) -> Answer {
    let bytes = match value {
        Value::Binary(bytes) => BASE64.decode(bytes.trim_ascii()),
        other => match other.to_text() {
            Some(text) => BASE64.decode(text.as_bytes()),
            None => return Ok(Value::Null),
        },
    };
    let Ok(bytes) = bytes else { return Ok(Value::Null) };
    call.budget.charge(bytes.len() / 16)?;
    if let Some(value) = json::parse(&bytes) {
        return Ok(value);
    }
    Ok(String::from_utf8(bytes).map_or(Value::Null, |text| Value::String(text.into())))
}
