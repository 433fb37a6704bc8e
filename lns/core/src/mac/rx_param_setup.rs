//! RXParamSetupReq / RXParamSetupAns: RX1's offset, RX2's data rate and frequency. TS001-1.0.4 §5.4.

use lns_lorawan::mac::{DownlinkMacCommand, RxParamSetupAns, RxParamSetupReq};

use super::ask::Verdict;
use super::kind::View;
use crate::session::MacParams;

/// Whether the windows are elsewhere than they should be.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    request(one) != request(desired)
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    copy(view.desired, asked);
}

/// The request.
pub fn request(asked: &MacParams) -> DownlinkMacCommand {
    DownlinkMacCommand::RxParamSetupReq(RxParamSetupReq {
        rx1_dr_offset: asked.rx.rx1_dr_offset,
        rx2_data_rate: asked.rx.rx2_data_rate,
        frequency: asked.rx.rx2_frequency,
    })
}

/// What the request sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.rx.rx1_dr_offset = from.rx.rx1_dr_offset;
    to.rx.rx2_data_rate = from.rx.rx2_data_rate;
    to.rx.rx2_frequency = from.rx.rx2_frequency;
}

/// What an answer says.
pub fn on_answer(answer: RxParamSetupAns) -> Verdict {
    let RxParamSetupAns { channel_ack, rx2_data_rate_ack, rx1_dr_offset_ack } = answer;
    Verdict::of([channel_ack, rx2_data_rate_ack, rx1_dr_offset_ack])
}
