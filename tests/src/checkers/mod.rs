//! Those who stand outside a world and know the truth.
//!
//! They see what devices really send, what leaves the server and what is on air, and share no
//! state with the rooms that they check.

mod airtime;
mod counters;
mod keystream;
pub mod ledger;
mod multicast;
mod outbox;

pub use airtime::{Airtime, Promise};
pub use counters::Counters;
pub use keystream::{Keystream, Root};
pub use multicast::Multicast;
pub use outbox::Outbox;

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Whose: the checker's name.
    pub property: &'static str,
    /// What was seen instead, with values.
    pub what: String,
}

/// What a checker says to one observation.
pub type Verdict = Result<(), Violation>;

/// A [`Verdict`] against `property`.
pub fn against(property: &'static str, what: impl Into<String>) -> Verdict {
    Err(Violation { property, what: what.into() })
}

/// Bytes as people read them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
