//! One worker: evaluates the rules that a message meets, and hands on what is to be done.

use std::sync::{Arc, Weak};

use crossbeam_channel::Receiver;
use lns_pipeline::rule::{
    Dice, Env, Evaluated, Failure, Origin, Outcome, Payload, Rule, error_message, parse_json,
};
use serde_json::{Value, json};

use super::compiled::Ready;
use super::{Job, MAX_HOPS, Shared, deeds};
use crate::actions::{ActionId, ERROR_ACTION, Failures, OnFailure, Source, Task};
use crate::broker::{Message, Origin as From, Publication};

/// Randomness from the operating system.
struct Entropy;

impl Dice for Entropy {
    fn roll(&self) -> u64 {
        crate::entropy::u64()
    }
}

/// One thread of the room.
pub(super) struct Worker {
    shared: Arc<Shared>,
}

/// A message, as all rules see it.
struct Met {
    payload: Payload,
    source: Source,
    message: Message,
}

impl Worker {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Works until the room is closed and nothing waits.
    pub fn run(&self, inbox: &Receiver<Job>) {
        for (publication, taken) in inbox {
            let guarded = std::panic::AssertUnwindSafe(|| self.tasks(&publication));
            let Ok(tasks) = std::panic::catch_unwind(guarded) else {
                tracing::error!(
                    topic = publication.message.topic,
                    "evaluating rules panicked; the message is skipped. Please report this"
                );
                continue;
            };
            self.shared.surroundings.actions.queue(tasks, taken);
        }
    }

    /// What is to be done with a publication, of all rules.
    fn tasks(&self, publication: &Publication) -> Vec<(ActionId, Task)> {
        let compiled = Arc::clone(&self.shared.compiled.read());
        let (rules, topic) = match compiled.met(&publication.message.topic) {
            Ok(met) => met,
            Err(rule) => {
                self.shared.surroundings.observer.rules.not_found.inc();
                tracing::warn!(
                    rule,
                    "RuleNotFound: a message for a rule that is not there, or off"
                );
                return Vec::new();
            }
        };
        let met = Met::new(publication, topic);
        let mut tasks = Vec::new();
        for ready in rules {
            ready.meter.matched.inc();
            if met.source.hops >= MAX_HOPS {
                ready.meter.looped.inc();
                let rule = ready.rule.name();
                tracing::warn!(
                    rule,
                    topic,
                    "{MAX_HOPS} rules have made this message: the circle ends"
                );
                continue;
            }
            self.evaluate(&ready, &met, &mut tasks);
        }
        tasks
    }

    fn evaluate(&self, ready: &Ready, met: &Met, tasks: &mut Vec<(ActionId, Task)>) {
        let now = self.shared.surroundings.clock.now();
        let evaluated = met.evaluate(&self.shared, &ready.rule);
        let outcome = match evaluated {
            Evaluated::Skipped => return,
            Evaluated::Failed(error) => {
                ready.meter.failed.inc();
                tracing::warn!(rule = ready.rule.name(), topic = met.source.topic, "{error}");
                return;
            }
            Evaluated::Matched(outcome) => outcome,
        };
        ready.meter.selected.inc();
        let Outcome { output, actions, error_action } = *outcome;
        let on_failure = ready.rule.error_action().zip(error_action.and_then(Result::ok));
        let on_failure = on_failure.map(|(written, filled)| OnFailure {
            kind: written.kind().to_owned(),
            texts: written.variable(&filled),
        });
        let mut failures = Vec::new();
        for (place, action) in (0..).zip(actions) {
            let written = &ready.rule.actions()[usize::from(place)];
            let deed = match &action {
                Ok(action) => deeds::deed(written, action, output.value()),
                Err(error) => Err(error.to_string()),
            };
            match deed {
                Ok(deed) => {
                    let mut task = Task::new(now.micros(), met.source.clone(), deed);
                    task.on_failure.clone_from(&on_failure);
                    tasks.push((ActionId::new(ready.rule.name(), place), task));
                }
                Err(why) => failures.push(Failure {
                    failed_action: written.kind().to_owned(),
                    failed_resource: action
                        .map_or_else(|_| String::new(), |a| a.resource().to_owned()),
                    error_message: why,
                }),
            }
        }
        if failures.is_empty() {
            return;
        }
        ready.meter.failed.inc();
        for failure in &failures {
            let (rule, why) = (ready.rule.name(), &failure.error_message);
            tracing::warn!(rule, action = failure.failed_action, topic = met.source.topic, "{why}");
        }
        let task = on_failure.and_then(|on_failure| {
            error_task(&ready.rule, &met.source, (&on_failure, now.micros()), &failures)
        });
        tasks.extend(task.map(|task| (ActionId::new(ready.rule.name(), ERROR_ACTION), task)));
    }
}

impl Met {
    fn new(publication: &Publication, topic: &str) -> Self {
        let message = &publication.message;
        let (client, hops) = match &publication.origin {
            From::Client(client) => (Some(client), 0),
            From::Elsewhere => (None, 0),
            From::Server { hops } => (None, *hops),
        };
        let trace = uuid::Builder::from_random_bytes(crate::entropy::bytes()).into_uuid();
        let source = Source {
            topic: topic.to_owned(),
            // Who published over HTTP has none.
            client_id: client
                .map(|client| client.client_id.to_string())
                .filter(|client_id| !client_id.is_empty()),
            principal: client.and_then(|client| client.principal.as_deref().map(ToOwned::to_owned)),
            source_ip: client.and_then(|client| Some(client.address?.ip().to_string())),
            trace_id: trace.to_string(),
            payload: message.payload.to_vec(),
            hops: hops.max(message.hops),
        };
        Met { payload: Payload::new(message.payload.clone()), source, message: message.clone() }
    }

    fn evaluate(&self, shared: &Shared, rule: &Rule) -> Evaluated {
        let properties = self.message.properties.as_deref().cloned().unwrap_or_default();
        let origin = Origin {
            topic: &self.source.topic,
            client_id: self.source.client_id.as_deref(),
            principal: self.source.principal.as_deref(),
            source_ip: self.source.source_ip.as_deref(),
            trace_id: Some(&self.source.trace_id),
            content_type: properties.content_type.as_deref(),
            response_topic: properties.response_topic.as_deref(),
            correlation_data: properties.correlation.as_deref(),
            payload_is_utf8: properties.is_utf8 == Some(true),
            user_properties: &properties.user,
        };
        let knowledge = &shared.surroundings.knowledge;
        let env = Env {
            now_ms: shared.surroundings.clock.now().micros() / 1000,
            dice: &Entropy,
            account_id: crate::rules::knowledge::ACCOUNT,
            origin: &origin,
            shadows: knowledge,
            things: knowledge,
            descriptors: knowledge,
        };
        rule.evaluate(&env, &self.payload)
    }
}

/// What a rule's error action has to do about some failures; `None` when it cannot.
fn error_task(
    rule: &Rule,
    source: &Source,
    (on_failure, at): (&OnFailure, i64),
    failures: &[Failure],
) -> Option<Task> {
    let origin = Origin {
        topic: &source.topic,
        client_id: source.client_id.as_deref(),
        source_ip: source.source_ip.as_deref(),
        trace_id: Some(&source.trace_id),
        ..Origin::default()
    };
    let payload = Payload::new(source.payload.clone());
    let document = error_message(rule.name(), &origin, &payload, failures).to_string();
    let result = parse_json(document.as_bytes())?;
    let written = rule.error_action()?;
    let action = Some(written)
        .filter(|written| written.kind() == on_failure.kind)
        .and_then(|written| written.refilled(&on_failure.texts))
        .ok_or_else(|| "it is another than when the message came".to_owned());
    match action.and_then(|action| deeds::deed(written, &action, &result)) {
        Ok(deed) => Some(Task::new(at, source.clone(), deed)),
        Err(why) => {
            tracing::warn!(rule = rule.name(), "the error action cannot be done: {why}");
            None
        }
    }
}

/// Makes the error actions' tasks of what became dead letters.
pub(super) struct ErrorActions(pub Weak<Shared>);

impl Failures for ErrorActions {
    fn failed(&self, action: &ActionId, task: &Task, why: &str) -> Option<Task> {
        let on_failure = task.on_failure.as_ref()?;
        let compiled = Arc::clone(&self.0.upgrade()?.compiled.read());
        let failure = Failure {
            failed_action: task.deed.kind().to_owned(),
            failed_resource: task.deed.resource().to_owned(),
            error_message: why.to_owned(),
        };
        let rule = &compiled.named(&action.rule)?.rule;
        error_task(rule, &task.source, (on_failure, task.at), &[failure])
    }
}

/// Evaluates a rule on a message without doing anything.
pub(super) fn test(
    shared: &Shared,
    rule: &Value,
    (topic, payload): (&str, &[u8]),
) -> Result<Value, String> {
    let rule = Rule::compile("test", rule).map_err(|error| error.to_string())?;
    let message = Message::new(topic, payload.to_vec());
    let publication = Publication { message, origin: From::Elsewhere };
    let met = Met::new(&publication, topic);
    let meets = rule.filter().is_none_or(|filter| filter.matches(topic));
    Ok(match met.evaluate(shared, &rule) {
        Evaluated::Skipped => json!({ "meets_filter": meets, "selected": false }),
        Evaluated::Failed(error) => {
            json!({ "meets_filter": meets, "selected": false, "error": error.to_string() })
        }
        Evaluated::Matched(outcome) => {
            let bytes = outcome.output.bytes();
            let result: Value = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes)));
            let action =
                |(written, action): (_, &Result<_, lns_pipeline::rule::EvalError>)| match action {
                    Err(error) => json!({ "error": error.to_string() }),
                    Ok(action) => match deeds::deed(written, action, outcome.output.value()) {
                        Ok(deed) => json!({ "kind": deed.kind(), "resource": deed.resource() }),
                        Err(why) => json!({ "error": why }),
                    },
                };
            let actions: Vec<Value> =
                rule.actions().iter().zip(&outcome.actions).map(action).collect();
            json!({ "meets_filter": meets, "selected": true, "result": result, "actions": actions })
        }
    })
}
