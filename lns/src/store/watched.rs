//! Whether the store works, for those who do not write: one line in the log when it stops and one
//! when it works again, and a word for `/healthz`.

use parking_lot::Mutex;

use super::{Store, StoreError, Table, Visit, Write};

/// What is written to see whether the store works: more than most records, as the last corner of a
/// full disk may take a small one.
const ROOM: usize = 64 << 10;
const KEY: &[u8] = b"room";

/// A store that remembers that it has failed.
pub(super) struct Watched {
    store: Box<dyn Store>,
    /// Why it failed; `None` since it was seen to work.
    trouble: Mutex<Option<String>>,
}

impl Watched {
    pub(super) fn new(store: Box<dyn Store>) -> Self {
        Self { store, trouble: Mutex::new(None) }
    }

    fn watch<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        // What is too long is the caller's fault, and nothing was tried.
        if let Err(error) = &result
            && !matches!(error, StoreError::TooLong { .. })
            && self.trouble.lock().replace(error.to_string()).is_none()
        {
            tracing::error!(%error, "the store fails; nothing is lost, it is tried again until it works");
        }
        result
    }
}

impl Store for Watched {
    fn load(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.watch(self.store.load(table, key))
    }

    fn scan(&self, table: Table, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.watch(self.store.scan(table, prefix, visit))
    }

    fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.watch(self.store.commit(writes))
    }

    fn look_again(&self) {
        if self.trouble().is_none() {
            return;
        }
        let key = || KEY.to_vec();
        let put = Write::Put { table: Table::Meta, key: key(), value: vec![0; ROOM] };
        let written = self.commit(&[put]);
        let removed = self.commit(&[Write::Delete { table: Table::Meta, key: key() }]);
        if written.is_ok() && removed.is_ok() {
            *self.trouble.lock() = None;
            tracing::info!("the store works again");
        }
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    fn size_bytes(&self) -> u64 {
        self.store.size_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, FaultyStore, MAX_KEY, MemoryStore};
    use super::*;

    #[test]
    fn trouble_lasts_until_the_store_was_seen_to_work() {
        let (store, faults) = FaultyStore::new(Box::new(MemoryStore::new()));
        let store = Watched::new(Box::new(store));
        assert_eq!(store.trouble(), None);
        let key = vec![0; MAX_KEY + 1];
        let long = Write::Put { table: Table::Shadows, key, value: Vec::new() };
        assert!(store.commit(&[long]).is_err());
        assert_eq!(store.trouble(), None, "nothing is wrong with the store");
        faults.next(1, Fault::Full);
        assert!(store.commit(&[]).is_err());
        assert!(store.trouble().is_some_and(|why| why.contains("the disk is full")));
        assert!(store.load(Table::Shadows, b"x").is_ok() && store.commit(&[]).is_ok());
        assert!(store.trouble().is_some(), "a full disk can be read, and takes something small");
        faults.next(1, Fault::Refused);
        store.look_again();
        assert!(store.trouble().is_some_and(|why| why.contains("input/output error")));
        store.look_again();
        assert_eq!(store.trouble(), None);
        assert_eq!(store.load(Table::Meta, KEY).expect("it works"), None);
        let commits = faults.commits();
        store.look_again();
        assert_eq!(faults.commits(), commits, "nothing is written while all is well");
    }
}
