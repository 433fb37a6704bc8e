//! Activation over the air: a Join-Request is judged, and answered once a gateway can answer it.
//!
//! Judging spends nothing. Only when a lane has offered its air are a DevNonce, a JoinNonce and a
//! DevAddr used up, in the record that is durable before the Join-Accept leaves. The new session
//! then waits beside the old one until the device uses it, so that a replayed Join-Request or a
//! lost Join-Accept costs a device nothing (LoRaWAN 1.0.3 §6.2, 1.1 §6.2.2). TS001-1.0.4 §6.2.

use std::sync::Arc;

use lns_lorawan::region::JOIN_ACCEPT_DELAY2;
use lns_lorawan::{DevNonce, DlSettings, JoinAcceptFields, JoinReqType};

use super::draft::Draft;
use super::roots::Roots;
use super::{Awaiting, Device, InFlight, downlink, outcome, unprompted, windows};
use crate::effect::{Durable, Effect, EventKind, Opening, Reach, TxPlan};
use crate::event::{JoinHeard, Offer, Purpose};
use crate::mac::{Requests, channel_plan};
use crate::note::Note;
use crate::profile::{Activation, DevNoncePolicy};
use crate::reject::Reject;
use crate::session::{MacParams, Session};

/// How many DevNonces of a device that draws them at random are remembered; the
/// standard leaves the number open (LoRaWAN 1.0.3 §6.2).
///
/// Remembering all would lock out for ever a device that is heard but never hears us: at one join a
/// minute 65,536 nonces last 45 days. A Join-Request that is older than the last 1,024 and is
/// replayed costs a pending session, which the device never uses.
pub const DEV_NONCES: usize = 1024;

/// Bytes of a Join-Accept without CFList.
const SHORT: usize = 17;

/// Judges a Join-Request. A good one opens an occasion.
pub(super) fn judge(draft: &mut Draft<'_>, heard: JoinHeard) -> Result<(), Reject> {
    if is_being_answered(&draft.device, &heard) {
        // Another copy.
        return Ok(());
    }
    verify(&draft.device, &heard)?;
    check_nonce(&draft.device, heard.request.dev_nonce)?;
    if draft.device.join_nonce.is_none() {
        return Err(Reject::JoinNonceExhausted);
    }
    outcome::give_up_waiting(draft);
    let profile = &draft.device.about.profile;
    let opening = Opening {
        purpose: Purpose::JoinAccept,
        windows: windows::after_join(profile, &heard),
        reach: Reach::Heard(heard.receptions.clone()),
        something_to_say: true,
        reply_window_ms: 0,
    };
    draft.effect(Effect::Open(opening));
    draft.device.awaiting = Some(Box::new(Awaiting::Join(heard)));
    Ok(())
}

/// Answers the Join-Request with what the lanes offer.
pub(super) fn accept(draft: &mut Draft<'_>, offers: Vec<Offer>) -> Result<(), Reject> {
    let awaiting = draft.device.awaiting.take_if(|open| matches!(**open, Awaiting::Join(_)));
    let Some(Awaiting::Join(heard)) = awaiting.map(|open| *open) else {
        // The occasion of an earlier request.
        return Ok(());
    };
    let network = draft.env.network;
    let about = Arc::clone(&draft.device.about);
    let (Some(roots), Some(join_nonce)) = (Roots::of(&about), draft.device.join_nonce) else {
        return Ok(());
    };
    let largest = offers.iter().map(|offer| offer.max_phy_payload).max().unwrap_or(0);
    if largest < SHORT {
        // Nothing is spent; only the occasion is over.
        draft.note(Note::Rejected(Reject::NoAirForJoin));
        return Ok(());
    }
    // CFList is a courtesy: without it the device works on fewer channels.
    let cf_list = channel_plan::cf_list(&about.profile, network).filter(|_| largest > SHORT + 15);
    let rx = windows::join_rx(&about.profile, heard.suggested_rx_delay);
    let dev_addr = heard.dev_addr;
    let fields = JoinAcceptFields {
        join_nonce,
        net_id: network.net_id,
        dev_addr,
        dl_settings: DlSettings {
            opt_neg: roots.opt_neg(),
            rx1_dr_offset: rx.rx1_dr_offset,
            rx2_data_rate: rx.rx2_data_rate,
        },
        rx_delay: rx.rx_delay,
        cf_list,
    };
    let request = (JoinReqType::Join, heard.request.join_eui, heard.request.dev_nonce);
    let Ok(phy_payload) = roots.seal(&fields, request, about.dev_eui) else {
        // A channel of the CFList is no multiple of 100 Hz: the region's tables have none such.
        draft.note(Note::Rejected(Reject::Bug));
        return Ok(());
    };
    let keys = roots.session_keys(&fields, request);
    let (channels, ch_mask) = channel_plan::at_join(&about.profile, network, cf_list);
    let current = MacParams::at_start(rx, channels, ch_mask);
    let version = roots.session_version(&about.profile);
    let session = Session::new(dev_addr, keys, version, current);
    spend(draft, &heard, session);
    transmit(draft, phy_payload.into_boxed_slice(), offers);
    draft.publish(EventKind::Joined {
        join_eui: heard.request.join_eui,
        dev_addr,
        receptions: heard.receptions,
    });
    Ok(())
}

/// The nonces are used up and the new session waits for the device.
fn spend(draft: &mut Draft<'_>, heard: &JoinHeard, session: Session) {
    let dev_nonce = heard.request.dev_nonce;
    draft.note(Note::Joining {
        dev_nonce,
        dev_addr: session.dev_addr,
        heard_by: heard.receptions.len(),
    });
    let device = &mut draft.device;
    device.pending = Some(Box::new(session));
    device.join_nonce = device.join_nonce.and_then(|nonce| nonce.next());
    device.last_dev_nonce = Some(dev_nonce);
    if draws(device) {
        let nonces = Arc::make_mut(&mut device.used_dev_nonces);
        nonces.push(dev_nonce);
        let surplus = nonces.len().saturating_sub(DEV_NONCES);
        nonces.drain(..surplus);
        draft.needs(Durable::RecordAndNonces);
    }
    draft.needs(Durable::Record);
}

fn transmit(draft: &mut Draft<'_>, phy_payload: Box<[u8]>, offers: Vec<Offer>) {
    let size = phy_payload.len();
    let offers: Vec<Offer> =
        offers.into_iter().filter(|offer| offer.max_phy_payload >= size).collect();
    let Some(first) = offers.first() else { return };
    draft.note(Note::Planned {
        f_cnt_down: None,
        window: first.window,
        gateway: first.gateway,
        size,
    });
    let id = draft.env.random;
    let ends = downlink::ends(&offers, size);
    unprompted::planned(&mut draft.device, Purpose::JoinAccept, ends);
    draft.device.in_flight = Some(Box::new(InFlight {
        plan: id,
        purpose: Purpose::JoinAccept,
        ends,
        f_cnt_down: None,
        item: None,
        requests: Requests::default(),
    }));
    let dev_eui = draft.device.about.dev_eui;
    let plan = TxPlan { id, dev_eui, phy_payload, f_cnt_down: None, offers };
    draft.effect(Effect::Transmit(Box::new(plan)));
}

fn is_being_answered(device: &Device, heard: &JoinHeard) -> bool {
    match device.awaiting.as_deref() {
        Some(Awaiting::Join(open)) => {
            let arrived = |heard: &JoinHeard| heard.receptions.first().map(|copy| copy.arrived);
            let later = arrived(heard).zip(arrived(open)).map(|(now, then)| now.since(then));
            open.request == heard.request && later.is_none_or(|later| later < JOIN_ACCEPT_DELAY2)
        }
        Some(Awaiting::ClassA(_) | Awaiting::Unprompted(_)) | None => false,
    }
}

/// JoinEUI and MIC.
fn verify(device: &Device, heard: &JoinHeard) -> Result<(), Reject> {
    let activation = &device.about.activation;
    let Some(roots) = Roots::of(&device.about) else { return Err(Reject::NotJoining) };
    let wanted = match activation {
        Activation::Otaa10 { join_eui, .. } | Activation::Otaa11 { join_eui, .. } => *join_eui,
        Activation::Abp { .. } => None,
    };
    if wanted.is_some_and(|join_eui| join_eui != heard.request.join_eui) {
        return Err(Reject::JoinEuiMismatch);
    }
    if roots.signed(&heard.request) { Ok(()) } else { Err(Reject::JoinMicMismatch) }
}

/// Whether the device draws its DevNonce: up to LoRaWAN 1.0.3 (§6.2). Later it is a counter
/// (TS001-1.0.4 §6.2.5).
fn draws(device: &Device) -> bool {
    let profile = &device.about.profile;
    match profile.dev_nonce {
        DevNoncePolicy::ByVersion => !profile.mac_version.counts_dev_nonce(),
        DevNoncePolicy::Random => true,
        DevNoncePolicy::Counting | DevNoncePolicy::Unchecked => false,
    }
}

fn check_nonce(device: &Device, dev_nonce: DevNonce) -> Result<(), Reject> {
    if device.about.profile.dev_nonce == DevNoncePolicy::Unchecked {
        return Ok(());
    }
    if draws(device) {
        let used = device.used_dev_nonces.contains(&dev_nonce);
        return if used { Err(Reject::DevNonceReused { got: dev_nonce.0 }) } else { Ok(()) };
    }
    match device.last_dev_nonce {
        Some(last) if dev_nonce <= last => {
            Err(Reject::DevNonceNotAbove { got: dev_nonce.0, last: last.0 })
        }
        Some(_) | None => Ok(()),
    }
}
