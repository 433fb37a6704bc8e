//! The default store, on `sled` 0.34.
//!
//! sled is fast and sound when it is used in one way. The rules, each with a test:
//! 1. `insert` and `remove` per key only: large `apply_batch`es leak space, transactions are
//!    unproven.
//! 2. Durable means `flush` before the commit returns. No timer (`flush_every_ms(None)`): a timer's
//!    flush acknowledges what a crash then takes back.
//! 3. Recovery is a prefix of the log. All tables share one tree, so there is one order of writes.
//! 4. A snapshot that a crash cut short (`snap.*.generating`) keeps sled from opening: it is
//!    deleted first. The log it was made from is still there.
//! 5. On Linux sled ends a flush with `sync_file_range`, which leaves the file's length and the
//!    disk's own cache to luck: enough for SIGKILL, not for a power cut. So each commit adds one
//!    `fdatasync` of the log file. Large values are files of their own (`blobs/`), which sled
//!    syncs; that their names last is up to us, too.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

use super::reopen::Reopening;
use super::{Store, StoreError, Table, Visit, Write, key, size};

/// sled's page cache: at the smaller end of the 64 to 256 MB where it does well.
const CACHE_BYTES: u64 = 128 << 20;

/// sled's log, in the store's folder.
pub(super) const FILE: &str = "db";

/// How long a database that just failed may take to let go of its file.
const LET_GO: Duration = Duration::from_secs(2);

/// From this length on, a value may become a file of its own. sled does so beyond a quarter of a
/// segment, and counts the neighbours on the same page.
const LARGE: usize = 16 << 10;

/// A store on sled.
pub(super) struct SledStore {
    dir: PathBuf,
    database: Reopening<Database>,
    /// One commit at a time, so that commits do not mingle in the log.
    committing: Mutex<()>,
}

struct Database {
    db: sled::Db,
    /// The log file under a handle of our own, for `fdatasync`.
    log: File,
    blobs: PathBuf,
    /// When a file came or went there last, as far as that is synced.
    blobs_synced: Mutex<Option<SystemTime>>,
}

impl SledStore {
    /// Opens, or creates, the store in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.to_owned();
        let database = Reopening::open(move || Database::open(&path))?;
        Ok(Self { dir: dir.to_owned(), database, committing: Mutex::new(()) })
    }
}

impl Store for SledStore {
    fn load(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key::full(table, key);
        self.database.with(|database| {
            let found = database.db.get(key).map_err(|error| failed("read the store", error))?;
            Ok(found.map(|value| value.to_vec()))
        })
    }

    fn scan(&self, table: Table, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let prefix = key::full(table, prefix);
        self.database.with(|database| {
            for record in database.db.scan_prefix(prefix) {
                let (key, value) = record.map_err(|error| failed("read the store", error))?;
                if visit(key::inner(&key), &value) == ControlFlow::Break(()) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        key::check(writes)?;
        if writes.is_empty() {
            return Ok(());
        }
        let _one = self.committing.lock();
        self.database.with(|database| {
            for write in writes {
                database.write(write).map_err(|error| failed("write to the store", error))?;
            }
            database.flush()?;
            database.sync_blobs(writes.iter().any(is_large))
        })
    }

    fn size_bytes(&self) -> u64 {
        size::on_disk(&self.dir)
    }
}

impl Database {
    fn open(dir: &Path) -> Result<Self, StoreError> {
        let attempt = || format!("open the store {}", dir.display());
        delete_unfinished_snapshots(dir).map_err(|source| StoreError::io(attempt(), source))?;
        let db = open_patiently(dir).map_err(|error| failed(&attempt(), error))?;
        let log = File::open(dir.join(FILE)).map_err(|source| StoreError::io(attempt(), source))?;
        let database = Self { db, log, blobs: dir.join("blobs"), blobs_synced: Mutex::new(None) };
        database.flush()?;
        database.sync_blobs(true)?;
        size::sync_dir(dir)?;
        Ok(database)
    }

    fn write(&self, write: &Write) -> sled::Result<()> {
        match write {
            Write::Put { table, key, value } => {
                self.db.insert(key::full(*table, key), value.as_slice())?;
            }
            Write::Delete { table, key } => {
                self.db.remove(key::full(*table, key))?;
            }
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        let attempt = "flush the store";
        self.db.flush().map_err(|error| failed(attempt, error))?;
        self.log.sync_data().map_err(|source| StoreError::io(attempt, source))
    }

    /// Makes the names of large values durable, if there are new ones.
    fn sync_blobs(&self, certainly: bool) -> Result<(), StoreError> {
        let changed = fs::metadata(&self.blobs).and_then(|blobs| blobs.modified()).ok();
        let mut synced = self.blobs_synced.lock();
        if certainly || *synced != changed {
            size::sync_dir(&self.blobs)?;
            *synced = changed;
        }
        Ok(())
    }
}

fn is_large(write: &Write) -> bool {
    match write {
        Write::Put { value, .. } => value.len() >= LARGE,
        Write::Delete { .. } => false,
    }
}

fn config(dir: &Path) -> sled::Config {
    sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None)
}

/// A database that just failed is dropped by its last user, perhaps a moment from now; until then
/// it holds sled's lock. Between processes the data directory's own lock has decided already.
fn open_patiently(dir: &Path) -> sled::Result<sled::Db> {
    let give_up = Instant::now() + LET_GO;
    loop {
        match config(dir).open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock")
                    && Instant::now() < give_up =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            outcome => return outcome,
        }
    }
}

fn delete_unfinished_snapshots(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn failed(attempt: &str, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) => StoreError::io(attempt, source),
        sled::Error::Corruption { .. } => {
            StoreError::Corrupt { what: format!("cannot {attempt}: sled found it damaged") }
        }
        other => StoreError::io(attempt, io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::{dump, put};

    /// What cannot be seen from outside until it is too late is looked for in the source.
    #[test]
    fn keys_are_written_one_by_one_and_flushed_once() {
        let (source, _tests) = include_str!("sled.rs").split_once("#[cfg(test)]").unwrap();
        assert!(!source.contains("apply_batch("));
        assert!(!source.contains("transaction("));
        assert_eq!(source.matches("db.flush()").count(), 1);
        assert_eq!(source.matches("database.flush()").count(), 2, "at opening, and in a commit");
    }

    #[test]
    fn nothing_is_flushed_by_a_timer_and_the_cache_is_bounded() {
        let config = config(Path::new("nowhere"));
        assert_eq!(config.flush_every_ms, None);
        assert!((64 << 20..=256 << 20).contains(&config.cache_capacity));
    }

    #[test]
    fn a_snapshot_that_a_crash_cut_short_is_deleted_before_opening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sled");
        SledStore::open(&path).unwrap().commit(&[put(Table::Meta, "k", "v")]).unwrap();
        let unfinished = path.join("snap.FFFFFFFFFFFFFFF0.generating");
        fs::write(&unfinished, "half a snapsh").unwrap();
        assert!(config(&path).open().is_err(), "sled has learnt: rule 4 can go");
        let store = SledStore::open(&path).unwrap();
        assert_eq!(store.load(Table::Meta, b"k").unwrap(), Some(b"v".to_vec()));
        assert!(!unfinished.exists());
    }

    /// The one that leaks is `apply_batch`; what must hold is that rewriting in large groups does
    /// not grow the file for ever.
    #[test]
    fn rewriting_the_same_records_in_large_groups_does_not_grow_the_file_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let store = SledStore::open(&dir.path().join("sled")).unwrap();
        let round = |byte: u8| -> Vec<Write> {
            (0..5_000_u32)
                .map(|key| put(Table::DeviceState, key.to_be_bytes(), [byte; 200]))
                .collect()
        };
        let mut sizes = Vec::new();
        for byte in 0..30 {
            store.commit(&round(byte)).unwrap();
            sizes.push(store.size_bytes());
        }
        let one_round = 5_000 * 204;
        assert!(sizes[29] < 12 * one_round, "sizes after each round: {sizes:?}");
        assert_eq!(dump(&store).len(), 5_000);
    }

    #[test]
    fn a_store_that_is_dropped_opens_again_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sled");
        for byte in 0..5_u8 {
            let store = SledStore::open(&path).unwrap();
            store.commit(&[put(Table::Meta, [byte], [byte])]).unwrap();
            assert_eq!(dump(&store).len(), usize::from(byte) + 1);
        }
    }

    #[test]
    fn large_values_are_files_and_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sled");
        let store = SledStore::open(&path).unwrap();
        store.commit(&[put(Table::Codecs, "large", vec![7; 1 << 20])]).unwrap();
        assert!(fs::read_dir(path.join("blobs")).unwrap().count() > 0);
        drop(store);
        let store = SledStore::open(&path).unwrap();
        assert_eq!(store.load(Table::Codecs, b"large").unwrap(), Some(vec![7; 1 << 20]));
    }

    #[test]
    fn errors_of_the_disk_are_told_apart() {
        let full = sled::Error::Io(io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(failed("write", full), StoreError::Full { .. }));
        let broken = sled::Error::Io(io::Error::other("broken"));
        assert!(matches!(failed("write", broken), StoreError::Io { .. }));
        let damaged = sled::Error::Corruption { at: None, bt: () };
        assert!(matches!(failed("read", damaged), StoreError::Corrupt { .. }));
    }
}
