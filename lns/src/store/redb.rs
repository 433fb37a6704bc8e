//! The second store, on `redb`: one file, a copy-on-write B-tree.
//!
//! A commit is one write transaction with immediate durability, so here it is atomic as a whole,
//! which callers must not rely on.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ::redb::{Database, Durability, ReadableDatabase as _, TableDefinition};

use super::reopen::Reopening;
use super::{Store, StoreError, Table, Visit, Write, key, size};

/// redb's page cache.
const CACHE_BYTES: usize = 128 << 20;

/// The database, in the store's folder.
pub(super) const FILE: &str = "records.redb";

/// All tables in one: see [`key`].
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

/// A store on redb.
pub(super) struct RedbStore {
    dir: PathBuf,
    database: Reopening<Database>,
}

impl RedbStore {
    /// Opens, or creates, the store in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.to_owned();
        let database = Reopening::open(move || open_database(&path))?;
        Ok(Self { dir: dir.to_owned(), database })
    }
}

impl Store for RedbStore {
    fn load(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key::full(table, key);
        self.database
            .with(|database| load(database, &key).map_err(|error| failed("read the store", error)))
    }

    fn scan(&self, table: Table, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let prefix = key::full(table, prefix);
        self.database.with(|database| {
            scan(database, &prefix, visit).map_err(|error| failed("read the store", error))
        })
    }

    fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        key::check(writes)?;
        if writes.is_empty() {
            return Ok(());
        }
        self.database.with(|database| {
            commit(database, writes).map_err(|error| failed("write to the store", error))
        })
    }

    fn size_bytes(&self) -> u64 {
        size::on_disk(&self.dir)
    }
}

fn open_database(dir: &Path) -> Result<Database, StoreError> {
    let attempt = format!("open the store {}", dir.display());
    fs::create_dir_all(dir).map_err(|source| StoreError::io(&attempt, source))?;
    let file = dir.join(FILE);
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(&file)
        .map_err(|error| failed(&attempt, error.into()))?;
    create_table(&database).map_err(|error| failed(&attempt, error))?;
    size::sync_dir(dir)?;
    Ok(database)
}

fn create_table(database: &Database) -> Result<(), ::redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(RECORDS)?;
    transaction.commit()?;
    Ok(())
}

fn load(database: &Database, key: &[u8]) -> Result<Option<Vec<u8>>, ::redb::Error> {
    let records = database.begin_read()?.open_table(RECORDS)?;
    Ok(records.get(key)?.map(|value| value.value().to_vec()))
}

fn scan(database: &Database, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), ::redb::Error> {
    let records = database.begin_read()?.open_table(RECORDS)?;
    for record in records.range(prefix..)? {
        let (key, value) = record?;
        let more = key.value().starts_with(prefix)
            && visit(key::inner(key.value()), value.value()) == ControlFlow::Continue(());
        if !more {
            break;
        }
    }
    Ok(())
}

fn commit(database: &Database, writes: &[Write]) -> Result<(), ::redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    {
        let mut records = transaction.open_table(RECORDS)?;
        for write in writes {
            match write {
                Write::Put { table, key, value } => {
                    records.insert(key::full(*table, key).as_slice(), value.as_slice())?;
                }
                Write::Delete { table, key } => {
                    records.remove(key::full(*table, key).as_slice())?;
                }
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

fn failed(attempt: &str, error: ::redb::Error) -> StoreError {
    match error {
        ::redb::Error::Io(source) => StoreError::io(attempt, source),
        ::redb::Error::Corrupted(what) => {
            StoreError::Corrupt { what: format!("cannot {attempt}: redb found it damaged: {what}") }
        }
        // redb's enum, which grows.
        other => StoreError::io(attempt, io::Error::other(other)),
    }
}
