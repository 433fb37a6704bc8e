//! The marker in a data directory: its format, and the kind of store in it.
//!
//! `<dir>/version` is lines of text: `lns-data 1`, `store sled`, and `opened` once the store was there.
//! It is written before the store, so a directory with a store and no marker has been tampered with;
//! and so has one whose store was there and is not.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{StoreError, StoreKind, redb, size, sled};

/// The newest format that this release opens, and the one it writes.
///
/// Raised when an older release could not read what this one writes. Records carry versions of
/// their own; this number is about the directory's layout and the keys.
pub const FORMAT: u32 = 1;

/// Checks that `dir` may be opened as a store of `kind`, and marks it when it is new. Whether the
/// store was opened before.
pub(super) fn check(dir: &Path, kind: StoreKind) -> Result<bool, StoreError> {
    let path = dir.join("version");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return mark_new(dir, kind).map(|()| false);
        }
        text => {
            text.map_err(|source| StoreError::io(format!("read {}", path.display()), source))?
        }
    };
    let (found, store) = parse(&text).ok_or_else(|| StoreError::Corrupt {
        what: format!("{} is no version marker: {text:?}", path.display()),
    })?;
    if found > FORMAT {
        return Err(StoreError::VersionTooNew { dir: dir.to_owned(), found, known: FORMAT });
    }
    if store != kind {
        return Err(StoreError::OtherKind { dir: dir.to_owned(), found: store, wanted: kind });
    }
    let is_opened = text.lines().any(|line| line == OPENED);
    if let Some(file) = file_of(dir, kind).filter(|file| is_opened && !file.exists()) {
        return Err(StoreError::Corrupt {
            what: format!(
                "the data directory {} has had a {kind} store, and its file {} is gone (to start \
                 with nothing, remove the file \"version\", too)",
                dir.display(),
                file.display()
            ),
        });
    }
    Ok(is_opened)
}

/// Notes that the store has been opened: from now on it is missed when it is not there.
pub(super) fn note_opened(dir: &Path, kind: StoreKind) -> Result<(), StoreError> {
    write(dir, &format!("{}{OPENED}\n", head(kind)))
}

const OPENED: &str = "opened";

/// The file without which there is no store of this kind.
fn file_of(dir: &Path, kind: StoreKind) -> Option<PathBuf> {
    let file = match kind {
        StoreKind::Memory => return None,
        StoreKind::Sled => sled::FILE,
        StoreKind::Redb => redb::FILE,
    };
    Some(dir.join(kind.name()).join(file))
}

fn head(kind: StoreKind) -> String {
    format!("lns-data {FORMAT}\nstore {kind}\n")
}

fn parse(text: &str) -> Option<(u32, StoreKind)> {
    let mut lines = text.lines();
    let format = lines.next()?.strip_prefix("lns-data ")?.parse().ok()?;
    // A newer release may say more, or name a store that is not known here.
    let kind = lines.next().and_then(|line| line.strip_prefix("store ")).map(str::parse);
    match kind {
        Some(Ok(kind)) => Some((format, kind)),
        _ if format > FORMAT => Some((format, StoreKind::Memory)),
        _ => None,
    }
}

fn mark_new(dir: &Path, kind: StoreKind) -> Result<(), StoreError> {
    for other in StoreKind::ALL {
        if dir.join(other.name()).exists() {
            return Err(StoreError::Corrupt {
                what: format!(
                    "the data directory {} holds a {other} store without its file \"version\"",
                    dir.display()
                ),
            });
        }
    }
    write(dir, &head(kind))
}

fn write(dir: &Path, text: &str) -> Result<(), StoreError> {
    let failed =
        |source| StoreError::io(format!("mark the data directory {}", dir.display()), source);
    let draft = dir.join("version.new");
    let mut file = File::create(&draft).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&draft, dir.join("version")).map_err(failed)?;
    size::sync_dir(dir)
}
