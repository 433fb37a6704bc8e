//! The one place where turns become durable and their effects are let go.
//!
//! Partitions hand over what a turn wrote and what must wait for it, and go on deciding. The
//! committer gathers whatever has come in, writes it as one group, and only then releases, in
//! order. A store that refuses is tried again until it takes the group: nothing has happened until
//! then, so nothing needs undoing, and the bounded queues behind it push back.

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
}

/// Commits batches until all senders are gone, or `abandon` is set while the store refuses.
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
            released.release(release);
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
        match store.commit(writes) {
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
