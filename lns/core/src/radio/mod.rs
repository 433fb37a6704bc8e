//! The radio: when windows open, whose air is free, how a concentrator's clock maps to ours.

mod air;
pub mod clock;
pub mod duty;
pub mod forwarder;
pub mod lane;
pub mod lanes;
mod percentile;
pub mod place;
pub mod plan;
pub mod shortage;

pub use percentile::Percentile;
