//! A store that fails on command: for tests of those who must live with one.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Store, StoreError, Table, Visit, Write};

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written, and the disk is full.
    Full,
    /// Nothing is written, and the disk reports an error.
    Refused,
    /// Only this many of the first writes are performed, and the disk reports an error.
    Torn(usize),
    /// All is written, later than usual.
    Slow(Duration),
}

/// The other end of a [`FaultyStore`]: gives the commands. Clones command the same store.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    /// How many more commits it happens to; `None` is without end.
    left: Option<u64>,
    commits: u64,
}

impl Faults {
    /// `fault` happens to the next `commits`.
    pub fn next(&self, commits: u64, fault: Fault) {
        let mut state = self.state.lock();
        state.fault = Some(fault);
        state.left = Some(commits);
    }

    /// `fault` happens to every commit until [`heal`](Self::heal).
    pub fn always(&self, fault: Fault) {
        let mut state = self.state.lock();
        state.fault = Some(fault);
        state.left = None;
    }

    /// All is well again.
    pub fn heal(&self) {
        self.state.lock().fault = None;
    }

    /// How many commits were asked for, refused ones included.
    pub fn commits(&self) -> u64 {
        self.state.lock().commits
    }

    fn draw(&self) -> Option<Fault> {
        let mut state = self.state.lock();
        state.commits += 1;
        let fault = state.fault?;
        match &mut state.left {
            None => Some(fault),
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(fault)
            }
        }
    }
}

/// Another store, with faults.
pub struct FaultyStore {
    store: Box<dyn Store>,
    faults: Faults,
}

impl FaultyStore {
    /// Wraps `store`. Nothing fails until commanded.
    pub fn new(store: Box<dyn Store>) -> (Self, Faults) {
        let faults = Faults::default();
        (Self { store, faults: faults.clone() }, faults)
    }
}

impl Store for FaultyStore {
    fn load(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.load(table, key)
    }

    fn scan(&self, table: Table, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.store.scan(table, prefix, visit)
    }

    fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        let attempt = "write to the store (a fault on command)";
        let broken = || StoreError::io(attempt, std::io::Error::other("input/output error"));
        match self.faults.draw() {
            None => self.store.commit(writes),
            Some(Fault::Full) => Err(StoreError::Full { attempt: attempt.to_owned() }),
            Some(Fault::Refused) => Err(broken()),
            Some(Fault::Torn(first)) => {
                self.store.commit(&writes[..first.min(writes.len())])?;
                Err(broken())
            }
            Some(Fault::Slow(delay)) => {
                std::thread::sleep(delay);
                self.store.commit(writes)
            }
        }
    }

    fn size_bytes(&self) -> u64 {
        self.store.size_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn put(key: u8) -> Write {
        Write::Put { table: Table::Meta, key: vec![key], value: vec![key] }
    }

    #[test]
    fn a_fault_happens_as_often_as_commanded_and_then_no_more() {
        let (store, faults) = FaultyStore::new(Box::new(MemoryStore::new()));
        store.commit(&[put(1)]).unwrap();
        faults.next(2, Fault::Full);
        for _ in 0..2 {
            assert!(matches!(store.commit(&[put(2)]), Err(StoreError::Full { .. })));
        }
        assert_eq!(store.load(Table::Meta, &[2]).unwrap(), None);
        store.commit(&[put(2)]).unwrap();
        assert_eq!(faults.commits(), 4);
    }

    #[test]
    fn a_torn_commit_leaves_its_first_writes() {
        let (store, faults) = FaultyStore::new(Box::new(MemoryStore::new()));
        faults.always(Fault::Torn(1));
        store.commit(&[put(1), put(2)]).unwrap_err();
        assert_eq!(store.load(Table::Meta, &[1]).unwrap(), Some(vec![1]));
        assert_eq!(store.load(Table::Meta, &[2]).unwrap(), None);
        faults.heal();
        store.commit(&[put(2)]).unwrap();
    }
}
