//! One action's queue in memory: what the store holds of it, in order, and who works on it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::deed::Target;
use super::task::{ActionId, Task};
use crate::observe::ActionMeters;
use crate::store::{Store, StoreError, Table};

/// Bytes of tasks that a queue keeps in memory besides the store; enough for a batch or two. What
/// is beyond is read when its turn comes, so that a thousand dead endpoints cost disk, not memory.
const RESIDENT: u64 = 1 << 20;

/// How much may wait for one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Tasks.
    pub tasks: usize,
    /// Bytes in the store.
    pub bytes: u64,
}

/// What a queue's worker is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Duty {
    /// What waits, there.
    Work(Arc<Target>),
    /// Nothing for now: the rule is off. What waits, waits.
    Pause,
    /// Give up what waits: there is no such action any more.
    Bury,
}

/// One action's queue.
pub struct Outbox {
    /// Whose.
    pub id: ActionId,
    /// What its worker is to do.
    pub duty: watch::Sender<Duty>,
    /// What is counted.
    pub meters: ActionMeters,
    pub(super) arrived: Notify,
    /// What failed may go well now.
    pub(super) again: Notify,
    failing: AtomicBool,
    state: Mutex<State>,
}

struct State {
    waiting: VecDeque<Entry>,
    bytes: u64,
    resident: u64,
    next: u64,
}

/// A task in the queue.
#[derive(Clone)]
pub struct Entry {
    /// Its place in the order.
    pub sequence: u64,
    /// How often it was tried.
    pub attempts: u32,
    bytes: u64,
    task: Option<Arc<Task>>,
}

impl Entry {
    /// An entry of a record of so many bytes.
    pub(super) fn new(sequence: u64, bytes: usize) -> Self {
        Self { sequence, attempts: 0, bytes: bytes as u64, task: None }
    }
}

impl Outbox {
    /// An empty queue, whose first task is `next`.
    pub(super) fn new(id: ActionId, next: u64, meters: ActionMeters) -> Self {
        let state = State { waiting: VecDeque::new(), bytes: 0, resident: 0, next };
        Self {
            id,
            duty: watch::Sender::new(Duty::Pause),
            meters,
            arrived: Notify::new(),
            again: Notify::new(),
            failing: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    /// The sequence of the next task.
    pub(super) fn issue(&self) -> u64 {
        let mut state = self.state.lock();
        state.next += 1;
        state.next - 1
    }

    /// Takes in an entry that is durable; `task` is kept in memory if there is room.
    pub(super) fn add(&self, mut entry: Entry, task: Option<Arc<Task>>) {
        let mut state = self.state.lock();
        if let Some(task) = task
            && state.resident + entry.bytes <= RESIDENT
        {
            state.resident += entry.bytes;
            entry.task = Some(task);
        }
        state.next = state.next.max(entry.sequence + 1);
        state.bytes += entry.bytes;
        state.waiting.push_back(entry);
        self.meters.waiting.set(state.waiting.len() as i64);
        drop(state);
        self.arrived.notify_one();
    }

    /// Takes the oldest entries off until the others are within the bounds; answers their sequences.
    pub(super) fn trim(&self, bounds: Bounds) -> Vec<u64> {
        let mut state = self.state.lock();
        let mut gone = Vec::new();
        while state.waiting.len() > bounds.tasks || state.bytes > bounds.bytes {
            let Some(oldest) = state.take_at(0) else { break };
            gone.push(oldest.sequence);
        }
        self.meters.waiting.set(state.waiting.len() as i64);
        gone
    }

    /// The first entries: at most `most`, the first in any case, the others while they stay within
    /// `bytes`.
    pub(super) fn front(&self, (most, bytes): (usize, u64)) -> Vec<Entry> {
        let state = self.state.lock();
        let mut sum = 0;
        let fits = |entry: &&Entry| {
            sum += entry.bytes;
            sum == entry.bytes || sum <= bytes
        };
        state.waiting.iter().take(most).take_while(fits).cloned().collect()
    }

    /// The task of an entry; read from the store if it is not in memory. `None` when its record
    /// cannot be read by this version, or is gone.
    pub(super) fn task(
        &self,
        entry: &Entry,
        store: &dyn Store,
    ) -> Result<Option<Arc<Task>>, StoreError> {
        if let Some(task) = &entry.task {
            return Ok(Some(Arc::clone(task)));
        }
        let record = store.load(Table::ActionQueues, &self.id.key(entry.sequence))?;
        Ok(record.and_then(|record| Task::decode(&record)).map(Arc::new))
    }

    /// A task was tried once more; answers how often it has been.
    pub(super) fn tried(&self, sequence: u64) -> u32 {
        let mut state = self.state.lock();
        let Ok(at) = state.find(sequence) else { return 0 };
        state.waiting[at].attempts += 1;
        state.waiting[at].attempts
    }

    /// A task is done or given up. Its record is still to be deleted.
    pub(super) fn remove(&self, sequence: u64) {
        let mut state = self.state.lock();
        if let Ok(at) = state.find(sequence) {
            state.take_at(at);
        }
        self.meters.waiting.set(state.waiting.len() as i64);
    }

    /// Says whether its endpoint failed last time.
    pub(super) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }

    /// Whether its endpoint failed last time.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> u64 {
        self.state.lock().bytes
    }
}

impl State {
    fn find(&self, sequence: u64) -> Result<usize, usize> {
        self.waiting.binary_search_by_key(&sequence, |entry| entry.sequence)
    }

    fn take_at(&mut self, at: usize) -> Option<Entry> {
        let entry = self.waiting.remove(at)?;
        self.bytes -= entry.bytes;
        if entry.task.is_some() {
            self.resident -= entry.bytes;
        }
        Some(entry)
    }
}
