//! One action's worker: takes what waits, has its client do it, tries again what failed.
//!
//! Each queue has a worker of its own and at most one batch in hand, so that an endpoint that is away
//! or slow delays nobody else, and what is in hand is bounded by the number of actions.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Shared;
use super::client::{Client, Outcome};
use super::committer::Order;
use super::deed::Target;
use super::outbox::{Duty, Entry, Outbox};
use super::task::{DeadLetter, ERROR_ACTION, Task};

/// The first wait after a failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The longest wait: how long a message waits at most after its endpoint is back.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long what a client was given may take, whatever it promised.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often the worker of an action that is gone looks whether it can go too.
const LEAVE: Duration = Duration::from_millis(500);

/// How long to wait when the store cannot be read.
const UNREADABLE: Duration = Duration::from_secs(5);

/// Works until the server stops.
pub(super) async fn run(outbox: Arc<Outbox>, shared: Arc<Shared>) {
    let mut duty = outbox.duty.subscribe();
    while !shared.retire(&outbox) {
        let now = duty.borrow_and_update().clone();
        let mut worker = Worker { outbox: &outbox, shared: &shared, failures: 0 };
        match now {
            Duty::Work(target) => {
                let client = shared.clients.client(&outbox.id, &target);
                worker.serve((&target, client), &mut duty).await;
                continue;
            }
            Duty::Pause => {}
            Duty::Bury => {
                worker.bury_all().await;
                // Somebody may still hold the queue, to add to it or to write what became of it.
                let _ = tokio::time::timeout(LEAVE, duty.changed()).await;
                duty.mark_changed();
            }
        }
        if duty.changed().await.is_err() {
            return;
        }
    }
}

struct Worker<'a> {
    outbox: &'a Arc<Outbox>,
    shared: &'a Arc<Shared>,
    failures: u32,
}

impl Worker<'_> {
    /// Serves one target until it changes.
    async fn serve(
        &mut self,
        (target, mut client): (&Target, Box<dyn Client>),
        changed: &mut watch::Receiver<Duty>,
    ) {
        loop {
            tokio::select! {
                biased;
                _ = changed.changed() => return,
                () = self.arrivals(1) => {}
            }
            // Not cut off by a change: what is on its way is heard of.
            let wait = self.turn(target, &mut *client).await;
            if wait > Duration::ZERO {
                tokio::select! {
                    _ = changed.changed() => return,
                    () = tokio::time::sleep(wait) => {}
                    () = self.outbox.again.notified() => self.failures = 0,
                }
            }
        }
    }

    /// Waits until so many wait.
    async fn arrivals(&self, count: usize) {
        while self.outbox.waiting() < count {
            self.outbox.arrived.notified().await;
        }
    }

    /// One batch; answers how long to wait before the next.
    async fn turn(&mut self, target: &Target, client: &mut dyn Client) -> Duration {
        let appetite = client.appetite();
        // Those that are tried again have waited for each other already.
        if self.failures == 0 {
            // Time is up: there are as many as there are.
            let _ = tokio::time::timeout(appetite.open, self.arrivals(appetite.full)).await;
        }
        let entries = self.outbox.front((appetite.tasks, appetite.bytes));
        let Ok(batch) = self.read(entries, target) else { return UNREADABLE };
        if batch.is_empty() {
            return Duration::ZERO;
        }
        let (entries, tasks): (Vec<Entry>, Vec<Arc<Task>>) = batch.into_iter().unzip();
        let outcomes = match tokio::time::timeout(PATIENCE, client.perform(&tasks)).await {
            Ok(outcomes) => outcomes,
            Err(_) => {
                Outcome::Retry(format!("it was not done within {PATIENCE:?}")).for_all(&tasks)
            }
        };
        assert_eq!(outcomes.len(), tasks.len(), "a client answers for each task");
        self.settle(&entries, &tasks, outcomes)
    }

    /// The tasks of some entries. Those that cannot be done any more are settled here.
    fn read(
        &self,
        entries: Vec<Entry>,
        target: &Target,
    ) -> Result<Vec<(Entry, Arc<Task>)>, crate::store::StoreError> {
        let now = self.shared.clock.now().micros();
        let oldest = now - self.shared.settings.max_age.as_micros() as i64;
        let mut batch = Vec::new();
        for entry in entries {
            let read = self.outbox.task(&entry, &*self.shared.store);
            let task = read.inspect_err(|error| {
                tracing::error!(action = %self.outbox.id, %error, "cannot read what an action has to do");
            })?;
            match task {
                None => {
                    tracing::error!(action = %self.outbox.id, "a queued task cannot be read; it is skipped");
                    self.outbox.meters.skipped.inc();
                    self.done(vec![entry.sequence]);
                }
                Some(task) if task.at < oldest => {
                    let age = self.shared.settings.max_age;
                    self.bury(&entry, &task, format!("it could not be done for {age:?}"));
                }
                Some(task) if !target.fits(&task.deed) => {
                    let why = format!("the rule has no action {} here any more", task.deed.kind());
                    self.bury(&entry, &task, why);
                }
                Some(task) => batch.push((entry, task)),
            }
        }
        Ok(batch)
    }

    fn settle(
        &mut self,
        entries: &[Entry],
        tasks: &[Arc<Task>],
        outcomes: Vec<Outcome>,
    ) -> Duration {
        let mut done = Vec::new();
        let mut failure = None;
        for ((entry, task), outcome) in entries.iter().zip(tasks).zip(outcomes) {
            match outcome {
                Outcome::Done => done.push(entry.sequence),
                Outcome::Refused(why) => self.bury(entry, task, why),
                Outcome::Away(why) => failure = Some(why),
                Outcome::Retry(why) => {
                    let attempts = self.outbox.tried(entry.sequence);
                    if attempts >= self.shared.settings.attempts {
                        self.bury(entry, task, format!("{why} (tried {attempts} times)"));
                    } else {
                        failure = Some(why);
                    }
                }
            }
        }
        self.outbox.meters.sent.inc_by(done.len() as u64);
        if !done.is_empty() {
            self.done(done);
        }
        self.outbox.set_failing(failure.is_some());
        let Some(why) = failure else {
            self.failures = 0;
            return Duration::ZERO;
        };
        self.failures = self.failures.saturating_add(1);
        self.outbox.meters.retried.inc();
        let wait = wait_after(self.failures);
        // The first failure and each that doubles their number: a log of a dead endpoint stays short.
        if self.failures.is_power_of_two() {
            let action = &self.outbox.id;
            let waiting = self.outbox.waiting();
            tracing::warn!(%action, waiting, retry_in = ?wait, "an action failed: {why}");
        }
        wait
    }

    fn done(&self, sequences: Vec<u64>) {
        for sequence in &sequences {
            self.outbox.remove(*sequence);
        }
        let outbox = Arc::clone(self.outbox);
        self.shared.committer.tell(Order::Done { outbox, sequences });
    }

    fn bury(&self, entry: &Entry, task: &Task, reason: String) {
        let outbox = self.outbox;
        tracing::warn!(action = %outbox.id, task = %task.id, "given up: {reason}");
        // What an error action cannot do has no error action of its own.
        let then = (outbox.id.action != ERROR_ACTION)
            .then(|| self.shared.failed(&outbox.id, task, &reason))
            .flatten();
        let letter = DeadLetter {
            task: task.clone(),
            reason,
            died_at: self.shared.clock.now().micros(),
            attempts: entry.attempts + 1,
        };
        outbox.remove(entry.sequence);
        self.shared.committer.tell(Order::Bury {
            outbox: Arc::clone(outbox),
            sequence: entry.sequence,
            letter: Box::new(letter),
            then: then.map(Box::new),
        });
    }

    /// The action is gone: what waits for it can never be done.
    async fn bury_all(&self) {
        while self.outbox.waiting() > 0 {
            for entry in self.outbox.front((256, 1 << 20)) {
                match self.outbox.task(&entry, &*self.shared.store) {
                    Ok(Some(task)) => {
                        let why = "the rule, or this action of it, was removed".to_owned();
                        self.bury(&entry, &task, why);
                    }
                    Ok(None) => self.done(vec![entry.sequence]),
                    Err(_) => tokio::time::sleep(UNREADABLE).await,
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Doubles with each failure up to a bound; up to half of it is chance, so that many actions of one
/// endpoint do not come back at once.
fn wait_after(failures: u32) -> Duration {
    let doubled = FIRST_WAIT * 2u32.saturating_pow((failures - 1).min(16));
    let whole = doubled.min(LONGEST_WAIT);
    let chance = f64::from(crate::entropy::u32()) / f64::from(u32::MAX);
    whole.mul_f64(1.0 - chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_differ_by_chance() {
        for failures in 1..40 {
            let wait = wait_after(failures);
            assert!(wait >= FIRST_WAIT / 2 && wait <= LONGEST_WAIT, "{failures}: {wait:?}");
        }
        assert!(wait_after(30) >= LONGEST_WAIT / 2);
        let waits: std::collections::BTreeSet<_> = (0..50).map(|_| wait_after(5)).collect();
        assert!(waits.len() > 10);
    }
}
