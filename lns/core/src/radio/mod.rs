//! The radio: when windows open, whose air is free, how a concentrator's clock maps to ours.

pub mod clock;
pub mod lane;
pub mod lanes;
pub mod plan;
