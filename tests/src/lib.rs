//! The laboratory: the whole server under test.

pub mod checkers;
pub mod world;
