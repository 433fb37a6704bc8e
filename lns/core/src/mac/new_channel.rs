//! NewChannelReq / NewChannelAns: the channels of a dynamic plan beyond the default ones. TS001-1.0.4
//! §5.6.
//!
//! The CFList of a Join-Accept has room for five, all with the same data rates; a personalized
//! device has what its factory gave it. The rest is told channel by channel, and each is answered by
//! itself, in the order of the requests. A channel that was created listens where it sends and is in
//! use at once.

use lns_lorawan::Frequency;
use lns_lorawan::mac::{DownlinkMacCommand, NewChannelAns, NewChannelReq};

use super::ask::Verdict;
use super::kind::View;
use crate::session::{DeviceChannel, MacParams, Slot};

/// Requests in one frame: as many as FOpts hold.
const BATCH: usize = 2;

/// Whether a channel is to be made, changed or removed that the device has not refused, or may be
/// asked again.
pub fn needed(view: &View<'_>) -> bool {
    !batch(view).is_empty()
}

/// Whether the two have other channels.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    all(one, desired).any(|index| !same(one.channels.slot(index), desired.channels.slot(index)))
}

/// Every index under which one of them has something.
fn all(one: &MacParams, other: &MacParams) -> impl Iterator<Item = u8> {
    0..=one.channels.last_index().max(other.channels.last_index())
}

/// The channels to ask for now.
fn batch(view: &View<'_>) -> Vec<u8> {
    let tables = view.tables();
    let can_change = |index: &u8| *index >= tables.plan.default_count();
    let (current, desired) = (&view.current().channels, &view.desired.channels);
    let indices = all(view.current(), view.desired).filter(can_change);
    let refused = view.put_off(super::Kind::NewChannel);
    let is_due = |index: &u8| {
        let wanted = desired.slot(*index);
        let is_refused = refused.is_some_and(|refused| same(refused.channels.slot(*index), wanted));
        !same(current.slot(*index), wanted) && !is_refused
    };
    indices.filter(is_due).take(BATCH).collect()
}

/// Where a channel listens is another command's affair.
fn same(one: Slot, other: Slot) -> bool {
    match (one, other) {
        (Slot::Free, Slot::Free) => true,
        (Slot::Channel(one), Slot::Channel(other)) => {
            one.frequency == other.frequency && one.data_rates == other.data_rates
        }
        (Slot::Free | Slot::Channel(_) | Slot::Unknown, _) => false,
    }
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    let channels = view.current().channels.clone();
    asked.channels = batch(view).into_iter().fold(channels, |channels, index| {
        channels.with(index, listening_where_it_sends(view.desired.channels.slot(index)))
    });
}

fn listening_where_it_sends(slot: Slot) -> Slot {
    match slot {
        Slot::Channel(DeviceChannel { frequency, data_rates, .. }) => {
            Slot::Channel(DeviceChannel::new(frequency, data_rates))
        }
        Slot::Free | Slot::Unknown => slot,
    }
}

/// The indices that a request is about.
pub fn indices(asked: &MacParams, current: &MacParams) -> Vec<u8> {
    let other = |index: &u8| {
        let slot = asked.channels.slot(*index);
        slot != Slot::Unknown && !same(current.channels.slot(*index), slot)
    };
    all(asked, current).filter(other).collect()
}

/// The requests. One with frequency 0 removes a channel.
pub fn request(asked: &MacParams, view: &View<'_>) -> Vec<DownlinkMacCommand> {
    let indices = indices(asked, view.current()).into_iter();
    let requests = indices.map(|index| one(index, asked.channels.slot(index), view));
    requests.collect()
}

fn one(ch_index: u8, slot: Slot, view: &View<'_>) -> DownlinkMacCommand {
    let (slowest, fastest) = view.tables().adr_data_rates;
    let (frequency, (min_data_rate, max_data_rate)) = match slot.channel() {
        Some(channel) => {
            let range = channel.data_rates.to_new_channel(view.moment.profile.reg_params);
            (channel.frequency, range.unwrap_or((slowest, fastest)))
        }
        None => (Frequency::from_hz(0), (slowest, fastest)),
    };
    DownlinkMacCommand::NewChannelReq(NewChannelReq {
        ch_index,
        frequency,
        min_data_rate,
        max_data_rate,
    })
}

/// The device has made, changed or removed this channel. A new one is in use.
pub fn grant(index: u8, asked: &MacParams, current: &mut MacParams) {
    let slot = asked.channels.slot(index);
    current.channels = current.channels.with(index, slot);
    if let Some(mask) = &mut current.ch_mask {
        mask.set(index, slot.channel().is_some());
    }
}

/// An answer that was due did not come.
pub fn forget(index: u8, current: &mut MacParams) {
    current.channels = current.channels.with(index, Slot::Unknown);
}

/// What an answer says.
pub fn on_answer(answer: NewChannelAns) -> Verdict {
    Verdict::of([answer.channel_frequency_ack, answer.data_rate_range_ack])
}
