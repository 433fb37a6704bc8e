//! Retained messages: the last word on each topic.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use lns_pipeline::topic::TopicFilter;

use crate::config::Bounds;
use crate::message::Publication;
use crate::time::Timestamp;

/// All retained messages, by topic.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    by_topic: BTreeMap<Arc<str>, Kept>,
    bytes: usize,
}

/// What may be spent on one slice.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Topics to look at, whether the filter meets them or not.
    topics: usize,
    /// Bytes of what is found; the last message may go beyond.
    bytes: usize,
}

/// Bytes found in one slice: it is queued past the bounds of the queue.
const BYTES: usize = 64 << 10;

impl Budget {
    pub fn new(bounds: &Bounds) -> Self {
        Self { topics: bounds.retained_at_once.max(1), bytes: BYTES }
    }

    fn is_spent(&self) -> bool {
        self.topics == 0 || self.bytes == 0
    }
}

/// A part of what a filter meets.
#[derive(Debug)]
pub(crate) struct Slice {
    /// In the order of topics.
    pub found: Vec<Arc<Publication>>,
    /// The topic that was looked at last.
    pub upto: Option<Arc<str>>,
    /// There is nothing behind it.
    pub is_last: bool,
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

    /// Those behind `after` whose topics the filter meets, as far as the budget goes.
    ///
    /// Looked at are only topics that begin as the filter does, up to its first wildcard.
    pub fn slice(
        &self,
        filter: &TopicFilter,
        after: Option<&str>,
        now: Timestamp,
        budget: &mut Budget,
    ) -> Slice {
        let text = filter.as_str();
        let fixed = text.split(['+', '#']).next().unwrap_or_default();
        // `a/#` meets `a` too, which does not begin with `a/`.
        let fixed = fixed.strip_suffix('/').unwrap_or(fixed);
        let start = after.map_or(Bound::Included(fixed), Bound::Excluded);
        let range = self.by_topic.range::<str, _>((start, Bound::Unbounded));
        let mut slice = Slice { found: Vec::new(), upto: after.map(Arc::from), is_last: false };
        for (topic, kept) in range.take_while(|(topic, _)| topic.starts_with(fixed)) {
            if budget.is_spent() {
                return slice;
            }
            budget.topics -= 1;
            slice.upto = Some(topic.clone());
            if filter.matches(topic) && !kept.publication.has_expired(now) {
                budget.bytes = budget.bytes.saturating_sub(kept.publication.weight());
                slice.found.push(kept.publication.clone());
            }
        }
        slice.is_last = true;
        slice
    }
}
