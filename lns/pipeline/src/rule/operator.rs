//! What stands between two values. AWS's page "Operators" says what of which kinds gives what.

use std::cmp::Ordering;

use super::ast::Operator;
use super::decimal::Decimal;
use super::error::EvalError;
use super::eval::{Budget, MAX_TEXT_BYTES};
use super::value::Value;

/// Both values and what stands between them.
pub fn apply(
    operator: Operator,
    left: &Value,
    right: &Value,
    budget: &mut Budget,
) -> Result<Value, EvalError> {
    Ok(match operator {
        Operator::Or => logic(left, right, |a, b| a || b),
        Operator::And => logic(left, right, |a, b| a && b),
        Operator::Equal => truth(equal(left, right, budget)?),
        Operator::NotEqual => truth(equal(left, right, budget)?.map(|equal| !equal)),
        Operator::Less => compared(left, right, Ordering::is_lt),
        Operator::LessOrEqual => compared(left, right, Ordering::is_le),
        Operator::Greater => compared(left, right, Ordering::is_gt),
        Operator::GreaterOrEqual => compared(left, right, Ordering::is_ge),
        Operator::In => contained(left, right, budget)?,
        Operator::Plus => return plus(left, right, budget),
        Operator::Minus => arithmetic(left, right, i128::checked_sub, Decimal::minus),
        Operator::Times => arithmetic(left, right, i128::checked_mul, Decimal::times),
        Operator::Divide => arithmetic(left, right, i128::checked_div, Decimal::divided_by),
        Operator::Modulo => modulo(left, right),
    })
}

/// What a division leaves, with the sign of the first: `%`, `mod` and `remainder`.
pub fn modulo(left: &Value, right: &Value) -> Value {
    arithmetic(left, right, i128::checked_rem, Decimal::remainder)
}

/// Not this truth value.
pub fn not(operand: &Value) -> Value {
    truth(operand.to_boolean().map(|truth| !truth))
}

/// The number with the other sign.
pub fn negative(operand: &Value) -> Value {
    match operand {
        Value::Int(number) => Value::int(-number),
        other => Value::decimal(other.to_decimal().map(Decimal::negated)),
    }
}

/// Equality of two values, at the price of the smaller of them.
pub fn equal(left: &Value, right: &Value, budget: &mut Budget) -> Result<Option<bool>, EvalError> {
    budget.charge(left.size(MAX_TEXT_BYTES).min(right.size(MAX_TEXT_BYTES)) / 16)?;
    Ok(left.equals(right))
}

fn truth(truth: Option<bool>) -> Value {
    truth.map_or(Value::Undefined, Value::Boolean)
}

fn logic(left: &Value, right: &Value, of: impl Fn(bool, bool) -> bool) -> Value {
    truth(left.to_boolean().zip(right.to_boolean()).map(|(a, b)| of(a, b)))
}

fn compared(left: &Value, right: &Value, holds: impl Fn(Ordering) -> bool) -> Value {
    let ordering = match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        _ => left.to_decimal().zip(right.to_decimal()).map(|(a, b)| a.cmp(&b)),
    };
    truth(ordering.map(holds))
}

fn contained(left: &Value, right: &Value, budget: &mut Budget) -> Result<Value, EvalError> {
    let Value::Array(items) = right else { return Ok(Value::Undefined) };
    if left.is_undefined() {
        return Ok(Value::Undefined);
    }
    for item in items.iter() {
        budget.charge(1)?;
        if equal(left, item, budget)? == Some(true) {
            return Ok(Value::Boolean(true));
        }
    }
    Ok(Value::Boolean(false))
}

fn plus(left: &Value, right: &Value, budget: &mut Budget) -> Result<Value, EvalError> {
    match (left, right) {
        (Value::String(_), _) | (_, Value::String(_)) => {
            let texts = left.to_text().zip(right.to_text());
            let Some((a, b)) = texts else { return Ok(Value::Undefined) };
            budget.text(a.len() + b.len())?;
            Ok(Value::String(format!("{a}{b}").into()))
        }
        _ => Ok(arithmetic(left, right, i128::checked_add, Decimal::plus)),
    }
}

/// Whole numbers give a whole one, all others a decimal. What has no result is `Undefined`.
fn arithmetic(
    left: &Value,
    right: &Value,
    whole: impl Fn(i128, i128) -> Option<i128>,
    decimal: impl Fn(Decimal, Decimal) -> Option<Decimal>,
) -> Value {
    if let (Value::Int(a), Value::Int(b)) = (left, right)
        && let Some(number) = whole(*a, *b)
    {
        return Value::int(number);
    }
    // Whole numbers out of an i128's range or divided by zero: the decimals say which.
    let numbers = left.to_decimal().zip(right.to_decimal());
    Value::decimal(numbers.and_then(|(a, b)| decimal(a, b)))
}
