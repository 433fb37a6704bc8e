//! What the server listens to: the filters of its rooms, which change while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::{SERVER_FILTERS, filter};

/// The filters of the server's rooms.
#[derive(Clone)]
pub(super) struct Heard(Arc<RwLock<BTreeMap<&'static str, Vec<String>>>>);

/// The room that is there from the start: requests of applications, and what bridges say.
const OURS: &str = "server";

impl Heard {
    /// What is heard from the start.
    pub fn new() -> Self {
        let ours = SERVER_FILTERS.iter().map(ToString::to_string).collect();
        Self(Arc::new(RwLock::new(BTreeMap::from([(OURS, ours)]))))
    }

    /// `room` hears these from now on, and nothing else.
    pub fn set(&self, room: &'static str, filters: Vec<String>) {
        self.0.write().insert(room, filters);
    }

    /// Whether any room hears `topic`.
    pub fn covers(&self, topic: &str) -> bool {
        let rooms = self.0.read();
        rooms.values().flatten().any(|filter| filter::covers(filter, topic))
    }

    /// All filters, each once.
    pub fn filters(&self) -> Vec<String> {
        let mut filters: Vec<String> = self.0.read().values().flatten().cloned().collect();
        filters.sort_unstable();
        filters.dedup();
        filters
    }
}
