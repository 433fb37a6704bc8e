//! LinkADRReq / LinkADRAns: channels in use, data rate, power, repetitions. TS001-1.0.4 §5.2.
//!
//! Which channels are in use is the network's affair in every device: a US915 device starts on all
//! 72, of which a gateway hears eight. Data rate, power and NbTrans are ADR's, and only while the
//! device's ADR bit is set; without it reference devices take the mask and leave the rest.
//!
//! Several requests in a row are one block, which is never torn apart: it is one request of ours.

use lns_lorawan::mac::{DownlinkMacCommand, LinkAdrAns};
use lns_lorawan::region::Judged;
use lns_lorawan::{DataRateIndex, TxPowerIndex};

use super::ask::Verdict;
use super::kind::View;
use super::{channel_plan, differs_from};
use crate::session::MacParams;

/// Data rate and power that mean "as it is", where the device knows that (TS001-1.0.4 §5.2).
const KEEP: u8 = 15;

/// Whether one does not do what the other should.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    differs_from(one.ch_mask, desired.ch_mask)
        || differs_from(one.data_rate, desired.data_rate)
        || differs_from(one.tx_power, desired.tx_power)
        || differs_from(one.nb_trans, desired.nb_trans)
}

/// What is to be asked: all of it, since each block says all of it. `None` is "as it is", where the
/// device knows that or does not care.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    let (current, desired) = (view.current(), view.desired);
    asked.ch_mask = desired.ch_mask.or(current.ch_mask);
    asked.data_rate = desired.data_rate;
    asked.tx_power = desired.tx_power;
    asked.nb_trans = desired.nb_trans;
    if !view.mac.adr {
        return;
    }
    // 0 would mean once in 1.0.x and "as it is" in 1.1 (LoRaWAN 1.1 §5.3).
    asked.nb_trans = desired.nb_trans.or(current.nb_trans).or(Some(1));
    if !view.session.mac_version.link_adr_can_keep() {
        asked.data_rate = desired.data_rate.or(current.data_rate).or(Some(DataRateIndex::DR0));
        let at_start = Some(TxPowerIndex::MAX_POWER);
        asked.tx_power = desired.tx_power.or(current.tx_power).or(at_start);
    }
}

/// The block. With ADR on, the device takes it as one; with ADR off some judge each request alone
/// and refuse one that leaves less than two 125 kHz channels, so that then every mask is sent,
/// fullest first.
pub fn request(asked: &MacParams, view: &View<'_>) -> Vec<DownlinkMacCommand> {
    let Some(wanted) = asked.ch_mask else { return Vec::new() };
    let judged = if view.mac.adr { Judged::AsBlock } else { Judged::OneByOne };
    let keep = view.session.mac_version.link_adr_can_keep();
    let (heard, power) = (view.current().data_rate, view.current().tx_power);
    let (heard, power) = if keep { (None, None) } else { (heard, power) };
    let otherwise = |keep: bool| if keep { KEEP } else { 0 };
    let data_rate =
        asked.data_rate.or(heard).unwrap_or(DataRateIndex::from_low_bits(otherwise(keep)));
    let tx_power = asked.tx_power.or(power).unwrap_or(TxPowerIndex::from_low_bits(otherwise(keep)));
    let nb_trans = asked.nb_trans.unwrap_or(1);
    let block = channel_plan::block(view.tables(), (view.current().ch_mask, wanted), judged);
    let requests = block.into_iter().map(|masks| masks.link_adr(data_rate, tx_power, nb_trans));
    requests.map(DownlinkMacCommand::LinkAdrReq).collect()
}

/// What a block sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.ch_mask = from.ch_mask;
    to.data_rate = from.data_rate;
    to.tx_power = from.tx_power;
    to.nb_trans = from.nb_trans;
}

/// The device has taken the block; what that did not say stays.
pub fn grant(asked: &MacParams, current: &mut MacParams) {
    current.ch_mask = asked.ch_mask.or(current.ch_mask);
    current.data_rate = asked.data_rate.or(current.data_rate);
    current.tx_power = asked.tx_power.or(current.tx_power);
    current.nb_trans = asked.nb_trans.or(current.nb_trans);
}

/// An answer that was due did not come: what was to change may have changed. The data rate is heard
/// in every uplink.
pub fn forget(asked: &MacParams, current: &mut MacParams) {
    if differs_from(current.ch_mask, asked.ch_mask) {
        current.ch_mask = None;
    }
    if differs_from(current.tx_power, asked.tx_power) {
        current.tx_power = None;
    }
    if differs_from(current.nb_trans, asked.nb_trans) {
        current.nb_trans = None;
    }
}

/// What an answer says. A device answers a block once or once per request, by its version and make;
/// any refusal among them counts.
pub fn on_answer(answer: LinkAdrAns) -> Verdict {
    let LinkAdrAns { channel_mask_ack, data_rate_ack, power_ack } = answer;
    Verdict::of([channel_mask_ack, data_rate_ack, power_ack])
}

/// What of a refused block the device cannot do, by the bits of its answer: ADR chooses something
/// else.
pub fn refused(asked: &MacParams, status: u8) -> (Option<DataRateIndex>, Option<TxPowerIndex>) {
    let (data_rate_ack, power_ack) = (status & 0b010 != 0, status & 0b100 != 0);
    (asked.data_rate.filter(|_| !data_rate_ack), asked.tx_power.filter(|_| !power_ack))
}
