//! PUSH_ACK — the server has a PUSH_DATA. PROTOCOL.TXT, chapter 3.3.
//!
//! It says that the datagram arrived, not that anything in it could be used; so it answers every
//! PUSH_DATA at once.

use super::header::{DatagramToken, Kind, Version, bytes};

/// The datagram: version and token are those of the PUSH_DATA.
pub fn build(version: Version, token: DatagramToken) -> [u8; 4] {
    bytes(version, token, Kind::PushAck)
}
