//! Activation over the air: a Join-Request is judged, and answered once a gateway can answer it.
//!
//! Judging spends nothing. Only when a lane has offered its air are a DevNonce, a JoinNonce and a
//! DevAddr used up, in the record that is durable before the Join-Accept leaves. The new session
//! then waits beside the old one until the device uses it, so that a replayed Join-Request or a
//! lost Join-Accept costs a device nothing (LoRaWAN 1.0.3 §6.2, 1.1 §6.2.2). TS001-1.0.4 §6.2.

use std::sync::Arc;

use lns_lorawan::region::JOIN_ACCEPT_DELAY2;
use lns_lorawan::{CfList, DevNonce, DlSettings, JoinAcceptFields, JoinReqType, JoinRequest};

use super::draft::Draft;
use super::roots::Roots;
use super::{Awaiting, Device, InFlight, downlink, outcome, rejoin, unprompted, windows};
use crate::effect::{Durable, Effect, EventKind, Opening, Reach, TxPlan};
use crate::env::Network;
use crate::event::{Asking, JoinHeard, Offer, Purpose};
use crate::mac::{Requests, channel_plan, tx_param_setup};
use crate::note::Note;
use crate::profile::DevNoncePolicy;
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

/// Judges a Join-Request or Rejoin-Request. A good one opens an occasion.
pub(super) fn judge(draft: &mut Draft<'_>, heard: JoinHeard) -> Result<(), Reject> {
    if is_being_answered(&draft.device, &heard) {
        // Another copy.
        return Ok(());
    }
    match &heard.request {
        Asking::Join(request) => {
            verify(&draft.device, request)?;
            check_nonce(&draft.device, request.dev_nonce)?;
        }
        Asking::Rejoin(request) => rejoin::judge(draft, request)?,
    }
    if draft.device.join_nonce.is_none() {
        return Err(Reject::JoinNonceExhausted);
    }
    outcome::give_up_waiting(draft);
    let profile = &draft.device.about.profile;
    let windows = match heard.request {
        Asking::Join(_) => windows::after_join(profile, &heard),
        Asking::Rejoin(_) => windows::after_rejoin(profile, draft.device.session.as_ref(), &heard),
    };
    let opening = Opening {
        purpose: Purpose::JoinAccept,
        windows,
        reach: Reach::Heard(heard.receptions.clone()),
        something_to_say: true,
        reply_window_ms: 0,
    };
    draft.effect(Effect::Open(opening));
    draft.device.awaiting = Some(Box::new(Awaiting::Join(heard)));
    Ok(())
}

/// Answers the request with what the lanes offer.
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
    let Terms { cf_list, current } = terms(&draft.device, &heard, (network, largest));
    let dev_addr = heard.dev_addr;
    let fields = JoinAcceptFields {
        join_nonce,
        net_id: network.net_id,
        dev_addr,
        dl_settings: DlSettings {
            opt_neg: roots.opt_neg(),
            rx1_dr_offset: current.rx.rx1_dr_offset,
            rx2_data_rate: current.rx.rx2_data_rate,
        },
        rx_delay: current.rx.rx_delay,
        cf_list,
    };
    let asked = match &heard.request {
        Asking::Join(request) => (JoinReqType::Join, request.join_eui, request.dev_nonce),
        Asking::Rejoin(request) => rejoin::asked(&draft.device, request),
    };
    let Ok(phy_payload) = roots.seal(&fields, asked, about.dev_eui) else {
        // A channel of the CFList is no multiple of 100 Hz: the region's tables have none such.
        draft.note(Note::Rejected(Reject::Bug));
        return Ok(());
    };
    let keys = roots.session_keys(&fields, asked);
    let version = roots.session_version(&about.profile);
    spend(draft, &heard, Session::new(dev_addr, keys, version, current));
    transmit(draft, phy_payload.into_boxed_slice(), offers);
    let (_, join_eui, _) = asked;
    draft.publish(EventKind::Joined { join_eui, dev_addr, receptions: heard.receptions });
    Ok(())
}

/// What a Join-Accept tells the device, and what its MAC does then.
struct Terms {
    cf_list: Option<CfList>,
    current: MacParams,
}

/// CFList is a courtesy: without it the device works on fewer channels. A Rejoin-Request is answered
/// without one: after types 0 and 1 a reference device would switch its channels off again, and with
/// type 2 it would replace those that stay (LoRaWAN 1.1 §6.2.3).
fn terms(device: &Device, heard: &JoinHeard, (network, largest): (&Network, usize)) -> Terms {
    let profile = &device.about.profile;
    let joined_on = match (&heard.request, &device.session) {
        (Asking::Rejoin(_), Some(session)) => session.current.joined_on,
        (Asking::Join(_) | Asking::Rejoin(_), _) => {
            channel_plan::join_channel(profile, &heard.receptions)
        }
    };
    let made_for = (&**profile, profile.tables_after(joined_on));
    let from_start = |rx, cf_list| {
        let (channels, ch_mask) = channel_plan::at_join(made_for, network, cf_list);
        let start = MacParams::at_start(rx, channels, ch_mask);
        let tx_params = tx_param_setup::at_start(profile);
        Terms { cf_list, current: MacParams { tx_params, joined_on, ..start } }
    };
    match (&heard.request, &device.session) {
        (Asking::Join(_), _) => {
            let cf_list = channel_plan::cf_list(made_for, network);
            let rx = windows::join_rx(made_for, heard.suggested_rx_delay);
            from_start(rx, cf_list.filter(|_| largest > SHORT + 15))
        }
        (Asking::Rejoin(request), Some(session)) if rejoin::keeps_parameters(request) => {
            Terms { cf_list: None, current: (*session.current).clone() }
        }
        (Asking::Rejoin(_), _) => {
            from_start(windows::rejoin_rx(made_for, heard.suggested_rx_delay), None)
        }
    }
}

/// The nonces are used up and the new session waits for the device.
fn spend(draft: &mut Draft<'_>, heard: &JoinHeard, session: Session) {
    let (dev_addr, heard_by) = (session.dev_addr, heard.receptions.len());
    draft.needs(Durable::Record);
    let device = &mut draft.device;
    device.pending = Some(Box::new(session));
    device.join_nonce = device.join_nonce.and_then(|nonce| nonce.next());
    match &heard.request {
        Asking::Join(request) => {
            spend_nonce(draft, request);
            draft.note(Note::Joining { dev_nonce: request.dev_nonce, dev_addr, heard_by });
        }
        Asking::Rejoin(request) => {
            rejoin::spend(device, request);
            let (kind, rj_count) =
                (request.fields.join_req_type().value(), request.fields.rj_count());
            draft.note(Note::Rejoining { kind, rj_count, dev_addr, heard_by });
        }
    }
}

fn spend_nonce(draft: &mut Draft<'_>, request: &JoinRequest) {
    let device = &mut draft.device;
    device.last_dev_nonce = Some(request.dev_nonce);
    // Who joins listens as class A does, until it says otherwise (LoRaWAN 1.1 §18.1).
    device.device_class = None;
    device.change_rejoining(|rejoining| {
        rejoining.keeps_parameters = false;
        rejoining.forced = None;
    });
    rejoin::remember(device, request.join_eui);
    if draws(device) {
        let nonces = Arc::make_mut(&mut device.used_dev_nonces);
        nonces.push(request.dev_nonce);
        let surplus = nonces.len().saturating_sub(DEV_NONCES);
        nonces.drain(..surplus);
        draft.needs(Durable::RecordAndNonces);
    }
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
    let plan = TxPlan { id, to: dev_eui.into(), phy_payload, f_cnt_down: None, offers };
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
fn verify(device: &Device, request: &JoinRequest) -> Result<(), Reject> {
    let roots = Roots::of(&device.about).ok_or(Reject::NotJoining)?;
    let wanted = device.about.activation.join_eui();
    if wanted.is_some_and(|join_eui| join_eui != request.join_eui) {
        return Err(Reject::JoinEuiMismatch);
    }
    if roots.signed(request) { Ok(()) } else { Err(Reject::JoinMicMismatch) }
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
