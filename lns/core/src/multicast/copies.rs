//! One message on its way: a counter, its bytes, and a copy for each gateway.

use lns_lorawan::{Db, FCntDown, GatewayEui, TimeDelta, Timestamp};
use serde::{Deserialize, Serialize};

use super::group::GroupItem;
use crate::device::Missed;
use crate::event::Fate;

/// A payload that has taken its counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What the application wants said.
    pub item: GroupItem,
    /// The counter of every copy.
    pub f_cnt_down: FCntDown,
    /// The bytes of every copy.
    pub phy_payload: Box<[u8]>,
    /// One for each gateway, in the order in which they are tried.
    pub copies: Vec<Copy>,
    /// Members that no gateway was known to reach.
    pub unreached: usize,
    /// Whether the application wants it no longer.
    pub is_dropped: bool,
}

/// One gateway's transmission of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// Who sends.
    pub gateway: GatewayEui,
    /// How well its members hear it.
    pub margin: Db,
    /// Copies that must not be on air at the same time: some member may hear both.
    pub near: Vec<GatewayEui>,
    /// How far it is.
    pub state: CopyState,
    /// Not asked for before.
    pub not_before: Timestamp,
    /// Occasions in a row that came to nothing.
    pub in_vain: u8,
    /// Why the last one did.
    pub missed: Option<Missed>,
}

/// How far a copy is.
#[derive(Clone, Debug, PartialEq)]
pub enum CopyState {
    /// For its place on air.
    Waiting,
    /// Its gateway's lane is being asked.
    Asked {
        /// It cannot end later.
        ends: Timestamp,
    },
    /// Handed over.
    Flying {
        /// Its plan.
        plan: u64,
        /// When it starts at the latest, and when it has left the air then.
        on_air: OnAir,
        /// What may come on top of a start that the lanes tell.
        slack: TimeDelta,
    },
    /// It has its end.
    Ended {
        /// Which.
        fate: Fate,
        /// Where it was on air, if it was.
        on_air: Option<OnAir>,
    },
}

/// A time on air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnAir {
    /// The start.
    pub starts: Timestamp,
    /// The end.
    pub ends: Timestamp,
}

impl Copy {
    /// A copy that nothing has been done for.
    pub(super) fn new(gateway: GatewayEui, margin: Db, near: Vec<GatewayEui>) -> Self {
        Copy {
            gateway,
            margin,
            near,
            state: CopyState::Waiting,
            not_before: Timestamp::default(),
            in_vain: 0,
            missed: None,
        }
    }

    /// Whether something is still to come of it.
    pub(super) fn is_open(&self) -> bool {
        match self.state {
            CopyState::Waiting | CopyState::Asked { .. } | CopyState::Flying { .. } => true,
            CopyState::Ended { .. } => false,
        }
    }

    /// Whether its gateway sends it, or may have sent it.
    pub(super) fn reaches(&self) -> bool {
        match &self.state {
            CopyState::Waiting => false,
            CopyState::Asked { .. } | CopyState::Flying { .. } => true,
            CopyState::Ended { fate, .. } => match fate {
                Fate::Accepted | Fate::Unknown => true,
                Fate::Refused(_) | Fate::Expired => false,
            },
        }
    }

    /// Where it is or was on air, at the latest.
    pub(super) fn on_air(&self) -> Option<OnAir> {
        match self.state {
            CopyState::Waiting => None,
            CopyState::Asked { ends } => Some(OnAir { starts: ends, ends }),
            CopyState::Flying { on_air, .. } => Some(on_air),
            CopyState::Ended { on_air, .. } => on_air,
        }
    }
}

impl Message {
    /// When every copy that may be sent has left the air; not before `now`.
    pub(super) fn on_air_until(&self, now: Timestamp) -> Timestamp {
        let ends = self.copies.iter().filter_map(Copy::on_air).map(|on_air| on_air.ends);
        ends.max().unwrap_or(now).max(now)
    }

    /// When a waiting copy may start at the earliest, as far as the others go: `None` while one of
    /// them is under way that it might meet.
    pub(super) fn free_from(&self, copy: &Copy, interval: TimeDelta) -> Option<Timestamp> {
        let mut free = copy.not_before;
        for other in self.copies.iter().filter(|other| copy.near.contains(&other.gateway)) {
            match other.state {
                CopyState::Waiting => {}
                CopyState::Asked { .. } | CopyState::Flying { .. } => return None,
                CopyState::Ended { on_air, .. } => {
                    if let Some(on_air) = on_air {
                        free = free.max(on_air.ends + GAP).max(on_air.starts + interval);
                    }
                }
            }
        }
        Some(free)
    }

    /// The copy of a gateway.
    pub(super) fn copy_of(&mut self, gateway: GatewayEui) -> Option<&mut Copy> {
        self.copies.iter_mut().find(|copy| copy.gateway == gateway)
    }
}

/// Between two copies that a member may hear both: two gateways' clocks, as we know them, differ by
/// some milliseconds, and a receiver needs some to begin anew.
const GAP: TimeDelta = TimeDelta::from_millis(100);
