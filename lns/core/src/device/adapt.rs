//! ADR, from one uplink to what is asked of the device: the frame is remembered, what the device has
//! undone on its own is forgotten, and what it should do is decided.

use std::sync::Arc;

use lns_lorawan::{DataRateIndex, TxPowerIndex};

use super::draft::Draft;
use super::{Device, Session};
use crate::adr::{self, BackedOff, Current, Limits, Memory, NbTrans, Sample};
use crate::event::{Reception, UplinkHeard};
use crate::mac::Kind;
use crate::note::Note;
use crate::session::AdrAck;

/// What the device was known to do before an uplink was read.
#[derive(Clone, Copy)]
pub(super) struct Before {
    data_rate: Option<DataRateIndex>,
    adr: bool,
}

impl Before {
    /// To be looked at when the uplink's answers are taken and its parameters are not.
    ///
    /// While a LinkADRReq is unanswered, a slower data rate may be what it asked for.
    pub fn uplink(device: &Device) -> Self {
        let asked = device.mac.is_outstanding(Kind::LinkAdr);
        let current = device.session.as_ref().map(|session| &session.current);
        let data_rate = current.and_then(|current| current.data_rate).filter(|_| !asked);
        Before { data_rate, adr: device.mac.adr }
    }
}

/// A new uplink, its answers read: what the device should do from now on.
pub(super) fn adapt(draft: &mut Draft<'_>, heard: &UplinkHeard, before: Before) {
    let Device { about, session: Some(session), mac, adr, .. } = &mut draft.device else { return };
    let Memory { history, why } = Arc::make_mut(adr);
    let policy = &about.adr;
    let f_ctrl = &heard.opened.f_ctrl;
    let known = Current {
        data_rate: before.data_rate.unwrap_or(heard.data_rate),
        tx_power: tx_power(session, mac.target, history.tx_power()),
        nb_trans: nb_trans(session, mac.target),
        adr: before.adr,
    };
    let sample = Sample {
        f_cnt_up: heard.opened.f_cnt_up,
        gateways: u8::try_from(heard.receptions.len()).unwrap_or(u8::MAX),
        snr: Sample::snr_of(&heard.receptions, policy.min_gateways),
        data_rate: heard.data_rate,
        adr_ack_req: f_ctrl.adr_ack_req,
        adr: f_ctrl.adr,
    };
    let backed_off = history.record(&sample, &known, adr_ack_delay(session));
    if let Some(backed_off) = backed_off {
        doubt(session, backed_off);
    }
    let full = backed_off.map(|_| TxPowerIndex::MAX_POWER);
    let current = Current {
        data_rate: heard.data_rate,
        tx_power: full.unwrap_or(known.tx_power),
        adr: f_ctrl.adr,
        ..known
    };
    let limits = Limits::new(&about.profile, policy, history.refused);
    let (target, reasons) = adr::decide(history, &limits, policy, current);
    let news = why.map(|why| why.target) != Some(target) && target != current.as_target();
    *why = Some(reasons);
    mac.target = policy.mode.is_managed().then_some(target);
    if news {
        draft.note(Note::Adr(reasons));
    }
}

/// Another gateway's copy of the last frame.
pub(super) fn improve(device: &mut Device, reception: &Reception) {
    let snr = reception.modulation.required_snr().map(|_| reception.snr);
    Arc::make_mut(&mut device.adr).history.improve(snr, device.about.adr.min_gateways);
}

/// The power of a device that has not said whether it took the last one: the greater of what it had
/// and what it was asked for, so that nothing is made of a margin that may not be there.
fn tx_power(session: &Session, asked: Option<adr::Target>, before: TxPowerIndex) -> TxPowerIndex {
    let unsure = || asked.map_or(before, |asked| asked.tx_power.min(before));
    session.current.tx_power.unwrap_or_else(unsure)
}

/// The same of NbTrans.
fn nb_trans(session: &Session, asked: Option<adr::Target>) -> NbTrans {
    let known = session.current.nb_trans.map(NbTrans::clamped);
    known.or(asked.map(|asked| asked.nb_trans)).unwrap_or_default()
}

fn adr_ack_delay(session: &Session) -> u32 {
    1 << session.current.adr_ack.unwrap_or(AdrAck::DEFAULT).delay_exp.min(15)
}

/// What a device undoes when it hears nothing is no longer known, and will be asked for again.
fn doubt(session: &mut Session, backed_off: BackedOff) {
    let full = |power: &TxPowerIndex| *power == TxPowerIndex::MAX_POWER;
    let current = session.current_mut();
    current.tx_power = current.tx_power.filter(full);
    if backed_off == BackedOff::Everything {
        current.nb_trans = current.nb_trans.filter(|times| *times == 1);
        current.ch_mask = None;
    }
}
