//! Regular expressions. AWS has Java's; ours are those of the `regex` crate, which take time in
//! proportion to the text, and so have no look-around and no references back to a group.

use regex::{Regex, RegexBuilder};

use super::{Answer, Call, Function, Need};
use crate::rule::error::EvalError;
use crate::rule::eval::Budget;
use crate::rule::value::Value;

/// The longest expression, in bytes.
const MAX_PATTERN_BYTES: usize = 1024;

/// The largest compiled expression, in bytes. `\w{500}` takes more.
const MAX_PROGRAM_BYTES: usize = 256 * 1024;

/// What it costs to compile an expression that is not a constant: as much as forty are compiled by
/// one evaluation at most.
const COMPILE_STEPS: usize = 12_000;

/// Which of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Whether there is a match.
    Matches,
    /// All matches replaced.
    Replace,
    /// The first match.
    Substr,
}

pub const FUNCTIONS: &[Function] = &[
    function("regexp_matches", Which::Matches, |call| dynamic(Which::Matches, call)),
    function("regexp_replace", Which::Replace, |call| dynamic(Which::Replace, call)),
    function("regexp_substr", Which::Substr, |call| dynamic(Which::Substr, call)),
];

const fn function(name: &'static str, which: Which, run: fn(&mut Call<'_>) -> Answer) -> Function {
    Function { need: Need::Regex(which), ..Function::new(name, run) }
}

/// The machine of an expression; `None` if it is none, or too large.
fn compile(pattern: &Value) -> Option<Regex> {
    let pattern = pattern.to_text()?;
    if pattern.len() > MAX_PATTERN_BYTES {
        return None;
    }
    let mut builder = RegexBuilder::new(&pattern);
    builder.size_limit(MAX_PROGRAM_BYTES).dfa_size_limit(MAX_PROGRAM_BYTES).build().ok()
}

/// An expression that is known to be one, and what replaces its matches where that is known as well.
#[derive(Debug)]
pub struct Ready {
    regex: Regex,
    parts: Option<Vec<Part>>,
}

/// A constant expression made ready, and a constant replacement; `None` if one of them is none.
pub fn ready(pattern: &Value, replacement: Option<&Value>) -> Option<Ready> {
    let regex = compile(pattern)?;
    let parts = match replacement {
        None => None,
        Some(replacement) => Some(Part::all(&replacement.to_text()?)?),
    };
    Some(Ready { regex, parts })
}

/// A call with the expression among its arguments.
fn dynamic(which: Which, call: &mut Call<'_>) -> Answer {
    let [subject, pattern, rest @ ..] = call.arguments else { return Ok(Value::Undefined) };
    call.budget.charge(COMPILE_STEPS)?;
    let Some(regex) = compile(pattern) else { return Ok(Value::Undefined) };
    let arguments: Vec<Value> = std::iter::once(subject).chain(rest).cloned().collect();
    run(which, &Ready { regex, parts: None }, &arguments, call.budget)
}

/// A call with the expression ready; it is not among the arguments.
pub fn run(which: Which, ready: &Ready, arguments: &[Value], budget: &mut Budget) -> Answer {
    let regex = &ready.regex;
    let Some((subject, rest)) = arguments.split_first() else { return Ok(Value::Undefined) };
    let Some(subject) = subject.to_text() else { return Ok(Value::Undefined) };
    budget.charge(subject.len() / 16)?;
    match (which, rest) {
        (Which::Matches, []) => Ok(Value::Boolean(regex.is_match(&subject))),
        (Which::Substr, []) => {
            let found = regex.find(&subject).map(|found| Value::string(found.as_str()));
            Ok(found.unwrap_or(Value::Undefined))
        }
        (Which::Replace, []) if ready.parts.is_some() => {
            replace(regex, &subject, ready.parts.as_deref().unwrap_or_default(), budget)
        }
        (Which::Replace, [replacement]) => match replacement.to_text().map(|text| Part::all(&text))
        {
            Some(Some(parts)) => replace(regex, &subject, &parts, budget),
            Some(None) | None => Ok(Value::Undefined),
        },
        (Which::Matches | Which::Substr | Which::Replace, _) => Ok(Value::Undefined),
    }
}

/// A part of a replacement, as Java's `Matcher.replaceAll` reads it.
#[derive(Debug)]
enum Part {
    Text(String),
    Group(usize),
    Named(String),
}

impl Part {
    /// The parts; `None` if a sign is not followed by what it announces.
    fn all(text: &str) -> Option<Vec<Self>> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut chars = text.chars().peekable();
        while let Some(first) = chars.next() {
            match first {
                '\\' => plain.push(chars.next()?),
                '$' => {
                    parts.push(Self::Text(std::mem::take(&mut plain)));
                    match chars.next()? {
                        '{' => {
                            let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                            parts.push(Self::Named(name));
                        }
                        digit => {
                            let mut group = usize::try_from(digit.to_digit(10)?).ok()?;
                            while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                                let more = group * 10 + usize::try_from(digit).ok()?;
                                if more > 99 {
                                    break;
                                }
                                group = more;
                                chars.next();
                            }
                            parts.push(Self::Group(group));
                        }
                    }
                }
                other => plain.push(other),
            }
        }
        parts.push(Self::Text(plain));
        Some(parts)
    }
}

fn replace(regex: &Regex, subject: &str, parts: &[Part], budget: &mut Budget) -> Answer {
    let mut out = String::new();
    let mut end = 0;
    for found in regex.captures_iter(subject) {
        let whole = found.get(0).expect("group 0 is the match");
        out.push_str(&subject[end..whole.start()]);
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(group) if *group < found.len() => {
                    out.push_str(found.get(*group).map_or("", |group| group.as_str()));
                }
                Part::Named(name) if regex.capture_names().flatten().any(|known| known == name) => {
                    out.push_str(found.name(name).map_or("", |group| group.as_str()));
                }
                // Java throws: the replacement names a group that the expression does not have.
                Part::Group(_) | Part::Named(_) => return Ok(Value::Undefined),
            }
        }
        end = whole.end();
        budget.charge(1 + parts.len())?;
        bounded(out.len())?;
    }
    out.push_str(&subject[end..]);
    budget.text(out.len())?;
    Ok(Value::string(&out))
}

fn bounded(length: usize) -> Result<(), EvalError> {
    // The budget is charged once, at the end; growing is watched meanwhile.
    let limit = crate::rule::eval::MAX_TEXT_BYTES;
    if length > limit { Err(EvalError::TooLarge { length, limit }) } else { Ok(()) }
}
