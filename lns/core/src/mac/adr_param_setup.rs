//! ADRParamSetupReq / ADRParamSetupAns: when a device doubts that it is heard. LoRaWAN 1.1 §5.11.

use lns_lorawan::mac::{AdrParamSetupReq, DownlinkMacCommand};

use super::differs_from;
use super::kind::View;
use crate::session::{AdrAck, MacParams};

/// Whether the device doubts earlier or later than it should.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    differs_from(one.adr_ack, desired.adr_ack)
}

/// Devices of 1.1 know it.
pub fn needed(view: &View<'_>) -> bool {
    view.session.mac_version.is_1_1() && differs(view.current(), view.desired)
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    copy(view.desired, asked);
}

/// The request.
pub fn request(asked: &MacParams) -> DownlinkMacCommand {
    let AdrAck { limit_exp, delay_exp } = asked.adr_ack.unwrap_or(AdrAck::DEFAULT);
    DownlinkMacCommand::AdrParamSetupReq(AdrParamSetupReq { limit_exp, delay_exp })
}

/// What the request sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.adr_ack = from.adr_ack;
}
