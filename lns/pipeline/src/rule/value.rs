//! The values that SQL computes with, and how one kind becomes another.
//!
//! The conversions are those of AWS's page "Data types". What cannot be converted is `None` here,
//! and `Undefined` in the language.

use std::sync::Arc;

use bytes::Bytes;
use indexmap::IndexMap;

use super::decimal::{Decimal, fits_int};
use super::json;

/// An object: keys in the order in which they came.
pub type Object = IndexMap<Arc<str>, Value>;

/// A value. A clone is cheap: what is large is shared.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value: a key that is not there, or a function that was given what it cannot take. It is
    /// left out of JSON.
    Undefined,
    /// JSON's `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number of at most 34 digits; [`Value::int`] sees to that.
    Int(i128),
    /// A number with a point, or a large one.
    Decimal(Decimal),
    /// Text.
    String(Arc<str>),
    /// Values in order.
    Array(Arc<Vec<Value>>),
    /// Values by name.
    Object(Arc<Object>),
    /// A payload that is not JSON.
    Binary(Bytes),
}

impl Value {
    /// A whole number. One of more than 34 digits is rounded, and then a decimal.
    pub fn int(number: i128) -> Self {
        if fits_int(number) { Self::Int(number) } else { Self::Decimal(number.into()) }
    }

    /// Text.
    pub fn string(text: &str) -> Self {
        Self::String(text.into())
    }

    /// An array.
    pub fn array(items: Vec<Value>) -> Self {
        Self::Array(Arc::new(items))
    }

    /// An object.
    pub fn object(object: Object) -> Self {
        Self::Object(Arc::new(object))
    }

    /// A decimal, or `Undefined` if a computation left the range.
    pub fn decimal(number: Option<Decimal>) -> Self {
        number.map_or(Self::Undefined, Self::Decimal)
    }

    /// A decimal of double precision; `Undefined` if it is no number.
    pub fn double(number: f64) -> Self {
        Self::decimal(Decimal::from_f64(number))
    }

    /// What stands under a key of an object; `Undefined` for anything else.
    pub fn member(&self, key: &str) -> &Value {
        const UNDEFINED: &Value = &Value::Undefined;
        match self {
            Self::Object(object) => object.get(key).unwrap_or(UNDEFINED),
            Self::Undefined
            | Self::Null
            | Self::Boolean(_)
            | Self::Int(_)
            | Self::Decimal(_)
            | Self::String(_)
            | Self::Array(_)
            | Self::Binary(_) => UNDEFINED,
        }
    }

    /// Whether there is no value.
    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined)
    }

    /// The number this is, or the number that this text writes.
    pub fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Int(number) => Some((*number).into()),
            Self::Decimal(number) => Some(*number),
            Self::String(text) => Decimal::parse(text, false),
            Self::Undefined
            | Self::Null
            | Self::Boolean(_)
            | Self::Array(_)
            | Self::Object(_)
            | Self::Binary(_) => None,
        }
    }

    /// The nearest whole number; of a text's number the whole part.
    pub fn to_int(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Decimal(number) => number.round().to_int(),
            Self::String(text) => Decimal::parse(text, false)?.trunc(0).to_int(),
            Self::Undefined
            | Self::Null
            | Self::Boolean(_)
            | Self::Array(_)
            | Self::Object(_)
            | Self::Binary(_) => None,
        }
    }

    /// The largest whole number not above, which is what most functions do with their arguments.
    pub fn floor(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(*number),
            other => other.to_decimal()?.floor().to_int(),
        }
    }

    /// A boolean, or the text "true" or "false" in any case.
    pub fn to_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(truth) => Some(*truth),
            Self::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Self::Undefined
            | Self::Null
            | Self::Int(_)
            | Self::Decimal(_)
            | Self::String(_)
            | Self::Array(_)
            | Self::Object(_)
            | Self::Binary(_) => None,
        }
    }

    /// The text of this value; of an array or object, its JSON.
    pub fn to_text(&self) -> Option<Arc<str>> {
        match self {
            Self::Undefined | Self::Null | Self::Binary(_) => None,
            Self::Boolean(truth) => Some(if *truth { "true" } else { "false" }.into()),
            Self::Int(number) => Some(number.to_string().into()),
            Self::Decimal(number) => Some(number.to_string().into()),
            Self::String(text) => Some(text.clone()),
            Self::Array(_) | Self::Object(_) => Some(json::write(self).into()),
        }
    }

    /// Whether both are equal, as `=` has it. Values of different kinds are not, but numbers are
    /// numbers. `None` if either is `Undefined`.
    pub fn equals(&self, other: &Value) -> Option<bool> {
        match (self, other) {
            (Self::Undefined, _) | (_, Self::Undefined) => None,
            _ => Some(self == other),
        }
    }

    /// How long it is as JSON, more or less. Counting ends beyond the limit: parts may be shared,
    /// so that a value is larger than what it takes in memory, without end.
    pub(crate) fn size(&self, limit: usize) -> usize {
        match self {
            Self::String(text) => text.len() + 2,
            Self::Array(items) => sum(items.iter().map(|item| (1, item)), limit),
            Self::Object(object) => {
                sum(object.iter().map(|(key, value)| (key.len() + 4, value)), limit)
            }
            Self::Undefined | Self::Binary(_) => 0,
            Self::Null | Self::Boolean(_) | Self::Int(_) | Self::Decimal(_) => 5,
        }
    }
}

fn sum<'a>(parts: impl Iterator<Item = (usize, &'a Value)>, limit: usize) -> usize {
    let mut total = 2;
    for (around, value) in parts {
        total += around + value.size(limit.saturating_sub(total));
        if total > limit {
            break;
        }
    }
    total
}

impl PartialEq for Value {
    /// Equality of contents: numbers by value, objects in any order. `Undefined` is itself here.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Undefined, Self::Undefined) | (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Decimal(a), Self::Decimal(b)) => a == b,
            (Self::Int(a), Self::Decimal(b)) | (Self::Decimal(b), Self::Int(a)) => {
                Decimal::from(*a) == *b
            }
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => a == b,
            (Self::Binary(a), Self::Binary(b)) => a == b,
            _ => false,
        }
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Boolean(*truth),
            serde_json::Value::Number(number) => json::number(&number.to_string()),
            serde_json::Value::String(text) => Self::string(text),
            serde_json::Value::Array(items) => Self::array(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(object) => {
                let members = object.iter().map(|(key, value)| (key.as_str().into(), value.into()));
                Self::object(members.collect())
            }
        }
    }
}

impl From<&Value> for serde_json::Value {
    /// What JSON can say: `Undefined` and bytes are `null`, digits beyond a double's are lost.
    fn from(value: &Value) -> Self {
        match value {
            Value::Undefined | Value::Null | Value::Binary(_) => Self::Null,
            Value::Boolean(truth) => Self::Bool(*truth),
            Value::Int(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                _ => Decimal::from(*number).to_f64().into(),
            },
            Value::Decimal(number) => number.to_f64().into(),
            Value::String(text) => Self::String(text.to_string()),
            Value::Array(items) => {
                items.iter().filter(|item| !item.is_undefined()).map(Self::from).collect()
            }
            Value::Object(object) => {
                let defined = object.iter().filter(|(_, value)| !value.is_undefined());
                defined.map(|(key, value)| (key.to_string(), Self::from(value))).collect()
            }
        }
    }
}
