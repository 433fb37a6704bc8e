//! The rules as they are now, ready to be evaluated, and by topic filter.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lns_pipeline::rule::action::Action;
use lns_pipeline::rule::{Rule, Template};
use lns_pipeline::topic::{TopicFilter, Trie};

use super::deeds;
use crate::actions::{ActionId, Duty, ERROR_ACTION};
use crate::observe::{Observer, RuleMeter};
use crate::registry::{Registry, TopicRule};

/// What basic ingest begins with; a rule's name follows.
pub const BASIC_INGEST: &str = "$aws/rules/";

/// A rule, ready.
pub struct Ready {
    /// What it was made from.
    record: Arc<TopicRule>,
    /// The rule itself.
    pub rule: Rule,
    /// What is counted.
    pub meter: RuleMeter,
}

impl Ready {
    /// Whether it is switched off.
    pub fn is_off(&self) -> bool {
        self.record.disabled
    }
}

/// All rules.
#[derive(Default)]
pub struct Compiled {
    by_name: HashMap<String, Arc<Ready>>,
    by_filter: Trie<u32, Arc<Ready>>,
    filters: Vec<String>,
}

impl Compiled {
    /// The rules of the registry; those that have not changed are taken over. `None` when none has.
    pub fn follow(&self, registry: &Registry, observer: &Observer) -> Option<Self> {
        let mut records: Vec<Arc<TopicRule>> = Vec::new();
        registry.walk(None, &mut |record: &Arc<TopicRule>| {
            records.push(Arc::clone(record));
            true
        });
        let same = |record: &Arc<TopicRule>| {
            let before = self.by_name.get(&record.name);
            before.filter(|ready| Arc::ptr_eq(&ready.record, record)).map(Arc::clone)
        };
        if records.len() == self.by_name.len()
            && records.iter().all(|record| same(record).is_some())
        {
            return None;
        }
        let mut next = Compiled::default();
        let names: HashSet<&str> = records.iter().map(|record| &*record.name).collect();
        let gone = |name: &&String| !names.contains(name.as_str());
        self.by_name.keys().filter(gone).for_each(|name| observer.rules.forget_rule(name));
        for record in records {
            let Some(ready) = same(&record).or_else(|| ready(record, observer)) else { continue };
            next.insert(ready);
        }
        next.filters.sort_unstable();
        next.filters.dedup();
        Some(next)
    }

    fn insert(&mut self, ready: Arc<Ready>) {
        if !ready.is_off()
            && let Some(filter) = ready.rule.filter()
        {
            let key = self.by_name.len() as u32;
            self.filters.push(filter.as_str().to_owned());
            self.by_filter.insert(&TopicFilter::clone(filter), key, Arc::clone(&ready));
        }
        self.by_name.insert(ready.rule.name().to_owned(), ready);
    }

    /// The filters of all rules that are on, each once.
    pub fn filters(&self) -> &[String] {
        &self.filters
    }

    /// What each action is to do.
    pub fn duties(&self, is_synced: bool) -> HashMap<ActionId, Duty> {
        let mut duties = HashMap::new();
        for ready in self.by_name.values() {
            for (id, action) in actions(&ready.rule) {
                let duty = match deeds::target(action, is_synced) {
                    _ if ready.is_off() => Duty::Pause,
                    Some(target) => Duty::Work(Arc::new(target)),
                    None => continue,
                };
                duties.insert(id, duty);
            }
        }
        duties
    }

    /// The rule of this name, off or on.
    pub fn named(&self, name: &str) -> Option<&Arc<Ready>> {
        self.by_name.get(name)
    }

    /// Whether a message on this topic concerns a rule, or claims to.
    pub fn wants(&self, topic: &str) -> bool {
        let mut wanted = topic.starts_with(BASIC_INGEST);
        if !wanted {
            self.by_filter.for_each_match(topic, |_, _| wanted = true);
        }
        wanted
    }

    /// The rules that a message on this topic meets, and the topic as they see it. `Err`: the name of
    /// a rule that there is not, or is off.
    pub fn met<'t>(&self, topic: &'t str) -> Result<(Vec<Arc<Ready>>, &'t str), &'t str> {
        let Some(addressed) = topic.strip_prefix(BASIC_INGEST) else {
            let mut met = Vec::new();
            self.by_filter.for_each_match(topic, |_, ready| met.push(Arc::clone(ready)));
            return Ok((met, topic));
        };
        let (name, rest) = addressed.split_once('/').unwrap_or((addressed, ""));
        match self.by_name.get(name).filter(|ready| !ready.is_off()) {
            Some(ready) => Ok((vec![Arc::clone(ready)], rest)),
            None => Err(name),
        }
    }
}

/// A rule's actions, the error action last.
pub fn actions(rule: &Rule) -> impl Iterator<Item = (ActionId, &Action<Template>)> {
    let all = (0..).zip(rule.actions());
    let all = all.chain(rule.error_action().map(|action| (ERROR_ACTION, action)));
    all.map(|(place, action)| (ActionId::new(rule.name(), place), action))
}

fn ready(record: Arc<TopicRule>, observer: &Observer) -> Option<Arc<Ready>> {
    match Rule::compile(&record.name, &record.payload()) {
        Ok(rule) => {
            let meter = observer.rules.rule(&record.name);
            Some(Arc::new(Ready { record, rule, meter }))
        }
        Err(error) => {
            // It was accepted once, so by another version.
            tracing::error!(rule = record.name, %error, "a rule cannot be compiled; it does nothing");
            None
        }
    }
}
