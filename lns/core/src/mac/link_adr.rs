//! LinkADRReq / LinkADRAns: which channels a device uses. TS001-1.0.4 §5.2.
//!
//! A US915 device starts on all 72 channels, of which a gateway hears eight. Where the Join-Accept
//! cannot say which (before regional parameters 1.0.3, and for ABP), a block of LinkADRReq does.
//! Data rate and power stay as the device has them and NbTrans is 1, the default; setting them is
//! ADR's business.

use lns_lorawan::mac::{DownlinkMacCommand, LinkAdrAns};
use lns_lorawan::region::Judged;
use lns_lorawan::{DataRateIndex, TxPowerIndex};

use super::ask::Ask;
use super::{MacState, Moment, channel_plan};
use crate::env::Network;
use crate::note::Note;
use crate::profile::Profile;
use crate::session::Session;

/// CID of the pair.
const CID: u8 = 0x03;

/// The answers of one uplink. A device answers a block once or once per request, by its version and
/// make; any refusal among them counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answered {
    refused: Option<u8>,
    count: u8,
}

impl Answered {
    /// One more.
    pub fn add(&mut self, answer: LinkAdrAns) {
        self.count = self.count.saturating_add(1);
        if !answer.accepted() {
            self.refused = Some(status(answer));
        }
    }

    /// Whether there was any.
    pub fn is_some(self) -> bool {
        self.count > 0
    }
}

/// Whether the device's channels are to be selected.
pub fn needed(ask: &Ask, session: &Session, moment: &Moment<'_>) -> bool {
    let unknown = session.ch_mask.is_none();
    unknown
        && ask.may_ask(moment.f_cnt_up)
        && channel_plan::wanted(moment.profile, moment.network).is_some()
}

/// The block. With ADR on, the device takes it as one; with ADR off some judge each request alone
/// and refuse one that leaves less than two 125 kHz channels, so that then every mask is sent,
/// fullest first.
pub fn request(mac: &MacState, profile: &Profile, network: &Network) -> Vec<u8> {
    let Some(wanted) = channel_plan::wanted(profile, network) else { return Vec::new() };
    let mut bytes = Vec::new();
    let judged = if mac.adr { Judged::AsBlock } else { Judged::OneByOne };
    let (data_rate, tx_power) = as_it_is(mac, profile);
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

/// The device has answered.
pub fn on_answer(
    ask: &mut Ask,
    session: &mut Session,
    (answered, moment): (Answered, &Moment<'_>),
) -> Option<Note> {
    if !ask.outstanding {
        return Some(Note::UnexpectedMacAnswer { cid: CID });
    }
    match answered.refused {
        None => {
            ask.granted();
            session.ch_mask = channel_plan::wanted(moment.profile, moment.network);
            None
        }
        Some(status) => {
            ask.refused(moment.f_cnt_up);
            Some(Note::MacRequestRefused { cid: CID, status })
        }
    }
}

/// The answer's byte.
fn status(answer: LinkAdrAns) -> u8 {
    let LinkAdrAns { channel_mask_ack, data_rate_ack, power_ack } = answer;
    u8::from(channel_mask_ack) | u8::from(data_rate_ack) << 1 | u8::from(power_ack) << 2
}
