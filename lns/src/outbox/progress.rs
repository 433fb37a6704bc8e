//! How far the sink is in each home's sequence of events.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use crate::message::{HOMES, Watermarks};
use crate::store::{Table, Write};

/// The key of this sink's cursors: one record a home.
const SINK: &[u8] = b"mqtt/";

/// Which events are on their way, and up to where all have been delivered.
///
/// Events are issued in the order of their sequence, and may be done in any order; the watermark
/// of a home is the last sequence before which nothing is missing.
pub struct Progress {
    homes: [Mutex<VecDeque<Issued>>; HOMES],
    delivered: Watermarks,
    stored: Mutex<[u64; HOMES]>,
}

struct Issued {
    sequence: u64,
    done: bool,
}

impl Progress {
    /// Progress from the watermarks that were read at start-up.
    pub fn new(delivered: Watermarks) -> Self {
        let stored = std::array::from_fn(|home| delivered[home].load(Ordering::Acquire));
        Progress {
            homes: std::array::from_fn(|_| Mutex::default()),
            delivered,
            stored: Mutex::new(stored),
        }
    }

    /// An event is on its way.
    pub fn issue(&self, home: u8, sequence: u64) {
        let mut issued = self.homes[usize::from(home)].lock();
        debug_assert!(issued.back().is_none_or(|last| last.sequence < sequence));
        issued.push_back(Issued { sequence, done: false });
    }

    /// An event is delivered, or given up.
    pub fn done(&self, home: u8, sequence: u64) {
        let mut issued = self.homes[usize::from(home)].lock();
        if let Ok(at) = issued.binary_search_by_key(&sequence, |event| event.sequence) {
            issued[at].done = true;
        }
        while issued.front().is_some_and(|event| event.done) {
            let first = issued.pop_front().expect("there is a front");
            self.delivered[usize::from(home)].store(first.sequence, Ordering::Release);
        }
    }

    /// The cursors that have moved since the last call, as writes.
    pub fn moved(&self) -> Vec<Write> {
        let mut stored = self.stored.lock();
        let mut writes = Vec::new();
        for (home, stored) in (0..).zip(stored.iter_mut()) {
            let delivered = self.delivered[usize::from(home)].load(Ordering::Acquire);
            if delivered != *stored {
                *stored = delivered;
                writes.push(write(home, delivered));
            }
        }
        writes
    }

    /// How many events are on their way.
    pub fn on_their_way(&self) -> usize {
        self.homes.iter().map(|home| home.lock().len()).sum()
    }
}

fn write(home: u8, delivered: u64) -> Write {
    let key = [SINK, &[home]].concat();
    Write::Put { table: Table::Cursors, key, value: delivered.to_be_bytes().to_vec() }
}

/// Reads the stored cursors into `delivered`.
pub fn read(
    store: &dyn crate::store::Store,
    delivered: &Watermarks,
) -> Result<(), crate::store::StoreError> {
    let mut cursors = BTreeMap::new();
    store.scan(Table::Cursors, SINK, &mut |key, value| {
        if let (Some(&home), Ok(value)) = (key.last(), <[u8; 8]>::try_from(value)) {
            cursors.insert(home, u64::from_be_bytes(value));
        }
        std::ops::ControlFlow::Continue(())
    })?;
    for (home, cursor) in cursors {
        if let Some(watermark) = delivered.get(usize::from(home)) {
            watermark.store(cursor, Ordering::Release);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::watermarks;
    use crate::store::{MemoryStore, Store};

    #[test]
    fn the_watermark_stops_before_the_first_event_that_is_missing() {
        let delivered = watermarks();
        let progress = Progress::new(delivered.clone());
        for sequence in [5, 6, 9] {
            progress.issue(3, sequence);
        }
        progress.done(3, 6);
        assert_eq!(delivered[3].load(Ordering::Relaxed), 0);
        progress.done(3, 5);
        assert_eq!(delivered[3].load(Ordering::Relaxed), 6);
        progress.done(3, 5);
        progress.done(3, 9);
        assert_eq!(delivered[3].load(Ordering::Relaxed), 9);
        assert_eq!(progress.on_their_way(), 0);
    }

    #[test]
    fn what_was_stored_is_read_back_and_only_what_moved_is_written() {
        let store = MemoryStore::new();
        let progress = Progress::new(watermarks());
        progress.issue(63, 7);
        progress.done(63, 7);
        store.commit(&progress.moved()).expect("memory takes it");
        assert!(progress.moved().is_empty());
        let read_back = watermarks();
        read(&store, &read_back).expect("memory gives it");
        assert_eq!(read_back[63].load(Ordering::Relaxed), 7);
        assert_eq!(read_back[0].load(Ordering::Relaxed), 0);
    }
}
