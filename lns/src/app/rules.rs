//! The rooms of rules and of what their actions do, and what they need of the others.

use std::sync::Arc;
use std::time::Duration;

use lns_lorawan::Timestamp;
use lns_pipeline::shadow::{Answer, Rejection, ShadowId, Verb};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::build::Common;
use crate::actions::client::Outcome;
use crate::actions::{Actions, Bounds, Clients, Hosts, Settings, Updated, Web};
use crate::broker::Broker;
use crate::config::Config;
use crate::rules::{Knowledge, Rules, Sheets, Surroundings};
use crate::service::Service;
use crate::shadows::Shadows;

/// Both rooms.
#[derive(Clone)]
pub(super) struct RuleRooms {
    pub rules: Arc<Rules>,
    pub actions: Arc<Actions>,
}

/// What the rooms need of the running server.
pub(super) struct Around<'a> {
    pub service: &'a Arc<Service>,
    pub broker: &'a Arc<dyn Broker>,
    pub shadows: &'a Arc<Shadows>,
    /// The server's address in the web, where endpoints confirm that they want messages; `None`: the
    /// API is off.
    pub url: Option<String>,
}

impl RuleRooms {
    /// Reads back what waits, and the rules.
    pub fn start(config: &Config, common: &Common, around: &Around<'_>) -> anyhow::Result<Self> {
        let shadows = Arc::new(OfRules(Arc::clone(around.shadows)));
        let keys = &config.rules;
        let clients = Clients {
            broker: Arc::clone(around.broker),
            registry: Arc::clone(&common.registry),
            devices: Arc::clone(around.service) as _,
            codecs: Arc::clone(around.service) as _,
            shadows: Arc::clone(&shadows) as _,
            web: Web::new(Hosts::allowing(&keys.allowed_hosts))?,
            files: keys.files_dir(&config.server.data_dir),
            clock: common.clock.clone(),
            confirm_at: around.url.clone(),
        };
        let settings = Settings {
            bounds: Bounds { tasks: keys.queue_length as usize, bytes: keys.queue_size.0 },
            max_age: keys.queue_age.0,
            attempts: u32::from(keys.attempts),
            dead_letters: keys.dead_letters as usize,
        };
        let room = (Arc::clone(&common.observer), common.clock.clone());
        let actions = Actions::start(settings, (Arc::clone(&common.store), clients), room)?;
        let actions = Arc::new(actions);
        let descriptors = keys.files_dir(&config.server.data_dir).join("descriptors");
        let knowledge = Knowledge::new(Arc::clone(&common.registry), shadows, descriptors);
        let surroundings = Surroundings {
            registry: Arc::clone(&common.registry),
            actions: Arc::clone(&actions),
            broker: Arc::clone(around.broker),
            observer: Arc::clone(&common.observer),
            clock: common.clock.clone(),
            knowledge,
            is_synced: keys.sync_files,
        };
        let rules = Arc::new(Rules::start(surroundings, WORKERS)?);
        Ok(Self { rules, actions })
    }

    /// Finishes what has come, at most for `patience`. Answers whether all of it is durable.
    pub fn stop(&self, patience: Duration) -> bool {
        self.rules.stop();
        self.actions.stop(patience)
    }
}

/// Threads that evaluate rules: two keep up with what one broker accepts.
const WORKERS: usize = 2;

/// The shadows, as rules and their actions see them.
struct OfRules(Arc<Shadows>);

impl crate::actions::Shadows for OfRules {
    fn update(
        &self,
        (thing, shadow): (&str, Option<&str>),
        document: Vec<u8>,
        hops: u8,
    ) -> Updated {
        let (sender, receiver) = oneshot::channel();
        match ShadowId::new(thing, shadow) {
            Err(error) => drop(sender.send(Outcome::Refused(error.to_string()))),
            Ok(id) => self.0.ask((id, Verb::Update), document, hops, move |answer| {
                let _ = sender.send(outcome(answer));
            }),
        }
        receiver
    }
}

fn outcome(answer: Answer) -> Outcome {
    let Answer::Rejected { why, document } = answer else { return Outcome::Done };
    let text = String::from_utf8_lossy(&document).into_owned();
    let passes = matches!(why, Rejection::TooManyRequests { .. } | Rejection::Internal);
    if passes { Outcome::Away(text) } else { Outcome::Refused(text) }
}

impl Sheets for OfRules {
    fn shadow(&self, thing: &str, name: Option<&str>) -> Result<Option<Vec<u8>>, String> {
        let id = ShadowId::new(thing, name).map_err(|error| error.to_string())?;
        match self.0.document(&id).map_err(|error| error.to_string())? {
            Answer::Accepted(document) => Ok(Some(document)),
            Answer::Rejected { .. } => Ok(None),
        }
    }
}

impl crate::api::TopicRules for RuleRooms {
    fn check(&self, rule: &lns_pipeline::rule::Rule) -> Result<(), String> {
        self.rules.check(rule)
    }

    fn follow(&self) {
        self.rules.follow();
    }

    fn dead_letters(&self, rule: &str, most: usize) -> Result<(Vec<Value>, usize), String> {
        let (found, _) =
            self.actions.dead_letters(rule, most).map_err(|error| error.to_string())?;
        let letter = |(action, _, letter): crate::actions::Found| {
            json!({
                "id": letter.task.id.to_string(),
                "action": action.label(),
                "kind": letter.task.deed.kind(),
                "resource": letter.task.deed.resource(),
                "topic": letter.task.source.topic,
                "reason": letter.reason,
                "attempts": letter.attempts,
                "received_at": Timestamp::from_micros(letter.task.at).to_rfc3339(),
                "died_at": Timestamp::from_micros(letter.died_at).to_rfc3339(),
            })
        };
        Ok((found.into_iter().map(letter).collect(), self.actions.dead(rule)))
    }

    fn exhume(&self, rule: &str, again: bool) -> Result<usize, String> {
        self.actions.exhume((rule, None), again).map_err(|error| error.to_string())
    }

    fn test(&self, rule: &Value, topic: &str, payload: &[u8]) -> Result<Value, String> {
        self.rules.test(rule, topic, payload)
    }
}
