//! The one place where turns become durable and their effects are let go.
//!
//! Partitions hand over what a turn wrote and what must wait for it, and go on deciding. The
//! committer gathers whatever has come in, writes it as one group, and only then releases, in
//! order. A store that refuses is tried again until it takes the group: nothing has happened until
//! then, so nothing needs undoing, and the bounded queues behind it push back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::message::Release;
use crate::store::{Store, StoreError, Write};

/// What one turn leaves behind.
#[derive(Default)]
pub struct Batch {
    /// To be durable first, in this order.
    pub writes: Vec<Write>,
    /// To be released then, in this order.
    pub releases: Vec<Release>,
}

/// The most writes gathered into one group; more wait for the next, so that a flood cannot hold
/// back for long what came first.
const GROUP: usize = 4096;

/// How long a refused group waits before the next try, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Where released effects go, and where incidents are told.
pub trait Released {
    /// Lets one effect go.
    fn release(&mut self, release: Release);
    /// The store took a group of `writes` records in `took`.
    fn committed(&mut self, writes: usize, took: Duration);
    /// The store refused; it will be tried again after `retry_in`.
    fn refused(&mut self, error: &StoreError, retry_in: Duration);
    /// We have a bug: letting an effect go panicked. What was written is durable, the effect is lost.
    fn lost(&mut self);
    /// We have a bug: the store panicked, and nobody knows what it has taken. Nothing is released any
    /// more.
    fn broken(&mut self);
}

/// Commits batches until all senders are gone, `abandon` is set while the store refuses, or the store
/// panics.
///
/// Returns whether everything was committed.
pub fn run(
    store: Arc<dyn Store>,
    inbox: &Receiver<Batch>,
    released: &mut impl Released,
    abandon: &AtomicBool,
) -> bool {
    while let Ok(first) = inbox.recv() {
        let mut group = first;
        while group.writes.len() < GROUP {
            let Ok(next) = inbox.try_recv() else { break };
            group.writes.extend(next.writes);
            group.releases.extend(next.releases);
        }
        if !group.writes.is_empty() && !commit(&*store, &group.writes, released, abandon) {
            return false;
        }
        for release in group.releases {
            // One device's effect must not take the others' with it.
            if catch_unwind(AssertUnwindSafe(|| released.release(release))).is_err() {
                released.lost();
            }
        }
    }
    true
}

fn commit(
    store: &dyn Store,
    writes: &[Write],
    released: &mut impl Released,
    abandon: &AtomicBool,
) -> bool {
    let mut wait = RETRY.0;
    loop {
        let begun = std::time::Instant::now();
        let Ok(taken) = catch_unwind(AssertUnwindSafe(|| store.commit(writes))) else {
            released.broken();
            return false;
        };
        match taken {
            Ok(()) => {
                released.committed(writes.len(), begun.elapsed());
                return true;
            }
            Err(error) => {
                released.refused(&error, wait);
                if abandon.load(Ordering::Relaxed) {
                    return false;
                }
                std::thread::sleep(wait);
                wait = (wait * 2).min(RETRY.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use lns_lorawan::DevAddr;

    use super::*;
    use crate::store::{Table, Visit};

    struct Panicking;

    impl Store for Panicking {
        fn load(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(None)
        }
        fn scan(&self, _: Table, _: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
            let _: ControlFlow<()> = visit(&[], &[]);
            Ok(())
        }
        fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
            panic!("a bug, with {} writes", writes.len())
        }
        fn size_bytes(&self) -> u64 {
            0
        }
    }

    #[derive(Default)]
    struct Seen {
        homes: Vec<u8>,
        lost: usize,
        broken: usize,
    }

    impl Released for Seen {
        fn release(&mut self, release: Release) {
            let Release::Addresses { home, .. } = release else { panic!("addresses only") };
            assert_ne!(home, 13, "a bug");
            self.homes.push(home);
        }
        fn committed(&mut self, _: usize, _: Duration) {}
        fn refused(&mut self, _: &StoreError, _: Duration) {}
        fn lost(&mut self) {
            self.lost += 1;
        }
        fn broken(&mut self) {
            self.broken += 1;
        }
    }

    fn addresses(home: u8) -> Release {
        Release::Addresses { home, gone: Vec::new(), now: vec![DevAddr::new(1)] }
    }

    fn committed(store: Arc<dyn Store>, batch: Batch) -> (bool, Seen) {
        let (sender, inbox) = crossbeam_channel::unbounded();
        sender.send(batch).expect("the inbox is there");
        drop(sender);
        let mut seen = Seen::default();
        let all = run(store, &inbox, &mut seen, &AtomicBool::new(false));
        (all, seen)
    }

    #[test]
    fn an_effect_that_panics_is_lost_and_takes_no_other_with_it() {
        let releases = vec![addresses(1), addresses(13), addresses(2)];
        let store = Arc::new(crate::store::MemoryStore::new());
        let (all, seen) = committed(store, Batch { writes: Vec::new(), releases });
        assert!(all);
        assert_eq!((seen.homes, seen.lost, seen.broken), (vec![1, 2], 1, 0));
    }

    #[test]
    fn after_a_store_that_panics_nothing_is_released() {
        let write = Write::Delete { table: Table::Meta, key: vec![1] };
        let batch = Batch { writes: vec![write], releases: vec![addresses(1)] };
        let (all, seen) = committed(Arc::new(Panicking), batch);
        assert!(!all);
        assert_eq!((seen.homes, seen.lost, seen.broken), (Vec::new(), 0, 1));
    }
}
