//! A room of actions on a store in memory, with a broker that remembers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lns::actions::{
    ActionId, Actions, Clients, Deed, Duty, Failures, Hosts, Settings, Shadows, Source, Target,
    Task, Updated, Web,
};
use lns::broker::{Broker, Busy, Message, Status, Taken, Ticket};
use lns::clock::Clock;
use lns::observe::Observer;
use lns::registry::{Defaults, Id, Registry, RuleDestination, RuleDestinationStatus};
use lns::store::{MemoryStore, Store};
use lns_lorawan::Region;
use parking_lot::Mutex;

use crate::endpoint::Endpoint;
use crate::fake::Fake;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < give_up, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A broker that takes everything and remembers it.
#[derive(Default)]
pub struct Remembering(pub Mutex<Vec<Message>>);

impl Broker for Remembering {
    fn publish(&self, message: Message, ticket: Ticket) -> Result<(), Busy> {
        self.0.lock().push(message);
        ticket.acknowledged();
        Ok(())
    }

    fn listen(&self, _: &'static str, _: Vec<String>) {}

    fn status(&self) -> Status {
        Status::default()
    }

    fn stop(&self, _: Duration) {}
}

struct NoShadows;

impl Shadows for NoShadows {
    fn update(&self, _: (&str, Option<&str>), _: Vec<u8>, _: u8) -> Updated {
        tokio::sync::oneshot::channel().1
    }
}

/// Hands every failure on to the error action, as a message to `errors`.
pub struct ToErrors;

impl Failures for ToErrors {
    fn failed(&self, action: &ActionId, task: &Task, why: &str) -> Option<Task> {
        let payload = format!("{action} {} {why}", task.deed.kind()).into_bytes();
        Some(Task::new(task.at, task.source.clone(), republish("errors", &payload)))
    }
}

/// A room and what is around it.
pub struct Bench {
    pub actions: Actions,
    pub broker: Arc<Remembering>,
    pub registry: Arc<Registry>,
    pub observer: Arc<Observer>,
    pub files: tempfile::TempDir,
    pub store: Arc<dyn Store>,
}

impl Bench {
    pub fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()), Settings::default())
    }

    pub fn on(store: Arc<dyn Store>, settings: Settings) -> Self {
        let broker = Arc::new(Remembering::default());
        let registry = Registry::open(Arc::clone(&store), Defaults::of(Region::Eu868));
        let registry = Arc::new(registry.expect("an empty store"));
        let (observer, fake) = (Arc::new(Observer::new()), Arc::new(Fake::default()));
        let files = tempfile::tempdir().expect("a folder");
        let clients = Clients {
            broker: Arc::clone(&broker) as Arc<dyn Broker>,
            registry: Arc::clone(&registry),
            devices: Arc::clone(&fake) as _,
            codecs: Arc::clone(&fake) as _,
            shadows: Arc::new(NoShadows),
            web: Web::new(Hosts::default()).expect("a client"),
            files: files.path().to_owned(),
            clock: Clock::start(),
            confirm_at: None,
        };
        let around = (Arc::clone(&observer), Clock::start());
        let actions = Actions::start(settings, (Arc::clone(&store), clients), around);
        let actions = actions.expect("it starts");
        actions.ask_failures_of(Arc::new(ToErrors));
        Self { actions, broker, registry, observer, files, store }
    }

    /// The rule `r` has these actions, and an error action.
    pub fn apply(&self, targets: Vec<Target>) {
        let mut duties: HashMap<ActionId, Duty> = (0..)
            .zip(targets)
            .map(|(at, target)| (ActionId::new("r", at), Duty::Work(Arc::new(target))))
            .collect();
        let errors = ActionId::new("r", lns::actions::ERROR_ACTION);
        duties.insert(errors, Duty::Work(Arc::new(Target::Republish)));
        self.actions.apply(&duties);
    }

    /// Queues a deed for an action of the rule `r`.
    pub fn queue(&self, action: u8, deed: Deed) {
        self.queue_from("t", action, deed);
    }

    pub fn queue_from(&self, topic: &str, action: u8, deed: Deed) {
        let source = Source { topic: topic.into(), ..Source::default() };
        let now = Clock::start().now().micros();
        let task = Task::new(now, source, deed);
        self.actions.queue(vec![(ActionId::new("r", action), task)], Taken::nobody());
    }

    /// Waits until an action has nothing to do.
    pub fn drained(&self, action: u8) {
        until("nothing waits", || {
            let meters = self.meters(action);
            meters.queued.get() > 0
                && meters.queued.get()
                    <= meters.sent.get() + meters.dead.get() + meters.skipped.get()
        });
    }

    pub fn meters(&self, action: u8) -> lns::observe::ActionMeters {
        self.observer.rules.action("r", &ActionId::new("r", action).label())
    }

    /// The reasons of the rule's dead letters.
    pub fn reasons(&self) -> Vec<String> {
        let (letters, _) = self.actions.dead_letters("r", 1000).expect("the store is read");
        letters.into_iter().map(|(_, _, letter)| letter.reason).collect()
    }

    /// What the broker was given on a topic.
    pub fn published(&self, topic: &str) -> Vec<String> {
        let messages = self.broker.0.lock();
        let bodies = messages.iter().filter(|message| message.topic == topic);
        bodies.map(|message| String::from_utf8_lossy(&message.payload).into_owned()).collect()
    }

    /// An endpoint has confirmed that it wants messages.
    pub fn confirm(&self, url: &str) {
        let destination = RuleDestination {
            id: Id::random(),
            confirmation_url: url.into(),
            token: url.into(),
            status: RuleDestinationStatus::Enabled,
            confirmed: true,
            status_reason: None,
            created_at: lns_lorawan::Timestamp::from_secs(1),
            updated_at: lns_lorawan::Timestamp::from_secs(1),
        };
        self.registry.create(destination).expect("the registry takes it");
    }
}

impl Endpoint {
    /// The bodies that it was sent.
    pub fn bodies(&self) -> Vec<String> {
        self.got().into_iter().map(|(_, _, body)| body).collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.actions.stop(Duration::ZERO);
    }
}

pub fn republish(topic: &str, payload: &[u8]) -> Deed {
    Deed::Republish {
        topic: topic.into(),
        qos: 1,
        retain: false,
        headers: Default::default(),
        payload: payload.into(),
    }
}
