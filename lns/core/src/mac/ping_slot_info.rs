//! PingSlotInfoReq / PingSlotInfoAns: how often a device listens in class B. TS001-1.0.4 §12.1.
//!
//! The device says it in class A, and goes to class B when it has heard our answer; so what it says
//! holds from now on, though the answer may be lost: then it stays in class A and says it again. A
//! device that never says it has the ping slots of its profile.

use lns_lorawan::mac::{DownlinkMacCommand, PingSlotInfoReq};

use crate::class::b::Periodicity;
use crate::session::Session;

/// The device has said it.
pub fn hear(request: PingSlotInfoReq, session: &mut Session) {
    let periodicity = Some(Periodicity::from_low_bits(request.periodicity));
    if session.current.ping_slot.periodicity != periodicity {
        session.current_mut().ping_slot.periodicity = periodicity;
    }
}

/// As it is answered.
pub fn write(commands: &mut Vec<u8>) {
    super::write(DownlinkMacCommand::PingSlotInfoAns, commands);
}
