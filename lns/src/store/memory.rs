//! A store that is gone at exit: for tests, the simulated world and `store.kind = "memory"`.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use parking_lot::RwLock;

use super::{Store, StoreError, Table, Visit, Write, key};

/// Records in a sorted map. Its commits are atomic as a whole, which callers must not rely on.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn load(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records.read().get(&key::full(table, key)).cloned())
    }

    fn scan(&self, table: Table, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let prefix = key::full(table, prefix);
        let mut from = Bound::Included(prefix.clone());
        // The lock is released between records: a visitor may commit, and a long scan blocks nobody.
        loop {
            let next = self
                .records
                .read()
                .range((from, Bound::Unbounded))
                .next()
                .map(|(key, value)| (key.clone(), value.clone()));
            let Some((key, value)) = next.filter(|(key, _)| key.starts_with(&prefix)) else {
                return Ok(());
            };
            if visit(key::inner(&key), &value) == ControlFlow::Break(()) {
                return Ok(());
            }
            from = Bound::Excluded(key);
        }
    }

    fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        key::check(writes)?;
        let mut records = self.records.write();
        for write in writes {
            match write {
                Write::Put { table, key, value } => {
                    records.insert(key::full(*table, key), value.clone());
                }
                Write::Delete { table, key } => {
                    records.remove(&key::full(*table, key));
                }
            }
        }
        Ok(())
    }

    fn size_bytes(&self) -> u64 {
        let records = self.records.read();
        records.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }
}
