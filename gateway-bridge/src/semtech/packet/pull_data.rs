//! PULL_DATA — a gateway keeps the way to it open. PROTOCOL.TXT, chapter 5.2.
//!
//! Downlinks go to the address that this came from, which is rarely that of PUSH_DATA.

use gateway_link::GatewayEui;

use super::header::{DatagramToken, Kind, Version, build as datagram};

/// The datagram, for a gateway to send.
pub fn build(version: Version, token: DatagramToken, gateway_eui: GatewayEui) -> Vec<u8> {
    datagram(version, token, Kind::PullData, &[&gateway_eui.0])
}
