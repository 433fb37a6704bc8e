//! BeaconFreqReq / BeaconFreqAns: where a device looks for beacons. TS001-1.0.4 §12.2.

use lns_lorawan::mac::{BeaconFreqAns, BeaconFreqReq, DownlinkMacCommand};

use super::ask::Verdict;
use super::differs_from;
use super::kind::View;
use crate::session::MacParams;

/// Whether the device looks elsewhere than it should.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    differs_from(one.beacon, desired.beacon)
}

/// Of interest to devices that can be in class B.
pub fn needed(view: &View<'_>) -> bool {
    view.moment.profile.supports_class_b && differs(view.current(), view.desired)
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    copy(view.desired, asked);
}

/// The request.
pub fn request(asked: &MacParams) -> Option<DownlinkMacCommand> {
    let frequency = asked.beacon?.on_air();
    Some(DownlinkMacCommand::BeaconFreqReq(BeaconFreqReq { frequency }))
}

/// What the request sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.beacon = from.beacon;
}

/// What an answer says.
pub fn on_answer(answer: BeaconFreqAns) -> Verdict {
    Verdict::of([answer.beacon_frequency_ack])
}
