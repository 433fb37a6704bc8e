//! The downlink queue: what an application wants said, in order, until each item has its end.
//!
//! ```text
//! Enqueue → Waiting → Planned(FCntDown) → accepted | unknown ─ unconfirmed → done
//!              ↑          │                      └ confirmed → AwaitingAck → Acked
//!              │          └ refused | expired ──────┐               │
//!              └──── again, at most REFUSALS times ─┴─ no ACK in the next uplink (nor in
//!                                                       time, in class B and C),
//!                                                       at most the profile's attempts
//! ```
//!
//! Order is kept: an item that waits for its acknowledgement, or that no window has room for, holds
//! back those behind it until it has its end.

use std::sync::Arc;

use lns_lorawan::{FCntUp, SessionKeys, Timestamp};

use super::draft::Draft;
use super::{Device, ItemState, Queued, abp, personalized, rejoin};
use crate::effect::{Durable, EventKind, Stage};
use crate::event::{Command, QueueItem};
use crate::note::Note;
use crate::profile::{Activation, Description, Profile};
use crate::session::Session;

/// How often a gateway may refuse an item before it is given up: enough for a night without a
/// gateway that can send, few enough that a frame which no gateway takes has an end.
pub(super) const REFUSALS: u8 = 16;

/// The highest FPort of an application; 224 is for certification tests, beyond it the standard
/// reserves them (LoRaWAN 1.1 §4.3.2).
const HIGHEST_F_PORT: u8 = 224;

/// The first item.
pub(super) fn first(queue: &[Queued], now: Timestamp) -> Option<&Queued> {
    queue.iter().find(|queued| !queued.has_expired(now))
}

/// The first item, if it can be sent now.
pub(super) fn next(queue: &[Queued], now: Timestamp) -> Option<&Queued> {
    let first = first(queue, now)?;
    match first.state {
        ItemState::Waiting => Some(first),
        ItemState::Planned | ItemState::AwaitingAck { .. } => None,
    }
}

/// Somebody's wish.
pub(super) fn command(draft: &mut Draft<'_>, command: Command) {
    match command {
        Command::Enqueue(item) => enqueue(draft, item),
        Command::Drop(id) => drop_items(draft, |queued| queued.item.id == id),
        Command::Clear => drop_items(draft, |_| true),
        Command::AllowReset => abp::allow_reset(draft),
        Command::ForceRejoin(wish) => rejoin::force(draft, wish),
        Command::Describe(about) => describe(draft, about),
    }
}

/// Items that have waited too long are taken off.
pub(super) fn expire(draft: &mut Draft<'_>) {
    let now = draft.env.now;
    let (gone, left): (Vec<_>, Vec<_>) =
        draft.device.queue.iter().cloned().partition(|queued| queued.has_expired(now));
    if gone.is_empty() {
        return;
    }
    draft.device.queue = Arc::new(left);
    for queued in gone {
        draft.publish(about(&queued.item, Stage::Expired));
    }
}

/// What a new uplink says of a confirmed downlink: acknowledged, or to be sent again, or failed.
/// Sent again means under a new counter (TS001-1.0.4 §4.3.1.3). Answers with the id of the
/// acknowledged item.
pub(super) fn hear_ack(draft: &mut Draft<'_>, ack: bool, f_cnt_up: FCntUp) -> Option<u64> {
    if !ack {
        not_acknowledged(draft);
        return None;
    }
    let index = awaiting_ack(&draft.device)?;
    let queued = Arc::make_mut(&mut draft.device.queue).remove(index);
    if let ItemState::AwaitingAck { f_cnt_down } = queued.state {
        draft.note(Note::Acked { f_cnt_down });
        draft.publish(about(&queued.item, Stage::Acked { f_cnt_down, f_cnt_up }));
    }
    Some(queued.item.id)
}

/// A frame with this item was filled.
pub(super) fn plan(draft: &mut Draft<'_>, id: u64) {
    change(draft, id, |queued| {
        queued.state = ItemState::Planned;
        queued.room = None;
    });
}

/// No window has room for this item; `room` is the largest payload that would have fitted.
pub(super) fn hold_back(draft: &mut Draft<'_>, id: u64, room: usize) {
    change(draft, id, |queued| queued.room = Some(u16::try_from(room).unwrap_or(u16::MAX)));
    draft.note(Note::DoesNotFit { id, room });
}

/// Items that an old session was waiting for are to be sent in the new one: their acknowledgement
/// cannot come any more.
pub(super) fn start_over(device: &mut Device) {
    if device.queue.iter().any(|queued| queued.state != ItemState::Waiting) {
        for queued in Arc::make_mut(&mut device.queue) {
            queued.state = ItemState::Waiting;
        }
    }
}

/// An event about an item.
pub(super) fn about(item: &QueueItem, stage: Stage) -> EventKind {
    EventKind::Downlink {
        id: item.id,
        correlation_id: item.correlation_id.clone(),
        f_port: item.f_port,
        stage,
    }
}

/// Changes one item in place.
pub(super) fn change(draft: &mut Draft<'_>, id: u64, change: impl FnOnce(&mut Queued)) {
    let queue = Arc::make_mut(&mut draft.device.queue);
    if let Some(queued) = queue.iter_mut().find(|queued| queued.item.id == id) {
        change(queued);
    }
}

/// Takes one item off.
pub(super) fn take(draft: &mut Draft<'_>, id: u64) -> Option<Queued> {
    let index = draft.device.queue.iter().position(|queued| queued.item.id == id)?;
    Some(Arc::make_mut(&mut draft.device.queue).remove(index))
}

fn enqueue(draft: &mut Draft<'_>, item: QueueItem) {
    let now = draft.env.now;
    if draft.device.knows(item.id, now) {
        // The same request again: it is answered again, and queued once.
        draft.publish(about(&item, Stage::Queued));
        return;
    }
    if let Some(reason) = impossible(draft, &item) {
        draft.publish(about(&item, Stage::Impossible(reason.into())));
        return;
    }
    draft.publish(about(&item, Stage::Queued));
    if item.correlation_id.is_some() {
        draft.device.recent.remember(item.id, now);
    }
    Arc::make_mut(&mut draft.device.queue).push(Queued {
        item,
        state: ItemState::Waiting,
        attempts: 0,
        refusals: 0,
        room: None,
    });
}

/// Why an item can never be sent, for people.
fn impossible(draft: &Draft<'_>, item: &QueueItem) -> Option<String> {
    let limit = draft.env.network.queue_limit;
    if draft.device.queue.len() >= limit {
        return Some(format!("queue is full: it holds {limit} downlinks; drop some or wait"));
    }
    if item.f_port == 0 || item.f_port > HIGHEST_F_PORT {
        let f_port = item.f_port;
        return Some(format!("cannot send on FPort {f_port}; choose 1 to 223, or 224 for tests"));
    }
    let largest = super::windows::largest_payload(&draft.device.about.profile);
    let size = item.payload.len();
    (size > largest)
        .then(|| format!("payload of {size} bytes is too large; the region allows {largest}"))
}

fn drop_items(draft: &mut Draft<'_>, which: impl Fn(&Queued) -> bool) {
    let (gone, left): (Vec<_>, Vec<_>) =
        draft.device.queue.iter().cloned().partition(|queued| which(queued));
    if gone.is_empty() {
        return;
    }
    draft.device.queue = Arc::new(left);
    for queued in gone {
        draft.publish(about(&queued.item, Stage::Dropped));
    }
}

fn awaiting_ack(device: &Device) -> Option<usize> {
    let waiting = |queued: &Queued| matches!(queued.state, ItemState::AwaitingAck { .. });
    device.queue.iter().position(waiting)
}

/// What waits for its acknowledgement has waited long enough: once more, or given up.
pub(super) fn not_acknowledged(draft: &mut Draft<'_>) {
    let Some(index) = awaiting_ack(&draft.device) else { return };
    let limit = draft.device.about.profile.confirmed_attempts.max(1);
    let queue = Arc::make_mut(&mut draft.device.queue);
    let Some(queued) = queue.get_mut(index) else { return };
    if queued.attempts < limit {
        queued.state = ItemState::Waiting;
        return;
    }
    let failed = queue.remove(index);
    draft.publish(about(&failed.item, Stage::Failed { attempts: failed.attempts }));
}

/// The description has changed, or is new.
fn describe(draft: &mut Draft<'_>, about: Arc<Description>) {
    draft.needs(Durable::Record);
    let before = std::mem::replace(&mut draft.device.about, Arc::clone(&about));
    let device = &mut draft.device;
    if before.activation != about.activation || before.profile.region != about.profile.region {
        let old = device.session.take();
        device.session = personalized(&about).map(|new| keep_counting(new, old.as_ref()));
        device.pending = None;
        device.awaiting = None;
        device.behind = None;
        device.reset_allowed = false;
        device.mac = crate::mac::MacState::default();
        device.adr = Arc::default();
        start_over(device);
        if !same_root(&before.activation, &about.activation) {
            device.last_dev_nonce = None;
            device.used_dev_nonces = Arc::default();
            device.rejoin = None;
            draft.needs(Durable::RecordAndNonces);
        }
        return;
    }
    let pending = device.pending.iter_mut().map(|session| &mut **session);
    for session in device.session.iter_mut().chain(pending) {
        if session.keys.scheme.is_1_1() {
            session.keys.scheme = about.profile.scheme_1_1();
        }
    }
    if let (Activation::Abp { .. }, Some(session)) = (&about.activation, &mut device.session) {
        correct(session, &before.profile, &about.profile);
        session.mac_version = about.profile.mac_version;
    }
}

/// The profile of a personalized device says what it does from the factory. Where that is corrected,
/// it holds; what MAC commands have changed since stays where it is not.
fn correct(session: &mut Session, before: &Profile, after: &Profile) {
    let (before, after) = (super::factory_params(before), super::factory_params(after));
    if before.rx != after.rx {
        session.current_mut().rx = after.rx;
    }
    if before.channels != after.channels {
        let current = session.current_mut();
        (current.channels, current.ch_mask) = (after.channels, after.ch_mask);
    }
}

/// Under the same keys no downlink counter may come again, whatever else has changed.
fn keep_counting(new: Session, old: Option<&Session>) -> Session {
    let same = |old: &SessionKeys| SessionKeys { scheme: new.keys.scheme, ..old.clone() };
    match old {
        Some(old) if same(&old.keys) == new.keys => Session {
            n_f_cnt_down: old.n_f_cnt_down,
            a_f_cnt_down: old.a_f_cnt_down,
            confirmed_f_cnt_down: old.confirmed_f_cnt_down,
            ..new
        },
        Some(_) | None => new,
    }
}

/// Whether nonces of one activation count in the other: they are used up per root key and JoinEUI.
fn same_root(one: &Activation, other: &Activation) -> bool {
    match (one, other) {
        (Activation::Otaa10 { app_key, .. }, Activation::Otaa10 { app_key: other, .. }) => {
            app_key == other
        }
        (Activation::Otaa11 { nwk_key, .. }, Activation::Otaa11 { nwk_key: other, .. }) => {
            nwk_key == other
        }
        (Activation::Otaa10 { .. } | Activation::Otaa11 { .. } | Activation::Abp { .. }, _) => {
            false
        }
    }
}

impl Queued {
    /// Whether it has waited too long. One that is under way or was sent is past that question: the
    /// device may acknowledge it much later.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expiry().is_some_and(|expires_at| expires_at <= now)
    }

    /// When it will have waited too long, if nothing happens before.
    pub(super) fn expiry(&self) -> Option<Timestamp> {
        match self.state {
            ItemState::Waiting => self.item.expires_at,
            ItemState::Planned | ItemState::AwaitingAck { .. } => None,
        }
    }
}
