//! What an action's client is: it takes some tasks and says of each what became of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::deed::Batch;
use super::task::Task;

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// The endpoint is not there: no task could be done now. Tried again while the task is young.
    Away(String),
    /// The endpoint did not do it, and may another time. Tried again a number of times.
    Retry(String),
    /// It cannot be done, now or later.
    Refused(String),
}

impl Outcome {
    /// The same for all of some tasks.
    pub fn for_all(self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        vec![self; tasks.len()]
    }
}

/// How many tasks a client takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appetite {
    /// Tasks.
    pub tasks: usize,
    /// Bytes; one task is taken in any case.
    pub bytes: u64,
    /// How long the first waits for others.
    pub open: Duration,
    /// So many do not wait any longer.
    pub full: usize,
}

impl Appetite {
    /// Up to so many tasks of a mebibyte together, whatever waits already.
    pub const fn of(tasks: usize) -> Self {
        Self { tasks, bytes: 1 << 20, open: Duration::ZERO, full: tasks }
    }

    /// Batches of this kind, `at_once` of them together.
    pub fn batched(batch: &Batch, at_once: usize) -> Self {
        let all = Self::of(batch.messages * at_once);
        // Of several topics nobody knows which batch is full first.
        let full = if batch.across_topics { batch.messages } else { all.tasks };
        Self { open: batch.open, full, ..all }
    }
}

/// Does what one action has to do.
#[async_trait]
pub trait Client: Send {
    /// How many tasks it takes at once.
    fn appetite(&self) -> Appetite;

    /// Does some tasks, at least one, in their order; answers one outcome each. Bounded in time.
    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome>;
}
