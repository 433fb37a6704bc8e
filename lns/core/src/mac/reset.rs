//! ResetInd / ResetConf: a personalized 1.1 device has put its MAC back to its defaults. LoRaWAN 1.1
//! §5.1.
//!
//! It repeats ResetInd in every uplink until it hears ResetConf. Its parameters are those of the
//! factory again; its counters go on. From a device that has joined ResetInd is ignored.

use lns_lorawan::OpenedUplink;
use lns_lorawan::mac::{DownlinkMacCommand, ResetMinor, UplinkMacCommand, UplinkMacCommands};

use crate::session::Session;

/// The minor version that both ends speak: ours. A device takes one between 1 and its own.
const MINOR: u8 = 1;

/// Whether a frame of this session says that the device has reset its MAC.
pub fn indicated(opened: &OpenedUplink, session: &Session, joined: bool) -> bool {
    let mut commands = UplinkMacCommands::new(opened.mac_commands());
    commands.any(|command| match command {
        Ok(UplinkMacCommand::ResetInd(ind)) => is_due(ind, session, joined),
        Ok(_) | Err(_) => false,
    })
}

/// Whether ResetInd is to be answered.
pub fn is_due(ind: ResetMinor, session: &Session, joined: bool) -> bool {
    session.keys.scheme.is_1_1() && !joined && ind.minor >= MINOR
}

/// As it is sent.
pub fn write(commands: &mut Vec<u8>) {
    super::write(DownlinkMacCommand::ResetConf(ResetMinor { minor: MINOR }), commands);
}
