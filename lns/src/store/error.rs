//! What can go wrong with a store, and what whoever is on call does about it.

use std::io;
use std::path::PathBuf;

use super::{StoreKind, Table};

/// An incident: the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, or the system in front of it, refused.
    #[error("cannot {attempt}: {source}; check the disk and the permissions of the data directory")]
    Io {
        /// What was attempted, with names: "open ./lns-data/lock".
        attempt: String,
        /// What the system said.
        source: io::Error,
    },
    /// No space left. Nothing that was acknowledged is lost; the commit can be tried again.
    #[error("cannot {attempt}: the disk is full; free some space, no restart is needed")]
    Full {
        /// What was attempted, with names.
        attempt: String,
    },
    /// What was read is not what was written.
    #[error("{what}; restore the data directory from an export or a backup")]
    Corrupt {
        /// Where, and what was found.
        what: String,
    },
    /// Another process owns the data directory.
    #[error(
        "the data directory {} is in use by {}; stop that process, or choose another directory \
         with --data", dir.display(), holder(*.pid)
    )]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// The process that holds it, where it could be read.
        pid: Option<u32>,
    },
    /// A newer release wrote here.
    #[error(
        "the data directory {} was written by a newer release (format {found}, this one knows up \
         to {known}); run that release, or choose another directory with --data", dir.display()
    )]
    VersionTooNew {
        /// The data directory.
        dir: PathBuf,
        /// The format that was found.
        found: u32,
        /// The newest format that this release opens.
        known: u32,
    },
    /// The directory holds a store of another kind. Opening a second, empty one beside it would
    /// look like losing every device.
    #[error(
        "the data directory {} holds a {found} store, and {wanted} is configured; set \
         store.kind = \"{found}\", or move the records with lns export and lns import", dir.display()
    )]
    OtherKind {
        /// The data directory.
        dir: PathBuf,
        /// What is there.
        found: StoreKind,
        /// What was asked for.
        wanted: StoreKind,
    },
    /// A key or a value beyond [`MAX_KEY`](super::MAX_KEY) or [`MAX_VALUE`](super::MAX_VALUE).
    /// Nothing of the commit was written.
    #[error("a {part} of {len} bytes for {table} is longer than the limit of {max}")]
    TooLong {
        /// For which table.
        table: Table,
        /// "key" or "value".
        part: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// An import into a store that has records already.
    #[error("the store already holds records; import into an empty data directory")]
    NotEmpty,
}

impl StoreError {
    /// An error of the system while attempting `attempt`, a full disk told apart.
    pub(crate) fn io(attempt: impl Into<String>, source: io::Error) -> Self {
        let attempt = attempt.into();
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        if full.contains(&source.kind()) {
            Self::Full { attempt }
        } else {
            Self::Io { attempt, source }
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
