//! A task: what one action of a rule has to do for one message, and the record of it in the store.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::deed::Deed;

/// The version of the records, their first byte.
const VERSION: u8 = 2;

/// The number of a rule's error action, which has a queue of its own.
pub const ERROR_ACTION: u8 = u8::MAX;

/// Names the queue of one action: the rule, and the action's place in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionId {
    /// The rule's name.
    pub rule: Arc<str>,
    /// Its place among the rule's actions, from 0; [`ERROR_ACTION`] for the error action.
    pub action: u8,
}

impl ActionId {
    /// An action of a rule.
    pub fn new(rule: &str, action: u8) -> Self {
        Self { rule: rule.into(), action }
    }

    /// The action, for labels and paths: its number, or `error`.
    pub fn label(&self) -> String {
        match self.action {
            ERROR_ACTION => "error".to_owned(),
            number => number.to_string(),
        }
    }

    /// How keys of this action's records begin. A rule's name holds no NUL.
    fn prefix(&self) -> Vec<u8> {
        let mut key = self.rule.as_bytes().to_vec();
        key.extend([0, self.action]);
        key
    }

    /// The key of one record.
    pub(super) fn key(&self, sequence: u64) -> Vec<u8> {
        let mut key = self.prefix();
        key.extend(sequence.to_be_bytes());
        key
    }

    /// The action and the sequence that a key names.
    pub(super) fn parse_key(key: &[u8]) -> Option<(Self, u64)> {
        let (front, sequence) = key.split_last_chunk::<8>()?;
        let [rule @ .., 0, action] = front else { return None };
        let rule = std::str::from_utf8(rule).ok()?;
        Some((Self::new(rule, *action), u64::from_be_bytes(*sequence)))
    }
}

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.rule, self.label())
    }
}

/// What one action has to do for one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The same however often it is tried: what receives it twice can tell.
    pub id: Uuid,
    /// When the message was taken, µs since 1970.
    pub at: i64,
    /// The message that it comes from.
    pub source: Source,
    /// What is to be done.
    pub deed: Deed,
    /// What the rule's error action needs of the message if it cannot be done.
    pub on_failure: Option<OnFailure>,
}

/// What a rule's error action needs of a message. All else, secrets above all, stays in the rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnFailure {
    /// The kind of action that it was.
    pub kind: String,
    /// What its templates made of the message, but for those that are constant.
    pub texts: Vec<String>,
}

/// The message that a rule has met, for the error action and for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its topic, as `topic()` has it.
    pub topic: String,
    /// Who published it; `None`: the server.
    pub client_id: Option<String>,
    /// As whom the publisher had authenticated.
    pub principal: Option<String>,
    /// The publisher's address.
    pub source_ip: Option<String>,
    /// The message's identity in logs.
    pub trace_id: String,
    /// Its body.
    pub payload: Vec<u8>,
    /// How many rules made it, each from the one before.
    pub hops: u8,
}

impl Task {
    /// A task with an id of its own.
    pub fn new(at: i64, source: Source, deed: Deed) -> Self {
        let id = uuid::Builder::from_random_bytes(crate::entropy::bytes()).into_uuid();
        Self { id, at, source, deed, on_failure: None }
    }

    /// The record in the queue.
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("a task is written to memory")
    }

    /// Reads a record back.
    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        match record.split_first()? {
            (&VERSION, rest) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }

    /// Whether a record is of a version that is read here.
    pub(super) fn is_known(record: &[u8]) -> bool {
        record.first() == Some(&VERSION)
    }
}

/// What an action could not do, with the reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// What was to be done.
    pub task: Task,
    /// Why it was given up.
    pub reason: String,
    /// When, µs since 1970.
    pub died_at: i64,
    /// How often it was tried.
    pub attempts: u32,
}

/// A dead letter and where it lies: its action, and its sequence there.
pub type Found = (ActionId, u64, DeadLetter);

impl DeadLetter {
    /// The record.
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("a dead letter is written to memory")
    }

    /// Reads a record back.
    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        match record.split_first()? {
            (&VERSION, rest) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_and_its_key_are_read_back() {
        let deed = Deed::Influx { line: "m v=1".into() };
        let task = Task::new(77, Source { topic: "a/b".into(), ..Source::default() }, deed);
        let record = task.encode();
        assert_eq!(Task::decode(&record), Some(task.clone()));
        assert_eq!(Task::decode(&[9, 1, 2]), None);
        let id = ActionId::new("rule_1", ERROR_ACTION);
        assert_eq!(ActionId::parse_key(&id.key(300)), Some((id.clone(), 300)));
        assert_eq!(ActionId::parse_key(b"short"), None);
        let dead = DeadLetter { task, reason: "no".into(), died_at: 78, attempts: 3 };
        assert_eq!(DeadLetter::decode(&dead.encode()), Some(dead));
    }
}
