//! Occasions: when a device that is about to listen is spoken to.
//!
//! An occasion with something to say is taken as soon as its copies and the profile's reply window
//! allow. One with nothing to say stays open until the last call, so that an application which
//! answers an uplink in time still makes this uplink's window.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use lns_core::effect::Opening;
use lns_lorawan::Timestamp;

use super::devices::Slot;

/// An open occasion.
pub struct Open {
    /// Whose.
    pub slot: Slot,
    /// Its windows and the copies that open them.
    pub opening: Opening,
    /// After this no gateway can send in any of its windows.
    pub last_call: Timestamp,
    /// Whether the lanes have been asked.
    pub asked: bool,
}

/// What is due at an occasion.
pub enum Due {
    /// Ask the lanes, if the device has something to say.
    Ask(u64),
    /// The last call has passed.
    Passed(u64),
}

/// The open occasions of a partition: at most one a device.
#[derive(Default)]
pub struct Occasions {
    open: HashMap<u64, Open>,
    by_slot: HashMap<Slot, u64>,
    due: BinaryHeap<Reverse<(Timestamp, u64)>>,
    next: u64,
}

impl Occasions {
    /// Opens an occasion; one that the same device had before is over.
    ///
    /// It is due at `ask_at` (when there is something to say) and at its last call.
    pub fn open(&mut self, open: Open, ask_at: Option<Timestamp>) -> u64 {
        self.close_of(open.slot);
        let number = self.next;
        self.next += 1;
        if let Some(ask_at) = ask_at {
            self.due.push(Reverse((ask_at, number)));
        }
        self.due.push(Reverse((open.last_call, number)));
        self.by_slot.insert(open.slot, number);
        self.open.insert(number, open);
        number
    }

    /// The occasion with this number, while it is open.
    pub fn find(&mut self, number: u64) -> Option<&mut Open> {
        self.open.get_mut(&number)
    }

    /// The number of a device's open occasion that the lanes have not been asked about.
    pub fn waiting(&self, slot: Slot) -> Option<u64> {
        let number = *self.by_slot.get(&slot)?;
        self.open.get(&number).filter(|open| !open.asked).map(|_| number)
    }

    /// Ends an occasion.
    pub fn close(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number)?;
        if self.by_slot.get(&open.slot) == Some(&number) {
            self.by_slot.remove(&open.slot);
        }
        Some(open)
    }

    /// Ends a device's occasion, if it has one.
    pub fn close_of(&mut self, slot: Slot) {
        if let Some(number) = self.by_slot.remove(&slot) {
            self.open.remove(&number);
        }
    }

    /// When the next occasion is due.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// The next thing due by `now`.
    pub fn due(&mut self, now: Timestamp) -> Option<Due> {
        while let Some(&Reverse((at, number))) = self.due.peek() {
            if at > now {
                return None;
            }
            self.due.pop();
            let Some(open) = self.open.get(&number) else { continue };
            if at >= open.last_call {
                return Some(Due::Passed(number));
            }
            if !open.asked {
                return Some(Due::Ask(number));
            }
        }
        None
    }
}
