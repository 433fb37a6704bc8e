//! Rejoin-Requests: a device in a 1.1 session asks for a new one and keeps the old until it has it.
//! LoRaWAN 1.1 §6.2.4.
//!
//! Type 0 begins anew with all parameters at their defaults, type 2 has new keys only; both are
//! signed with the session and counted in RJcount0, which begins with each session. Type 1 is for a
//! server that has lost the session: signed with a root key, counted in RJcount1 for ever.
//!
//! All are answered by a Join-Accept, as a Join-Request is, with the counter in DevNonce's place.
//! Where no gateway can answer, nothing is spent.

use std::sync::Arc;

use lns_lorawan::{DevNonce, FCntUp, JoinEui, RejoinFields, RejoinRequest};

use super::draft::Draft;
use super::roots::{Request, Roots};
use super::{Device, uplink};
use crate::effect::Durable;
use crate::event::Under;
use crate::mac::force_rejoin::{ForceRejoin, Forced};
use crate::note::Note;
use crate::reject::Reject;
use crate::session::Session;

/// Judges a Rejoin-Request.
pub(super) fn judge(draft: &mut Draft<'_>, request: &RejoinRequest) -> Result<(), Reject> {
    let about = Arc::clone(&draft.device.about);
    let roots = Roots::of(&about).filter(Roots::opt_neg).ok_or(Reject::RejoinNotServed)?;
    match request.fields {
        RejoinFields::Type1 { join_eui, dev_eui, rj_count1 } => {
            if about.activation.join_eui().is_some_and(|registered| registered != join_eui) {
                return Err(Reject::JoinEuiMismatch);
            }
            if !roots.signed_rejoin(request, dev_eui) {
                return Err(Reject::RejoinMicMismatch);
            }
            above(rj_count1, draft.device.rejoining().rj_count1)
        }
        RejoinFields::Type0 { rj_count0, .. } | RejoinFields::Type2 { rj_count0, .. } => {
            match under(&draft.device, request).ok_or(Reject::RejoinMicMismatch)? {
                Under::Current => {}
                // The device has taken the last Join-Accept; its first data frame is still to come.
                Under::Pending => uplink::confirm_session(draft),
            }
            above(rj_count0, draft.device.rejoining().rj_count0)
        }
    }
}

/// Somebody wants the device to rejoin.
pub(super) fn force(draft: &mut Draft<'_>, wish: ForceRejoin) {
    if draft.device.can_rejoin() {
        draft.device.change_rejoining(|rejoining| rejoining.forced = Some(Forced::new(wish)));
        draft.needs(Durable::Record);
    }
}

/// What the device is to be told after this uplink to make it rejoin. A wish that was told often
/// enough is given up.
pub(super) fn ask(draft: &mut Draft<'_>, f_cnt_up: FCntUp) -> Option<ForceRejoin> {
    let forced = draft.device.rejoining().forced?;
    if forced.is_in_vain(f_cnt_up) {
        draft.note(Note::NoRejoin { tries: forced.tries });
        draft.device.change_rejoining(|rejoining| rejoining.forced = None);
        draft.needs(Durable::Record);
    }
    forced.is_due(f_cnt_up).then_some(forced.wish)
}

/// A frame tells the device to rejoin.
pub(super) fn asked_for(draft: &mut Draft<'_>) {
    let f_cnt_up = draft.device.session.as_ref().and_then(|session| session.f_cnt_up);
    draft.device.change_rejoining(|rejoining| {
        if let Some(forced) = &mut rejoining.forced {
            forced.asked(f_cnt_up.unwrap_or_default());
        }
    });
}

/// What the Join-Accept answers, as its MIC and the keys need it. The JoinEUI, which types 0 and 2 do
/// not say, is that of the device's last join.
pub(super) fn asked(device: &Device, request: &RejoinRequest) -> Request {
    let fields = &request.fields;
    let join_eui = match *fields {
        RejoinFields::Type1 { join_eui, .. } => join_eui,
        RejoinFields::Type0 { .. } | RejoinFields::Type2 { .. } => {
            let known = device.rejoining().join_eui.or(device.about.activation.join_eui());
            known.expect("a session that was joined has a JoinEUI")
        }
    };
    (fields.join_req_type(), join_eui, DevNonce(fields.rj_count()))
}

/// The counter is used up.
pub(super) fn spend(device: &mut Device, request: &RejoinRequest) {
    device.change_rejoining(|rejoining| {
        rejoining.keeps_parameters = keeps_parameters(request);
        rejoining.forced = None;
        match request.fields {
            RejoinFields::Type1 { rj_count1, .. } => rejoining.rj_count1 = Some(rj_count1),
            RejoinFields::Type0 { rj_count0, .. } | RejoinFields::Type2 { rj_count0, .. } => {
                rejoining.rj_count0 = Some(rj_count0);
            }
        }
    });
    if let RejoinFields::Type1 { join_eui, .. } = request.fields {
        remember(device, join_eui);
    }
}

/// Whom the device has asked, where that is not registered and a Rejoin-Request may need it.
pub(super) fn remember(device: &mut Device, join_eui: JoinEui) {
    let pending = device.pending.as_deref();
    let is_1_1 = pending.is_some_and(|session| session.keys.scheme.is_1_1());
    if is_1_1 && device.about.activation.join_eui().is_none() {
        device.change_rejoining(|rejoining| rejoining.join_eui = Some(join_eui));
    }
}

/// Whether the MAC parameters stay as they are (LoRaWAN 1.1 §6.2.3 and §6.2.4).
pub(super) fn keeps_parameters(request: &RejoinRequest) -> bool {
    match request.fields {
        RejoinFields::Type0 { .. } | RejoinFields::Type1 { .. } => false,
        RejoinFields::Type2 { .. } => true,
    }
}

/// Whose session signs a request of type 0 or 2.
fn under(device: &Device, request: &RejoinRequest) -> Option<Under> {
    let signs = |under: &Under| {
        let session = device.session_under(*under);
        session.is_some_and(|session: &Session| {
            session.keys.scheme.is_1_1()
                && request.verify_with_session(&session.keys.s_nwk_s_int_key)
        })
    };
    [Under::Current, Under::Pending].into_iter().find(signs)
}

/// A counter must grow; the first may be any (LoRaWAN 1.1 §6.2.4.1 and §6.2.4.2).
fn above(got: u16, last: Option<u16>) -> Result<(), Reject> {
    match last {
        Some(last) if got <= last => Err(Reject::RejoinCountNotAbove { got, last }),
        Some(_) | None => Ok(()),
    }
}
