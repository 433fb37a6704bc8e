//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;
use std::path::PathBuf;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the configuration file.
    File {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// In the environment.
    Env {
        /// The variable.
        name: String,
    },
    /// On the command line.
    Flag {
        /// The flag, dashes included.
        name: &'static str,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { path, line } => write!(f, "{}:{line}", path.display()),
            Place::Env { name } => write!(f, "environment variable {name}"),
            Place::Flag { name } => write!(f, "flag {name}"),
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigProblem {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {reason}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is no TOML.
    #[error("{place}: this is no TOML: {reason}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser said.
        reason: String,
    },
    /// There is no such key.
    #[error("{place}: there is no key {key}{}", did_you_mean(*.nearest))]
    UnknownKey {
        /// As it stands there.
        key: String,
        /// Where.
        place: Place,
        /// A key that looks like it.
        nearest: Option<&'static str>,
    },
    /// The value is not what the key takes.
    #[error("{place}: {key} = {value}: {reason}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// Where.
        place: Place,
        /// As it stands there; a secret is `…`.
        value: String,
        /// What is wrong, and what to write instead.
        reason: String,
    },
    /// Two keys do not go together.
    #[error("{key}: {reason}")]
    Conflict {
        /// One of them.
        key: &'static str,
        /// What is wrong, and what to do.
        reason: String,
    },
}

fn did_you_mean(nearest: Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"))
}
