//! PingSlotChannelReq / PingSlotChannelAns: where and how fast a class B device listens.
//! TS001-1.0.4 §12.

use lns_lorawan::mac::{DownlinkMacCommand, PingSlotChannelAns, PingSlotChannelReq};

use super::ask::Verdict;
use super::differs_from;
use super::kind::View;
use crate::session::MacParams;

/// Whether the ping slots are elsewhere than they should be.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    differs_from(one.ping_slot.channel, desired.ping_slot.channel)
}

/// Of interest to devices that can be in class B.
pub fn needed(view: &View<'_>) -> bool {
    view.moment.profile.supports_class_b && differs(view.current(), view.desired)
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    copy(view.desired, asked);
}

/// The request. Frequency 0 is the region's; the data rate has no such value and is always named.
pub fn request(asked: &MacParams, view: &View<'_>) -> Option<DownlinkMacCommand> {
    let channel = asked.ping_slot.channel?;
    let of_region = view.tables().beacon.ping_slot_data_rate;
    Some(DownlinkMacCommand::PingSlotChannelReq(PingSlotChannelReq {
        frequency: channel.place.on_air(),
        data_rate: channel.data_rate.unwrap_or(of_region),
    }))
}

/// What the request sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.ping_slot.channel = from.ping_slot.channel;
}

/// What an answer says.
pub fn on_answer(answer: PingSlotChannelAns) -> Verdict {
    Verdict::of([answer.channel_frequency_ack, answer.data_rate_ack])
}
