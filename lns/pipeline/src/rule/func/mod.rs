//! The functions, one family a file. AWS's page "Functions" says what each does with each kind of
//! argument; what it cannot take gives `Undefined`, and so does a wrong number of arguments.

pub mod cast;
mod collection;
mod context;
mod encoding;
mod hashing;
mod lookup;
mod math;
pub mod proto;
pub mod regexp;
mod text;
pub mod time;

pub use encoding::base64;

use super::ast::Expr;
use super::decimal::Decimal;
use super::env::Env;
use super::error::EvalError;
use super::eval::Budget;
use super::value::Value;
use super::version::SqlVersion;

/// What a function is called with.
pub struct Call<'a> {
    /// Its arguments.
    pub arguments: &'a [Value],
    /// What it may ask.
    pub env: &'a Env<'a>,
    /// The version of the statement.
    pub version: SqlVersion,
    /// What its work is paid from.
    pub budget: &'a mut Budget,
}

/// What a function gives.
pub type Answer = Result<Value, EvalError>;

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name in lower case, as far as AWS writes it so.
    pub name: &'static str,
    /// The first version that has it.
    pub since: SqlVersion,
    /// Whether the same arguments always give the same.
    pub pure: bool,
    /// Whether `*` as its first argument is the payload's bytes.
    pub raw_star: bool,
    /// Whether it looks at its arguments only from the outside, whatever is in them.
    pub shallow: bool,
    /// Whether it puts arrays or objects together, which may become large.
    pub makes: bool,
    /// What it needs when a statement is compiled.
    pub need: Need,
    /// What it does.
    pub run: fn(&mut Call<'_>) -> Answer,
}

/// What a function needs when a statement is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// Its second argument is a regular expression.
    Regex(regexp::Which),
    /// One of its arguments is a pattern of dates, another may be a zone.
    Time(time::Which),
    /// A failure of its first argument is answered by the second.
    Default,
    /// Its first argument, which is named here, must be a constant.
    ConstantFirst(&'static str),
}

/// How often a statement may decode Protocol Buffers (AWS's page "Working with binary payloads").
const MAX_PROTO_CALLS: usize = 2;

impl Function {
    /// A function of its arguments alone, of all versions.
    const fn new(name: &'static str, run: fn(&mut Call<'_>) -> Answer) -> Self {
        let since = SqlVersion::V2015_10_08;
        let (pure, raw_star, shallow, makes) = (true, false, false, false);
        Self { name, since, pure, raw_star, shallow, makes, need: Need::Nothing, run }
    }

    const fn shallow(self) -> Self {
        Self { shallow: true, ..self }
    }

    const fn makes(self) -> Self {
        Self { shallow: true, makes: true, ..self }
    }

    const fn since_2016(self) -> Self {
        Self { since: SqlVersion::V2016_03_23, ..self }
    }

    /// One that asks the message, the time, the dice or the shadows.
    const fn impure(self) -> Self {
        Self { pure: false, ..self }
    }

    /// What a statement may call a limited number of times, and how often.
    pub fn limit(&self, arguments: &[Expr]) -> Option<(&'static str, usize)> {
        let proto = |expr: &Expr| matches!(expr, Expr::Text(text) if text == "proto");
        match self.name {
            "get_registry_data" => Some((self.name, 1)),
            "decode" if arguments.get(1).is_some_and(proto) => Some((self.name, MAX_PROTO_CALLS)),
            _ => None,
        }
    }
}

/// All families.
const FAMILIES: [&[Function]; 9] = [
    cast::FUNCTIONS,
    collection::FUNCTIONS,
    context::FUNCTIONS,
    encoding::FUNCTIONS,
    hashing::FUNCTIONS,
    lookup::FUNCTIONS,
    math::FUNCTIONS,
    text::FUNCTIONS,
    time::FUNCTIONS,
];

/// The function with this name, in any case.
pub fn find(name: &str) -> Option<&'static Function> {
    let all = FAMILIES.into_iter().chain([regexp::FUNCTIONS]).flatten();
    all.into_iter().find(|function| function.name.eq_ignore_ascii_case(name))
}

/// The name of a function that only AWS can serve, and what serves in its place.
pub fn service(name: &str) -> Option<(&'static str, &'static str)> {
    const SERVICES: [(&str, &str); 4] = [
        (
            "aws_lambda",
            "decode payloads with a codec of the device profile, or send them to an http action",
        ),
        ("get_dynamodb", "keep what a rule must know in a thing's attributes or shadow"),
        ("get_secret", "write secrets into the configuration of the action's destination"),
        ("machinelearning_predict", "send the message to an http action"),
    ];
    SERVICES.into_iter().find(|(service, _)| service.eq_ignore_ascii_case(name))
}

impl Call<'_> {
    /// The arguments, if there are so many.
    fn exactly<const N: usize>(&self) -> Option<&[Value; N]> {
        self.arguments.try_into().ok()
    }

    /// The one argument as a number.
    fn number(&self) -> Option<Decimal> {
        let [value] = self.exactly()?;
        value.to_decimal()
    }

    /// Text as a value, paid for.
    fn text(&mut self, text: &str) -> Answer {
        self.budget.text(text.len())?;
        Ok(Value::string(text))
    }
}

/// What an optional value is in the language.
fn or_undefined(value: Option<Value>) -> Answer {
    Ok(value.unwrap_or(Value::Undefined))
}
