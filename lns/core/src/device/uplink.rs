//! A data frame whose MIC has verified: what it changes, what the application hears of it, and the
//! windows that it opens.

use std::sync::Arc;

use lns_lorawan::{Mic, RELAY_F_PORT};

use super::draft::Draft;
use super::{
    Awaiting, Device, InFlight, Owed, Rejoining, abp, adapt, factory_params, outcome, queue,
    rejoin, relay, unprompted, windows,
};
use crate::effect::{Durable, Effect, EventKind, Opening, Reach, UplinkEvent};
use crate::env::Env;
use crate::event::{Freshness, Purpose, Reception, Under, UplinkHeard};
use crate::mac::{Moment, channel_plan, rekey, reset};
use crate::note::Note;
use crate::profile::Description;
use crate::reject::Reject;

/// The highest FPort that is not reserved: 224 is for certification (TS001, chapter on FPort).
const HIGHEST_F_PORT: u8 = 224;

/// Accepts a frame, new or repeated.
pub(super) fn accept(draft: &mut Draft<'_>, heard: UplinkHeard) -> Result<(), Reject> {
    let (under, freshness) = classify(&draft.device, &heard)?;
    let over = |flight: &InFlight| unprompted::is_over(flight, draft.env.now);
    if under == Under::Pending || draft.device.in_flight.as_deref().is_some_and(over) {
        outcome::give_up_waiting(draft);
    }
    if under == Under::Pending {
        confirm_session(draft);
    }
    if freshness == Freshness::Reset {
        abp::start_over(draft, heard.opened.f_cnt_up);
    }
    draft.device.heard.record(heard.receptions.iter().map(|reception| reception.gateway));
    draft.note(Note::Uplink {
        dev_addr: heard.opened.dev_addr,
        f_cnt_up: heard.opened.f_cnt_up,
        freshness,
        heard_by: heard.receptions.len(),
        lost: lost(&draft.device, &heard),
    });
    let mut owed = Owed {
        ack: heard.opened.confirmed,
        anything: heard.opened.f_ctrl.adr_ack_req,
        ..Owed::default()
    };
    match freshness {
        Freshness::New | Freshness::Reset => new(draft, &heard, &mut owed),
        Freshness::Repeat => repeat(draft, &heard, &mut owed),
    }
    unprompted::hear(draft, &heard);
    open_windows(draft, heard, owed);
    Ok(())
}

/// Another copy of the last transmission, when its gathering had closed.
pub(super) fn late_copy(draft: &mut Draft<'_>, reception: &Reception) {
    draft.device.heard.record_late(reception.gateway);
    adapt::improve(&mut draft.device, reception);
    draft.note(Note::LateCopy { gateway: reception.gateway });
}

/// Which session the frame moves, and whether it does (TS001-1.0.4 §4.3.1.5).
///
/// Matching has judged this before, but copies were gathered since, and another frame may have been
/// accepted meanwhile.
fn classify(device: &Device, heard: &UplinkHeard) -> Result<(Under, Freshness), Reject> {
    let has_address = |under: &Under| {
        let session = device.session_under(*under);
        session.is_some_and(|session| session.dev_addr == heard.opened.dev_addr)
    };
    // What was pending when the frame was matched may be in use by now.
    let under = [heard.under, Under::Current].into_iter().find(has_address);
    let under = under.ok_or(Reject::UnknownDevAddr)?;
    let session = device.session_under(under).ok_or(Reject::UnknownDevAddr)?;
    if under == Under::Pending && session.keys.scheme.is_1_1() && !rekey::indicated(&heard.opened) {
        return Err(Reject::RekeyIndMissing);
    }
    let got = heard.opened.f_cnt_up;
    let is_reset =
        heard.freshness == Freshness::Reset && under == Under::Current && device.may_reset();
    match session.f_cnt_up {
        None => Ok((under, Freshness::New)),
        Some(last) if got > last => Ok((under, Freshness::New)),
        Some(last) if got == last && heard.digest == session.last_digest => {
            Ok((under, Freshness::Repeat))
        }
        Some(_) if is_reset => Ok((under, Freshness::Reset)),
        Some(last) => Err(Reject::FCntReplayed { got: got.0, last: last.0 }),
    }
}

/// The device uses its new session: the old one is over, and with it all that was said in it
/// (LoRaWAN 1.0.3 §6.2).
pub(super) fn confirm_session(draft: &mut Draft<'_>) {
    let Some(mut session) = draft.device.pending.take() else { return };
    draft.note(Note::SessionConfirmed { dev_addr: session.dev_addr });
    let device = &mut draft.device;
    if let Some(old) = &device.session
        && device.rejoining().keeps_parameters
    {
        // What has changed since the Join-Accept counts too.
        session.current = Arc::clone(&old.current);
        device.mac = device.mac.for_new_keys(&mut session);
    } else {
        device.mac = device.mac.for_new_session();
    }
    device.session = Some(*session);
    device.change_rejoining(|rejoining| {
        *rejoining = Rejoining { rj_count0: None, keeps_parameters: false, ..*rejoining };
    });
    device.adr = Arc::default();
    queue::start_over(device);
}

/// Counters that were skipped since the last accepted one.
fn lost(device: &Device, heard: &UplinkHeard) -> u32 {
    let last = device.session.as_ref().and_then(|session| session.f_cnt_up);
    let got = heard.opened.f_cnt_up;
    last.map_or(0, |last| got.0.saturating_sub(last.0).saturating_sub(1))
}

fn new(draft: &mut Draft<'_>, heard: &UplinkHeard, owed: &mut Owed) {
    let opened = &heard.opened;
    draft.needs(Durable::Record);
    draft.device.behind = None;
    // A device that goes on counting has not forgotten, and one that has is heard again.
    draft.device.reset_allowed = false;
    if let Some(session) = &mut draft.device.session {
        session.advance(opened.f_cnt_up, heard.digest);
    }
    let acked = if opened.f_ctrl.ack || unprompted::could_acknowledge(&draft.device, heard) {
        queue::hear_ack(draft, opened.f_ctrl.ack, opened.f_cnt_up)
    } else {
        None
    };
    queue::expire(draft);
    hear_commands(draft, (heard, Freshness::New), owed);
    ask(draft, heard, owed);
    tell(draft, heard, acked);
}

/// The application hears of a frame, unless it is between device and network: of what stands on
/// FPort 0 notes tell, of what a relay forwards an event of its own.
///
/// The other ports that the standard reserves are delivered: packages above the MAC layer will use
/// them (TS007 has 225).
fn tell(draft: &mut Draft<'_>, heard: &UplinkHeard, acked: Option<u64>) {
    match heard.opened.f_port {
        Some(0) => return,
        Some(RELAY_F_PORT) => return relay::forwarded(draft, heard),
        Some(f_port) if f_port > HIGHEST_F_PORT => draft.note(Note::ReservedFPort { f_port }),
        Some(_) | None => {}
    }
    let event = event(&draft.device, heard, acked);
    draft.publish(EventKind::Uplink(Box::new(event)));
}

/// The same bytes once more: the device has not heard us. Nothing moves, but what was asked in it is
/// answered for this transmission; a queued downlink that may be on its way is not repeated. The
/// application hears of a frame once (LoRaWAN 1.1 §4.3.1.5).
fn repeat(draft: &mut Draft<'_>, heard: &UplinkHeard, owed: &mut Owed) {
    hear_commands(draft, (heard, Freshness::Repeat), owed);
}

fn hear_commands(
    draft: &mut Draft<'_>,
    (heard, freshness): (&UplinkHeard, Freshness),
    owed: &mut Owed,
) {
    let about = Arc::clone(&draft.device.about);
    let moment = moment(draft.env, (heard, freshness), &about);
    let Device { session: Some(session), mac, adr, .. } = &mut draft.device else { return };
    if freshness == Freshness::New && reset::indicated(&heard.opened, session, moment.joined) {
        // Its parameters are the factory's again; its counters go on.
        session.current = Arc::new(factory_params(&about.profile));
        *mac = mac.for_new_session();
        *adr = Arc::default();
    }
    let received = mac.hear(session, heard, &moment);
    if received.refused != (None, None) {
        Arc::make_mut(adr).history.refused.add(received.refused);
    }
    if let Some(class) = received.answers.device_mode {
        unprompted::hear_class(draft, class);
    }
    owed.answers = received.answers;
    owed.anything |= received.repeats_until_heard;
    if let Some(commands) = received.proprietary {
        let f_cnt_up = heard.opened.f_cnt_up;
        draft.publish(EventKind::ProprietaryMac { f_cnt_up, commands });
    }
    for note in received.notes {
        draft.note(note);
    }
}

/// What is to be asked in return.
fn ask(draft: &mut Draft<'_>, heard: &UplinkHeard, owed: &mut Owed) {
    let about = Arc::clone(&draft.device.about);
    let moment = moment(draft.env, (heard, Freshness::New), &about);
    let before = adapt::Before::uplink(&draft.device);
    let Device { session: Some(session), mac, .. } = &mut draft.device else { return };
    mac.hear_parameters(session, (heard.data_rate, heard.opened.f_ctrl.adr), &about.profile);
    mac.least_rx_delay = heard.suggested_rx_delay.or(mac.least_rx_delay);
    channel_plan::notice(session, heard.channel);
    mac.unanswered(session, moment.f_cnt_up);
    adapt::adapt(draft, heard, before);
    let Device { session: Some(session), mac, .. } = &mut draft.device else { return };
    mac.conform(session, &moment);
    owed.requests = mac.due(session, &moment);
    owed.force_rejoin = rejoin::ask(draft, moment.f_cnt_up);
}

fn moment<'a>(
    env: &'a Env<'_>,
    (heard, freshness): (&UplinkHeard, Freshness),
    about: &'a Description,
) -> Moment<'a> {
    Moment {
        now: env.now,
        freshness,
        f_cnt_up: heard.opened.f_cnt_up,
        profile: &about.profile,
        network: env.network,
        joined: about.activation.joins(),
    }
}

fn event(device: &Device, heard: &UplinkHeard, acked: Option<u64>) -> UplinkEvent {
    let opened = &heard.opened;
    UplinkEvent {
        dev_addr: opened.dev_addr,
        f_cnt_up: opened.f_cnt_up,
        confirmed: opened.confirmed,
        adr: opened.f_ctrl.adr,
        class_b: opened.f_ctrl.class_b,
        ack: opened.f_ctrl.ack,
        f_opts_len: u8::try_from(opened.f_opts.len()).unwrap_or(u8::MAX),
        f_port: opened.f_port,
        frm_payload: opened.frm_payload.as_slice().into(),
        mic: Mic(heard.phy_payload.last_chunk().copied().unwrap_or_default()),
        data_rate: heard.data_rate,
        battery: device.mac.dev_status.battery(),
        margin: device.mac.dev_status.margin(),
        acked,
        receptions: heard.receptions.clone(),
    }
}

fn open_windows(draft: &mut Draft<'_>, heard: UplinkHeard, owed: Owed) {
    let device = &mut draft.device;
    device.awaiting = Some(Box::new(Awaiting::ClassA(owed)));
    let Some(session) = &device.session else { return };
    let opening = Opening {
        purpose: Purpose::ClassA,
        windows: windows::after_uplink(&device.about.profile, session, &heard),
        something_to_say: device.has_something_to_say(draft.env.now),
        reply_window_ms: device.about.profile.reply_window_ms,
        reach: Reach::Heard(heard.receptions),
    };
    draft.effect(Effect::Open(opening));
}
