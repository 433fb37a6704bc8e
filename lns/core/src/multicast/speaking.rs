//! Sending: who is asked when, what fills the places, and what became of it.
//!
//! A message begins when nothing of the one before is under way: its members' gateways are learned,
//! the ones that cover them chosen, a counter taken and the frame built, all of it durable before a
//! gateway has the first copy. Each copy then finds its place by itself, a moment ahead and one
//! gateway at a time as far as a member might hear two; one that finds none is tried again while the
//! message is wanted. When gateways change meanwhile, members that nobody has sent to yet get others.

use std::collections::BTreeMap;
use std::sync::Arc;

use lns_lorawan::{DataDown, Db, FCntDown, FCtrlDown, GatewayEui, TimeDelta, Timestamp};

use super::about::{GroupAbout, GroupClass, Senders};
use super::copies::{Copy, CopyState, Message, OnAir};
use super::cover::{MemberPaths, SENDERS, cover, neighbours};
use super::group::{Draft, Group, GroupEffect, GroupItem, GroupStage, Learning};
use super::queue;
use crate::device::Missed;
use crate::effect::{Opening, Reach, Recipient, TxPlan};
use crate::event::{Fate, Offer, Outcome, Path, Purpose, When};
use crate::note::Note;
use crate::radio::lane::airtime;
use crate::radio::plan::{Start, WindowPlan};
use crate::radio::shortage::Shortage;
use crate::reject::Reject;

/// How long members' gateways are awaited: a partition that is busy answers in some milliseconds.
const LEARNING: TimeDelta = TimeDelta::from_millis(500);

/// How long before a ping slot its frame is asked for, as for devices.
const AHEAD_OF_SLOT: TimeDelta = TimeDelta::from_secs(2);

/// A ping slot nearer than this is not tried.
const LEAST_AHEAD: TimeDelta = TimeDelta::from_secs(1);

/// A gateway that starts a frame "at once" may take so long (the SX1301's forwarder does).
const AT_ONCE: TimeDelta = TimeDelta::from_secs(1);

/// After so many occasions in vain other gateways are looked for.
const ELSEWHERE_AFTER: u8 = 4;

/// A chance for one copy.
struct Chance {
    wake: Timestamp,
    window: WindowPlan,
}

/// When the group must be woken.
pub(super) fn when(group: &Group, now: Timestamp) -> Option<Timestamp> {
    let about = &group.about;
    let expiry = group.queue.iter().filter_map(|item| queue::expiry(about, item)).min();
    let learning = group.learning.as_ref().map(|learning| learning.until);
    let next = match &group.message {
        Some(message) => {
            // Once it is not wanted, what waits has ended and the rest ends by itself.
            let unwanted = queue::expiry(about, &message.item).filter(|at| *at > now);
            let chance = |copy| chance(group, message, copy, now).map(|chance| chance.wake);
            let copies = message.copies.iter().filter_map(chance).min();
            [unwanted, copies, learning].into_iter().flatten().min()
        }
        None if learning.is_some() => learning,
        None if group.queue.is_empty() || group.f_cnt_down.is_none() => None,
        None => about.hours.from(now).map(|from| from.max(group.quiet_until)),
    };
    [expiry, next].into_iter().flatten().min()
}

/// A deadline has come.
pub(super) fn wake(draft: &mut Draft<'_>) {
    let now = draft.env.now;
    queue::expire(draft);
    let about = Arc::clone(&draft.group.about);
    let unwanted = |message: &Message| queue::has_expired(&about, &message.item, now);
    if draft.group.message.as_ref().is_some_and(unwanted) {
        give_up_waiting(draft, Fate::Expired);
    }
    if draft.group.learning.as_ref().is_some_and(|learning| learning.until <= now) {
        choose(draft);
    }
    if draft.group.message.is_some() {
        open_due(draft);
    } else {
        begin(draft);
    }
}

/// Some members' gateways are known.
pub(super) fn learned(draft: &mut Draft<'_>, paths: Vec<MemberPaths>) {
    let members = draft.group.about.members.len();
    let Some(learning) = &mut draft.group.learning else { return };
    learning.learned.extend(paths);
    if learning.learned.len() >= members {
        choose(draft);
    }
}

/// A lane has answered.
pub(super) fn offered(
    draft: &mut Draft<'_>,
    gateway: GatewayEui,
    (offers, shortage): (Vec<Offer>, Option<Shortage>),
) {
    let (about, plan) = (Arc::clone(&draft.group.about), draft.env.random);
    let Some(message) = &mut draft.group.message else { return };
    let phy_payload = message.phy_payload.clone();
    let f_cnt_down = message.f_cnt_down;
    let unwanted = message.is_dropped || queue::has_expired(&about, &message.item, draft.env.now);
    let asked = |copy: &&mut Copy| matches!(copy.state, CopyState::Asked { .. });
    let Some(copy) = message.copy_of(gateway).filter(asked) else { return };
    let CopyState::Asked { ends: latest } = copy.state else { return };
    copy.state = CopyState::Waiting;
    let size = phy_payload.len();
    let fits = |offer: &Offer| offer.gateway == gateway && offer.max_phy_payload >= size;
    let offers: Vec<Offer> = offers.into_iter().filter(fits).collect();
    if unwanted {
        give_up_waiting(draft, Fate::Expired);
        return;
    }
    let Some(first) = offers.first() else {
        in_vain(draft, gateway, shortage);
        return;
    };
    let at_once = offers.iter().any(|offer| offer.when == When::Immediately);
    let slack = if at_once { AT_ONCE } else { TimeDelta::ZERO };
    let air = airtime(first.modulation, size);
    let on_air = OnAir { starts: latest - air, ends: latest + slack };
    let note = Note::Planned {
        f_cnt_down: Some(f_cnt_down),
        window: first.window,
        gateway: first.gateway,
        size,
    };
    copy.state = CopyState::Flying { plan, on_air, slack };
    draft.notes.push(note);
    draft.effects.push(GroupEffect::Transmit(Box::new(TxPlan {
        id: plan,
        to: Recipient::Group(about.id),
        phy_payload,
        f_cnt_down: Some(f_cnt_down),
        offers,
    })));
}

/// A lane reports. A report on a copy that is settled already changes nothing.
pub(super) fn settle(draft: &mut Draft<'_>, outcome: &Outcome) {
    let now = draft.env.now;
    let Some(message) = &mut draft.group.message else { return };
    let size = message.phy_payload.len();
    let flies = |copy: &&mut Copy| matches!(copy.state, CopyState::Flying { plan, .. } if plan == outcome.plan);
    let Some(copy) = message.copies.iter_mut().find(flies) else { return };
    let CopyState::Flying { on_air, slack, .. } = copy.state else { return };
    let gateway = copy.gateway;
    let sent = match outcome.fate {
        Fate::Accepted | Fate::Unknown => true,
        Fate::Refused(_) | Fate::Expired => false,
    };
    if sent {
        // What the lanes know of its start is better than what it was asked for.
        let known = outcome.starts.zip(outcome.modulation).map(|(starts, modulation)| {
            let starts = starts + slack;
            OnAir { starts, ends: starts + airtime(modulation, size) }
        });
        let on_air = Some(known.unwrap_or(on_air));
        copy.state = CopyState::Ended { fate: outcome.fate.clone(), on_air };
    } else {
        copy.state = CopyState::Waiting;
    }
    let (item, f_cnt_down) = (message.item.clone(), message.f_cnt_down);
    let again = !sent && !message.is_dropped && !queue::has_expired(&draft.group.about, &item, now);
    draft.notes.push(Note::Sent {
        f_cnt_down: Some(f_cnt_down),
        fate: outcome.fate.clone(),
        gateway: outcome.gateway,
        window: outcome.window,
        margin: outcome.margin,
    });
    draft.durable |= sent;
    let (fate, window) = (outcome.fate.clone(), outcome.window);
    let stage = GroupStage::Handed { fate: fate.clone(), f_cnt_down, gateway, window, again };
    draft.publish(&item, stage);
    if again {
        in_vain(draft, gateway, None);
    } else if !sent
        && let Some(copy) = draft.group.message.as_mut().and_then(|m| m.copy_of(gateway))
    {
        copy.state = CopyState::Ended { fate, on_air: None };
    }
    end_if_done(draft);
}

/// Copies that wait for a place do so no longer.
pub(super) fn give_up_waiting(draft: &mut Draft<'_>, fate: Fate) {
    let Some(message) = &mut draft.group.message else { return };
    let (item, f_cnt_down) = (message.item.clone(), message.f_cnt_down);
    let mut given_up = Vec::new();
    for copy in &mut message.copies {
        if copy.state == CopyState::Waiting {
            copy.state = CopyState::Ended { fate: fate.clone(), on_air: None };
            given_up.push(copy.gateway);
        }
    }
    for gateway in given_up {
        let (fate, again) = (fate.clone(), false);
        draft.publish(&item, GroupStage::Handed { fate, f_cnt_down, gateway, window: None, again });
    }
    end_if_done(draft);
}

/// Begins the next message, if it is time.
fn begin(draft: &mut Draft<'_>) {
    let now = draft.env.now;
    let group = &draft.group;
    let open = group.about.hours.from(now).is_some_and(|from| from <= now);
    let due = open && group.quiet_until <= now && group.f_cnt_down.is_some();
    if !due || group.queue.is_empty() || group.learning.is_some() {
        return;
    }
    match &group.about.senders {
        Senders::Listed(_) => choose(draft),
        Senders::Cover => learn(draft),
    }
}

/// Asks by which gateways the members can be reached.
fn learn(draft: &mut Draft<'_>) {
    let until = draft.env.now + LEARNING;
    draft.group.learning = Some(Learning { learned: Vec::new(), until });
    draft.effects.push(GroupEffect::Learn);
}

/// What is known of the members by now is what counts.
fn choose(draft: &mut Draft<'_>) {
    let learned = draft.group.learning.take().map(|learning| learning.learned).unwrap_or_default();
    if draft.group.message.is_some() {
        choose_others(draft, &learned);
        return;
    }
    let (copies, unreached) = chosen(&draft.group.about, &learned, &[]);
    if copies.is_empty() {
        let pause = draft.pause(draft.group.in_vain);
        let now = draft.env.now;
        draft.group.in_vain = draft.group.in_vain.saturating_add(1);
        draft.group.quiet_until = draft.group.quiet_until.max(now + pause);
        draft.group.missed = Some(Missed::now(now, Some(Shortage::NOBODY)));
        draft.notes.push(Note::NoOffer);
        return;
    }
    draft.group.in_vain = 0;
    draft.group.missed = None;
    take_counter(draft, copies, unreached);
    open_due(draft);
}

/// Takes the next item, a counter for it, and builds its frame: the last time that either changes.
fn take_counter(draft: &mut Draft<'_>, copies: Vec<Copy>, unreached: usize) {
    let group = &mut draft.group;
    let Some(f_cnt_down) = group.f_cnt_down else { return };
    if group.queue.is_empty() {
        return;
    }
    let item = group.queue.remove(0);
    group.f_cnt_down = f_cnt_down.next();
    draft.durable = true;
    if f_cnt_down.next().is_none() {
        draft.notes.push(Note::DownCounterExhausted);
    }
    let Some(phy_payload) = build(&draft.group.about, &item, f_cnt_down) else {
        draft.notes.push(Note::Rejected(Reject::Bug));
        let why = "its frame could not be built: a bug of the server";
        draft.publish(&item, GroupStage::Impossible(why.into()));
        return;
    };
    let is_dropped = false;
    draft.group.message =
        Some(Message { item, f_cnt_down, phy_payload, copies, unreached, is_dropped });
}

/// An unconfirmed data frame without ADR, ACK and MAC commands (TS001-1.0.4, chapters on multicast).
fn build(about: &GroupAbout, item: &GroupItem, f_cnt_down: FCntDown) -> Option<Box<[u8]>> {
    let frame = DataDown {
        confirmed: false,
        dev_addr: about.mc_addr,
        f_ctrl: FCtrlDown { adr: false, ack: false, f_pending: false },
        f_cnt_down,
        f_opts: &[],
        f_port: Some(item.f_port),
        frm_payload: &item.payload,
    };
    Some(frame.build(&about.keys.schedules(), 0).ok()?.into_boxed_slice())
}

/// The copies for gateways that `already` do not send, and how many members nobody reaches.
fn chosen(
    about: &GroupAbout,
    learned: &[MemberPaths],
    already: &[GatewayEui],
) -> (Vec<Copy>, usize) {
    match &about.senders {
        Senders::Listed(gateways) => {
            let others = |own| gateways.iter().copied().filter(move |other| *other != own);
            let margin = Db::from_whole(0);
            let copy = |own: &GatewayEui| Copy::new(*own, margin, others(*own).collect());
            let wanted = gateways.iter().filter(|own| !already.contains(own));
            (wanted.take(SENDERS).map(copy).collect(), 0)
        }
        Senders::Cover => {
            let cover = cover(learned, already);
            let near = neighbours(learned);
            let copy = |path: &Path| {
                let near: Vec<GatewayEui> =
                    near.get(&path.gateway).into_iter().flatten().copied().collect();
                Copy::new(path.gateway, path.margin, near)
            };
            (cover.gateways.iter().map(copy).collect(), cover.unreached)
        }
    }
}

/// Members that no copy under way has reached get other gateways, if there are better ones by now.
fn choose_others(draft: &mut Draft<'_>, learned: &[MemberPaths]) {
    let about = Arc::clone(&draft.group.about);
    let Some(message) = &mut draft.group.message else { return };
    if learned.is_empty() {
        return;
    }
    let reaching: Vec<GatewayEui> =
        message.copies.iter().filter(|copy| copy.reaches()).map(|copy| copy.gateway).collect();
    let (copies, unreached) = chosen(&about, learned, &reaching);
    message.unreached = unreached;
    let waiting = |copy: &Copy| copy.state == CopyState::Waiting;
    let (before, kept): (Vec<Copy>, Vec<Copy>) = message.copies.drain(..).partition(waiting);
    let mut before: BTreeMap<GatewayEui, Copy> =
        before.into_iter().map(|copy| (copy.gateway, copy)).collect();
    message.copies = kept;
    let now = copies.into_iter().map(|copy| match before.remove(&copy.gateway) {
        Some(known) => Copy { margin: copy.margin, near: copy.near, ..known },
        None => copy,
    });
    message.copies.extend(now.collect::<Vec<_>>());
    draft.durable = true;
    end_if_done(draft);
    open_due(draft);
}

/// Asks for places for the copies whose time has come.
fn open_due(draft: &mut Draft<'_>) {
    let now = draft.env.now;
    let Some(message) = &draft.group.message else { return };
    let gateways: Vec<GatewayEui> = message.copies.iter().map(|copy| copy.gateway).collect();
    for gateway in gateways {
        let group = &draft.group;
        let Some(message) = &group.message else { return };
        let Some(copy) = message.copies.iter().find(|copy| copy.gateway == gateway) else {
            continue;
        };
        let Some(chance) = chance(group, message, copy, now).filter(|it| it.wake <= now) else {
            continue;
        };
        let size = message.phy_payload.len();
        let air = airtime(chance.window.modulation, size);
        let ends = latest_start(&chance.window.start, now) + air;
        let path = Path { gateway, margin: copy.margin };
        let opening = Opening {
            purpose: match group.about.class {
                GroupClass::B(_) => Purpose::ClassB,
                GroupClass::C => Purpose::ClassC,
            },
            windows: vec![WindowPlan { max_phy_payload: size, ..chance.window }],
            reach: Reach::Known(vec![path]),
            something_to_say: true,
            reply_window_ms: 0,
        };
        draft.effects.push(GroupEffect::Open { gateway, opening: Box::new(opening) });
        if let Some(copy) = draft.group.message.as_mut().and_then(|m| m.copy_of(gateway)) {
            copy.state = CopyState::Asked { ends };
        }
    }
}

/// The next chance of a waiting copy; `None` while another one is under way that it might meet.
fn chance(group: &Group, message: &Message, copy: &Copy, now: Timestamp) -> Option<Chance> {
    if copy.state != CopyState::Waiting {
        return None;
    }
    let about = &group.about;
    let free = message.free_from(copy, about.interval)?.max(group.quiet_until);
    let from = about.hours.from(free.max(now))?;
    match about.class {
        GroupClass::B(periodicity) => {
            let slot = about.slot(periodicity, from.max(now + LEAST_AHEAD))?;
            let wake = (slot.starts.to_timestamp() - AHEAD_OF_SLOT).max(now);
            Some(Chance { wake, window: about.in_slot(slot)? })
        }
        GroupClass::C => Some(Chance { wake: from, window: about.at_once(from)? }),
    }
}

/// A copy has found no place: later, and in time elsewhere.
fn in_vain(draft: &mut Draft<'_>, gateway: GatewayEui, shortage: Option<Shortage>) {
    let now = draft.env.now;
    let class = draft.group.about.class;
    let Some(tried) = draft.group.message.as_mut().and_then(|m| m.copy_of(gateway)) else { return };
    let before = tried.in_vain;
    tried.in_vain = before.saturating_add(1);
    let elsewhere = tried.in_vain.is_multiple_of(ELSEWHERE_AFTER);
    // The slot that was tried is as far ahead as this, and is not tried again.
    let ahead = match class {
        GroupClass::B(_) => AHEAD_OF_SLOT,
        GroupClass::C => TimeDelta::ZERO,
    };
    let pause = draft.pause(before);
    draft.notes.push(Note::NoOffer);
    if let Some(copy) = draft.group.message.as_mut().and_then(|m| m.copy_of(gateway)) {
        copy.not_before = now + ahead + pause;
        copy.missed = Some(Missed::now(now, shortage));
    }
    let covers = draft.group.about.senders == Senders::Cover;
    if elsewhere && covers && draft.group.learning.is_none() {
        learn(draft);
    }
}

/// The message is over when every copy has its end.
fn end_if_done(draft: &mut Draft<'_>) {
    let now = draft.env.now;
    if draft.group.message.as_ref().is_none_or(|message| message.copies.iter().any(Copy::is_open)) {
        return;
    }
    let Some(message) = draft.group.message.take() else { return };
    // One microsecond more: the next counter's first symbol comes after this one's last.
    let quiet = message.on_air_until(now) + TimeDelta::from_micros(1);
    draft.group.quiet_until = draft.group.quiet_until.max(quiet);
    draft.group.learning = None;
    draft.durable = true;
    let accepted = |copy: &&Copy| matches!(&copy.state, CopyState::Ended { fate, .. } if *fate == Fate::Accepted);
    let accepted = message.copies.iter().filter(accepted).count();
    let reached = message.copies.iter().filter(|copy| copy.reaches()).count();
    let stage = match (reached, message.is_dropped) {
        (0, true) => GroupStage::Dropped,
        (0, false) => GroupStage::Expired,
        (_, _) => GroupStage::Sent {
            f_cnt_down: message.f_cnt_down,
            accepted,
            missing: message.copies.len() - accepted,
            unreached: message.unreached,
        },
    };
    draft.publish(&message.item, stage);
}

/// When a frame in a window starts at the latest.
fn latest_start(start: &Start, now: Timestamp) -> Timestamp {
    match start {
        // Multicast follows no uplink.
        Start::After(_) => now,
        Start::At(moment) => moment.to_timestamp(),
        Start::Soon { not_after, .. } => *not_after,
    }
}
