//! Where bytes go to be there again tomorrow.
//!
//! A store is a few synchronous verbs and a contract, and a contract suite runs against
//! every implementation, crash images included. It knows tables and keys; what a record
//! means is its owner's business.
//!
//! What callers build on:
//! * a commit is durable when it returns, and only then may anything leave the process;
//! * after a crash, what is there is a *prefix of the writes of all commits, in order*. Every
//!   acknowledged commit is in it. Of the one that was under way, any number of its first writes
//!   may be there: each write is atomic, a commit of several is not. So dependent records are
//!   written in order, the one that others rely on first;
//! * a commit that fails may have happened in part. Read back what you own before you go on.

#[cfg(any(test, feature = "test-support"))]
pub mod contract;
mod error;
mod export;
#[cfg(any(test, feature = "test-support"))]
mod faulty;
mod key;
mod kind;
mod lock;
mod memory;
mod redb;
mod reopen;
mod size;
mod sled;
mod table;
mod version;
mod watched;

use std::ops::ControlFlow;
use std::path::Path;

pub use error::StoreError;
pub use export::{Exported, export, import};
#[cfg(any(test, feature = "test-support"))]
pub use faulty::{Fault, Faults, FaultyStore};
pub use kind::{StoreKind, UnknownStoreKind};
pub use lock::DirLock;
pub use memory::MemoryStore;
pub use table::Table;
pub use version::FORMAT;

/// One change of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The record at `key` becomes `value`, whether or not there was one.
    Put {
        /// Which table.
        table: Table,
        /// Any bytes, none included; at most [`MAX_KEY`].
        key: Vec<u8>,
        /// Any bytes, none included; at most [`MAX_VALUE`].
        value: Vec<u8>,
    },
    /// There is no record at `key` any more, whether or not there was one.
    Delete {
        /// Which table.
        table: Table,
        /// Any bytes, none included; at most [`MAX_KEY`].
        key: Vec<u8>,
    },
}

/// The longest key, in bytes. Keys are identifiers and sequences; a longer one is a bug.
pub const MAX_KEY: usize = 1024;

/// The longest value, in bytes: a large codec script with room to spare. Hot records are ≤ 1 KB.
pub const MAX_VALUE: usize = 8 << 20;

/// What [`Store::scan`] calls with each key and value. `Break` ends the scan.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// A durable ordered map per [`Table`].
///
/// Verbs block: call them from a thread that may. Readers never wait for a commit's disk, and may
/// see a commit's writes before it returns.
pub trait Store: Send + Sync + 'static {
    /// The value at `key`.
    fn load(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows every record whose key starts with `prefix`, in key order (bytewise).
    ///
    /// Records that are committed while the scan runs may or may not be shown; each that was there
    /// throughout is shown once.
    fn scan(&self, table: Table, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError>;

    /// Performs `writes` in order; durable on return. See the [module](self) for what a crash
    /// leaves.
    fn commit(&self, writes: &[Write]) -> Result<(), StoreError>;

    /// Why it fails, until it was [seen](Self::look_again) to work.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Writes something to see whether it works, if it has failed.
    fn look_again(&self) {}

    /// Bytes on disk (in memory for the memory store), approximately. For a gauge.
    fn size_bytes(&self) -> u64;
}

/// Opens, or creates, the store of `kind` in the data directory `dir`, which it owns from now on.
///
/// [`StoreKind::Memory`] does not touch `dir`.
pub fn open(kind: StoreKind, dir: &Path) -> Result<Box<dyn Store>, StoreError> {
    let open: fn(&Path) -> Result<Box<dyn Store>, StoreError> = match kind {
        StoreKind::Memory => return Ok(Box::new(MemoryStore::new())),
        StoreKind::Sled => |dir| Ok(Box::new(sled::SledStore::open(dir)?)),
        StoreKind::Redb => |dir| Ok(Box::new(redb::RedbStore::open(dir)?)),
    };
    let lock = DirLock::acquire(dir)?;
    let was_opened = version::check(dir, kind)?;
    let store = watched::Watched::new(open(&dir.join(kind.name()))?);
    if !was_opened {
        version::note_opened(dir, kind)?;
    }
    Ok(Box::new(Owned { store, _lock: lock }))
}

/// A store and the lock of its directory, released in this order.
struct Owned {
    store: watched::Watched,
    _lock: DirLock,
}

impl Store for Owned {
    fn load(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.load(table, key)
    }

    fn scan(&self, table: Table, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.store.scan(table, prefix, visit)
    }

    fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.store.commit(writes)
    }

    fn trouble(&self) -> Option<String> {
        self.store.trouble()
    }

    fn look_again(&self) {
        self.store.look_again();
    }

    fn size_bytes(&self) -> u64 {
        self.store.size_bytes()
    }
}
