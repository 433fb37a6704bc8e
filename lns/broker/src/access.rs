//! Who may do what: the question that the broker asks, and its memory of the answers.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::packet::Connect;
use crate::reason::ReasonCode;

/// What one client may do. The shell makes one for each connection, from who the client has proved
/// to be; the session keeps it while the client is away.
///
/// Answers must come at once and be the same for the same question: they are remembered until
/// [`crate::Input::Access`] or [`crate::Input::AccessChanged`] says that they may be different.
pub trait Access: Send + Sync {
    /// May it connect like this (client identifier, keeping a session, a will)? The will's topic is
    /// asked for besides, with [`Self::publish`] and [`Self::retain`].
    fn connect(&self, connect: &Connect) -> Result<(), ReasonCode>;

    /// May it publish to this topic? Asked for a will at CONNECT and again when it is sent.
    fn publish(&self, topic: &str) -> bool;

    /// May it have a message of this topic retained? Asked after [`Self::publish`].
    fn retain(&self, topic: &str) -> bool;

    /// May it subscribe to this topic filter? Of a shared subscription this is what stands behind
    /// `$share/{group}/`.
    fn subscribe(&self, filter: &str) -> bool;

    /// May it receive a message of this topic, whatever its subscriptions say?
    fn receive(&self, topic: &str) -> bool;

    /// Whether [`Self::receive`] is true of every topic: then it is not asked.
    fn receives_all(&self) -> bool {
        false
    }
}

/// A client that may do everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unrestricted;

impl Access for Unrestricted {
    fn connect(&self, _connect: &Connect) -> Result<(), ReasonCode> {
        Ok(())
    }

    fn publish(&self, _topic: &str) -> bool {
        true
    }

    fn retain(&self, _topic: &str) -> bool {
        true
    }

    fn subscribe(&self, _filter: &str) -> bool {
        true
    }

    fn receive(&self, _topic: &str) -> bool {
        true
    }

    fn receives_all(&self) -> bool {
        true
    }
}

/// Answers remembered for one session at most: a device uses few topics, and a dashboard that hears
/// everything must not make the broker remember everything. When full, it begins anew.
const REMEMBERED: usize = 64;

/// What one session's [`Access`] has answered.
#[derive(Clone)]
pub(crate) struct Rights {
    access: Arc<dyn Access>,
    receives_all: bool,
    answers: HashMap<Arc<str>, Answers>,
}

#[derive(Clone, Copy, Default)]
struct Answers {
    publish: Option<bool>,
    retain: Option<bool>,
    receive: Option<bool>,
}

impl Rights {
    pub(crate) fn new(access: Arc<dyn Access>) -> Self {
        let receives_all = access.receives_all();
        Self { access, receives_all, answers: HashMap::new() }
    }

    /// Forgets every answer.
    pub(crate) fn forget(&mut self) {
        self.receives_all = self.access.receives_all();
        self.answers = HashMap::new();
    }

    pub(crate) fn subscribe(&self, filter: &str) -> bool {
        self.access.subscribe(filter)
    }

    pub(crate) fn publish(&mut self, topic: &Arc<str>) -> bool {
        let answers = remembered(&mut self.answers, topic);
        *answers.publish.get_or_insert_with(|| self.access.publish(topic))
    }

    pub(crate) fn retain(&mut self, topic: &Arc<str>) -> bool {
        let answers = remembered(&mut self.answers, topic);
        *answers.retain.get_or_insert_with(|| self.access.retain(topic))
    }

    pub(crate) fn receive(&mut self, topic: &Arc<str>) -> bool {
        if self.receives_all {
            return true;
        }
        let answers = remembered(&mut self.answers, topic);
        *answers.receive.get_or_insert_with(|| self.access.receive(topic))
    }
}

fn remembered<'a>(known: &'a mut HashMap<Arc<str>, Answers>, topic: &Arc<str>) -> &'a mut Answers {
    if known.len() >= REMEMBERED && !known.contains_key(topic) {
        known.clear();
    }
    known.entry(topic.clone()).or_default()
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rights").field("remembered", &self.answers.len()).finish_non_exhaustive()
    }
}
