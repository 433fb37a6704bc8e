//! What the broker has been asked for, and keeps with our session: filters of another life, too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::BrokerUrl;
use crate::store::{Store, Table, Write};

/// The record in [`Table::Meta`].
const KEY: &[u8] = b"external_subscriptions";
/// How long after the start a filter of the life before stands although nobody has asked for it yet:
/// the rooms come one after the other, and what is unsubscribed meanwhile is lost.
const SETTLING: Duration = Duration::from_secs(10);

/// The filters that stand at the broker, or may.
pub(super) struct Subscribed {
    store: Arc<dyn Store>,
    record: Record,
    /// Those of the life before, and until when they are wanted.
    inherited: Option<(Vec<String>, Instant)>,
}

#[derive(Clone, Serialize, Deserialize, PartialEq)]
struct Record {
    /// Where, and as whom.
    session: String,
    filters: Vec<String>,
}

impl Subscribed {
    /// Reads back what was asked for under this name at this broker.
    pub fn read(store: Arc<dyn Store>, url: &BrokerUrl, client_id: &str) -> Self {
        let session = format!("{client_id} at {}:{}", url.host, url.port);
        let kept = match store.load(Table::Meta, KEY) {
            Ok(kept) => kept.and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok()),
            Err(error) => {
                tracing::warn!(%error, "old subscriptions at the MQTT broker are not known");
                None
            }
        };
        let record = kept
            .filter(|record| record.session == session)
            .unwrap_or(Record { session, filters: Vec::new() });
        let inherited = record.filters.clone();
        let inherited = (!inherited.is_empty()).then(|| (inherited, Instant::now() + SETTLING));
        Self { store, record, inherited }
    }

    /// The broker has forgotten our session.
    pub fn forget(&mut self) {
        self.inherited = None;
        self.record.filters.clear();
    }

    /// These, and those of the life before that are still wanted.
    pub fn with_inherited(&self, mut filters: Vec<String>) -> Vec<String> {
        filters.extend(self.inherited.iter().flat_map(|(inherited, _)| inherited).cloned());
        filters
    }

    /// These are about to be asked for.
    pub fn add(&mut self, filters: &[String]) {
        let mut all = self.record.filters.clone();
        all.extend(filters.iter().filter(|filter| !self.record.filters.contains(filter)).cloned());
        self.keep(all);
    }

    /// These do not stand any more, but for those of them that were asked for again.
    pub fn remove(&mut self, filters: &[String], standing: &[String]) {
        let mut all = self.record.filters.clone();
        all.retain(|filter| !filters.contains(filter) || standing.contains(filter));
        self.keep(all);
    }

    /// Those that stand there and are not wanted.
    pub fn stale(&self, wanted: &[String]) -> Vec<String> {
        let filters = self.record.filters.iter();
        filters.filter(|filter| !wanted.contains(filter)).cloned().collect()
    }

    /// When the filters of the life before are not wanted any more by themselves.
    pub fn settles(&self) -> Option<Instant> {
        self.inherited.as_ref().map(|(_, until)| *until)
    }

    /// Every room has had its time.
    pub fn settle(&mut self) {
        self.inherited = None;
    }

    /// A record that cannot be written costs filters that stay behind, no message.
    fn keep(&mut self, filters: Vec<String>) {
        if self.record.filters == filters {
            return;
        }
        self.record.filters = filters;
        let value = serde_json::to_vec(&self.record).expect("texts are JSON");
        let write = Write::Put { table: Table::Meta, key: KEY.to_vec(), value };
        if let Err(error) = self.store.commit(&[write]) {
            tracing::warn!(%error, "subscriptions at the MQTT broker are not stored");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn texts(filters: &[&str]) -> Vec<String> {
        filters.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_another_life_asked_for_is_known_at_the_same_broker_only() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let url: BrokerUrl = "mqtt://h".parse().expect("a URL");
        let mut first = Subscribed::read(Arc::clone(&store), &url, "lns");
        first.add(&texts(&["a/+"]));
        first.add(&texts(&["a/#", "b"]));
        let again = Subscribed::read(Arc::clone(&store), &url, "lns");
        assert_eq!(again.stale(&texts(&["b"])), texts(&["a/+", "a/#"]));
        let other = Subscribed::read(Arc::clone(&store), &url, "other");
        assert!(other.stale(&[]).is_empty());
        assert_eq!(again.with_inherited(texts(&["c"])), texts(&["c", "a/+", "a/#", "b"]));
        first.remove(&texts(&["a/+", "a/#"]), &texts(&["a/#"]));
        let mut last = Subscribed::read(store, &url, "lns");
        assert_eq!(last.stale(&texts(&["b"])), texts(&["a/#"]));
        last.settle();
        assert!(last.with_inherited(Vec::new()).is_empty() && last.settles().is_none());
    }
}
