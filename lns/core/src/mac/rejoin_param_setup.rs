//! RejoinParamSetupReq / RejoinParamSetupAns: how often a device sends Rejoin-Requests of type 0.
//! LoRaWAN 1.1 §5.14.
//!
//! A device always keeps the limit in uplinks; its answer says whether it keeps the one in time too.
//! One that has no clock will not have one when it is asked again: either answer is the end.

use lns_lorawan::mac::{DownlinkMacCommand, RejoinParamSetupReq};

use super::differs_from;
use super::kind::View;
use crate::session::{MacParams, RejoinPeriod};

/// Whether the device shows itself more or less often than it should.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    differs_from(one.rejoin, desired.rejoin)
}

/// Devices of 1.1 know it; one that was personalized has nothing to rejoin with.
pub fn needed(view: &View<'_>) -> bool {
    view.moment.joined && view.session.mac_version.is_1_1() && differs(view.current(), view.desired)
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    copy(view.desired, asked);
}

/// The request; none where nothing is wanted.
pub fn request(asked: &MacParams) -> Option<DownlinkMacCommand> {
    let RejoinPeriod { max_time_n, max_count_n } = asked.rejoin?;
    Some(DownlinkMacCommand::RejoinParamSetupReq(RejoinParamSetupReq { max_time_n, max_count_n }))
}

/// What the request sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.rejoin = from.rejoin;
}
