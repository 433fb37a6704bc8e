//! When a statement applies.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Context;
use super::document::Effect;
use super::glob::{Glob, Token};
use super::resource::Resource;
use super::template::{Template, Use};
use super::variable::Variable;

/// One line of `Condition`: an operator, a key and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    quantifier: Option<Quantifier>,
    /// Whether it is about values that are *not* there.
    negated: bool,
    /// Whether it holds when nothing is known of the key.
    if_exists: bool,
    key: Variable,
    test: Test,
}

/// Which of the key's values count, when it has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    All,
    Any,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    /// Texts, with wildcards or without; `ignore_case`: of ASCII's letters.
    Text {
        expected: Vec<Template>,
        ignore_case: bool,
    },
    Arn(Vec<Resource>),
    Ip(Vec<Network>),
    /// Whether anything is known of the key: the answers that hold.
    Absent(Vec<bool>),
}

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    bits: u128,
    length: u32,
    v4: bool,
}

impl Condition {
    /// Reads an operator, with `ForAllValues:` or `ForAnyValue:` before it and `IfExists` behind
    /// it, its key and its values.
    pub fn parse(operator: &str, key: &str, values: &[String]) -> Result<Self, String> {
        let (quantifier, name) = match operator.split_once(':') {
            Some(("ForAllValues", name)) => (Some(Quantifier::All), name),
            Some(("ForAnyValue", name)) => (Some(Quantifier::Any), name),
            Some(_) | None => (None, operator),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let Some(variable) = Variable::named(key) else {
            return Err(format!("Condition: there is no key {key:?}"));
        };
        let text = |wildcards, ignore_case| {
            let expected = values.iter().map(|value| Template::parse(value, wildcards));
            let expected = expected.collect::<Result<_, _>>()?;
            Ok::<_, String>(Test::Text { expected, ignore_case })
        };
        let (test, negated) = match name {
            "StringEquals" => (text(false, false)?, false),
            "StringNotEquals" => (text(false, false)?, true),
            "StringEqualsIgnoreCase" => (text(false, true)?, false),
            "StringNotEqualsIgnoreCase" => (text(false, true)?, true),
            "StringLike" => (text(true, false)?, false),
            "StringNotLike" => (text(true, false)?, true),
            "ArnEquals" | "ArnLike" => (arns(values)?, false),
            "ArnNotEquals" | "ArnNotLike" => (arns(values)?, true),
            "Bool" => (Test::Text { expected: truths(values)?, ignore_case: true }, false),
            "IpAddress" => (networks(values)?, false),
            "NotIpAddress" => (networks(values)?, true),
            "Null" if !if_exists && quantifier.is_none() => {
                let answers = values.iter().map(|value| truth(value)).collect::<Result<_, _>>()?;
                (Test::Absent(answers), false)
            }
            _ => {
                return Err(format!(
                    "Condition: the operator {operator:?} is not known; there are String…, Arn…, \
                     Bool, IpAddress, NotIpAddress and Null"
                ));
            }
        };
        Ok(Self { quantifier, negated, if_exists, key: variable, test })
    }

    /// Whether it holds. `effect` is that of its statement: where a value of the condition cannot
    /// be filled in, nothing is allowed.
    pub fn holds(&self, context: &Context, effect: Effect) -> bool {
        let actual = self.key.values(context);
        if let Test::Absent(answers) = &self.test {
            return answers.contains(&actual.is_none());
        }
        let Some(expected) = self.test.fill(context, effect) else { return false };
        let Some(actual) = actual else { return self.of_nothing() };
        let fits = |value: &Cow<'_, str>| {
            let value = self.test.spelled(value);
            expected.iter().any(|expected| expected.fits(&value)) != self.negated
        };
        match (self.quantifier, self.negated) {
            (Some(Quantifier::All), true | false) | (None, true) => actual.iter().all(fits),
            (Some(Quantifier::Any), true | false) | (None, false) => actual.iter().any(fits),
        }
    }

    /// Whether it holds when nothing is known of the key.
    fn of_nothing(&self) -> bool {
        match self.quantifier {
            _ if self.if_exists => true,
            Some(Quantifier::All) => true,
            Some(Quantifier::Any) => false,
            None => self.negated,
        }
    }
}

/// A value of the condition, ready to compare with.
enum Expected {
    Glob(Glob),
    Network(Network),
}

impl Expected {
    fn fits(&self, value: &str) -> bool {
        match self {
            Expected::Glob(glob) => glob.matches(value),
            Expected::Network(network) => {
                value.parse().is_ok_and(|address| network.contains(address))
            }
        }
    }
}

impl Test {
    /// The values to compare with; `None`: one is not known, and that must not allow anything.
    fn fill(&self, context: &Context, effect: Effect) -> Option<Vec<Expected>> {
        let filled: Vec<Option<Expected>> = match self {
            Test::Text { expected, ignore_case } => {
                let glob = |template: &Template| {
                    let mut tokens = template.fill(context, Use::Else)?;
                    if *ignore_case {
                        tokens.iter_mut().for_each(Token::lower);
                    }
                    Some(Expected::Glob(Glob::new(&tokens)))
                };
                expected.iter().map(glob).collect()
            }
            Test::Arn(arns) => {
                let glob = |arn: &Resource| Some(Expected::Glob(Glob::new(&arn.whole(context)?)));
                arns.iter().map(glob).collect()
            }
            Test::Ip(networks) => networks.iter().map(|n| Some(Expected::Network(*n))).collect(),
            Test::Absent(_) => Vec::new(),
        };
        match effect {
            Effect::Allow => filled.into_iter().collect(),
            Effect::Deny => Some(filled.into_iter().flatten().collect()),
        }
    }

    /// A value of the key as it is compared.
    fn spelled<'a>(&self, value: &'a str) -> Cow<'a, str> {
        match self {
            Test::Text { ignore_case: true, .. } => Cow::Owned(value.to_ascii_lowercase()),
            Test::Text { .. } | Test::Arn(_) | Test::Ip(_) | Test::Absent(_) => value.into(),
        }
    }
}

fn arns(values: &[String]) -> Result<Test, String> {
    values.iter().map(|value| Resource::parse(value)).collect::<Result<_, _>>().map(Test::Arn)
}

fn truth(text: &str) -> Result<bool, String> {
    let read = text.to_ascii_lowercase().parse();
    read.map_err(|_| format!("Condition: {text:?} is neither \"true\" nor \"false\""))
}

fn truths(values: &[String]) -> Result<Vec<Template>, String> {
    let one = |value: &String| Template::parse(&truth(value)?.to_string(), false);
    values.iter().map(one).collect()
}

fn networks(values: &[String]) -> Result<Test, String> {
    let read = |value: &String| {
        Network::parse(value).ok_or_else(|| {
            format!("Condition: {value:?} is no address and no network such as 203.0.113.0/24")
        })
    };
    values.iter().map(read).collect::<Result<_, _>>().map(Test::Ip)
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (bits, v4) = bits(address.parse().ok()?);
        let width = if v4 { 32 } else { 128 };
        let length = length.unwrap_or(width);
        (length <= width).then_some(Self { bits, length, v4 })
    }

    fn contains(self, address: IpAddr) -> bool {
        let (bits, v4) = bits(address);
        let outside = if self.v4 { 32 - self.length } else { 128 - self.length };
        let same = |a: u128, b: u128| (a ^ b).checked_shr(outside).unwrap_or(0) == 0;
        v4 == self.v4 && same(bits, self.bits)
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), true),
        IpAddr::V6(address) => (address.to_bits(), false),
    }
}
