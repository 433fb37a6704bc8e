//! RekeyInd / RekeyConf: a 1.1 device uses the keys of its last Join-Accept. LoRaWAN 1.1 §5.10.
//!
//! The device repeats RekeyInd in every uplink until it hears RekeyConf, and joins again after
//! ADR_ACK_LIMIT uplinks without it. A new session begins with its first uplink that carries
//! RekeyInd: what is heard under its keys before that is dropped (§5.10), so that the device and the
//! network leave the old session in the same frame.

use lns_lorawan::OpenedUplink;
use lns_lorawan::mac::{DownlinkMacCommand, RekeyMinor, UplinkMacCommand, UplinkMacCommands};

use crate::session::Session;

/// The minor version that both ends speak: ours. A device takes one between 1 and its own.
const MINOR: u8 = 1;

/// Whether a frame says that the device uses its new keys.
pub fn indicated(opened: &OpenedUplink) -> bool {
    let mut commands = UplinkMacCommands::new(opened.mac_commands());
    commands.any(|command| matches!(command, Ok(UplinkMacCommand::RekeyInd(_))))
}

/// Whether RekeyInd is to be answered: only in a 1.1 session that was joined, by a device that
/// knows a version which we know.
pub fn is_due(ind: RekeyMinor, session: &Session, joined: bool) -> bool {
    session.keys.scheme.is_1_1() && joined && ind.minor >= MINOR
}

/// As it is sent.
pub fn write(commands: &mut Vec<u8>) {
    super::write(DownlinkMacCommand::RekeyConf(RekeyMinor { minor: MINOR }), commands);
}
