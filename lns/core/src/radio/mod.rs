//! The radio: when windows open, whose air is free, how a concentrator's clock maps to ours.

mod air;
pub mod clock;
mod demand;
pub mod duty;
mod flights;
pub mod forwarder;
pub mod lane;
pub mod lanes;
pub mod odds;
mod percentile;
pub mod place;
mod placing;
pub mod plan;
pub mod rx_delay;
pub mod settings;
pub mod shortage;

pub use percentile::Percentile;
