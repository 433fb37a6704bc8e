//! DlChannelReq / DlChannelAns: RX1 on another frequency than the uplink. LoRaWAN 1.0.3 §5.6,
//! TS001-1.0.4 §5.6.
//!
//! Each request is about one channel and answered by itself, in the order of the requests; the
//! answers are repeated until the device has heard us. Devices know it from 1.0.2 on, in dynamic
//! plans.

use lns_lorawan::MacVersion;
use lns_lorawan::mac::{DlChannelAns, DlChannelReq, DownlinkMacCommand};

use super::ask::Verdict;
use super::kind::View;
use crate::session::{DeviceChannel, MacParams, Slot};

/// Requests in one frame: as many as FOpts hold.
const BATCH: usize = 3;

/// Whether a channel is to listen elsewhere, and the device has not refused that, or may be asked
/// again.
pub fn needed(view: &View<'_>) -> bool {
    view.session.mac_version >= MacVersion::V1_0_2 && !batch(view).is_empty()
}

/// Whether the two listen elsewhere.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    desired.channels.slots().any(|(index, slot)| moved(one.channels.slot(index), slot))
}

/// The same channel, listening elsewhere.
fn moved(one: Slot, other: Slot) -> bool {
    one.channel().zip(other.channel()).is_some_and(|(one, other)| {
        one.frequency == other.frequency && one.rx1_frequency != other.rx1_frequency
    })
}

/// The channels to ask for now.
fn batch(view: &View<'_>) -> Vec<u8> {
    let current = &view.current().channels;
    let refused = view.put_off(super::Kind::DlChannel);
    let is_due = |(index, wanted): &(u8, Slot)| {
        let is_refused = |refused: &MacParams| {
            let was = refused.channels.slot(*index);
            let place = |slot: &Slot| slot.channel().map(|channel| channel.rx1_frequency);
            place(&was) == place(wanted)
        };
        moved(current.slot(*index), *wanted) && !refused.is_some_and(is_refused)
    };
    let due = view.desired.channels.slots().filter(is_due);
    due.map(|(index, _)| index).take(BATCH).collect()
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    let channels = view.current().channels.clone();
    asked.channels = batch(view)
        .into_iter()
        .fold(channels, |channels, index| channels.with(index, view.desired.channels.slot(index)));
}

/// The indices that a request is about.
pub fn indices(asked: &MacParams, current: &MacParams) -> Vec<u8> {
    let of_asked = asked.channels.slots();
    let other = of_asked.filter(|(index, slot)| moved(current.channels.slot(*index), *slot));
    other.map(|(index, _)| index).collect()
}

/// The requests.
pub fn request(asked: &MacParams, view: &View<'_>) -> Vec<DownlinkMacCommand> {
    let channel = |index: u8| asked.channels.slot(index).channel().copied().map(|c| (index, c));
    let moved = indices(asked, view.current()).into_iter().filter_map(channel);
    let requests = moved.map(|(ch_index, DeviceChannel { rx1_frequency: frequency, .. })| {
        DownlinkMacCommand::DlChannelReq(DlChannelReq { ch_index, frequency })
    });
    requests.collect()
}

/// The device listens there now.
pub fn grant(index: u8, asked: &MacParams, current: &mut MacParams) {
    current.channels = current.channels.with(index, asked.channels.slot(index));
}

/// What an answer says.
pub fn on_answer(answer: DlChannelAns) -> Verdict {
    Verdict::of([answer.channel_frequency_ack, answer.uplink_frequency_exists])
}
