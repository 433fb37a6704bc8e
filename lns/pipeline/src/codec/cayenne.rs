//! Cayenne Low Power Payload: each value is a channel, a type and big-endian bytes.
//!
//! The twelve types of myDevices' documentation ("LoRa: Data Types"), and the widely used
//! extension of the Arduino library CayenneLPP (100, 116–133, 135, 142). A type is the IPSO
//! object number less 3200. Keys are those of The Things Network, `temperature_1` for type 103 on
//! channel 1; for types which it does not know, the Arduino library's name.
//!
//! A frame carries no length and no check, so an unknown type ends it: nobody knows how many
//! bytes to skip. We refuse such a frame whole, rather than deliver the half we understood.

use serde_json::{Map, Number, Value};

use super::{Decoded, MAX_ENCODED_BYTES};

/// Why a frame or an object is not Cayenne LPP.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CayenneError {
    /// A channel without a type.
    #[error("Cayenne LPP: the frame ends after the channel at byte {at}")]
    NoType {
        /// Where the channel stands.
        at: usize,
    },
    /// A type we cannot skip.
    #[error(
        "Cayenne LPP: type {code} on channel {channel} at byte {at} is unknown; does this port carry Cayenne LPP?"
    )]
    UnknownType {
        /// The type.
        code: u8,
        /// The channel it was announced for.
        channel: u8,
        /// Where the channel stands.
        at: usize,
    },
    /// A value cut short.
    #[error("Cayenne LPP: {key} at byte {at} needs {wanted} bytes, the frame has {left} left")]
    Truncated {
        /// What is incomplete.
        key: String,
        /// Where its value starts.
        at: usize,
        /// Bytes of such a value.
        wanted: usize,
        /// Bytes there are.
        left: usize,
    },
    /// Something else than a JSON object of values.
    #[error("Cayenne LPP: an object such as {{\"digital_out_1\":1}} is needed")]
    NotAnObject,
    /// A key that names no type and channel.
    #[error(
        "Cayenne LPP: {key:?} is no value; a key is a type and a channel from 0 to 255, such as analog_out_3"
    )]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A value that is missing, or is no number.
    #[error("Cayenne LPP: {key} must be a number")]
    NotANumber {
        /// What is wrong, `accelerometer_1.x` for a part.
        key: String,
    },
    /// A value too large or too small for its bytes.
    #[error("Cayenne LPP: {key} is {value}; it goes from {min} to {max}")]
    OutOfRange {
        /// What does not fit.
        key: String,
        /// Its value.
        value: f64,
        /// The smallest that fits.
        min: f64,
        /// The largest that fits.
        max: f64,
    },
    /// More values than a frame holds.
    #[error("Cayenne LPP: the values need {len} bytes; {MAX_ENCODED_BYTES} is the most")]
    TooLong {
        /// Bytes they need.
        len: usize,
    },
}

/// One number: `size` bytes, `per_unit` steps to the unit.
struct Field {
    name: &'static str,
    size: usize,
    signed: bool,
    per_unit: u32,
}

/// A type: one nameless number, or several named ones.
struct Kind {
    code: u8,
    name: &'static str,
    fields: &'static [Field],
}

const fn u(size: usize, per_unit: u32) -> Field {
    Field { name: "", size, signed: false, per_unit }
}

const fn s(size: usize, per_unit: u32) -> Field {
    Field { name: "", size, signed: true, per_unit }
}

const fn named(name: &'static str, field: Field) -> Field {
    Field { name, ..field }
}

const fn kind(code: u8, name: &'static str, fields: &'static [Field]) -> Kind {
    Kind { code, name, fields }
}

const KINDS: &[Kind] = &[
    kind(0, "digital_in", &[u(1, 1)]),
    kind(1, "digital_out", &[u(1, 1)]),
    kind(2, "analog_in", &[s(2, 100)]),
    kind(3, "analog_out", &[s(2, 100)]),
    kind(100, "generic", &[u(4, 1)]),
    kind(101, "luminosity", &[u(2, 1)]),
    kind(102, "presence", &[u(1, 1)]),
    kind(103, "temperature", &[s(2, 10)]),
    kind(104, "relative_humidity", &[u(1, 2)]),
    kind(
        113,
        "accelerometer",
        &[named("x", s(2, 1000)), named("y", s(2, 1000)), named("z", s(2, 1000))],
    ),
    kind(115, "barometric_pressure", &[u(2, 10)]),
    kind(116, "voltage", &[u(2, 100)]),
    kind(117, "current", &[u(2, 1000)]),
    kind(118, "frequency", &[u(4, 1)]),
    kind(120, "percentage", &[u(1, 1)]),
    kind(121, "altitude", &[s(2, 1)]),
    kind(125, "concentration", &[u(2, 1)]),
    kind(128, "power", &[u(2, 1)]),
    kind(130, "distance", &[u(4, 1000)]),
    kind(131, "energy", &[u(4, 1000)]),
    kind(132, "direction", &[u(2, 1)]),
    kind(133, "unixtime", &[u(4, 1)]),
    kind(134, "gyrometer", &[named("x", s(2, 100)), named("y", s(2, 100)), named("z", s(2, 100))]),
    kind(135, "colour", &[named("r", u(1, 1)), named("g", u(1, 1)), named("b", u(1, 1))]),
    kind(
        136,
        "gps",
        &[
            named("latitude", s(3, 10_000)),
            named("longitude", s(3, 10_000)),
            named("altitude", s(3, 100)),
        ],
    ),
    kind(142, "switch", &[u(1, 1)]),
];

/// What a frame means. Later values of the same type and channel replace earlier ones, with a
/// warning.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, CayenneError> {
    let mut data = Map::new();
    let mut warnings = Vec::new();
    let mut rest = bytes;
    while let Some((&channel, after)) = rest.split_first() {
        let at = bytes.len() - rest.len();
        let (&code, after) = after.split_first().ok_or(CayenneError::NoType { at })?;
        let kind = KINDS
            .iter()
            .find(|kind| kind.code == code)
            .ok_or(CayenneError::UnknownType { code, channel, at })?;
        let key = format!("{}_{channel}", kind.name);
        let Some((value, after)) = kind.read(after) else {
            let wanted = kind.fields.iter().map(|field| field.size).sum();
            return Err(CayenneError::Truncated { key, at: at + 2, wanted, left: after.len() });
        };
        if data.contains_key(&key) {
            warnings.push(format!("{key} occurs more than once; the last one counts"));
        }
        data.insert(key, value);
        rest = after;
    }
    Ok(Decoded { data: Value::Object(data), warnings })
}

/// The frame for an object with keys as [`decode`] makes them, in the order of the object's keys.
pub(super) fn encode(object: &Value) -> Result<Vec<u8>, CayenneError> {
    let object = object.as_object().ok_or(CayenneError::NotAnObject)?;
    let mut bytes = Vec::new();
    for (key, value) in object {
        let (kind, channel) =
            parse_key(key).ok_or_else(|| CayenneError::UnknownKey { key: key.clone() })?;
        bytes.extend([channel, kind.code]);
        for field in kind.fields {
            field.write(key, value, &mut bytes)?;
        }
    }
    if bytes.len() > MAX_ENCODED_BYTES {
        return Err(CayenneError::TooLong { len: bytes.len() });
    }
    Ok(bytes)
}

fn parse_key(key: &str) -> Option<(&'static Kind, u8)> {
    let (name, channel) = key.rsplit_once('_')?;
    let kind = KINDS.iter().find(|kind| kind.name == name)?;
    Some((kind, channel.parse().ok()?))
}

impl Kind {
    fn read<'a>(&self, bytes: &'a [u8]) -> Option<(Value, &'a [u8])> {
        let mut parts = Map::new();
        let mut rest = bytes;
        for field in self.fields {
            let (raw, after) = rest.split_at_checked(field.size)?;
            rest = after;
            if field.name.is_empty() {
                return Some((field.value(raw), rest));
            }
            parts.insert(field.name.to_owned(), field.value(raw));
        }
        Some((Value::Object(parts), rest))
    }
}

impl Field {
    fn value(&self, raw: &[u8]) -> Value {
        let unsigned = raw.iter().fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
        let value = if unsigned > self.range().1 { unsigned - self.span() } else { unsigned };
        if self.per_unit == 1 {
            return Value::from(value);
        }
        let scaled = as_f64(value) / f64::from(self.per_unit);
        Number::from_f64(scaled).map_or(Value::Null, Value::Number)
    }

    /// How many values `size` bytes have.
    fn span(&self) -> i64 {
        1 << (8 * self.size)
    }

    /// The smallest and the largest of them.
    fn range(&self) -> (i64, i64) {
        match self.signed {
            true => (-self.span() / 2, self.span() / 2 - 1),
            false => (0, self.span() - 1),
        }
    }

    fn write(&self, key: &str, value: &Value, bytes: &mut Vec<u8>) -> Result<(), CayenneError> {
        let (key, value) = match self.name {
            "" => (key.to_owned(), Some(value)),
            name => (format!("{key}.{name}"), value.get(name)),
        };
        let value = match value {
            Some(Value::Bool(on)) => f64::from(u8::from(*on)),
            Some(value) => value.as_f64().ok_or(CayenneError::NotANumber { key: key.clone() })?,
            None => return Err(CayenneError::NotANumber { key }),
        };
        let per_unit = f64::from(self.per_unit);
        let (min, max) = self.range();
        let steps = (value * per_unit).round();
        if !(as_f64(min)..=as_f64(max)).contains(&steps) {
            let (min, max) = (as_f64(min) / per_unit, as_f64(max) / per_unit);
            return Err(CayenneError::OutOfRange { key, value, min, max });
        }
        // In range, so the cast is exact; the upper bytes only repeat the sign.
        let steps = (steps as i64).to_be_bytes();
        bytes.extend(steps.iter().skip(steps.len() - self.size));
        Ok(())
    }
}

/// Exact: at most 32 bits are used.
fn as_f64(value: i64) -> f64 {
    value as f64
}
