//! What rules' actions have to do: durable queues, and a client for each kind of action.
//!
//! A task is durable before its message is let go, and is deleted after it was done: each is done at
//! least once, under the same id however often. Each action has a queue and a worker of its own, so
//! that one whose endpoint is dead delays no other. What cannot be done becomes a dead letter, with
//! its reason, and the rule's error action is given the error document.
//!
//! Who meets a rule, and what its templates make of a message, is the business of `rules`.

pub mod client;
mod clients;
mod committer;
mod confirm;
mod deed;
mod graves;
mod outbox;
mod task;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::RwLock;

pub use clients::{Clients, Hosts, Shadows, Updated, Web};
pub use deed::{
    Batch, Deed, Downlink, FileFormat, FileTarget, Headers, HttpTarget, InfluxApi, InfluxTarget,
    KafkaTarget, PostgresTarget, Target,
};
pub use outbox::{Bounds, Duty};
pub use task::{ActionId, DeadLetter, ERROR_ACTION, Found, OnFailure, Source, Task};

use crate::broker::Taken;
use crate::clock::Clock;
use crate::observe::Observer;
use crate::store::{Store, StoreError, Table};
use committer::{Committer, Order, Queued};
use graves::Graves;
use outbox::{Entry, Outbox};

/// Threads that wait for endpoints; what they do is waiting.
const THREADS: usize = 2;

/// What the room is told once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How much may wait for one action.
    pub bounds: Bounds,
    /// What could not be done for so long is given up.
    pub max_age: Duration,
    /// How often an endpoint that is there may fail to do one task.
    pub attempts: u32,
    /// Dead letters of one action.
    pub dead_letters: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bounds: Bounds { tasks: 100_000, bytes: 64 << 20 },
            max_age: Duration::from_secs(24 * 3600),
            attempts: 10,
            dead_letters: 1000,
        }
    }
}

/// What a rule's error action makes of a failure: its task.
pub trait Failures: Send + Sync {
    /// The error action's task for what an action could not do; `None` when there is none.
    fn failed(&self, action: &ActionId, task: &Task, why: &str) -> Option<Task>;
}

/// What all workers know.
struct Shared {
    settings: Settings,
    store: Arc<dyn Store>,
    clock: Clock,
    clients: Arc<Clients>,
    committer: Committer,
    failures: OnceLock<Arc<dyn Failures>>,
    outboxes: RwLock<HashMap<ActionId, Arc<Outbox>>>,
    /// Those that have a worker. Held while actions come and go.
    working: parking_lot::Mutex<HashSet<ActionId>>,
    observer: Arc<Observer>,
}

/// Who holds an outbox that nobody adds to any more: the list of all, and its worker.
const HOLDERS: usize = 2;

impl Shared {
    /// Lets go of the queue of an action that is gone, if nothing waits in it and nobody can add to
    /// it; its counters go with it. Answers whether it did.
    fn retire(&self, outbox: &Arc<Outbox>) -> bool {
        let mut working = self.working.lock();
        let mut outboxes = self.outboxes.write();
        let is_over = *outbox.duty.borrow() == Duty::Bury
            && outbox.waiting() == 0
            && Arc::strong_count(outbox) == HOLDERS;
        if is_over {
            outboxes.remove(&outbox.id);
            working.remove(&outbox.id);
            self.observer.rules.forget_action(&outbox.id.rule, &outbox.id.label());
        }
        is_over
    }

    /// What HTTP endpoints should have and waits is tried now: one of them may be allowed to.
    fn try_posts_again(&self) {
        let outboxes = self.outboxes.read();
        let posts = outboxes.values().filter(
            |outbox| matches!(&*outbox.duty.borrow(), Duty::Work(target) if matches!(**target, Target::Http(_))),
        );
        posts.for_each(|outbox| outbox.again.notify_one());
    }

    fn failed(&self, action: &ActionId, task: &Task, why: &str) -> Option<Queued> {
        let task = self.failures.get()?.failed(action, task, why)?;
        let error_action = ActionId { rule: Arc::clone(&action.rule), action: ERROR_ACTION };
        let outbox = self.outboxes.read().get(&error_action).cloned()?;
        Some((outbox, task))
    }

    fn outbox(&self, id: &ActionId, next: u64) -> Arc<Outbox> {
        let mut outboxes = self.outboxes.write();
        let made = outboxes.entry(id.clone()).or_insert_with(|| {
            let meters = self.observer.rules.action(&id.rule, &id.label());
            Arc::new(Outbox::new(id.clone(), next, meters))
        });
        Arc::clone(made)
    }
}

/// The room of the actions.
pub struct Actions {
    shared: Arc<Shared>,
    graves: Arc<Graves>,
    abandon: Arc<AtomicBool>,
    runtime: parking_lot::Mutex<Option<tokio::runtime::Runtime>>,
    committer: parking_lot::Mutex<Option<JoinHandle<bool>>>,
}

impl Actions {
    /// Reads back what waits. Nothing is done before [`apply`](Self::apply) says where.
    pub fn start(
        settings: Settings,
        (store, clients): (Arc<dyn Store>, Clients),
        (observer, clock): (Arc<Observer>, Clock),
    ) -> anyhow::Result<Self> {
        let graves = Arc::new(Graves::open(&*store, settings.dead_letters)?);
        let (committer, inboxes) = committer::doors();
        let abandon = Arc::new(AtomicBool::new(false));
        let thread = committer::Thread {
            store: Arc::clone(&store),
            graves: Arc::clone(&graves),
            bounds: settings.bounds,
            abandon: Arc::clone(&abandon),
            said: None,
        };
        let shared = Arc::new(Shared {
            settings,
            store,
            clock,
            clients: Arc::new(clients),
            committer,
            failures: OnceLock::new(),
            outboxes: RwLock::default(),
            working: parking_lot::Mutex::default(),
            observer,
        });
        read_back(&shared)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("actions")
            .enable_all()
            .build()?;
        runtime.spawn(confirm::run(Arc::clone(&shared)));
        let committer = std::thread::Builder::new()
            .name("actions-commit".into())
            .spawn(move || thread.run(&inboxes))?;
        Ok(Self {
            shared,
            graves,
            abandon,
            runtime: parking_lot::Mutex::new(Some(runtime)),
            committer: parking_lot::Mutex::new(Some(committer)),
        })
    }

    /// Who makes error actions' tasks. Once, before the first [`apply`](Self::apply).
    pub fn ask_failures_of(&self, failures: Arc<dyn Failures>) {
        let _ = self.shared.failures.set(failures);
    }

    /// Whether an action can be done by this server at all; else why not.
    pub fn check(&self, action: &ActionId, target: &Target) -> Result<(), String> {
        self.shared.clients.check(action, target)
    }

    /// Which actions there are from now on, and what each is to do. Others give up what waits.
    pub fn apply(&self, duties: &HashMap<ActionId, Duty>) {
        let mut working = self.shared.working.lock();
        for id in duties.keys() {
            self.shared.outbox(id, 1);
        }
        let outboxes: Vec<Arc<Outbox>> = self.shared.outboxes.read().values().cloned().collect();
        for outbox in outboxes {
            let duty = duties.get(&outbox.id).cloned().unwrap_or(Duty::Bury);
            outbox.duty.send_if_modified(|now| {
                let changed = *now != duty;
                if changed {
                    *now = duty;
                }
                changed
            });
            if working.insert(outbox.id.clone()) {
                self.employ(outbox);
            }
        }
    }

    /// Gives an outbox its worker.
    fn employ(&self, outbox: Arc<Outbox>) {
        if let Some(runtime) = &*self.runtime.lock() {
            runtime.spawn(worker::run(outbox, Arc::clone(&self.shared)));
        }
    }

    /// Whether tasks can be [queued](Self::queue) without waiting.
    pub fn has_room(&self) -> bool {
        self.shared.committer.has_room()
    }

    /// Queues tasks; `taken` is let go when they are durable. Waits for room: call it where that is
    /// allowed. A task of an action that was never applied is dropped.
    pub fn queue(&self, tasks: Vec<(ActionId, Task)>, taken: Taken) {
        let outboxes = self.shared.outboxes.read();
        let tasks: Vec<Queued> = tasks
            .into_iter()
            .filter_map(|(id, task)| Some((Arc::clone(outboxes.get(&id)?), task)))
            .collect();
        drop(outboxes);
        if !tasks.is_empty() {
            self.shared.committer.queue(tasks, taken);
        }
    }

    /// Queues of a rule: the action, how many tasks wait, and how many bytes.
    pub fn queues(&self, rule: &str) -> Vec<(ActionId, usize, u64)> {
        let outboxes = self.shared.outboxes.read();
        let mut queues: Vec<_> = outboxes
            .values()
            .filter(|outbox| &*outbox.id.rule == rule)
            .map(|outbox| (outbox.id.clone(), outbox.waiting(), outbox.bytes()))
            .collect();
        queues.sort();
        queues
    }

    /// How many tasks wait, of all actions.
    pub fn waiting(&self) -> usize {
        self.shared.outboxes.read().values().map(|outbox| outbox.waiting()).sum()
    }

    /// A rule's dead letters, oldest first by action, at most `most`, and whether there are more.
    pub fn dead_letters(&self, rule: &str, most: usize) -> Result<(Vec<Found>, bool), StoreError> {
        self.graves.list(&*self.shared.store, rule, most)
    }

    /// How many dead letters a rule has.
    pub fn dead(&self, rule: &str) -> usize {
        self.graves.count(rule)
    }

    /// Deletes a rule's dead letters, those of `only` if that is given, and with `again` queues what
    /// was to be done once more. Durable on return; answers how many. Blocks.
    pub fn exhume(
        &self,
        (rule, only): (&str, Option<uuid::Uuid>),
        again: bool,
    ) -> Result<usize, StoreError> {
        let (mut letters, _) = self.dead_letters(rule, usize::MAX)?;
        letters.retain(|(_, _, letter)| only.is_none_or(|id| letter.task.id == id));
        let outboxes = self.shared.outboxes.read();
        // What nobody could try again stays.
        letters.retain(|(id, _, _)| !again || outboxes.contains_key(id));
        let now = self.shared.clock.now().micros();
        let tasks: Vec<Queued> = letters
            .iter()
            .filter(|_| again)
            .filter_map(|(id, _, letter)| {
                let task = Task { at: now, ..letter.task.clone() };
                Some((Arc::clone(outboxes.get(id)?), task))
            })
            .collect();
        drop(outboxes);
        let count = letters.len();
        let letters = letters.into_iter().map(|(id, sequence, _)| (id, sequence)).collect();
        let (done, wait) = crossbeam_channel::bounded(1);
        self.shared.committer.tell(Order::Exhume { letters, again: tasks, done });
        // An error means that the committer drops what it was told, or told us so.
        let _ = wait.recv();
        Ok(count)
    }

    /// Waits until nothing waits, at most for `patience`, then ends the threads. What still waits is
    /// in the store. Answers whether everything that was taken is durable.
    pub fn stop(&self, patience: Duration) -> bool {
        let give_up = Instant::now() + patience;
        while self.is_busy() && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(runtime) = self.runtime.lock().take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
        self.abandon.store(true, Ordering::Relaxed);
        self.shared.committer.tell(Order::Stop);
        match self.committer.lock().take() {
            Some(thread) => thread.join().unwrap_or(false),
            None => true,
        }
    }

    /// Whether something waits that is not waiting for an endpoint that is away.
    fn is_busy(&self) -> bool {
        self.shared.outboxes.read().values().any(|outbox| {
            outbox.waiting() > 0
                && !outbox.is_failing()
                && matches!(&*outbox.duty.borrow(), Duty::Work(_))
        })
    }
}

/// Reads the queues back.
fn read_back(shared: &Shared) -> Result<(), StoreError> {
    let mut unreadable = 0;
    shared.store.scan(Table::ActionQueues, &[], &mut |key, record| {
        match ActionId::parse_key(key).filter(|_| Task::is_known(record)) {
            Some((id, sequence)) => {
                shared.outbox(&id, sequence).add(Entry::new(sequence, record.len()), None);
            }
            None => unreadable += 1,
        }
        std::ops::ControlFlow::Continue(())
    })?;
    if unreadable > 0 {
        tracing::error!(
            unreadable,
            "queued tasks of rules' actions cannot be read; they stay in the store"
        );
    }
    Ok(())
}
