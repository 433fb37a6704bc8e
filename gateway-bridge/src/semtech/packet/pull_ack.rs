//! PULL_ACK — the way to the gateway is open. PROTOCOL.TXT, chapter 5.3.

use super::header::{DatagramToken, Kind, Version, bytes};

/// The datagram: version and token are those of the PULL_DATA.
pub fn build(version: Version, token: DatagramToken) -> [u8; 4] {
    bytes(version, token, Kind::PullAck)
}
