//! Why a payload for a group is not sent now.

use lns_lorawan::{GatewayEui, Timestamp};

use super::about::Hours;
use super::copies::{Copy, CopyState};
use super::group::{Group, GroupItem};
use crate::device::Missed;

/// What a payload waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupWaits {
    /// For a session of the group: none is set.
    Session,
    /// For the group's session to begin.
    Begin {
        /// When.
        at: Timestamp,
    },
    /// For its turn: order is kept.
    Turn {
        /// What is sent first.
        behind: u64,
    },
    /// For a gateway that reaches a member.
    Gateway(Missed),
    /// For its members' gateways to be learned, or for the last message to have left the air.
    Moment {
        /// When it is tried next, where that is known.
        at: Option<Timestamp>,
    },
    /// It is being sent.
    Copies {
        /// Gateways that have it.
        sent: usize,
        /// Gateways that are asked, or on whose word it waits.
        under_way: usize,
        /// Gateways that had no place, and why.
        lacking: Vec<(GatewayEui, Option<Missed>)>,
    },
    /// Nothing: the counters are used up, and the group needs other keys.
    Counters,
}

impl Group {
    /// What is queued, in order, and what each waits for.
    pub fn waiting(&self, now: Timestamp) -> Vec<(&GroupItem, GroupWaits)> {
        let mut list = Vec::with_capacity(self.queue.len() + 1);
        let mut behind = None;
        if let Some(message) = &self.message {
            behind = Some(message.item.id);
            list.push((&message.item, copies(&message.copies)));
        }
        for item in &self.queue {
            let waits = match behind {
                Some(behind) => GroupWaits::Turn { behind },
                None => self.head_waits(now),
            };
            behind.get_or_insert(item.id);
            list.push((item, waits));
        }
        list
    }

    fn head_waits(&self, now: Timestamp) -> GroupWaits {
        if self.f_cnt_down.is_none() {
            return GroupWaits::Counters;
        }
        match (self.about.hours, self.missed) {
            (Hours::Never, _) => GroupWaits::Session,
            (Hours::Between { begins, .. }, _) if begins > now => GroupWaits::Begin { at: begins },
            (_, Some(missed)) => GroupWaits::Gateway(missed),
            (_, None) => GroupWaits::Moment { at: self.wake },
        }
    }
}

fn copies(copies: &[Copy]) -> GroupWaits {
    let count = |wanted: fn(&Copy) -> bool| copies.iter().filter(|copy| wanted(copy)).count();
    let waiting = copies.iter().filter(|copy| copy.state == CopyState::Waiting);
    GroupWaits::Copies {
        sent: count(|copy| !copy.is_open() && copy.reaches()),
        under_way: count(|copy| copy.is_open() && copy.state != CopyState::Waiting),
        lacking: waiting.map(|copy| (copy.gateway, copy.missed)).collect(),
    }
}
