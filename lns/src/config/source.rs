//! Where values stand: a file, the environment, flags. Each becomes a list of assignments.

use std::fmt;
use std::path::Path;

use serde::Deserialize as _;
use toml::Spanned;
use toml::Value;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::keys::{KEYS, nearest};
use super::{ConfigProblem, Place};

/// What a value is as it was given.
pub(super) enum Given {
    /// A value of the file.
    Toml(Value),
    /// Text that has no type yet.
    Text(String),
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Toml(value) => write!(f, "{value}"),
            Given::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// One value for one key.
pub(super) struct Assignment {
    pub(super) key: String,
    pub(super) given: Given,
    pub(super) place: Place,
}

/// What flags say: which key each stands for, and its text.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    given: Vec<(&'static str, &'static str, String)>,
}

impl Overrides {
    /// The flag, dashes included, sets `key` to `text`, if it was given.
    pub fn set(&mut self, flag: &'static str, key: &'static str, text: Option<impl Into<String>>) {
        self.given.extend(text.map(|text| (flag, key, text.into())));
    }

    pub(super) fn into_assignments(self) -> impl Iterator<Item = Assignment> {
        self.given.into_iter().map(|(name, key, text)| Assignment {
            key: key.to_owned(),
            given: Given::Text(text),
            place: Place::Flag { name },
        })
    }
}

/// Every leaf of the file, with its line. What is no TOML becomes problems; the rest still counts.
pub(super) fn from_file(path: &Path, problems: &mut Vec<ConfigProblem>) -> Vec<Assignment> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let (path, reason) = (path.to_owned(), error.to_string());
            problems.push(ConfigProblem::Unreadable { path, reason });
            return Vec::new();
        }
    };
    let place = |offset: usize| {
        let before = text.get(..offset).unwrap_or(&text);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        Place::File { path: path.to_owned(), line }
    };
    let (table, errors) = DeTable::parse_recoverable(&text);
    problems.extend(errors.into_iter().map(|error| ConfigProblem::Syntax {
        place: place(error.span().map_or(0, |span| span.start)),
        reason: error.message().to_owned(),
    }));
    let mut assignments = Vec::new();
    flatten("", table.into_inner(), &mut |key, offset, value| {
        assignments.push(Assignment { key, given: Given::Toml(value), place: place(offset) });
    });
    assignments
}

/// Calls `each` with the path, the offset and the value of everything in `table` that is no table,
/// and of tables where a key should be.
fn flatten(path: &str, table: DeTable<'_>, each: &mut dyn FnMut(String, usize, Value)) {
    for (name, value) in table {
        let offset = name.span().start;
        let key = match path {
            "" => name.get_ref().to_string(),
            path => format!("{path}.{}", name.get_ref()),
        };
        let is_key = KEYS.iter().any(|known| known.name == key);
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(inner) if !is_key && !inner.is_empty() => flatten(&key, inner, each),
            // An empty section says nothing; one that does not exist is a mistake all the same.
            DeValue::Table(_) if !is_key && is_section(&key) => {}
            value => each(key, offset, value_of(Spanned::new(span, value))),
        }
    }
}

fn is_section(name: &str) -> bool {
    let below = format!("{name}.");
    KEYS.iter().any(|key| key.name.starts_with(&below))
}

fn value_of(value: Spanned<DeValue<'_>>) -> Value {
    Value::deserialize(ValueDeserializer::from(value))
        .unwrap_or_else(|error| Value::String(error.message().to_owned()))
}

/// `LNS_SECTION__KEY`. Variables that only begin alike are somebody else's (an orchestrator's
/// `LNS_SERVICE_HOST`), unless an underscore is all that keeps them from being a key.
pub(super) fn from_env(
    env: impl IntoIterator<Item = (String, String)>,
    problems: &mut Vec<ConfigProblem>,
) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for (name, text) in env {
        let Some(rest) = name.strip_prefix("LNS_") else { continue };
        let place = Place::Env { name: name.clone() };
        let key = rest.to_ascii_lowercase().replace("__", ".");
        if rest.contains("__") {
            assignments.push(Assignment { key, given: Given::Text(text), place });
        } else if let Some(meant) = nearest(&key).filter(|meant| meant.replace('.', "_") == key) {
            problems.push(ConfigProblem::UnknownKey { key, place, nearest: Some(meant) });
        }
    }
    assignments.sort_by(|a, b| a.key.cmp(&b.key));
    assignments
}
