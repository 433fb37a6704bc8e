//! Rules: which of them a publication meets, and what they make of it.
//!
//! A publication goes to one of a few workers, by its topic, so that messages of one topic keep
//! their order. The worker evaluates the rules whose filter matches, found by a trie, and hands what
//! their actions have to do to the [actions](crate::actions), which let go of the publication when
//! all of it is durable. Rules that change do so between two messages.

mod compiled;
mod deeds;
mod knowledge;
mod worker;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use lns_pipeline::rule::Rule;
use parking_lot::{Mutex, RwLock};

pub use compiled::BASIC_INGEST;
pub use knowledge::{Knowledge, Sheets};

use crate::actions::Actions;
use crate::broker::{Broker, Listener, Publication, Taken};
use crate::clock::Clock;
use crate::observe::Observer;
use crate::registry::{Registry, TopicRule};
use compiled::Compiled;
use worker::Worker;

/// How many rules may make a message, each from the one before: a circle of rules ends here.
pub const MAX_HOPS: u8 = 8;

/// Publications that may wait for one worker; more and the broker holds their senders.
const MAILBOX: usize = 4096;

/// How often the registry is looked at by itself. Whoever changes a rule has it
/// [followed](Rules::follow) at once.
const LOOK: Duration = Duration::from_millis(20);

/// A version that no registry has.
const NONE_SEEN: u64 = u64::MAX;

/// What the room works with.
pub struct Surroundings {
    /// The rules.
    pub registry: Arc<Registry>,
    /// Who does what they say.
    pub actions: Arc<Actions>,
    /// Whom to tell what is listened to.
    pub broker: Arc<dyn Broker>,
    /// Metrics.
    pub observer: Arc<Observer>,
    /// The clock.
    pub clock: Clock,
    /// What rules may ask besides.
    pub knowledge: Knowledge,
    /// Whether lines of files must be on the disk before they count as written.
    pub is_synced: bool,
}

/// What the room and its workers share.
struct Shared {
    surroundings: Surroundings,
    compiled: RwLock<Arc<Compiled>>,
    /// The version of the registry's rules that was last looked at.
    seen: AtomicU64,
    stopping: AtomicBool,
    /// Held while rules change.
    changing: Mutex<()>,
}

/// To a worker.
type Job = (Publication, Taken);

/// The room.
pub struct Rules {
    shared: Arc<Shared>,
    mailboxes: RwLock<Vec<Sender<Job>>>,
    hasher: RandomState,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Rules {
    /// The room, with the rules that there are, and its workers.
    pub fn start(surroundings: Surroundings, workers: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            surroundings,
            compiled: RwLock::default(),
            seen: AtomicU64::new(NONE_SEEN),
            stopping: AtomicBool::new(false),
            changing: Mutex::new(()),
        });
        let actions = &shared.surroundings.actions;
        actions.ask_failures_of(Arc::new(worker::ErrorActions(Arc::downgrade(&shared))));
        shared.change();
        let (mut mailboxes, mut threads) = (Vec::new(), Vec::new());
        for number in 0..workers.max(1) {
            let (mailbox, inbox) = unbounded();
            let worker = Worker::new(Arc::clone(&shared));
            let thread = std::thread::Builder::new().name(format!("rules-{number}"));
            threads.push(thread.spawn(move || worker.run(&inbox))?);
            mailboxes.push(mailbox);
        }
        threads.push(watch(Arc::downgrade(&shared))?);
        Ok(Rules {
            shared,
            mailboxes: RwLock::new(mailboxes),
            hasher: RandomState::new(),
            threads: Mutex::new(threads),
        })
    }

    /// The registry's rules are in force when this returns. Cheap when they have not changed.
    pub fn follow(&self) {
        self.shared.follow();
    }

    /// Whether this server can do all that a rule's actions want; else why not.
    pub fn check(&self, rule: &Rule) -> Result<(), String> {
        let Surroundings { actions, is_synced, .. } = &self.shared.surroundings;
        compiled::actions(rule).try_for_each(|(id, action)| {
            let target = deeds::target(action, *is_synced);
            let checked = target.map_or(Ok(()), |target| actions.check(&id, &target));
            checked.map_err(|why| format!("action {}: {why}", id.label()))
        })
    }

    /// What a rule that is not stored would make of a message: what it selects and what its actions
    /// would do, without doing it.
    pub fn test(
        &self,
        rule: &serde_json::Value,
        topic: &str,
        payload: &[u8],
    ) -> Result<serde_json::Value, String> {
        worker::test(&self.shared, rule, (topic, payload))
    }

    /// Publications that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.mailboxes.read().iter().map(Sender::len).sum()
    }

    /// Lets the workers finish what has come, and ends them. Nothing is heard any more.
    pub fn stop(&self) {
        self.mailboxes.write().clear();
        self.shared.stopping.store(true, Ordering::Release);
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a worker of the rules has panicked; please report this");
            }
        }
    }
}

/// Follows the registry though no message comes: the broker must know what to listen to.
fn watch(shared: Weak<Shared>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("rules-watch".into()).spawn(move || {
        while let Some(shared) = shared.upgrade()
            && !shared.stopping.load(Ordering::Acquire)
        {
            shared.follow();
            drop(shared);
            std::thread::sleep(LOOK);
        }
    })
}

impl Listener for Rules {
    fn wants(&self, topic: &str) -> bool {
        self.shared.follow();
        let compiled = Arc::clone(&self.shared.compiled.read());
        compiled.wants(topic)
    }

    fn has_room(&self) -> bool {
        let mailboxes = self.mailboxes.read();
        !mailboxes.is_empty() && mailboxes.iter().all(|mailbox| mailbox.len() < MAILBOX)
    }

    fn take(&self, publication: &Publication, taken: Taken) {
        let mailboxes = self.mailboxes.read();
        let Some(last) = mailboxes.len().checked_sub(1) else {
            // Stopping: the sender is not told, and sends again.
            std::mem::forget(taken);
            return;
        };
        let at = self.hasher.hash_one(&publication.message.topic) as usize % (last + 1);
        if let Err(refused) = mailboxes[at].send((publication.clone(), taken)) {
            std::mem::forget(refused.into_inner().1);
        }
    }
}

impl Shared {
    fn follow(&self) {
        if self.surroundings.registry.version_of::<TopicRule>() != self.seen.load(Ordering::Acquire)
        {
            self.change();
        }
    }

    /// Takes over the registry's rules. What is evaluated meanwhile is so by the old ones.
    fn change(&self) {
        let _changing = self.changing.lock();
        // Whoever was here before may have seen what we came for.
        if self.seen.load(Ordering::Acquire) == self.surroundings.registry.version_of::<TopicRule>()
        {
            return;
        }
        let Surroundings { registry, actions, broker, observer, is_synced, .. } =
            &self.surroundings;
        let version = registry.version_of::<TopicRule>();
        let before = Arc::clone(&self.compiled.read());
        let first = self.seen.load(Ordering::Acquire) == NONE_SEEN;
        let next = before.follow(registry, observer).or_else(|| first.then(Compiled::default));
        if let Some(next) = next {
            // The queues are there before a message can meet the rule.
            actions.apply(&next.duties(*is_synced));
            let mut filters = next.filters().to_vec();
            filters.push(format!("{BASIC_INGEST}#"));
            *self.compiled.write() = Arc::new(next);
            broker.listen("rules", filters);
        }
        self.seen.store(version, Ordering::Release);
    }
}
