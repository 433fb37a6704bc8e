//! One frame for one occasion.
//!
//! What is said is chosen in order of urgency: the acknowledgement, answers to MAC commands, our own
//! MAC requests, one queued item. More is added as long as some offered window has room for the
//! whole; a window that has not is left out of the plan. All windows carry the same bytes under the
//! same counter, so that a device that hears two of them drops the second.

use std::sync::Arc;

use lns_lorawan::{DataDown, FCntDown, FCtrlDown, Timestamp};

use super::draft::Draft;
use super::{
    Awaiting, Device, InFlight, ItemState, Owed, Queued, outcome, queue, rejoin, unprompted,
};
use crate::effect::{Durable, Effect, TxPlan};
use crate::env::Env;
use crate::event::{Freshness, Occasion, Offer, Purpose, QueueItem};
use crate::mac::{self, Moment, Requests, beacon_timing};
use crate::note::Note;
use crate::profile::Description;
use crate::radio::lane::airtime;
use crate::reject::Reject;
use crate::session::Session;

/// MHDR, FHDR without FOpts, MIC (TS001-1.0.4 §4.3).
const EMPTY: usize = 12;

/// The most that FOpts hold; what is longer needs a frame on FPort 0 (TS001-1.0.4 §4.3.1.6 and §5).
const MAX_F_OPTS: usize = 15;

/// What a frame is filled with.
struct Contents {
    purpose: Purpose,
    ack: bool,
    /// MAC commands: answers, then requests.
    commands: Vec<u8>,
    /// The requests among them.
    requests: Requests,
    /// ForceRejoinReq is among them.
    forces_rejoin: bool,
    /// A queued item: its id, FPort, payload, and whether it asks for an acknowledgement.
    item: Option<Item>,
    f_pending: bool,
    /// Where BeaconTimingAns stands among the commands.
    beacon_timing: Option<usize>,
}

struct Item {
    id: u64,
    f_port: u8,
    payload: Box<[u8]>,
    confirmed: bool,
}

/// Fills a frame for what the lanes offer after an uplink.
pub(super) fn speak(draft: &mut Draft<'_>, offers: Vec<Offer>) -> Result<(), Reject> {
    let awaiting = draft.device.awaiting.take_if(|open| matches!(**open, Awaiting::ClassA(_)));
    let Some(Awaiting::ClassA(owed)) = awaiting.map(|open| *open) else {
        // The occasion before a newer Join-Request.
        return Ok(());
    };
    queue::expire(draft);
    let offers = unprompted::not_overtaking(&draft.device, offers);
    let has_item = queue::next(&draft.device.queue, draft.env.now).is_some();
    if owed.is_nothing() && !has_item {
        return Ok(());
    }
    let largest = offers.iter().map(|offer| offer.max_phy_payload).max().unwrap_or(0);
    if largest < EMPTY {
        draft.note(Note::NoOffer);
        return Ok(());
    }
    let mut contents = choose(draft, (Purpose::ClassA, &owed), largest);
    if contents.is_nothing(&owed) {
        return Ok(());
    }
    let offers = contents.tell_beacon_timing(&draft.device, offers);
    let Some((f_cnt_down, phy_payload)) = build(draft, &contents) else { return Ok(()) };
    hand_over(draft, contents, (f_cnt_down, phy_payload), offers);
    Ok(())
}

/// Fills a frame in class B or C: the first queued item, and nothing else. `false` if that cannot be
/// done with what the lanes offer.
pub(super) fn send_item(draft: &mut Draft<'_>, occasion: Occasion) -> bool {
    let Occasion { purpose, offers, shortage: _ } = occasion;
    let largest = offers.iter().map(|offer| offer.max_phy_payload).max().unwrap_or(0);
    if largest < EMPTY {
        draft.note(Note::NoOffer);
        return false;
    }
    let contents = choose(draft, (purpose, &Owed::default()), largest);
    if contents.item.is_none() {
        return false;
    }
    let Some((f_cnt_down, phy_payload)) = build(draft, &contents) else { return false };
    hand_over(draft, contents, (f_cnt_down, phy_payload), offers);
    true
}

/// Bytes of PHYPayload that carry this item and nothing else.
pub(super) fn size_of_item(item: &QueueItem) -> usize {
    EMPTY + 1 + item.payload.len()
}

/// When a frame of this size has left the air, whichever of these offers is used.
pub(super) fn ends(offers: &[Offer], size: usize) -> Timestamp {
    let end = |offer: &Offer| offer.starts + airtime(offer.modulation, size);
    offers.iter().map(end).max().unwrap_or_default()
}

impl Contents {
    /// FOpts, FPort and FRMPayload.
    fn parts(&self) -> (&[u8], Option<u8>, &[u8]) {
        match &self.item {
            Some(item) => (&self.commands, Some(item.f_port), &item.payload),
            None if self.commands.len() > MAX_F_OPTS => (&[], Some(0), &self.commands),
            None => (&self.commands, None, &[]),
        }
    }

    /// Writes BeaconTimingAns, which holds in the first window only: the others are left out.
    fn tell_beacon_timing(&mut self, device: &Device, mut offers: Vec<Offer>) -> Vec<Offer> {
        let size = self.size();
        offers.retain(|offer| offer.max_phy_payload >= size);
        let (Some(at), Some(first)) = (self.beacon_timing, offers.first()) else { return offers };
        let (window, ends) = (first.window, first.starts + airtime(first.modulation, size));
        let session = device.session.as_ref();
        let joined_on = session.and_then(|session| session.current.joined_on);
        let tables = device.about.profile.tables_after(joined_on);
        let answer = beacon_timing::answer(tables, ends);
        self.commands.splice(at..at + beacon_timing::LENGTH, answer.into_iter().flatten());
        offers.retain(|offer| offer.window == window);
        offers
    }

    /// Bytes of PHYPayload.
    fn size(&self) -> usize {
        let (f_opts, f_port, frm_payload) = self.parts();
        EMPTY + f_opts.len() + usize::from(f_port.is_some()) + frm_payload.len()
    }

    /// Nothing was chosen and the device waits for nothing: an item did not fit.
    fn is_nothing(&self, owed: &Owed) -> bool {
        !self.ack && !owed.anything && self.commands.is_empty() && self.item.is_none()
    }
}

/// Chooses what fits the roomiest window.
fn choose(draft: &mut Draft<'_>, (purpose, owed): (Purpose, &Owed), largest: usize) -> Contents {
    let mut commands = Vec::new();
    owed.answers.write(&mut commands);
    let mut beacon_timing = owed.answers.beacon_timing.then_some(commands.len());
    commands.extend(beacon_timing.iter().flat_map(|_| [0; beacon_timing::LENGTH]));
    if EMPTY + commands.len() > largest {
        // The acknowledgement is worth more, and the device will ask again.
        commands.clear();
        beacon_timing = None;
    }
    let requests = choose_requests(draft, owed.requests, (&mut commands, largest));
    let force_rejoin = owed.force_rejoin.filter(|wish| {
        let before = commands.len();
        mac::force_rejoin::write(*wish, &mut commands);
        let as_payload = usize::from(commands.len() > MAX_F_OPTS);
        let fits = EMPTY + as_payload + commands.len() <= largest;
        commands.truncate(if fits { commands.len() } else { before });
        fits
    });
    let item = choose_item(draft, commands.len(), largest);
    // What only waits for its acknowledgement is not pending: it has been sent.
    let waiting = |queued: &&Queued| queued.state == ItemState::Waiting;
    let left = draft.device.queue.iter().filter(waiting).count() - usize::from(item.is_some());
    let forces_rejoin = force_rejoin.is_some();
    Contents {
        purpose,
        ack: owed.ack,
        commands,
        requests,
        forces_rejoin,
        item,
        f_pending: left > 0,
        beacon_timing,
    }
}

/// Adds the requests that there is room for. While an application waits, those that FOpts hold, so
/// that its payload goes with them; but a block that FOpts can never hold takes a frame of its own,
/// or it would wait for ever behind a queue that is never empty.
fn choose_requests(
    draft: &Draft<'_>,
    wanted: Requests,
    (commands, largest): (&mut Vec<u8>, usize),
) -> Requests {
    let Device { mac, about, session: Some(session), .. } = &draft.device else {
        return Requests::default();
    };
    let requests = mac.requests(wanted, session, &moment(draft.env, session, about));
    let waits = queue::next(&draft.device.queue, draft.env.now).is_some();
    let too_long = requests.iter().any(|(_, bytes)| bytes.len() > MAX_F_OPTS);
    let most = if waits && !too_long { MAX_F_OPTS } else { usize::MAX };
    let mut chosen = Requests::default();
    for (kind, bytes) in requests {
        let length = commands.len() + bytes.len();
        let as_payload = usize::from(length > MAX_F_OPTS);
        if length <= most && EMPTY + as_payload + length <= largest {
            commands.extend(bytes);
            chosen = chosen.and(Requests::only(kind));
        }
    }
    chosen
}

fn moment<'a>(env: &'a Env<'_>, session: &Session, about: &'a Description) -> Moment<'a> {
    Moment {
        now: env.now,
        freshness: Freshness::New,
        f_cnt_up: session.f_cnt_up.unwrap_or(session.f_cnt_up_start),
        profile: &about.profile,
        network: env.network,
        joined: about.activation.joins(),
    }
}

/// The requests are in a frame: a value that was asked is durable before the device can answer it.
fn note_requests(draft: &mut Draft<'_>, requests: Requests) {
    let about = Arc::clone(&draft.device.about);
    let Device { mac, session: Some(session), .. } = &mut draft.device else { return };
    if requests.is_empty() {
        return;
    }
    mac.asked(requests, session, &moment(draft.env, session, &about));
    draft.needs(Durable::Record);
}

/// The first queued item, if the MAC commands leave room for it. One that no window would have room
/// for even alone is marked.
fn choose_item(draft: &mut Draft<'_>, commands: usize, largest: usize) -> Option<Item> {
    let queued = queue::next(&draft.device.queue, draft.env.now)?;
    let item = Item {
        id: queued.item.id,
        f_port: queued.item.f_port,
        payload: queued.item.payload.clone(),
        confirmed: queued.item.confirmed,
    };
    let room = largest.saturating_sub(EMPTY + 1);
    if item.payload.len() > room {
        queue::hold_back(draft, item.id, room);
        return None;
    }
    // Else the commands may take its place this time.
    (commands <= MAX_F_OPTS && item.payload.len() + commands <= room).then_some(item)
}

/// Takes a counter and builds the bytes. In 1.1 an application's FPort counts by itself (LoRaWAN
/// 1.1 §4.3.1.5).
fn build(draft: &mut Draft<'_>, contents: &Contents) -> Option<(FCntDown, Vec<u8>)> {
    let adr = draft.device.about.adr.mode.is_managed();
    let session = draft.device.session.as_mut()?;
    let (f_opts, f_port, frm_payload) = contents.parts();
    let of_application = session.keys.scheme.is_1_1() && f_port.is_some_and(|f_port| f_port > 0);
    let counter =
        if of_application { &mut session.a_f_cnt_down } else { &mut session.n_f_cnt_down };
    let Some((f_cnt_down, above_ceiling)) = counter.take() else {
        draft.note(Note::DownCounterExhausted);
        return None;
    };
    let confirmed = contents.item.as_ref().is_some_and(|item| item.confirmed);
    let frame = DataDown {
        confirmed,
        dev_addr: session.dev_addr,
        f_ctrl: FCtrlDown { adr, ack: contents.ack, f_pending: contents.f_pending },
        f_cnt_down,
        f_opts,
        f_port,
        frm_payload,
    };
    let acknowledged = session.f_cnt_up.unwrap_or_default().wire().0;
    let built = frame.build(&session.keys.schedules(), acknowledged);
    if confirmed {
        session.confirmed_f_cnt_down = Some(f_cnt_down);
    }
    if above_ceiling {
        draft.needs(Durable::Record);
    }
    // The parts were measured against a window, whose limit is below the standard's.
    let Ok(phy_payload) = built else {
        draft.note(Note::Rejected(Reject::Bug));
        return None;
    };
    Some((f_cnt_down, phy_payload))
}

fn hand_over(
    draft: &mut Draft<'_>,
    contents: Contents,
    (f_cnt_down, phy_payload): (FCntDown, Vec<u8>),
    offers: Vec<Offer>,
) {
    let size = phy_payload.len();
    let offers: Vec<Offer> =
        offers.into_iter().filter(|offer| offer.max_phy_payload >= size).collect();
    let Some(first) = offers.first() else { return };
    draft.note(Note::Planned {
        f_cnt_down: Some(f_cnt_down),
        window: first.window,
        gateway: first.gateway,
        size,
    });
    note_requests(draft, contents.requests);
    if contents.forces_rejoin {
        rejoin::asked_for(draft);
    }
    let item = contents.item.map(|item| item.id);
    if let Some(id) = item {
        queue::plan(draft, id);
    }
    let id = draft.env.random;
    // One of class B or C that no gateway has answered for leaves the air before this one starts.
    outcome::give_up_waiting(draft);
    let ends = ends(&offers, size);
    unprompted::planned(&mut draft.device, contents.purpose, ends);
    draft.device.in_flight = Some(Box::new(InFlight {
        plan: id,
        purpose: contents.purpose,
        ends,
        f_cnt_down: Some(f_cnt_down),
        item,
        requests: contents.requests,
    }));
    draft.effect(Effect::Transmit(Box::new(TxPlan {
        id,
        to: draft.device.about.dev_eui.into(),
        phy_payload: phy_payload.into_boxed_slice(),
        f_cnt_down: Some(f_cnt_down),
        offers,
    })));
}
