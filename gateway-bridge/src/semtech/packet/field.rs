//! One value of a JSON object, taken as it comes.
//!
//! Forwarders disagree about types: `ackr` is an integer here and a float there, `datr` a text or a
//! number, and the odd one quotes everything. So every scalar is read without complaint, and its
//! user asks for what it needs.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON value. Arrays and objects are skipped, `null` counts as missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Field<'a> {
    /// Not there, or `null`.
    #[default]
    Missing,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that is not negative.
    Unsigned(u64),
    /// A negative integer.
    Signed(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// An array or object.
    Other,
}

impl Field<'_> {
    /// Is it absent?
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// As a number; a text that reads as one counts.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Unsigned(n) => Some(*n as f64),
            Self::Signed(n) => Some(*n as f64),
            Self::Float(n) => Some(*n),
            Self::Text(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            Self::Missing | Self::Bool(_) | Self::Other => None,
        }
    }

    /// As an integer from 0; `45.0` and `"45"` count.
    pub fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Unsigned(n) => Some(*n),
            Self::Float(_) | Self::Text(_) => {
                let n = self.number().filter(|n| n.fract() == 0.0 && (0.0..9.0e15).contains(n))?;
                Some(n as u64)
            }
            Self::Signed(_) | Self::Missing | Self::Bool(_) | Self::Other => None,
        }
    }

    /// As an integer.
    pub fn signed(&self) -> Option<i64> {
        match self {
            Self::Signed(n) => Some(*n),
            Self::Float(_) | Self::Text(_) => {
                let n = self.number().filter(|n| n.fract() == 0.0 && n.abs() < 9.0e15)?;
                Some(n as i64)
            }
            Self::Unsigned(n) => i64::try_from(*n).ok(),
            Self::Missing | Self::Bool(_) | Self::Other => None,
        }
    }

    /// As a smaller integer type, where it fits.
    pub fn fits<T: TryFrom<u64>>(&self) -> Option<T> {
        self.unsigned().and_then(|n| T::try_from(n).ok())
    }

    /// As a text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Missing
            | Self::Bool(_)
            | Self::Unsigned(_)
            | Self::Signed(_)
            | Self::Float(_)
            | Self::Other => None,
        }
    }

    /// As a truth value; `1` and `"true"` count.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Unsigned(0) => Some(false),
            Self::Unsigned(1) => Some(true),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Unsigned(_) | Self::Signed(_) | Self::Float(_) | Self::Missing | Self::Other => {
                None
            }
        }
    }

    /// How it looked, for an error message: at most 40 characters.
    pub fn excerpt(&self) -> String {
        match self {
            Self::Missing => "nothing".into(),
            Self::Bool(value) => value.to_string(),
            Self::Unsigned(n) => n.to_string(),
            Self::Signed(n) => n.to_string(),
            Self::Float(n) => n.to_string(),
            Self::Text(text) => format!("{:?}", text.chars().take(38).collect::<String>()),
            Self::Other => "an array or object".into(),
        }
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Field::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Field::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(value).map_or(Field::Signed(value), Field::Unsigned))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Field::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(value)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(json: &str) -> Field<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn quoted_numbers_count_as_numbers() {
        assert_eq!(field("\"-107\"").signed(), Some(-107));
        assert_eq!(field("45").unsigned(), Some(45));
        assert_eq!(field("45.0").unsigned(), Some(45));
        assert_eq!(field("45.5").unsigned(), None);
        assert_eq!(field("-1").unsigned(), None);
        assert_eq!(field("\"inf\"").number(), None);
        assert_eq!(field("300").fits::<u8>(), None);
    }

    #[test]
    fn structure_is_skipped_and_null_is_missing() {
        assert_eq!(field("[1,{\"a\":2}]"), Field::Other);
        assert_eq!(field("null"), Field::Missing);
        assert_eq!(field("\"true\"").truth(), Some(true));
        assert_eq!(field("2").truth(), None);
    }
}
