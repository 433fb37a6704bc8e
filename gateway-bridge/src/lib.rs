//! Gateways' protocols to gateway-link: the Semtech UDP packet-forwarder protocol.

pub mod counters;
pub mod semtech;
