//! Retained messages: the last word on each topic.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use lns_pipeline::topic::TopicFilter;

use crate::message::Publication;
use crate::time::Timestamp;

/// All retained messages, by topic.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    by_topic: BTreeMap<Arc<str>, Kept>,
    bytes: usize,
}

/// One retained message.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub publication: Arc<Publication>,
    pub published: Timestamp,
}

impl Retained {
    pub fn len(&self) -> usize {
        self.by_topic.len()
    }

    /// Bytes of all of them once this one is there too.
    pub fn bytes_with(&self, publication: &Publication) -> usize {
        let before = self.by_topic.get(&publication.message.topic);
        self.bytes + publication.weight() - before.map_or(0, |kept| kept.publication.weight())
    }

    pub fn contains(&self, topic: &str) -> bool {
        self.by_topic.contains_key(topic)
    }

    pub fn get(&self, topic: &str) -> Option<&Kept> {
        self.by_topic.get(topic)
    }

    /// All of them after this topic, in the order of topics.
    pub fn after(&self, topic: Option<&str>) -> impl Iterator<Item = &Kept> {
        let start = topic.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_topic.range::<str, _>((start, Bound::Unbounded)).map(|(_, kept)| kept)
    }

    pub fn put(&mut self, kept: Kept) {
        self.bytes = self.bytes_with(&kept.publication);
        self.by_topic.insert(kept.publication.message.topic.clone(), kept);
    }

    /// Forgets the message of a topic. `true` when there was one.
    pub fn remove(&mut self, topic: &str) -> bool {
        let removed = self.by_topic.remove(topic);
        self.bytes -= removed.as_ref().map_or(0, |kept| kept.publication.weight());
        removed.is_some()
    }

    /// Those whose topics the filter meets, in the order of topics.
    ///
    /// Looked at are only topics that begin as the filter does, up to its first wildcard.
    pub fn matching(&self, filter: &TopicFilter, now: Timestamp) -> Vec<Arc<Publication>> {
        let text = filter.as_str();
        let fixed = text.split(['+', '#']).next().unwrap_or_default();
        // `a/#` meets `a` too, which does not begin with `a/`.
        let fixed = fixed.strip_suffix('/').unwrap_or(fixed);
        self.by_topic
            .range::<str, _>((Bound::Included(fixed), Bound::Unbounded))
            .take_while(|(topic, _)| topic.starts_with(fixed))
            .filter(|(topic, kept)| filter.matches(topic) && !kept.publication.has_expired(now))
            .map(|(_, kept)| kept.publication.clone())
            .collect()
    }
}
