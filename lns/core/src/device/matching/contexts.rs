//! What the MIC of a 1.1 uplink covers besides its bytes: TxDr, TxCh and ConfFCnt (LoRaWAN 1.1
//! §4.4.2).
//!
//! The device knows them, and we may not: it may send on a channel that we have asked for and not
//! yet seen confirmed, and devices differ in which downlink's counter an ACK stands for. Half of the
//! MIC needs none of this and has verified when we get here, so that a few attempts at the other half
//! cost nothing that strangers could ask for.

use lns_lorawan::{DataRateIndex, FCntDown, Frequency, Uplink11Ctx};

use crate::device::{Device, ItemState};
use crate::mac::channel_plan;
use crate::session::{Channels, DownCounter, Session, Slot};

/// The most contexts that one candidate's frame is tried with.
pub(super) const CONTEXTS: usize = 12;

/// A frame as it was received, and whether it carries ACK.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub frequency: Frequency,
    pub data_rate: DataRateIndex,
    pub ack: bool,
}

/// The contexts, likeliest first, each with the channel that it stands for: one in 1.0.x, where the
/// MIC does not cover them.
pub(super) fn contexts(
    device: &Device,
    session: &Session,
    received: Received,
) -> impl Iterator<Item = (Uplink11Ctx, Option<u8>)> + use<> {
    let on = (received.frequency, received.data_rate);
    let usual = channel_plan::channel_of(&device.about.profile, session, on);
    let (channels, counters) = if session.keys.scheme.is_1_1() {
        (
            channels(device, session, (received.frequency, usual)),
            counters(device, session, received.ack),
        )
    } else {
        (vec![usual], vec![0])
    };
    let pairs = channels.into_iter().flat_map(move |channel| {
        counters.clone().into_iter().map(move |conf_f_cnt| {
            let tx_ch = channel.unwrap_or(0);
            (Uplink11Ctx { conf_f_cnt, tx_dr: received.data_rate, tx_ch }, channel)
        })
    });
    pairs.take(CONTEXTS)
}

/// The device's channels with this frequency: those it has, those it was asked to have, and those
/// of which we do not know what they are.
fn channels(
    device: &Device,
    session: &Session,
    (frequency, usual): (Frequency, Option<u8>),
) -> Vec<Option<u8>> {
    let here = |channels: &Channels| -> Vec<u8> {
        let known = channels.slots().filter_map(|(index, slot)| Some((index, *slot.channel()?)));
        known
            .filter(|(_, channel)| channel.frequency == frequency)
            .map(|(index, _)| index)
            .collect()
    };
    let current = &session.current.channels;
    let asked = device.mac.ledger.as_ref().map(|ledger| here(&ledger.asked.channels));
    let unknown = current.slots().filter(|(_, slot)| *slot == Slot::Unknown);
    let unknown = unknown.map(|(index, _)| index);
    let others = here(current).into_iter().chain(asked.into_iter().flatten()).chain(unknown);
    let mut channels: Vec<Option<u8>> = Vec::new();
    for channel in usual.into_iter().chain(others).map(Some) {
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    if channels.is_empty() {
        channels.push(None);
    }
    channels
}

/// The low halves of the counters that an ACK may stand for: the last confirmed downlink's, which is
/// what the text says, that of one whose acknowledgement is waited for, or the last of either
/// counter, which is what the reference device takes.
fn counters(device: &Device, session: &Session, ack: bool) -> Vec<u16> {
    if !ack {
        return vec![0];
    }
    let waiting = device.queue.iter().filter_map(|queued| match queued.state {
        ItemState::AwaitingAck { f_cnt_down } => Some(f_cnt_down),
        ItemState::Waiting | ItemState::Planned => None,
    });
    let last = |counter: DownCounter| counter.next.0.checked_sub(1).map(FCntDown);
    let either = [last(session.a_f_cnt_down), last(session.n_f_cnt_down)];
    let all = session.confirmed_f_cnt_down.into_iter().chain(waiting);
    let mut counters: Vec<u16> = Vec::new();
    for counter in all.chain(either.into_iter().flatten()).map(|counter| counter.wire().0) {
        if !counters.contains(&counter) {
            counters.push(counter);
        }
    }
    if counters.is_empty() {
        counters.push(0);
    }
    counters
}
