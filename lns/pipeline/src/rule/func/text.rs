//! Text. Positions and lengths count characters.

use std::sync::Arc;

use super::{Answer, Call, Function, or_undefined};
use crate::rule::value::Value;

/// The widest padding.
const MAX_PADDING: i128 = 1000;

pub const FUNCTIONS: &[Function] = &[
    Function::new("chr", |call| {
        let code = call.number().and_then(|number| number.floor().to_int());
        let ascii = code.and_then(|code| u8::try_from(code).ok()).filter(u8::is_ascii);
        or_undefined(ascii.map(|code| Value::string(char::from(code).encode_utf8(&mut [0; 4]))))
    }),
    Function::new("concat", concat).makes(),
    Function::new("endswith", |call| compare(call, |text, end| text.ends_with(end))),
    Function::new("indexof", |call| {
        let Some([Some(text), Some(wanted)]) = texts(call) else { return Ok(Value::Undefined) };
        let at = text.find(&*wanted).map(|at| text[..at].chars().count());
        Ok(Value::int(at.and_then(|at| i128::try_from(at).ok()).unwrap_or(-1)))
    })
    .since_2016(),
    Function::new("length", |call| count(call, |text| text.chars().count())).since_2016(),
    Function::new("lower", |call| changed(call, |text| text.to_lowercase())),
    Function::new("lpad", |call| padded(call, |text, spaces| format!("{spaces}{text}"))),
    Function::new("ltrim", |call| changed(call, |text| text.trim_start().to_owned())),
    Function::new("numbytes", |call| count(call, str::len)).since_2016(),
    Function::new("replace", replace),
    Function::new("rpad", |call| padded(call, |text, spaces| format!("{text}{spaces}"))),
    Function::new("rtrim", |call| changed(call, |text| text.trim_end().to_owned())),
    Function::new("startswith", |call| compare(call, |text, start| text.starts_with(start))),
    Function::new("substring", |call| or_undefined(substring(call.arguments))),
    Function::new("trim", |call| changed(call, |text| text.trim().to_owned())),
    Function::new("upper", |call| changed(call, |text| text.to_uppercase())),
];

/// So many arguments as texts.
fn texts<const N: usize>(call: &Call<'_>) -> Option<[Option<Arc<str>>; N]> {
    call.exactly::<N>().map(|values| values.each_ref().map(Value::to_text))
}

fn changed(call: &mut Call<'_>, change: fn(&str) -> String) -> Answer {
    match texts(call) {
        Some([Some(text)]) => call.text(&change(&text)),
        Some([None]) | None => Ok(Value::Undefined),
    }
}

fn count(call: &mut Call<'_>, count: fn(&str) -> usize) -> Answer {
    match texts(call) {
        Some([Some(text)]) => or_undefined(i128::try_from(count(&text)).ok().map(Value::int)),
        Some([None]) | None => Ok(Value::Undefined),
    }
}

fn compare(call: &mut Call<'_>, holds: fn(&str, &str) -> bool) -> Answer {
    match texts(call) {
        Some([Some(text), Some(other)]) => Ok(Value::Boolean(holds(&text, &other))),
        Some(_) | None => Ok(Value::Undefined),
    }
}

fn padded(call: &mut Call<'_>, pad: fn(&str, &str) -> String) -> Answer {
    let Some([text, width]) = call.exactly() else { return Ok(Value::Undefined) };
    // A number too large to be an Int is wide enough, or less than nothing.
    let width = width.to_decimal().map(|number| {
        let beyond = if number.signum() < 0 { 0 } else { MAX_PADDING };
        number.floor().to_int().unwrap_or(beyond).clamp(0, MAX_PADDING)
    });
    let width = width.and_then(|width| usize::try_from(width).ok());
    match text.to_text().zip(width) {
        Some((text, width)) => call.text(&pad(&text, &" ".repeat(width))),
        None => Ok(Value::Undefined),
    }
}

/// With an array among them all become one array, else all become one text.
fn concat(call: &mut Call<'_>) -> Answer {
    if call.arguments.is_empty() {
        return Ok(Value::Undefined);
    }
    if call.arguments.iter().any(|value| matches!(value, Value::Array(_))) {
        let mut items = Vec::new();
        for argument in call.arguments {
            match argument {
                Value::Array(more) => {
                    call.budget.charge(more.len())?;
                    items.extend(more.iter().cloned());
                }
                other => items.push(other.clone()),
            }
        }
        return Ok(Value::array(items));
    }
    let texts: Option<Vec<_>> = call.arguments.iter().map(Value::to_text).collect();
    let Some(texts) = texts else { return Ok(Value::Undefined) };
    call.budget.text(texts.iter().map(|text| text.len()).sum())?;
    Ok(Value::string(&texts.concat()))
}

fn replace(call: &mut Call<'_>) -> Answer {
    let Some([Some(text), Some(old), Some(new)]) = texts(call) else {
        return Ok(Value::Undefined);
    };
    let found = text.matches(&*old).count();
    // What it takes at most, so that it is refused before it is made.
    call.budget.text(text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(Value::string(&text.replace(&*old, &new)))
}

fn substring(arguments: &[Value]) -> Option<Value> {
    let (text, bounds) = arguments.split_first()?;
    let text = text.to_text()?;
    let length = text.chars().count();
    let bound = |value: &Value| -> Option<usize> {
        let number = value.to_decimal()?;
        let beyond = if number.signum() < 0 { 0 } else { length };
        let whole = number.floor().to_int();
        Some(whole.map_or(beyond, |at| usize::try_from(at.max(0)).unwrap_or(length).min(length)))
    };
    let (from, to) = match bounds {
        [from] => (bound(from)?, length),
        [from, to] => (bound(from)?, bound(to)?),
        _ => return None,
    };
    let cut: String = text.chars().skip(from).take(to.saturating_sub(from)).collect();
    Some(Value::string(&cut))
}
