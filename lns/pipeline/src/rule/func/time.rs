//! Time as text and back.

mod pattern;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Answer, Call, Function, Need, or_undefined};
use crate::rule::value::Value;
use pattern::Pattern;

/// Which of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// A moment as text.
    Format,
    /// A text as a moment.
    Read,
}

impl Which {
    /// Where among the arguments the pattern stands.
    pub fn pattern_at(self) -> usize {
        match self {
            Self::Format => 0,
            Self::Read => 1,
        }
    }
}

pub const FUNCTIONS: &[Function] = &[
    function("parse_time", Which::Format, |call| dynamic(Which::Format, call.arguments)),
    function("time_to_epoch", Which::Read, |call| dynamic(Which::Read, call.arguments)),
    Function::new("timestamp", |call: &mut Call<'_>| -> Answer {
        match call.arguments {
            [] => Ok(Value::int(call.env.now_ms.into())),
            _ => Ok(Value::Undefined),
        }
    })
    .impure(),
];

const fn function(name: &'static str, which: Which, run: fn(&mut Call<'_>) -> Answer) -> Function {
    Function { need: Need::Time(which), ..Function::new(name, run).since_2016() }
}

/// A pattern and a zone that are known to be some.
#[derive(Debug)]
pub struct Ready {
    pattern: Pattern,
    zone: TimeZone,
}

/// What a pattern and, where there is one, a zone are; `None` if they are none.
pub fn ready(pattern: &Value, zone: Option<&Value>) -> Option<Ready> {
    let Value::String(pattern) = pattern else { return None };
    let zone = match zone {
        None => TimeZone::UTC,
        Some(Value::String(name)) => self::zone(name)?,
        Some(_) => return None,
    };
    Some(Ready { pattern: Pattern::parse(pattern)?, zone })
}

/// A call with the pattern among its arguments.
fn dynamic(which: Which, arguments: &[Value]) -> Answer {
    let (pattern, value, zone) = match (which, arguments) {
        (Which::Format, [pattern, moment]) => (pattern, moment, None),
        (Which::Format, [pattern, moment, zone]) => (pattern, moment, Some(zone)),
        (Which::Read, [text, pattern]) => (pattern, text, None),
        (Which::Format | Which::Read, _) => return Ok(Value::Undefined),
    };
    or_undefined(ready(pattern, zone).and_then(|ready| run(which, &ready, value)))
}

/// A call with pattern and zone ready, of what is left: a moment, or a text.
pub fn run(which: Which, ready: &Ready, value: &Value) -> Option<Value> {
    match which {
        Which::Format => {
            let moment = i64::try_from(value.floor()?).ok()?;
            let moment = Timestamp::from_millisecond(moment).ok()?;
            let text = ready.pattern.format(&moment.to_zoned(ready.zone.clone()));
            Some(Value::string(&text))
        }
        Which::Read => {
            let moment = ready.pattern.read(&value.to_text()?)?;
            Some(Value::int(moment.as_millisecond().into()))
        }
    }
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
