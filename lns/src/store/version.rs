//! The marker in a data directory: its format, and the kind of store in it.
//!
//! `<dir>/version` is two lines of text, `lns-data 1` and `store sled`. It is written before the
//! store, so a directory with a store and no marker has been tampered with.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use super::{StoreError, StoreKind, size};

/// The newest format that this release opens, and the one it writes.
///
/// Raised when an older release could not read what this one writes. Records carry versions of
/// their own; this number is about the directory's layout and the keys.
pub const FORMAT: u32 = 1;

/// Checks that `dir` may be opened as a store of `kind`, and marks it when it is new.
pub(super) fn check(dir: &Path, kind: StoreKind) -> Result<(), StoreError> {
    let path = dir.join("version");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return mark_new(dir, kind),
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
    Ok(())
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
    let failed =
        |source| StoreError::io(format!("mark the data directory {}", dir.display()), source);
    let draft = dir.join("version.new");
    let mut file = File::create(&draft).map_err(failed)?;
    write!(file, "lns-data {FORMAT}\nstore {kind}\n").map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&draft, dir.join("version")).map_err(failed)?;
    size::sync_dir(dir)
}
