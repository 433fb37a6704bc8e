//! Gateways' protocols to gateway-link: the Semtech UDP packet-forwarder protocol.
//!
//! [`semtech::packet`] reads and writes the messages, [`semtech::session`] is the protocol as a pure
//! state machine, [`semtech::shell`] its socket. What is heard goes to a [`forward::Forward`]: the
//! server itself in one process, an MQTT broker when the bridge runs next to its gateways.
#![deny(unsafe_code)]

pub mod counters;
pub mod forward;
pub mod semtech;

pub use forward::Forward;
pub use semtech::session::Policy;
pub use semtech::shell::{BindError, Bridge, BridgeConfig, BridgeHandle};
