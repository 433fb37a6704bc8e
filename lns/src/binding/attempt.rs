//! What was done about a desired state, as it stands in the shadow `lorawan`.

use lns_core::dedup::digest;
use lns_pipeline::shadow::json::Json;
use lns_pipeline::shadow::{Node, Shadow, State};
use serde_json::{Value, json};

/// How often a downlink for one desired state is queued: once, and again when it has expired or
/// failed.
pub const MAX_TRIES: u8 = 3;

/// How the marks of our downlinks begin.
const MARK: &str = "shadow:";

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// On its way through the codec into the queue. Never stored: after a crash it begins again.
    Starting,
    /// In the device's queue.
    Queued,
    /// A gateway has taken it, or the device has acknowledged it; the next uplinks will show.
    Sent,
    /// The queue did not take it, for now: tried again when the device is heard.
    Refused,
    /// The codec cannot say it, or no frame can carry it: only another desired state helps.
    Failed,
    /// It was tried [`MAX_TRIES`] times.
    GivenUp,
    /// Somebody took it off the queue.
    Dropped,
    /// The device reports what is desired.
    Settled,
}

/// What was done about one desired state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The digest of the desired values.
    pub desired: u64,
    /// The downlink's id, where there is one.
    pub id: Option<u64>,
    /// How many were queued for it.
    pub tries: u8,
    /// How far it is.
    pub status: Status,
    /// Why it failed, for people.
    pub error: Option<String>,
}

impl Status {
    const STORED: [Status; 7] = [
        Status::Queued,
        Status::Sent,
        Status::Refused,
        Status::Failed,
        Status::GivenUp,
        Status::Dropped,
        Status::Settled,
    ];

    /// As it stands in the shadow.
    pub fn name(self) -> &'static str {
        match self {
            Status::Starting => "starting",
            Status::Queued => "queued",
            Status::Sent => "sent",
            Status::Refused => "refused",
            Status::Failed => "failed",
            Status::GivenUp => "given_up",
            Status::Dropped => "dropped",
            Status::Settled => "settled",
        }
    }

    /// Whether a downlink may still wait to be sent.
    pub fn is_waiting(self) -> bool {
        match self {
            Status::Starting | Status::Queued => true,
            Status::Sent
            | Status::Refused
            | Status::Failed
            | Status::GivenUp
            | Status::Dropped
            | Status::Settled => false,
        }
    }
}

impl Attempt {
    /// The first words about a desired state.
    pub fn new(desired: u64, status: Status) -> Self {
        Attempt { desired, id: None, tries: 0, status, error: None }
    }

    /// As `reported` of the shadow `lorawan` shows it.
    pub fn report(&self) -> Value {
        json!({ "downlink": {
            "desired": format!("{:016x}", self.desired),
            "message_id": self.id.map(|id| format!("{id:016x}")),
            "tries": self.tries,
            "status": self.status.name(),
            "error": self.error,
        } })
    }

    /// Read back from the shadow `lorawan`.
    pub fn read(shadow: &Shadow) -> Option<Self> {
        let Some(Node::Branch(members)) = shadow.state.as_ref()?.reported.get("downlink") else {
            return None;
        };
        let leaf = |name: &str| match members.get(name) {
            Some(Node::Leaf { value, .. }) => Some(value),
            Some(Node::Branch(_)) | None => None,
        };
        let text = |name: &str| match leaf(name) {
            Some(Json::Text(text)) => Some(&**text),
            _ => None,
        };
        let hex = |name: &str| u64::from_str_radix(text(name)?, 16).ok();
        let tries = match leaf("tries") {
            Some(Json::Number(number)) => number.as_str().parse().ok()?,
            _ => return None,
        };
        let status = text("status")?;
        Some(Attempt {
            desired: hex("desired")?,
            id: hex("message_id"),
            tries,
            status: Status::STORED.into_iter().find(|known| known.name() == status)?,
            error: text("error").map(str::to_owned),
        })
    }
}

/// What tells one desired state from another: its values.
pub fn digest_of_desired(state: &State) -> u64 {
    let mut written = Vec::new();
    state.write_desired(&mut written);
    digest(&written)
}

/// The mark of a downlink: the same for the same wish of the same moment, so that one that is queued
/// again after a crash takes no second place in the queue.
pub fn mark(state: &State, tries: u8) -> String {
    let mut written = Vec::new();
    state.write_desired(&mut written);
    state.write_desired_metadata(&mut written);
    format!("{MARK}{:016x}:{tries}", digest(&written))
}

/// Whether a downlink with this mark is the binding's.
pub fn is_ours(mark: Option<&str>) -> bool {
    mark.is_some_and(|mark| mark.starts_with(MARK))
}
