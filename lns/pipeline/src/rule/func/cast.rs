//! Kinds of values: `cast`, `isNull`, `isUndefined`.

use super::Function;
use crate::rule::decimal::Decimal;
use crate::rule::value::Value;
use crate::rule::version::SqlVersion;

pub const FUNCTIONS: &[Function] = &[
    Function::new("isNull", |call| match call.arguments {
        [value] => Ok(Value::Boolean(matches!(value, Value::Null))),
        _ => Ok(Value::Undefined),
    })
    .shallow(),
    Function::new("isUndefined", |call| match call.arguments {
        [value] => Ok(Value::Boolean(value.is_undefined())),
        _ => Ok(Value::Undefined),
    })
    .since_2016()
    .shallow(),
];

/// What a value can be cast to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// A decimal of double precision.
    Double,
    /// A decimal.
    Decimal,
    /// A boolean.
    Boolean,
}

impl Kind {
    /// The type that this keyword, in any case, stands for, and the first version that has it.
    pub fn named(name: &str) -> Option<(Self, SqlVersion)> {
        let (old, new) = (SqlVersion::V2015_10_08, SqlVersion::V2016_03_23);
        Some(match name.to_ascii_lowercase().as_str() {
            "string" | "nvarchar" | "text" | "ntext" | "varchar" => (Self::String, old),
            "int" | "integer" => (Self::Int, old),
            "double" => (Self::Double, old),
            "decimal" => (Self::Decimal, new),
            "bool" | "boolean" => (Self::Boolean, new),
            _ => return None,
        })
    }
}

/// A value as another kind; `Undefined` if it cannot be.
pub fn cast(value: &Value, kind: Kind) -> Value {
    let number = || match value {
        Value::Boolean(truth) => Decimal::from_f64(f64::from(u8::from(*truth))),
        other => other.to_decimal(),
    };
    let cast = match kind {
        Kind::String => value.to_text().map(Value::String),
        Kind::Int => match value {
            Value::Boolean(truth) => Some(Value::int(i128::from(*truth))),
            other => other.floor().map(Value::int),
        },
        Kind::Double => number().map(|number| Value::double(number.to_f64())),
        Kind::Decimal => number().map(Value::Decimal),
        Kind::Boolean => match value {
            Value::Int(_) | Value::Decimal(_) => {
                value.to_decimal().map(|number| Value::Boolean(number.signum() != 0))
            }
            other => other.to_boolean().map(Value::Boolean),
        },
    };
    cast.unwrap_or(Value::Undefined)
}
