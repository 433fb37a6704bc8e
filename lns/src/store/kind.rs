//! The kinds of store, as configured.

use std::fmt;
use std::str::FromStr;

/// Which implementation holds the records: `store.kind` of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Gone at exit. For tests and trials.
    Memory,
    /// The default: a log-structured embedded store.
    Sled,
    /// The second opinion: a copy-on-write B-tree in one file.
    Redb,
}

/// A name that is no kind of store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no store is called {0:?}; choose \"sled\", \"redb\" or \"memory\"")]
pub struct UnknownStoreKind(pub String);

impl StoreKind {
    /// Every kind.
    pub const ALL: [StoreKind; 3] = [StoreKind::Memory, StoreKind::Sled, StoreKind::Redb];

    /// The name in configuration files and in the data directory.
    pub const fn name(self) -> &'static str {
        match self {
            StoreKind::Memory => "memory",
            StoreKind::Sled => "sled",
            StoreKind::Redb => "redb",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for StoreKind {
    type Err = UnknownStoreKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownStoreKind(text.to_owned()))
    }
}
