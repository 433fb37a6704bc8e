//! One kind of record in memory: by name, and by EUI or alias for those that have one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};

use super::kept::Kept;

/// How many records a walk looks at before it lets a writer in.
const STRIDE: usize = 1024;

/// Immutable records behind one lock.
///
/// A change replaces an `Arc` in the tree; who holds the old one keeps it. That costs the same
/// for ten devices and for a million, which a snapshot cloned per change would not.
pub struct Shelf<T: Kept> {
    content: RwLock<Content<T>>,
    version: AtomicU64,
}

/// What a shelf holds.
pub struct Content<T: Kept> {
    records: BTreeMap<T::Key, Arc<T>>,
    by_eui: HashMap<u64, T::Key>,
    by_alias: HashMap<Box<str>, T::Key>,
    by_link: HashMap<Box<str>, BTreeSet<T::Key>>,
}

impl<T: Kept> Default for Shelf<T> {
    fn default() -> Self {
        let content = Content {
            records: BTreeMap::new(),
            by_eui: HashMap::new(),
            by_alias: HashMap::new(),
            by_link: HashMap::new(),
        };
        Self { content: RwLock::new(content), version: AtomicU64::new(0) }
    }
}

impl<T: Kept> Content<T> {
    pub(super) fn find(&self, key: &T::Key) -> Option<&Arc<T>> {
        self.records.get(key)
    }

    pub(super) fn find_by_eui(&self, eui: u64) -> Option<&Arc<T>> {
        self.by_eui.get(&eui).and_then(|key| self.records.get(key))
    }

    pub(super) fn find_by_alias(&self, alias: &str) -> Option<&Arc<T>> {
        self.by_alias.get(alias).and_then(|key| self.records.get(key))
    }

    /// Its other names lead nowhere any more.
    fn forget_names(&mut self, record: &T) {
        if let Some(eui) = record.eui() {
            self.by_eui.remove(&eui);
        }
        if let Some(alias) = record.alias() {
            self.by_alias.remove(alias);
        }
        let key = record.key();
        for link in record.links() {
            let empty = self.by_link.get_mut(&*link).is_some_and(|keys| {
                keys.remove(&key);
                keys.is_empty()
            });
            if empty {
                self.by_link.remove(&*link);
            }
        }
    }

    /// Those that refer to this, in the order of their names.
    pub(super) fn linked(&self, link: &str) -> impl Iterator<Item = &Arc<T>> {
        let keys = self.by_link.get(link).into_iter().flatten();
        keys.filter_map(|key| self.records.get(key))
    }
}

impl<T: Kept> Shelf<T> {
    /// The content, held still while the guard lives.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Content<T>> {
        self.content.read()
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.content.read().records.len()
    }

    /// Grows with every change of a record of this kind.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Shows `record`, instead of the one that had its name.
    pub(super) fn put(&self, record: Arc<T>) {
        let mut content = self.content.write();
        if let Some(before) = content.records.insert(record.key(), Arc::clone(&record)) {
            content.forget_names(&before);
        }
        if let Some(eui) = record.eui() {
            content.by_eui.insert(eui, record.key());
        }
        if let Some(alias) = record.alias() {
            content.by_alias.insert(alias.into(), record.key());
        }
        for link in record.links() {
            content.by_link.entry(link.into()).or_default().insert(record.key());
        }
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Shows it no longer.
    pub(super) fn remove(&self, key: &T::Key) {
        let mut content = self.content.write();
        if let Some(before) = content.records.remove(key) {
            content.forget_names(&before);
        }
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Shows records in the order of their names, from behind `after` on, until `visit` says
    /// `false`. One that is there throughout is shown once; writers are let in on the way.
    pub(super) fn walk(&self, after: Option<&T::Key>, visit: &mut dyn FnMut(&Arc<T>) -> bool) {
        let mut from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        loop {
            let stride: Vec<Arc<T>> = {
                let content = self.content.read();
                let range = content.records.range((from, Bound::Unbounded));
                range.take(STRIDE).map(|(_, record)| Arc::clone(record)).collect()
            };
            if !stride.iter().all(&mut *visit) {
                return;
            }
            match stride.last() {
                Some(last) if stride.len() == STRIDE => from = Bound::Excluded(last.key()),
                _ => return,
            }
        }
    }
}
