//! The Semtech UDP packet-forwarder protocol, versions 1 and 2.

mod base64;
pub mod packet;
pub mod session;
pub mod shell;
mod socket;
pub mod time;
