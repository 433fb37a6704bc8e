//! What is known of the message besides its payload.

use super::base64;
use super::{Answer, Call, Function, or_undefined};
use crate::rule::value::{Object, Value};

pub const FUNCTIONS: &[Function] = &[
    Function::new("accountid", |call| asked(call, |call| Some(call.env.account_id))).impure(),
    Function::new("clientid", |call| {
        asked(call, |call| Some(call.env.origin.client_id.unwrap_or("n/a")))
    })
    .impure(),
    Function::new("get_mqtt_property", mqtt_property).since_2016().impure(),
    Function::new("get_user_properties", user_properties).since_2016().impure(),
    Function::new("newuuid", |call| match call.arguments {
        [] => Ok(Value::string(&uuid(call.env.dice.roll(), call.env.dice.roll()))),
        _ => Ok(Value::Undefined),
    })
    .impure(),
    Function::new("principal", |call| asked(call, |call| call.env.origin.principal)).impure(),
    Function::new("sourceip", |call| asked(call, |call| call.env.origin.source_ip))
        .since_2016()
        .impure(),
    Function::new("sql_version", |call| asked(call, |call| Some(call.version.name()))),
    Function::new("topic", topic).impure(),
    Function::new("traceid", |call| asked(call, |call| call.env.origin.trace_id)).impure(),
];

fn asked<'a>(call: &mut Call<'a>, of: fn(&Call<'a>) -> Option<&'a str>) -> Answer {
    let known = if call.arguments.is_empty() { of(call) } else { None };
    or_undefined(known.map(Value::string))
}

/// The whole topic, or one of its levels, of which the first is 1.
fn topic(call: &mut Call<'_>) -> Answer {
    let topic = call.env.origin.topic;
    let level = match call.arguments {
        [] => Some(topic),
        [level] => {
            let before = level.floor().and_then(|level| usize::try_from(level - 1).ok());
            before.and_then(|before| topic.split('/').nth(before))
        }
        _ => None,
    };
    or_undefined(level.map(Value::string))
}

/// A random UUID (RFC 9562, version 4).
fn uuid(high: u64, low: u64) -> String {
    let bits = (u128::from(high) << 64) | u128::from(low);
    let version = 0xf << 76;
    let variant = 0x3 << 62;
    let bits = (bits & !version & !variant) | (0x4 << 76) | (0x2 << 62);
    let text = format!("{bits:032x}");
    let parts = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
    parts.join("-")
}

fn mqtt_property(call: &mut Call<'_>) -> Answer {
    let [Value::String(name)] = call.arguments else { return Ok(Value::Undefined) };
    let origin = call.env.origin;
    or_undefined(match &**name {
        "content_type" => origin.content_type.map(Value::string),
        "response_topic" => origin.response_topic.map(Value::string),
        "correlation_data" => origin.correlation_data.map(|data| Value::string(&base64(data))),
        "format_indicator" => Some(Value::string(match origin.payload_is_utf8 {
            true => "UTF8_DATA",
            false => "UNSPECIFIED_BYTES",
        })),
        _ => None,
    })
}

/// All values of one key, or all keys with their values, in order.
fn user_properties(call: &mut Call<'_>) -> Answer {
    let properties = call.env.origin.user_properties;
    call.budget.charge(properties.len())?;
    let found: Vec<Value> = match call.arguments {
        [] => {
            let one = |(key, value): &(String, String)| {
                let object: Object = [(key.as_str().into(), Value::string(value))].into();
                Value::object(object)
            };
            properties.iter().map(one).collect()
        }
        [Value::String(wanted)] => {
            let of_key = properties.iter().filter(|(key, _)| **key == **wanted);
            of_key.map(|(_, value)| Value::string(value)).collect()
        }
        _ => Vec::new(),
    };
    Ok(if found.is_empty() { Value::Undefined } else { Value::array(found) })
}
