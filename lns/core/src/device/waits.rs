//! Why a queued downlink is not sent now.

use lns_lorawan::{FCntDown, Timestamp};

use super::{Device, ItemState, Queued, queue, unprompted};
use crate::radio::lane::NoOffer;
use crate::radio::shortage::Shortage;

/// An occasion with something to say that passed without a word. In memory only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// When.
    pub at: Timestamp,
    /// What was lacking.
    pub shortage: Shortage,
}

/// What a queued downlink waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// For the device to join: there is no session to send it in.
    Join,
    /// For the device's next uplink, after which it listens.
    Uplink,
    /// For its moment: a device of class B or C can be spoken to between its uplinks.
    Moment {
        /// When it is tried next.
        at: Timestamp,
    },
    /// For the gateways' offers: the device listens, and they are being asked.
    Window,
    /// For the gateway's word on the frame that carries it.
    Outcome,
    /// For an uplink that says whether it arrived.
    Ack {
        /// The counter it was sent under.
        f_cnt_down: FCntDown,
    },
    /// For the end of another item: order is kept.
    Turn {
        /// The item at the head of the queue.
        behind: u64,
    },
    /// For a faster data rate: no window of the last occasion had room for it.
    Room {
        /// The largest payload that would have fitted, bytes.
        room: u16,
    },
    /// For a gateway: at the last occasion none could send.
    Gateway(Missed),
}

impl Device {
    /// The queued downlinks in their order, and what each waits for.
    pub fn waiting(&self, now: Timestamp) -> impl Iterator<Item = (&Queued, Waits)> {
        let head = self.queue.iter().find(|queued| !queued.has_expired(now));
        let head = head.map(|queued| queued.item.id);
        self.queue.iter().map(move |queued| {
            let behind = head.filter(|head| *head != queued.item.id);
            (queued, self.waits(queued, behind, now))
        })
    }

    fn waits(&self, queued: &Queued, behind: Option<u64>, now: Timestamp) -> Waits {
        match (queued.state, behind) {
            (ItemState::Planned, _) => return Waits::Outcome,
            (ItemState::AwaitingAck { f_cnt_down }, _) => return Waits::Ack { f_cnt_down },
            (ItemState::Waiting, Some(behind)) => return Waits::Turn { behind },
            (ItemState::Waiting, None) => {}
        }
        if self.session.is_none() && self.pending.is_none() {
            return Waits::Join;
        }
        if self.awaits().is_some() && queue::next(&self.queue, now).is_some() {
            return Waits::Window;
        }
        match (queued.room, self.missed) {
            (Some(room), _) => Waits::Room { room },
            // Queued afterwards, it has missed nothing yet.
            (None, Some(missed)) if missed.at >= queued.item.queued_at => Waits::Gateway(missed),
            (None, Some(_) | None) => match unprompted::deadline(self) {
                Some(at) => Waits::Moment { at },
                None => Waits::Uplink,
            },
        }
    }
}

impl Missed {
    /// The lanes had no offer; `None` where they were not asked in time.
    pub(crate) fn now(at: Timestamp, shortage: Option<Shortage>) -> Self {
        let too_late = Shortage { reason: NoOffer::TooLate, until: None };
        Missed { at, shortage: shortage.unwrap_or(too_late) }
    }
}
