//! What a LoRaWAN network server decides: pure and deterministic.
//!
//! Nothing here reads a clock, draws a random number, opens a socket or waits. A device's memory
//! goes in with an event and comes out changed, together with what the world should do about it.
//! [`step`] is the verb; everything else is its vocabulary.
#![forbid(unsafe_code)]

pub mod adr;
pub mod class;
pub mod dedup;
pub mod device;
pub mod effect;
pub mod env;
pub mod event;
pub mod mac;
pub mod multicast;
pub mod note;
pub mod profile;
pub mod radio;
pub mod record;
pub mod reject;
pub mod session;

pub use device::{Device, step};
pub use effect::{AppEvent, Effect, EventKind, Step, TxPlan};
pub use env::{Env, Network};
pub use event::{Command, Event, Occasion, Offer, Reception};
pub use note::Note;
pub use profile::{Activation, Description, Profile};
pub use reject::Reject;
pub use session::Session;
