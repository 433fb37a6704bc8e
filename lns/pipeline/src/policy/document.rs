//! A policy's document: read, checked, and kept in a form that is quick to apply.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::Context;
use super::action::{self, Actions};
use super::condition::Condition;
use super::resource::Resource;

/// The version of the language; variables came with it.
pub const VERSION: &str = "2012-10-17";
/// The longest document, in characters that are no white space, as AWS has it.
pub const MAX_LENGTH: usize = 2048;
/// The longest document with its white space, in bytes, as AWS's models have it.
const MAX_BYTES: usize = 404_600;

/// A document that is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub effect: Effect,
    pub actions: Actions,
    pub resources: Vec<Resource>,
    /// Whether it is about what is *not* among the resources.
    pub not_resource: bool,
    pub conditions: Vec<Condition>,
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it, and where: in its JSON, or in what it says. A field, action,
    /// operator or variable that is not known is refused, as nobody could say what it does.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let length = json.chars().filter(|letter| !letter.is_whitespace()).count();
        if length > MAX_LENGTH || json.len() > MAX_BYTES {
            return Err(Malformed(format!(
                "the policy has {length} characters without white space; at most {MAX_LENGTH} are \
                 allowed: split it"
            )));
        }
        let raw: RawPolicy = serde_json::from_str(json)
            .map_err(|error| Malformed(format!("cannot read the policy: {error}")))?;
        if raw.version != VERSION {
            let version = raw.version;
            return Err(Malformed(format!("Version is {version:?}; write \"{VERSION}\"")));
        }
        let named = |(number, raw): (usize, RawStatement)| {
            let name = raw.sid.clone().unwrap_or_else(|| format!("number {}", number + 1));
            statement(raw).map_err(|problem| Malformed(format!("statement {name}: {problem}")))
        };
        let statements = raw.statement.0.into_iter().enumerate().map(named);
        let statements: Vec<Statement> = statements.collect::<Result<_, _>>()?;
        if statements.is_empty() {
            return Err(Malformed("Statement is empty; a policy has one at least".to_owned()));
        }
        Ok(Self { statements })
    }

    pub(super) fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

impl Statement {
    /// Whether all conditions hold.
    pub fn holds(&self, context: &Context) -> bool {
        self.conditions.iter().all(|condition| condition.holds(context, self.effect))
    }
}

fn statement(raw: RawStatement) -> Result<Statement, String> {
    let actions = match (raw.action, raw.not_action) {
        (Some(named), None) => actions(&named)?,
        (None, Some(named)) => Actions::all().without(actions(&named)?),
        (Some(_), Some(_)) => return Err("it has Action and NotAction; keep one".to_owned()),
        (None, None) => return Err("it has no Action".to_owned()),
    };
    let (resources, not_resource) = match (raw.resource, raw.not_resource) {
        (Some(resources), None) => (resources, false),
        (None, Some(resources)) => (resources, true),
        (Some(_), Some(_)) => return Err("it has Resource and NotResource; keep one".to_owned()),
        (None, None) => return Err("it has no Resource".to_owned()),
    };
    if resources.0.is_empty() {
        return Err("it names no resource".to_owned());
    }
    let resources = resources.0.iter().map(|text| Resource::parse(text));
    let conditions = raw.condition.map_or_else(Vec::new, |conditions| conditions.0);
    let conditions = conditions.into_iter().flat_map(|(operator, keys)| {
        let of_key = move |(key, values): (String, OneOrMany<Scalar>)| {
            let values: Vec<String> = values.0.into_iter().map(|value| value.0).collect();
            Condition::parse(&operator, &key, &values)
        };
        keys.0.into_iter().map(of_key).collect::<Vec<_>>()
    });
    Ok(Statement {
        effect: raw.effect,
        actions,
        resources: resources.collect::<Result<_, _>>()?,
        not_resource,
        conditions: conditions.collect::<Result<_, _>>()?,
    })
}

fn actions(named: &OneOrMany<String>) -> Result<Actions, String> {
    if named.0.is_empty() {
        return Err("it names no action".to_owned());
    }
    named.0.iter().try_fold(Actions::default(), |set, text| Ok(set.or(action::read(text)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    #[serde(rename = "Version")]
    version: String,
    #[serde(rename = "Id", default)]
    _id: Option<String>,
    #[serde(rename = "Statement")]
    statement: OneOrMany<RawStatement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RawStatement {
    #[serde(default)]
    sid: Option<String>,
    effect: Effect,
    #[serde(default)]
    action: Option<OneOrMany<String>>,
    #[serde(default)]
    not_action: Option<OneOrMany<String>>,
    #[serde(default)]
    resource: Option<OneOrMany<String>>,
    #[serde(default)]
    not_resource: Option<OneOrMany<String>>,
    #[serde(default)]
    condition: Option<Entries<Entries<OneOrMany<Scalar>>>>,
}

/// An element, or a list of them.
struct OneOrMany<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one element, or a list of them")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    elements.push(element);
                }
                Ok(OneOrMany(elements))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                one(serde::de::value::MapAccessDeserializer::new(map))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                one(serde::de::value::StrDeserializer::new(text))
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
                one(serde::de::value::BoolDeserializer::new(value))
            }
        }
        fn one<'de, T, D>(element: D) -> Result<OneOrMany<T>, D::Error>
        where
            T: Deserialize<'de>,
            D: Deserializer<'de>,
        {
            T::deserialize(element).map(|element| OneOrMany(vec![element]))
        }
        deserializer.deserialize_any(Reader(std::marker::PhantomData))
    }
}

/// The entries of an object. One key twice is refused: readers differ in which of the two counts.
struct Entries<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if entries.iter().any(|(before, _)| *before == key) {
                        let problem = format_args!("{key:?} stands there twice");
                        return Err(serde::de::Error::custom(problem));
                    }
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Reader(std::marker::PhantomData))
    }
}

/// A text, or `true` or `false`, which policies write with and without quotes.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, true or false")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
