//! Classes: when a device listens besides the windows after its own uplinks.
//!
//! Class A listens then and only then. Class B listens in *ping slots* too, moments that follow from
//! beacons ([`b`]). Class C listens all the time.

pub mod b;
pub mod beacon;
pub mod c;

use serde::{Deserialize, Serialize};

/// When a device listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// After its own uplinks.
    #[default]
    A,
    /// In ping slots too.
    B,
    /// Whenever it does not send.
    C,
}

impl Class {
    /// `A`, `B` or `C`.
    pub const fn name(self) -> &'static str {
        match self {
            Class::A => "A",
            Class::B => "B",
            Class::C => "C",
        }
    }
}
