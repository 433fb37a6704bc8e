//! What the stores on disk share: how much they hold, and a directory's own durability.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::StoreError;

/// Bytes that the files under `dir` occupy. Zero for what cannot be read: it feeds a gauge.
pub(super) fn on_disk(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, meta)| if meta.is_dir() { on_disk(&path) } else { meta.blocks() * 512 })
        .sum()
}

/// Makes the names of the files that were created in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| StoreError::io(format!("sync the directory {}", dir.display()), source))
}
