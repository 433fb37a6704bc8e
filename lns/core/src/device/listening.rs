//! When and by whom a device can be spoken to, for people.

use lns_lorawan::{TimeDelta, Timestamp};

use super::{Device, unprompted};
use crate::class::Class;
use crate::class::b::{Periodicity, SLOT};
use crate::event::Path;

/// How a device listens between its uplinks.
#[derive(Clone, Debug, PartialEq)]
pub struct Listening {
    /// Its class now.
    pub class: Class,
    /// Its ping slots, in class B.
    pub ping_slots: Option<PingSlotsSeen>,
    /// The gateways that it can be reached by without having sent, best first.
    pub paths: Vec<Path>,
}

/// The ping slots of a class B device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingSlotsSeen {
    /// How often, as the device or its profile says.
    pub periodicity: Periodicity,
    /// When the next one starts; `None` before 1980.
    pub next_at: Option<Timestamp>,
}

impl Device {
    /// How it listens.
    pub fn listening(&self, now: Timestamp) -> Listening {
        let class = self.class();
        let ping_slots = (class == Class::B).then(|| PingSlotsSeen {
            periodicity: unprompted::periodicity(self),
            next_at: unprompted::next_slot(self, now).map(|slot| slot.starts.to_timestamp()),
        });
        let state = self.unprompted.as_deref();
        let paths = state.map(|state| state.paths.as_slice().to_vec()).unwrap_or_default();
        Listening { class, ping_slots, paths }
    }
}

impl PingSlotsSeen {
    /// From one slot to the next.
    pub fn period(&self) -> TimeDelta {
        SLOT.times(i64::from(self.periodicity.period()))
    }
}
