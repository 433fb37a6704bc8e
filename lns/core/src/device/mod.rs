//! One device: its memory, and the verb that changes it.

use std::sync::Arc;

use lns_lorawan::{DevAddr, DevEui, DevNonce, FCntDown, JoinNonce, Timestamp};
use serde::{Deserialize, Serialize};

use crate::dedup::Heard;
use crate::effect::AppEvent;
use crate::event::{JoinHeard, Purpose, QueueItem};
use crate::profile::Description;
use crate::session::Session;

/// Everything the server remembers of one device.
///
/// Cheap to clone: `step` returns a changed copy, so that a refused commit needs no undo. What is
/// large or seldom changes is behind an `Arc` or a box.
#[derive(Clone, Debug)]
pub struct Device {
    /// What an administrator says of it.
    pub about: Arc<Description>,
    /// The session in use.
    pub session: Option<Session>,
    /// The session of the last Join-Accept, until the device uses it.
    pub pending: Option<Box<Session>>,
    /// The JoinNonce to give next.
    pub join_nonce: JoinNonce,
    /// The last accepted DevNonce.
    pub last_dev_nonce: Option<DevNonce>,
    /// The last 1,024 accepted DevNonces, oldest first, in a record of its own.
    pub used_dev_nonces: Arc<Vec<DevNonce>>,
    /// Queued downlinks, first to send first.
    pub queue: Arc<Vec<Queued>>,
    /// A frame that has been handed over or is planned, until its outcome is known.
    pub in_flight: Option<Box<InFlight>>,
    /// A class A occasion (or a join) that is open.
    pub awaiting: Option<Box<Awaiting>>,
    /// MAC commands: what to answer, what was asked.
    pub mac: MacState,
    /// Which gateways heard the last transmissions.
    pub heard: Heard,
    /// The last frame of a lower counter than the session's: to tell a reset from a replay.
    pub behind: Option<Behind>,
    /// The newest undelivered events, at most two; older ones lie in the store by sequence.
    pub events: Vec<AppEvent>,
    /// The number of the next event.
    pub next_event: u64,
}
