//! LinkADRReq / LinkADRAns: which channels a device uses. TS001-1.0.4 §5.2.
//!
//! A US915 device starts on all 72 channels, of which a gateway hears eight. Where the Join-Accept
//! cannot say which (before regional parameters 1.0.3, and for ABP), a block of LinkADRReq does.
//! Data rate and power stay as the device has them and NbTrans is 1, the default; setting them is
//! ADR's business.

use lns_lorawan::mac::{DownlinkMacCommand, LinkAdrAns};
use lns_lorawan::region::Judged;
use lns_lorawan::{DataRateIndex, TxPowerIndex};

use super::ask::Verdict;
use super::kind::View;
use super::{MacState, channel_plan};
use crate::profile::Profile;
use crate::session::MacParams;

/// Whether the device's channels are to be selected.
pub fn needed(view: &View<'_>) -> bool {
    differs(view.current, view.desired)
}

/// Whether one has other channels in use than the other should.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    desired.ch_mask.is_some() && one.ch_mask != desired.ch_mask
}

/// The block. With ADR on, the device takes it as one; with ADR off some judge each request alone
/// and refuse one that leaves less than two 125 kHz channels, so that then every mask is sent,
/// fullest first.
pub fn request(view: &View<'_>) -> Vec<u8> {
    let Some(wanted) = view.desired.ch_mask else { return Vec::new() };
    let profile = view.moment.profile;
    let mut bytes = Vec::new();
    let judged = if view.mac.adr { Judged::AsBlock } else { Judged::OneByOne };
    let (data_rate, tx_power) = as_it_is(view.mac, profile);
    for masks in channel_plan::block(profile.region.tables(), &wanted, judged) {
        let request = masks.link_adr(data_rate, tx_power, 1);
        super::write(DownlinkMacCommand::LinkAdrReq(request), &mut bytes);
    }
    bytes
}

/// Data rate and power that change nothing: 15 where the device knows that (TS001-1.0.4 §5.2), else
/// its data rate and full power, which it starts with.
fn as_it_is(mac: &MacState, profile: &Profile) -> (DataRateIndex, TxPowerIndex) {
    if profile.mac_version.link_adr_can_keep() {
        return (DataRateIndex::from_low_bits(15), TxPowerIndex::from_low_bits(15));
    }
    (mac.data_rate.unwrap_or(DataRateIndex::DR0), TxPowerIndex::MAX_POWER)
}

/// What a block sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.ch_mask = from.ch_mask;
}

/// An answer that was due did not come.
pub fn forget(current: &mut MacParams) {
    current.ch_mask = None;
}

/// What an answer says. A device answers a block once or once per request, by its version and make;
/// any refusal among them counts.
pub fn on_answer(answer: LinkAdrAns) -> Verdict {
    let LinkAdrAns { channel_mask_ack, data_rate_ack, power_ack } = answer;
    let status =
        u8::from(channel_mask_ack) | u8::from(data_rate_ack) << 1 | u8::from(power_ack) << 2;
    if answer.accepted() { Verdict::Done } else { Verdict::Refused { status } }
}
