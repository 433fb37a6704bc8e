//! Speaking first: frames for devices of class B and C that no uplink has asked for.
//!
//! Of a device's frames at most one is on its way, so that counters reach the air in order, and it
//! is handed over only a moment before it leaves: a gateway cannot be asked to give back what it has
//! queued, and an uplink meanwhile opens windows in which a higher counter would be sent first.
//!
//! Such a frame carries one queued item and nothing else. A device of LoRaWAN 1.0.4 discards it when
//! there is a MAC command in it (TS001-1.0.4 §9.3.1, and §15 for class C), and an acknowledgement
//! belongs in the windows after its uplink (§4.3.1.2).

use lns_lorawan::region::RECEIVE_DELAY2_AFTER_RX1;
use lns_lorawan::{CodingRate, Direction, GpsTime, TimeDelta, Timestamp, time_on_air};

use super::draft::Draft;
use super::{Awaiting, Device, InFlight, ItemState, Paths, Queued, downlink, queue};
use crate::class::b::{Periodicity, PingSlots, Slot};
use crate::class::{Class, b, c};
use crate::effect::{Effect, Opening, Reach};
use crate::event::{Occasion, Offer, Purpose, UplinkHeard};
use crate::note::Note;
use crate::profile::Profile;
use crate::radio::plan::WindowPlan;
use crate::session::{MacParams, Session};

/// How long before a ping slot its frame is asked for.
const AHEAD_OF_SLOT: TimeDelta = TimeDelta::from_secs(2);

/// A ping slot nearer than this is not tried: asking, committing and the way to the gateway take
/// their time.
const LEAST_AHEAD: TimeDelta = TimeDelta::from_secs(1);

/// The pause after the first occasion that came to nothing; it doubles each time.
const FIRST_PAUSE: TimeDelta = TimeDelta::from_millis(500);

/// How often it doubles: up to 64 s.
const DOUBLINGS: u8 = 7;

/// A device keeps to class B for so long without a beacon (TS001-1.0.4 §10.1).
const BEACONLESS: TimeDelta = TimeDelta::from_secs(2 * 60 * 60);

/// How a device that can be in class B or C stands between its uplinks. Of this only the paths are
/// durable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unprompted {
    /// By which gateways it can be reached.
    pub paths: Paths,
    /// When to see what can be done; `None`: nothing, before something else happens.
    wake: Option<Timestamp>,
    /// Until then the windows of its last uplink, or the last frame to it, have the better claim.
    quiet_until: Timestamp,
    /// When the last frame in class B or C has left the air.
    on_air_until: Timestamp,
    /// Occasions in a row that came to nothing.
    in_vain: u8,
    /// Since when nothing could be said in class B.
    unserved_since: Option<Timestamp>,
    /// For how long the acknowledgement of the last confirmed frame is awaited.
    patience: Patience,
}

/// The first ping slot of a class B device that does not start before a moment.
pub fn next_slot(device: &Device, from: Timestamp) -> Option<Slot> {
    let session = device.session.as_ref().filter(|_| device.class() == Class::B)?;
    let from = GpsTime::from_timestamp(from)?;
    Some(
        PingSlots { dev_addr: session.dev_addr, periodicity: periodicity(device) }.first_from(from),
    )
}

/// How often a device has ping slots: as it says itself, else as its profile does.
pub fn periodicity(device: &Device) -> Periodicity {
    let said = device.session.as_ref().and_then(|session| session.current.ping_slot.periodicity);
    said.unwrap_or(device.about.profile.ping_slot_periodicity)
}

/// For how long an acknowledgement is awaited.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Patience {
    /// A crash has made us forget.
    #[default]
    Unknown,
    /// Until the next uplink: the frame was sent in a window after one (TS001-1.0.4 §15).
    Uplink,
    /// Until an uplink, or this moment.
    Until(Timestamp),
}

/// What the device could be told, and when.
struct Chance {
    /// When to ask the lanes.
    wake: Timestamp,
    purpose: Purpose,
    window: WindowPlan,
}

impl Unprompted {
    /// After a crash: what can be said is looked at once.
    pub(crate) fn after_crash(profile: &Profile, paths: Paths) -> Option<Box<Self>> {
        let wake = Some(Timestamp::from_micros(0));
        can_listen(profile).then(|| Box::new(Unprompted { paths, wake, ..Unprompted::default() }))
    }
}

/// When the device must be woken to be spoken to, or not to be waited for any longer.
pub(super) fn deadline(device: &Device) -> Option<Timestamp> {
    device.unprompted.as_deref()?.wake
}

/// Works out when to wake the device. After every decision, so that no change of queue, class,
/// session or parameters needs to think of it.
pub(super) fn plan(device: &mut Device, now: Timestamp) {
    if device.unprompted.is_none() && can_listen(&device.about.profile) {
        // It could not until now.
        let paths = Paths::known(device.heard.gateways());
        device.unprompted = Some(Box::new(Unprompted { paths, ..Unprompted::default() }));
    }
    let wake = when(device, now);
    if let Some(state) = &mut device.unprompted {
        state.wake = wake;
    }
}

/// A deadline has come: speak, or stop waiting for an acknowledgement.
pub(super) fn wake(draft: &mut Draft<'_>) {
    let now = draft.env.now;
    if is_busy(&draft.device) || draft.device.class() == Class::A {
        return;
    }
    lose_patience(draft);
    // What waits again may have waited too long by now.
    queue::expire(draft);
    let Some(chance) = chance(&draft.device, now).filter(|chance| chance.wake <= now) else {
        return;
    };
    let Some(state) = draft.device.unprompted.as_deref() else { return };
    let opening = Opening {
        purpose: chance.purpose,
        windows: vec![chance.window],
        reach: Reach::Known(state.paths.as_slice().to_vec()),
        something_to_say: true,
        reply_window_ms: 0,
    };
    draft.device.awaiting = Some(Box::new(Awaiting::Unprompted(chance.purpose)));
    draft.effect(Effect::Open(opening));
}

/// Fills a frame for what the lanes offer.
pub(super) fn speak(draft: &mut Draft<'_>, occasion: Occasion) {
    let wanted = occasion.purpose;
    let ours = |open: &mut Box<Awaiting>| matches!(**open, Awaiting::Unprompted(purpose) if purpose == wanted);
    if draft.device.awaiting.take_if(ours).is_none() {
        // An uplink has come between; its windows are better.
        return;
    }
    queue::expire(draft);
    if queue::next(&draft.device.queue, draft.env.now).is_some()
        && !downlink::send_item(draft, occasion)
    {
        in_vain(draft);
    }
}

/// The occasion has passed, or there was no room in it: the item waits for a later one.
pub(super) fn in_vain(draft: &mut Draft<'_>) {
    let (now, random) = (draft.env.now, draft.env.random);
    let class = draft.device.class();
    let Some(state) = &mut draft.device.unprompted else { return };
    let pause = FIRST_PAUSE.times(1 << state.in_vain.min(DOUBLINGS));
    state.in_vain = state.in_vain.saturating_add(1);
    // Devices that a gateway's return sets free must not all come at the same moment.
    let [spread, ..] = random.to_le_bytes();
    let spread = TimeDelta::from_micros(pause.micros() / 1024 * i64::from(spread));
    // The slot that was tried is as far ahead as this, and is not tried again.
    let tried = if class == Class::B { AHEAD_OF_SLOT } else { TimeDelta::ZERO };
    state.quiet_until = state.quiet_until.max(now + tried + pause + spread);
    let since = *state.unserved_since.get_or_insert(now);
    if class == Class::B && now.since(since) >= BEACONLESS {
        // No gateway near it has beaconed for longer than it keeps its time without.
        state.unserved_since = None;
        draft.device.device_class = None;
        let class = draft.device.class();
        draft.note(Note::ClassChanged { class });
    }
}

/// A frame was filled that leaves the air at `ends`, at the latest.
pub(super) fn planned(device: &mut Device, purpose: Purpose, ends: Timestamp) {
    let interval = device.about.profile.unprompted_interval;
    let Some(state) = &mut device.unprompted else { return };
    state.quiet_until = state.quiet_until.max(ends + interval);
    if is_unprompted(purpose) {
        state.on_air_until = ends;
    }
}

/// The lanes have said what became of a frame.
pub(super) fn ended(draft: &mut Draft<'_>, in_flight: &InFlight, sent: bool) {
    let unprompted = is_unprompted(in_flight.purpose);
    if !sent {
        if unprompted {
            in_vain(draft);
        }
        return;
    }
    let until = in_flight.ends.max(draft.env.now) + response_timeout(&draft.device);
    let Some(state) = &mut draft.device.unprompted else { return };
    if unprompted {
        state.in_vain = 0;
        state.unserved_since = None;
        state.patience = Patience::Until(until);
    } else {
        state.patience = Patience::Uplink;
    }
}

/// An uplink: the class that the device says it is in, the ways to it, and its windows' time.
pub(super) fn hear(draft: &mut Draft<'_>, heard: &UplinkHeard) {
    let device = &mut draft.device;
    let profile = &device.about.profile;
    if !can_listen(profile) {
        device.unprompted = None;
        return;
    }
    let rx = device.session.as_ref().map(|session| session.current.rx);
    let ended = heard.receptions.iter().map(|copy| copy.air_time).max();
    let interval = profile.unprompted_interval;
    let state = device.unprompted.get_or_insert_default();
    state.paths.hear(&heard.receptions);
    if let Some((rx, ended)) = rx.zip(ended) {
        let frame = state.on_air_until + interval;
        state.quiet_until = c::windows_end(&rx, ended).max(frame);
    }
    state.in_vain = 0;
    state.unserved_since = None;
    hear_class_b(draft, heard.opened.f_ctrl.class_b);
}

/// A 1.1 device says in DeviceModeInd which class it is in.
pub(super) fn hear_class(draft: &mut Draft<'_>, said: Class) {
    let before = draft.device.class();
    let in_ping_slots = draft.device.device_class == Some(Class::B) && said == Class::A;
    if !in_ping_slots {
        draft.device.device_class = Some(said);
    }
    let class = draft.device.class();
    if class != before {
        draft.note(Note::ClassChanged { class });
    }
}

/// The ClassB bit of an uplink says that the device has beacons, or that it has lost them.
fn hear_class_b(draft: &mut Draft<'_>, class_b: bool) {
    let before = draft.device.class();
    if class_b {
        draft.device.device_class = Some(Class::B);
    } else if draft.device.device_class == Some(Class::B) {
        draft.device.device_class = None;
    }
    let class = draft.device.class();
    if class != before {
        draft.note(Note::ClassChanged { class });
    }
}

/// Whether this uplink says something of a confirmed frame in class B or C: not if it had begun
/// before that frame had left the air.
pub(super) fn could_acknowledge(device: &Device, heard: &UplinkHeard) -> bool {
    let Some(state) = device.unprompted.as_deref() else { return true };
    let Some(best) = heard.receptions.first() else { return true };
    let (modulation, length) = (best.modulation, heard.phy_payload.len());
    let air = time_on_air(modulation, CodingRate::Cr45, Direction::Up, length);
    best.air_time - air >= state.on_air_until
}

/// The offers that do not put a higher counter on air before that of a frame under way.
pub(super) fn not_overtaking(device: &Device, offers: Vec<Offer>) -> Vec<Offer> {
    match device.in_flight.as_deref() {
        Some(in_flight) if is_unprompted(in_flight.purpose) => {
            offers.into_iter().filter(|offer| offer.starts >= in_flight.ends).collect()
        }
        Some(_) | None => offers,
    }
}

/// Whether a frame's windows are over when its device is heard again. Those of class B and C follow
/// no uplink.
pub(super) fn is_over(in_flight: &InFlight, now: Timestamp) -> bool {
    !is_unprompted(in_flight.purpose) || in_flight.ends <= now
}

/// When to wake the device; nothing for class A.
fn when(device: &Device, now: Timestamp) -> Option<Timestamp> {
    let state = device.unprompted.as_deref()?;
    if is_busy(device) || device.class() == Class::A {
        return None;
    }
    match queue::first(&device.queue, now)?.state {
        ItemState::Planned => None,
        ItemState::AwaitingAck { .. } => match state.patience {
            Patience::Unknown => Some(now),
            Patience::Uplink => None,
            Patience::Until(moment) => Some(moment),
        },
        ItemState::Waiting => chance(device, now).map(|chance| chance.wake),
    }
}

/// Whether it is being spoken to already.
fn is_busy(device: &Device) -> bool {
    device.in_flight.is_some() || device.awaiting.is_some()
}

/// The next chance to say what is queued, if there is one before its next uplink.
fn chance(device: &Device, now: Timestamp) -> Option<Chance> {
    let state = device.unprompted.as_deref()?;
    let session = device.session.as_ref()?;
    let item = &queue::next(&device.queue, now)?.item;
    if state.paths.as_slice().is_empty() {
        return None;
    }
    if !is_certain(device, session) {
        return None;
    }
    let tables = device.about.profile.tables_after(session.current.joined_on);
    let chance = match device.class() {
        Class::A => return None,
        Class::B => {
            let slot = next_slot(device, state.quiet_until.max(now + LEAST_AHEAD))?;
            let wake = (slot.starts.to_timestamp() - AHEAD_OF_SLOT).max(now);
            let channel = session.current.ping_slot.channel?;
            let window = b::window(tables, session.dev_addr, slot, &channel)?;
            Chance { wake, purpose: Purpose::ClassB, window }
        }
        Class::C => {
            let wake = state.quiet_until.max(now);
            let window = c::window(tables, &session.current.rx, wake)?;
            Chance { wake, purpose: Purpose::ClassC, window }
        }
    };
    // One that is too large waits for RX1, which may be faster.
    let fits = downlink::size_of_item(item) <= chance.window.max_phy_payload;
    fits.then_some(chance)
}

/// Whether it is known under which keys, and where, the device listens.
///
/// A Join-Accept may have been heard: until it is used, its keys and the ones before are possible. So
/// are two places where a request that changes RX2 or the ping slots has not been answered (LoRaWAN
/// 1.0.3 §14.3 says so of ping slots).
fn is_certain(device: &Device, session: &Session) -> bool {
    let asked = device.mac.ledger.as_ref().map(|ledger| ledger.if_granted(&session.current));
    let same = |asked: MacParams| {
        asked.rx == session.current.rx && asked.ping_slot == session.current.ping_slot
    };
    device.pending.is_none() && asked.is_none_or(same)
}

/// An acknowledgement that has not come in time: again, under a new counter, or given up.
fn lose_patience(draft: &mut Draft<'_>) {
    let now = draft.env.now;
    let is_waiting = |queued: &Queued| matches!(queued.state, ItemState::AwaitingAck { .. });
    if !queue::first(&draft.device.queue, now).is_some_and(is_waiting) {
        return;
    }
    let until = now + response_timeout(&draft.device);
    let Some(state) = &mut draft.device.unprompted else { return };
    match state.patience {
        Patience::Unknown => state.patience = Patience::Until(until),
        Patience::Until(moment) if moment <= now => queue::not_acknowledged(draft),
        Patience::Until(_) | Patience::Uplink => {}
    }
}

/// How long a device may take to acknowledge (TS001-1.0.4 §9.3.1; §15 for class C).
fn response_timeout(device: &Device) -> TimeDelta {
    let profile = &device.about.profile;
    let base = match device.class() {
        Class::A | Class::B => profile.class_b_timeout,
        Class::C => profile.class_c_timeout,
    };
    let Some(session) = device.session.as_ref().filter(|_| device.mac.adr) else { return base };
    let times = i64::from(session.current.nb_trans.unwrap_or(1).max(1));
    let rx1 = TimeDelta::from_secs(i64::from(session.current.rx.rx_delay.seconds()));
    base.times(times) + (rx1 + RECEIVE_DELAY2_AFTER_RX1).times(times - 1)
}

/// Whether devices of this make can listen between their uplinks.
fn can_listen(profile: &Profile) -> bool {
    profile.supports_class_b || profile.supports_class_c
}

fn is_unprompted(purpose: Purpose) -> bool {
    match purpose {
        Purpose::ClassB | Purpose::ClassC => true,
        Purpose::ClassA | Purpose::JoinAccept => false,
    }
}
