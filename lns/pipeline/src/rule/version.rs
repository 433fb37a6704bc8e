//! The versions of AWS IoT SQL.

use super::error::SqlError;
use super::value::Value;

/// A version of the language. `beta` is the newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(non_camel_case_types, reason = "the standard's spelling")]
pub enum SqlVersion {
    /// The first. A rule that names no version has it, as with AWS.
    #[default]
    V2015_10_08,
    /// With literals, nested queries, more functions; whole decimals are whole numbers.
    V2016_03_23,
}

impl SqlVersion {
    /// The version with this name.
    pub fn parse(name: &str) -> Result<Self, SqlError> {
        match name {
            "2015-10-08" => Ok(Self::V2015_10_08),
            "2016-03-23" | "beta" => Ok(Self::V2016_03_23),
            other => Err(SqlError::UnknownVersion(other.to_owned())),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2015_10_08 => "2015-10-08",
            Self::V2016_03_23 => "2016-03-23",
        }
    }

    /// A value as this version sees it: in the newer one a decimal that is whole is an `Int`.
    pub fn settle(self, value: Value) -> Value {
        match (self, &value) {
            (Self::V2016_03_23, Value::Decimal(number)) => {
                number.to_int().map_or(value, Value::Int)
            }
            _ => value,
        }
    }
}
