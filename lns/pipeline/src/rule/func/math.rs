//! Numbers. Functions of double precision round their arguments to it first.

use super::{Answer, Call, Function, or_undefined};
use crate::rule::decimal::Decimal;
use crate::rule::operator;
use crate::rule::value::Value;

pub const FUNCTIONS: &[Function] = &[
    Function::new("abs", |call| match call.arguments {
        [Value::Int(number)] => Ok(Value::int(number.abs())),
        _ => Ok(Value::decimal(call.number().map(Decimal::abs))),
    }),
    Function::new("acos", |call| double(call, f64::acos)),
    Function::new("asin", |call| double(call, f64::asin)),
    Function::new("atan", |call| double(call, f64::atan)),
    Function::new("atan2", |call| doubles(call, f64::atan2)),
    Function::new("bitand", |call| bits(call, |a, b| a & b)),
    Function::new("bitor", |call| bits(call, |a, b| a | b)),
    Function::new("bitxor", |call| bits(call, |a, b| a ^ b)),
    Function::new("bitnot", |call| {
        let whole = call.exactly().and_then(|[value]: &[Value; 1]| value.floor());
        or_undefined(whole.map(|number| Value::int(flipped(number))))
    }),
    Function::new("ceil", |call| whole(call, Decimal::ceil)),
    Function::new("cos", |call| double(call, f64::cos)),
    Function::new("cosh", |call| double(call, f64::cosh)),
    Function::new("exp", |call| double(call, f64::exp)),
    Function::new("floor", |call| whole(call, Decimal::floor)),
    Function::new("ln", |call| double(call, f64::ln)),
    Function::new("log", |call| double(call, f64::log10)),
    Function::new("mod", remainder),
    Function::new("nanvl", |call| match call.arguments {
        [Value::Undefined | Value::Null, other] => Ok(other.clone()),
        [value, _] => Ok(value.clone()),
        _ => Ok(Value::Undefined),
    })
    .shallow(),
    Function::new("power", |call| doubles(call, f64::powf)),
    Function::new("rand", |call| match call.arguments {
        // 53 bits are what a double between 0 and 1 can tell apart.
        [] => Ok(Value::double((call.env.dice.roll() >> 11) as f64 / (1u64 << 53) as f64)),
        _ => Ok(Value::Undefined),
    })
    .impure(),
    Function::new("remainder", remainder),
    Function::new("round", |call| whole(call, Decimal::round)),
    Function::new("sign", |call| {
        or_undefined(call.number().map(|number| Value::int(number.signum())))
    }),
    Function::new("sin", |call| double(call, f64::sin)),
    Function::new("sinh", |call| double(call, f64::sinh)),
    Function::new("sqrt", |call| double(call, f64::sqrt)),
    Function::new("tan", |call| double(call, f64::tan)),
    Function::new("tanh", |call| double(call, f64::tanh)),
    Function::new("trunc", |call| match call.arguments {
        [Value::Int(number), places] if places.floor().is_some() => Ok(Value::int(*number)),
        [number, places @ (Value::Int(_) | Value::Decimal(_))] => {
            let places = places.floor().unwrap_or(0).clamp(0, 34);
            let places = u32::try_from(places).expect("it is between 0 and 34");
            Ok(Value::decimal(number.to_decimal().map(|number| number.trunc(places))))
        }
        _ => Ok(Value::Undefined),
    }),
];

fn double(call: &mut Call<'_>, of: fn(f64) -> f64) -> Answer {
    or_undefined(call.number().map(|number| Value::double(of(number.to_f64()))))
}

fn doubles(call: &mut Call<'_>, of: fn(f64, f64) -> f64) -> Answer {
    let Some([a, b]) = call.exactly() else { return Ok(Value::Undefined) };
    let numbers = a.to_decimal().zip(b.to_decimal());
    or_undefined(numbers.map(|(a, b)| Value::double(of(a.to_f64(), b.to_f64()))))
}

/// A number rounded by one of the ways to round. One of more than 34 digits is whole already.
fn whole(call: &mut Call<'_>, round: fn(Decimal) -> Decimal) -> Answer {
    or_undefined(
        call.number()
            .map(round)
            .map(|number| number.to_int().map_or(Value::Decimal(number), Value::Int)),
    )
}

fn bits(call: &mut Call<'_>, of: fn(i128, i128) -> i128) -> Answer {
    let Some([a, b]) = call.exactly() else { return Ok(Value::Undefined) };
    let numbers = a.floor().zip(b.floor());
    or_undefined(numbers.map(|(a, b)| Value::int(of(a, b))))
}

/// AWS's example is bitnot(13) = 2: those bits are flipped that the number has.
fn flipped(number: i128) -> i128 {
    let size = number.unsigned_abs();
    let ones = size.checked_ilog2().map_or(0, |log| (1u128 << (log + 1)) - 1);
    let flipped = i128::try_from(size ^ ones).expect("an Int has fewer than 127 bits");
    flipped * if number < 0 { -1 } else { 1 }
}

fn remainder(call: &mut Call<'_>) -> Answer {
    or_undefined(call.exactly().map(|[a, b]: &[Value; 2]| operator::modulo(a, b)))
}
