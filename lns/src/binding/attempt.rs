//! What was done about a desired state, as it stands in the shadow `lorawan`.

use lns_core::dedup::digest;
use lns_lorawan::{DevEui, Timestamp};
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
    /// On its way through the codec.
    Starting,
    /// It is durable that it is going to be queued, and under which id.
    Queueing,
    /// An earlier run of the server ended on that way: it may be in the queue, or not. Asking again
    /// under the same id takes no second place there.
    Unfinished,
    /// In the device's queue.
    Queued,
    /// A gateway has taken it; it is sent again until the device acknowledges it.
    Sent,
    /// The device has it; the next uplinks will show.
    Acknowledged,
    /// The queue did not take it, for now: tried again when the device is heard.
    Refused,
    /// The codec cannot say it, or no frame can carry it: only another desired state helps.
    Failed,
    /// It was tried [`MAX_TRIES`] times.
    GivenUp,
    /// Somebody took it off the queue.
    Dropped,
    /// The thing stands for no device any more, or for one that is not to hear of desired states.
    Unbound,
    /// The device reports what is desired.
    Settled,
}

/// What was done about one desired state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The device that was to hear of it: the thing may stand for another one later.
    pub dev_eui: DevEui,
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
    /// Until when a downlink of an older desired state may change the device, or a report be on its
    /// way that does not know of one: before, a report that agrees settles nothing for good.
    pub doubt: Option<Timestamp>,
    /// The downlink of an older desired state that may wait in a queue, and must not be sent any more
    /// once this is durable.
    pub replaces: Option<Place>,
}

impl Status {
    /// As they are read back.
    const STORED: [Status; 10] = [
        Status::Unfinished,
        Status::Queued,
        Status::Sent,
        Status::Acknowledged,
        Status::Refused,
        Status::Failed,
        Status::GivenUp,
        Status::Dropped,
        Status::Unbound,
        Status::Settled,
    ];

    /// As it stands in the shadow.
    pub fn name(self) -> &'static str {
        match self {
            Status::Starting | Status::Queueing | Status::Unfinished => "starting",
            Status::Queued => "queued",
            Status::Sent => "sent",
            Status::Acknowledged => "acknowledged",
            Status::Refused => "refused",
            Status::Failed => "failed",
            Status::GivenUp => "given_up",
            Status::Dropped => "dropped",
            Status::Unbound => "unbound",
            Status::Settled => "settled",
        }
    }
}

/// A downlink of a device, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose queue it is in.
    pub dev_eui: DevEui,
    /// Its id.
    pub id: u64,
}

impl Attempt {
    /// The first words about a desired state.
    pub fn new((dev_eui, desired): (DevEui, u64), status: Status) -> Self {
        Attempt {
            dev_eui,
            desired,
            id: None,
            tries: 0,
            status,
            error: None,
            doubt: None,
            replaces: None,
        }
    }

    /// The downlink of this attempt, or of the one before it, that may still wait to be sent, or to
    /// be sent again: one that was sent stays in the queue until it is acknowledged.
    pub fn waiting(&self) -> Option<Place> {
        match self.status {
            Status::Queueing | Status::Unfinished | Status::Queued | Status::Sent => {
                Some(Place { dev_eui: self.dev_eui, id: self.id? })
            }
            // Nothing of it is in the queue, and nobody was told to take the older one off.
            Status::Starting => self.replaces,
            Status::Acknowledged
            | Status::Refused
            | Status::Failed
            | Status::GivenUp
            | Status::Dropped
            | Status::Unbound
            | Status::Settled => None,
        }
    }

    /// Whether a downlink may have changed the device, and its report not be here.
    pub fn leaves_doubt(&self) -> bool {
        self.tries > 0 || self.doubt.is_some()
    }

    /// As `reported` of the shadow `lorawan` shows it.
    pub fn report(&self) -> Value {
        json!({ "downlink": {
            "dev_eui": self.dev_eui.to_string(),
            "desired": format!("{:016x}", self.desired),
            "message_id": self.id.map(|id| format!("{id:016x}")),
            "tries": self.tries,
            "status": self.status.name(),
            "error": self.error,
            "doubt_until": self.doubt.map(Timestamp::to_rfc3339),
            "replaces": self.replaces.map(|place| format!("{}/{:016x}", place.dev_eui, place.id)),
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
            dev_eui: text("dev_eui")?.parse().ok()?,
            desired: hex("desired")?,
            id: hex("message_id"),
            tries,
            status: Status::STORED.into_iter().find(|known| known.name() == status)?,
            error: text("error").map(str::to_owned),
            doubt: text("doubt_until").and_then(Timestamp::parse_rfc3339),
            replaces: text("replaces").and_then(|text| {
                let (dev_eui, id) = text.split_once('/')?;
                let id = u64::from_str_radix(id, 16).ok()?;
                Some(Place { dev_eui: dev_eui.parse().ok()?, id })
            }),
        })
    }
}

/// What tells one desired state from another: its values.
pub fn digest_of_desired(state: &State) -> u64 {
    let mut written = Vec::new();
    state.write_desired(&mut written);
    digest(&written)
}

/// The mark of the downlink with this id.
pub fn mark(id: u64) -> String {
    format!("{MARK}{id:016x}")
}

/// Whether a downlink with this mark is the binding's.
pub fn is_ours(mark: Option<&str>) -> bool {
    mark.is_some_and(|mark| mark.starts_with(MARK))
}
