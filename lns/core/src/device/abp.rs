//! The life of a device that is activated by personalization: one session for ever.
//!
//! A device that loses its memory counts from 0 again. Its frames verify, and so does a recording of
//! the frames that it sent the first time. Matching tells one from the other where it remembers
//! enough; who may decide is the profile ([`FCntResetPolicy`]) or somebody who knows what happened to
//! the device ([`crate::Command::AllowReset`], once).
//!
//! Downlink counters go on: under the same keys none may come twice. A device takes any counter above
//! its own, which is 0 again, as long as sixteen bits bridge the gap (TS001-1.0.4 §4.3.1.5), up to
//! LoRaWAN 1.0.3 at most MAX_FCNT_GAP. Beyond that it hears nothing any more, and needs new keys.

use lns_lorawan::FCntUp;

use super::draft::Draft;
use super::{Device, personalized};
use crate::effect::{Durable, EventKind, Recount};
use crate::note::Note;
use crate::profile::{Activation, FCntResetPolicy};
use crate::session::{DownCounter, History, Session};

/// The highest FCntDown that a device whose counter is 0 can tell from sixteen bits.
const SIXTEEN_BITS: u32 = 0xffff;

impl Device {
    /// Whether the session was written at the factory.
    pub fn is_personalized(&self) -> bool {
        match self.about.activation {
            Activation::Abp { .. } => true,
            Activation::Otaa10 { .. } | Activation::Otaa11 { .. } => false,
        }
    }

    /// Whether a frame that counts from the start again is taken once it is told from a replay.
    pub(super) fn may_reset(&self) -> bool {
        let by_profile = match self.about.profile.f_cnt_reset {
            FCntResetPolicy::Accept => true,
            FCntResetPolicy::Refuse => false,
        };
        self.is_personalized() && (self.reset_allowed || by_profile)
    }
}

impl Session {
    /// Whether a device that has forgotten its counters can hear our next downlink.
    pub fn is_heard_from_zero(&self) -> bool {
        let gap = self.mac_version.max_f_cnt_gap().unwrap_or(SIXTEEN_BITS);
        let reaches = |counter: DownCounter| counter.next.0 <= gap.min(SIXTEEN_BITS);
        reaches(self.n_f_cnt_down) && reaches(self.a_f_cnt_down)
    }
}

/// Somebody knows that the device has forgotten its counters.
pub(super) fn allow_reset(draft: &mut Draft<'_>) {
    if draft.device.is_personalized() {
        draft.device.reset_allowed = true;
        draft.needs(Durable::Record);
    }
}

/// The device's frames show that it counts anew: people are told, once for each time.
pub(super) fn forgotten(draft: &mut Draft<'_>, got: FCntUp, last: FCntUp) {
    draft.note(Note::CountersForgotten { got, last });
    draft.publish(EventKind::Counters { got, last, recount: Recount::Forgotten });
}

/// The device is taken at its word. Whatever it was told is forgotten with its counters: it does
/// what it does from the factory.
pub(super) fn start_over(draft: &mut Draft<'_>, got: FCntUp) {
    let factory = personalized(&draft.device.about);
    let device = &mut draft.device;
    let (Some(session), Some(factory)) = (&mut device.session, factory) else { return };
    let last = session.f_cnt_up.unwrap_or_default();
    session.f_cnt_up = None;
    session.f_cnt_up_start = FCntUp(0);
    session.history = History::default();
    session.confirmed_f_cnt_down = None;
    session.current = factory.current;
    let hears_us = session.is_heard_from_zero();
    device.mac = device.mac.for_new_session();
    draft.note(Note::CountersReset { got, last, hears_us });
    let recount = Recount::Accepted { hears_us };
    draft.publish(EventKind::Counters { got, last, recount });
}
