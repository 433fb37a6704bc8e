//! Dead letters: which there are, by action, bounded.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

use super::task::{ActionId, DeadLetter, Found};
use crate::store::{Store, StoreError, Table};

/// The dead letters' sequences; the letters themselves are in the store.
pub(super) struct Graves {
    /// The most of one action; the oldest go first.
    limit: usize,
    letters: Mutex<BTreeMap<ActionId, Letters>>,
}

#[derive(Default)]
struct Letters {
    there: VecDeque<u64>,
    next: u64,
}

impl Graves {
    /// Reads back which letters there are.
    pub fn open(store: &dyn Store, limit: usize) -> Result<Self, StoreError> {
        let mut letters = BTreeMap::<ActionId, Letters>::new();
        store.scan(Table::DeadLetters, &[], &mut |key, _| {
            if let Some((id, sequence)) = ActionId::parse_key(key) {
                let letters = letters.entry(id).or_default();
                letters.there.push_back(sequence);
                letters.next = sequence + 1;
            }
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(Self { limit, letters: Mutex::new(letters) })
    }

    /// Room for one more letter: its sequence, and those that must go for it.
    pub fn add(&self, id: &ActionId) -> (u64, Vec<u64>) {
        let mut all = self.letters.lock();
        let letters = all.entry(id.clone()).or_default();
        let sequence = letters.next;
        letters.next += 1;
        letters.there.push_back(sequence);
        let beyond = letters.there.len().saturating_sub(self.limit);
        (sequence, letters.there.drain(..beyond).collect())
    }

    /// A letter goes.
    pub fn remove(&self, id: &ActionId, sequence: u64) {
        if let Some(letters) = self.letters.lock().get_mut(id) {
            letters.there.retain(|there| *there != sequence);
        }
    }

    /// The letters of a rule's actions, oldest first, at most `most`, and whether there are more.
    pub fn list(
        &self,
        store: &dyn Store,
        rule: &str,
        most: usize,
    ) -> Result<(Vec<Found>, bool), StoreError> {
        let mut wanted = Vec::new();
        for (id, letters) in &*self.letters.lock() {
            if &*id.rule == rule {
                wanted.extend(letters.there.iter().map(|sequence| (id.clone(), *sequence)));
            }
        }
        let more = wanted.len() > most;
        wanted.truncate(most);
        let mut found = Vec::new();
        for (id, sequence) in wanted {
            let record = store.load(Table::DeadLetters, &id.key(sequence))?;
            if let Some(letter) = record.and_then(|record| DeadLetter::decode(&record)) {
                found.push((id, sequence, letter));
            }
        }
        Ok((found, more))
    }

    /// How many letters a rule's actions have.
    pub fn count(&self, rule: &str) -> usize {
        let all = self.letters.lock();
        all.iter().filter(|(id, _)| &*id.rule == rule).map(|(_, letters)| letters.there.len()).sum()
    }
}
