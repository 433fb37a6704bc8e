//! Makes what actions have to do durable, in groups, and only then lets go of the message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};

use super::graves::Graves;
use super::outbox::{Bounds, Entry, Outbox};
use super::task::{DeadLetter, Task};
use crate::broker::Taken;
use crate::store::{Store, Table, Write};

/// Messages that may wait for the committer; more make the rules' workers wait.
const WAITING: usize = 1024;

/// The most writes gathered into one group.
const GROUP: usize = 4096;

/// How long a refused group waits before the next try, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// At least so long between two log lines about skipped tasks.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// A task and the queue that it belongs in.
pub(super) type Queued = (Arc<Outbox>, Task);

/// What is asked of the committer.
pub(super) enum Order {
    /// These have to be done; then the message is let go.
    Queue { tasks: Vec<Queued>, taken: Taken },
    /// These are done.
    Done { outbox: Arc<Outbox>, sequences: Vec<u64> },
    /// This one is given up; the rule's error action may have something to do.
    Bury { outbox: Arc<Outbox>, sequence: u64, letter: Box<DeadLetter>, then: Option<Box<Queued>> },
    /// These dead letters go; those whose outbox is still there are tried again.
    Exhume { letters: Vec<(super::ActionId, u64)>, again: Vec<Queued>, done: Sender<()> },
    /// Finish what came before, and end.
    Stop,
}

/// The doors to the committer.
///
/// What comes in waits for room. What is done does not: it is bounded by what workers have in hand,
/// and they must not wait for those who wait for them.
#[derive(Clone)]
pub(super) struct Committer {
    incoming: Sender<Order>,
    outcomes: Sender<Order>,
}

/// The committer's ends of its doors.
pub(super) struct Inboxes {
    incoming: Receiver<Order>,
    outcomes: Receiver<Order>,
}

pub(super) fn doors() -> (Committer, Inboxes) {
    let (incoming, incoming_inbox) = bounded(WAITING);
    let (outcomes, outcomes_inbox) = unbounded();
    let inboxes = Inboxes { incoming: incoming_inbox, outcomes: outcomes_inbox };
    (Committer { incoming, outcomes }, inboxes)
}

impl Committer {
    /// Queues tasks, waiting for room.
    pub fn queue(&self, tasks: Vec<Queued>, taken: Taken) {
        // A closed door means that the server has stopped; the sender is not told, and sends again.
        if let Err(refused) = self.incoming.send(Order::Queue { tasks, taken }) {
            keep_hold(refused.into_inner());
        }
    }

    /// Tells what became of tasks. Never waits.
    pub fn tell(&self, order: Order) {
        let _ = self.outcomes.send(order);
    }

    /// Whether there is room for more without waiting.
    pub fn has_room(&self) -> bool {
        self.incoming.len() < WAITING / 2
    }
}

/// What was not made durable must not be acknowledged: its hold is never let go.
fn keep_hold(order: Order) {
    if let Order::Queue { taken, .. } = order {
        std::mem::forget(taken);
    }
}

/// The thread's state.
pub(super) struct Thread {
    pub store: Arc<dyn Store>,
    pub graves: Arc<Graves>,
    pub bounds: Bounds,
    pub abandon: Arc<AtomicBool>,
    pub said: Option<Instant>,
}

/// One group on its way.
#[derive(Default)]
struct Group {
    writes: Vec<Write>,
    entries: Vec<(Arc<Outbox>, Entry, Arc<Task>)>,
    held: Vec<Taken>,
    told: Vec<Sender<()>>,
    stop: bool,
}

impl Thread {
    /// Works until it is told to stop, or `abandon` is set while the store refuses.
    ///
    /// Answers whether everything was committed.
    pub fn run(mut self, inboxes: &Inboxes) -> bool {
        let Inboxes { incoming, outcomes } = inboxes;
        loop {
            let first = select! {
                recv(outcomes) -> order => order.or_else(|_| incoming.recv()),
                recv(incoming) -> order => order.or_else(|_| outcomes.recv()),
            };
            let Ok(first) = first else { return true };
            let mut group = Group::default();
            self.gather(first, &mut group);
            while group.writes.len() < GROUP {
                let Ok(next) = outcomes.try_recv().or_else(|_| incoming.try_recv()) else { break };
                self.gather(next, &mut group);
            }
            if !self.commit(&group.writes) {
                group.held.into_iter().for_each(std::mem::forget);
                return false;
            }
            let beyond = self.show(group.entries);
            // Here the messages are let go.
            drop((group.held, group.told));
            if !self.commit(&beyond) {
                return false;
            }
            if group.stop && incoming.is_empty() {
                return true;
            }
        }
    }

    /// Shows durable tasks to their workers; answers the deletions of those beyond the bounds.
    fn show(&mut self, entries: Vec<(Arc<Outbox>, Entry, Arc<Task>)>) -> Vec<Write> {
        let mut writes = Vec::new();
        for (outbox, entry, task) in entries {
            outbox.meters.queued.inc();
            outbox.add(entry, Some(task));
            let gone = outbox.trim(self.bounds);
            if !gone.is_empty() {
                outbox.meters.skipped.inc_by(gone.len() as u64);
                self.say_skipped(&outbox);
            }
            let key = |old| delete(Table::ActionQueues, outbox.id.key(old));
            writes.extend(gone.into_iter().map(key));
        }
        writes
    }

    fn gather(&mut self, order: Order, group: &mut Group) {
        match order {
            Order::Queue { tasks, taken } => {
                group.held.push(taken);
                tasks.into_iter().for_each(|task| self.put(task, group));
            }
            Order::Done { outbox, sequences } => {
                for sequence in sequences {
                    group.writes.push(delete(Table::ActionQueues, outbox.id.key(sequence)));
                }
            }
            Order::Bury { outbox, sequence, letter, then } => {
                // What the error action has to do comes first, the deletion last: a crash in between
                // repeats, and loses nothing.
                if let Some(then) = then {
                    self.put(*then, group);
                }
                let (sequence_there, gone) = self.graves.add(&outbox.id);
                let (key, value) = (outbox.id.key(sequence_there), letter.encode());
                group.writes.push(Write::Put { table: Table::DeadLetters, key, value });
                for old in gone {
                    group.writes.push(delete(Table::DeadLetters, outbox.id.key(old)));
                }
                group.writes.push(delete(Table::ActionQueues, outbox.id.key(sequence)));
                outbox.meters.dead.inc();
            }
            Order::Exhume { letters, again, done } => {
                again.into_iter().for_each(|task| self.put(task, group));
                for (id, sequence) in letters {
                    self.graves.remove(&id, sequence);
                    group.writes.push(delete(Table::DeadLetters, id.key(sequence)));
                }
                group.told.push(done);
            }
            Order::Stop => group.stop = true,
        }
    }

    fn put(&self, (outbox, task): Queued, group: &mut Group) {
        let value = task.encode();
        let bytes = value.len();
        let sequence = outbox.issue();
        let key = outbox.id.key(sequence);
        group.writes.push(Write::Put { table: Table::ActionQueues, key, value });
        group.entries.push((outbox, Entry::new(sequence, bytes), Arc::new(task)));
    }

    fn say_skipped(&mut self, outbox: &Outbox) {
        if self.said.is_some_and(|said| said.elapsed() < SAY_EVERY) {
            return;
        }
        self.said = Some(Instant::now());
        tracing::warn!(
            action = %outbox.id,
            skipped = outbox.meters.skipped.get(),
            "an action is slower than its messages: the oldest that wait are skipped. See why its \
             endpoint is slow, or raise rules.queue_size or rules.queue_length"
        );
    }

    fn commit(&self, writes: &[Write]) -> bool {
        let mut wait = RETRY.0;
        if writes.is_empty() {
            return true;
        }
        loop {
            let Err(error) = self.store.commit(writes) else { return true };
            // The store itself says once that it fails, and once that it works again.
            tracing::debug!(%error, retry_in = ?wait, "the store refuses what rules' actions have to do");
            if self.abandon.load(Ordering::Relaxed) {
                return false;
            }
            std::thread::sleep(wait);
            wait = (wait * 2).min(RETRY.1);
        }
    }
}

fn delete(table: Table, key: Vec<u8>) -> Write {
    Write::Delete { table, key }
}
