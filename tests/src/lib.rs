//! The laboratory: the whole server under test.
//!
//! [`harness`] has what stands around a real server: devices, gateways, applications. None of it
//! shares code with the server, so that a mistake on one side does not cancel itself on the other.

pub mod checkers;
pub mod harness;
pub mod world;
