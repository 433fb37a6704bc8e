//! Time as text and back.

mod pattern;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Answer, Call, Function, or_undefined};
use crate::rule::value::Value;
use pattern::Pattern;

pub const FUNCTIONS: &[Function] = &[
    Function::new("parse_time", |call| or_undefined(format(call.arguments))).since_2016(),
    Function::new("time_to_epoch", |call| or_undefined(parse(call.arguments))).since_2016(),
    Function::new("timestamp", |call: &mut Call<'_>| -> Answer {
        match call.arguments {
            [] => Ok(Value::int(call.env.now_ms.into())),
            _ => Ok(Value::Undefined),
        }
    })
    .impure(),
];

/// A moment in a zone, UTC by default, written as a pattern says.
fn format(arguments: &[Value]) -> Option<Value> {
    let (pattern, moment, zone) = match arguments {
        [Value::String(pattern), moment] => (pattern, moment, TimeZone::UTC),
        [Value::String(pattern), moment, Value::String(zone)] => {
            (pattern, moment, self::zone(zone)?)
        }
        _ => return None,
    };
    let moment = Timestamp::from_millisecond(i64::try_from(moment.floor()?).ok()?).ok()?;
    let text = Pattern::parse(pattern)?.format(&moment.to_zoned(zone));
    Some(Value::string(&text))
}

/// The milliseconds since 1970 of a moment that is written as a pattern says.
fn parse(arguments: &[Value]) -> Option<Value> {
    let [text, Value::String(pattern)] = arguments else { return None };
    let moment = Pattern::parse(pattern)?.read(&text.to_text()?)?;
    Some(Value::int(moment.as_millisecond().into()))
}

/// A zone by its name, or by its distance from UTC: `Europe/Berlin`, `CET`, `Z`, `+01:00`, `UTC+1`.
fn zone(name: &str) -> Option<TimeZone> {
    let signed = ["UTC", "GMT", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix));
    match signed.unwrap_or(name) {
        "" | "Z" => Some(TimeZone::UTC),
        offset if offset.starts_with(['+', '-']) => pattern::offset(offset).map(TimeZone::fixed),
        // The tables come with the program: the same message gives the same text everywhere.
        _ => TimeZoneDatabase::bundled().get(name).ok(),
    }
}
