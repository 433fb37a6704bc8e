//! The gathering of copies: whom to wait for, and how long.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use lns_lorawan::{Db, GatewayEui, TimeDelta, Timestamp};

use super::slots::{GatherId, Seen, Slots, State};
use crate::event::Reception;
use crate::radio::Percentile;
use crate::radio::plan::margin;
use crate::reject::Reject;

/// Copies closer in air time than this are one transmission. A device takes longer to repeat
/// itself: it listens first, for at least a second.
const ONE_TRANSMISSION: TimeDelta = TimeDelta::from_secs(1);

/// Receptions by one gateway closer than this are one: a mirror frame on another channel, or a
/// second antenna.
const ONE_RECEPTION: i64 = 50_000;

/// How long a transmission is remembered after the limit, for copies that come late.
const MEMORY: TimeDelta = TimeDelta::from_secs(2);

/// How many copies one transmission may have. More gateways than these add nothing to a decision;
/// the weakest copies are left out.
const COPIES: usize = 64;

/// How many gateways' habits are remembered. Beyond it all are learned anew, which takes minutes
/// and costs no more than the limit meanwhile.
const HABITS: usize = 8_192;

/// With so much to spare the best copy known is good enough to decide the downlink.
const COMFORTABLE: Db = Db::from_whole(10);

/// The bounds of gathering.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The longest wait for another copy, from the arrival of the first.
    pub limit: TimeDelta,
    /// A copy that lags more than this can no longer be answered in RX1 (one second after it).
    pub late_after: TimeDelta,
    /// How many transmissions are remembered at once; beyond it the oldest is given up.
    pub capacity: usize,
    /// Random bits that strangers do not know.
    pub secret: u64,
}

impl Default for Settings {
    /// 200 ms, 700 ms, 131,072 transmissions (two seconds at twice the rate aimed at), no secret.
    fn default() -> Self {
        Settings {
            limit: TimeDelta::from_millis(200),
            late_after: TimeDelta::from_millis(700),
            capacity: 131_072,
            secret: 0,
        }
    }
}

/// What a reception is to what was received before.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival<K> {
    /// The first copy of a transmission: match it now, then say [`Gatherings::matched`] or
    /// [`Gatherings::rejected`].
    First {
        /// The new gathering.
        gather: GatherId,
        /// It lags so much that the transmission may have been dealt with and forgotten: a counter
        /// that matching finds used is then no replay.
        late: bool,
    },
    /// Another gateway's copy.
    Copy {
        /// Its gathering.
        gather: GatherId,
        /// Nobody else is waited for: close it now.
        closes_now: bool,
    },
    /// The same gateway once more: no copy.
    Mirror {
        /// Its gathering.
        gather: GatherId,
        /// It was the stronger one and has taken the other's place.
        kept: bool,
    },
    /// A copy of what was closed: for statistics only.
    Late {
        /// What it was matched to.
        key: K,
        /// The copy.
        reception: Box<Reception>,
    },
    /// A copy of what was refused.
    KnownReject(Reject),
}

/// Whom a matched transmission waits for.
#[derive(Clone, Copy, Debug)]
pub enum Wait<'a> {
    /// These gateways' copies ([`super::Heard::expected`]). When there are none, nothing is known,
    /// and it waits the limit.
    Expected(&'a [GatewayEui]),
    /// Anybody, until the limit: a join has five seconds, and no history.
    Limit,
}

/// When a gathering closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closes {
    /// Nobody is missing: call [`Gatherings::close`].
    Now,
    /// Then at the latest; [`Gatherings::expired`] will hand it over.
    At(Timestamp),
}

/// A gathering that has closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Closing<K> {
    /// Which.
    pub gather: GatherId,
    /// What it was matched to.
    pub key: K,
    /// The copies, best first, never empty; those too late to be answered last.
    pub receptions: Vec<Reception>,
    /// When its downlink may be decided: at once if the best copy is comfortable (10 dB above what
    /// its data rate needs), else at the limit, for a better one may come.
    pub decide_at: Timestamp,
}

/// What went otherwise than it should, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Transmissions given up early because too many were remembered.
    pub evicted: u64,
    /// Transmissions that were neither matched nor refused while remembered.
    pub undecided: u64,
    /// Copies beyond 64 of one transmission.
    pub crowded_out: u64,
}

/// All transmissions of the last seconds. `K` is what a transmission was matched to.
#[derive(Debug)]
pub struct Gatherings<K> {
    settings: Settings,
    slots: Slots<K>,
    deadlines: BinaryHeap<Reverse<(Timestamp, GatherId)>>,
    /// Closed by eviction, not yet handed over.
    early: Vec<Closing<K>>,
    /// How long after the first copy each gateway's come.
    behind: HashMap<GatewayEui, Percentile>,
    counts: Counts,
}

impl<K: Clone> Gatherings<K> {
    /// Nothing gathered yet.
    pub fn new(settings: Settings) -> Self {
        Gatherings {
            settings,
            slots: Slots::new(settings.secret),
            deadlines: BinaryHeap::new(),
            early: Vec::new(),
            behind: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// Takes a reception in. `digest` is [`super::digest`] of `bytes`, the PHYPayload.
    pub fn arrive(
        &mut self,
        now: Timestamp,
        digest: u64,
        bytes: &[u8],
        reception: Reception,
    ) -> Arrival<K> {
        self.forget_old(now);
        let frame = (digest, bytes);
        match self.slots.find(frame, reception.air_time, ONE_TRANSMISSION) {
            Some(gather) => self.another(now, gather, reception),
            None => self.first(now, frame, reception),
        }
    }

    /// The transmission belongs to `key`: its copies are waited for.
    ///
    /// A gathering that has been given up meanwhile closes now, to nothing.
    pub fn matched(&mut self, now: Timestamp, gather: GatherId, key: K, wait: Wait<'_>) -> Closes {
        let Some(slot) = self.slots.slot_mut(gather) else { return Closes::Now };
        let limit = slot.opened + self.settings.limit;
        let (missing, closes_at) = match wait {
            Wait::Limit | Wait::Expected([]) => (Vec::new(), limit),
            Wait::Expected(expected) => {
                let unseen =
                    |gateway: &&GatewayEui| !slot.seen.iter().any(|s| s.gateway == **gateway);
                let missing: Vec<_> = expected.iter().filter(unseen).copied().collect();
                let last = last_expected(&self.behind, &missing, (slot.opened, limit));
                (missing, last)
            }
        };
        slot.state = State::Open { key, missing, closes_at };
        if closes_at <= now {
            return Closes::Now;
        }
        self.deadlines.push(Reverse((closes_at, gather)));
        Closes::At(closes_at)
    }

    /// The transmission is refused, and so will be its copies.
    pub fn rejected(&mut self, gather: GatherId, reject: Reject) {
        if let Some(slot) = self.slots.slot_mut(gather) {
            slot.state = State::Rejected(reject);
            slot.receptions.clear();
        }
    }

    /// The copies so far, in order of arrival; none once it is closed, refused or forgotten.
    pub fn receptions(&self, gather: GatherId) -> &[Reception] {
        self.slots.slot(gather).map_or(&[], |slot| &slot.receptions)
    }

    /// Closes a gathering; `None` unless it is matched and open.
    pub fn close(&mut self, now: Timestamp, gather: GatherId) -> Option<Closing<K>> {
        let slot = self.slots.slot_mut(gather)?;
        let State::Open { key, .. } = &slot.state else { return None };
        let key = key.clone();
        slot.state = State::Closed(key.clone());
        let mut receptions = core::mem::take(&mut slot.receptions);
        let late_after = self.settings.late_after;
        receptions.sort_by_key(|copy| {
            (lag(copy) > late_after, Reverse(copy.snr), Reverse(copy.rssi), copy.gateway)
        });
        let comfortable = receptions.first().is_some_and(|best| margin(best) >= COMFORTABLE);
        let limit = slot.opened + self.settings.limit;
        let decide_at = if comfortable { now } else { limit.max(now) };
        for seen in &slot.seen {
            learn(&mut self.behind, seen.gateway, seen.behind);
        }
        Some(Closing { gather, key, receptions, decide_at })
    }

    /// The next moment at which [`Gatherings::expired`] has something to say.
    pub fn next_deadline(&mut self) -> Option<Timestamp> {
        if !self.early.is_empty() {
            return Some(Timestamp::from_micros(i64::MIN));
        }
        while let Some(Reverse((at, gather))) = self.deadlines.peek().copied() {
            if self.closes_at(gather) == Some(at) {
                return Some(at);
            }
            self.deadlines.pop();
        }
        None
    }

    /// The gatherings that nobody is waited for any longer, in order of their deadlines.
    pub fn expired(&mut self, now: Timestamp) -> Vec<Closing<K>> {
        let mut closings = core::mem::take(&mut self.early);
        while let Some(Reverse((at, gather))) = self.deadlines.peek().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop();
            if self.closes_at(gather) == Some(at) {
                closings.extend(self.close(now, gather));
            }
        }
        self.forget_old(now);
        closings
    }

    /// What went otherwise than it should.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many transmissions are remembered.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn first(&mut self, now: Timestamp, frame: (u64, &[u8]), reception: Reception) -> Arrival<K> {
        if let Some(crowd) = self.slots.crowded(frame.0) {
            self.evict(now, crowd);
        }
        while self.slots.len() >= self.settings.capacity.max(1) {
            let Some(oldest) = self.slots.oldest() else { break };
            self.evict(now, oldest);
        }
        let late = lag(&reception) > self.settings.late_after;
        let gather = self.slots.open(frame, reception.air_time, now);
        if let Some(slot) = self.slots.slot_mut(gather) {
            slot.seen.push(seen(&reception, TimeDelta::ZERO));
            slot.receptions.push(reception);
        }
        Arrival::First { gather, late }
    }

    fn another(&mut self, now: Timestamp, gather: GatherId, reception: Reception) -> Arrival<K> {
        let slot = self.slots.slot_mut(gather).expect("it was just found");
        let known = slot.seen.iter().position(|seen| seen.gateway == reception.gateway);
        if let State::Rejected(reject) = &slot.state {
            return Arrival::KnownReject(*reject);
        }
        if let Some(place) = known {
            let kept = keep_better(&mut slot.receptions, &mut slot.seen[place], reception);
            return Arrival::Mirror { gather, kept };
        }
        let copy = seen(&reception, now.since(slot.opened));
        if slot.seen.len() < COPIES {
            slot.seen.push(copy);
        }
        if let State::Closed(key) = &slot.state {
            let key = key.clone();
            learn(&mut self.behind, copy.gateway, copy.behind);
            return Arrival::Late { key, reception: Box::new(reception) };
        }
        let crowded = !admit(&mut slot.receptions, reception);
        self.counts.crowded_out += u64::from(crowded);
        let closes_now = self.no_longer_missing(now, gather, copy.gateway);
        Arrival::Copy { gather, closes_now }
    }

    /// Crosses a gateway off, and waits for the others no longer than they need.
    fn no_longer_missing(&mut self, now: Timestamp, gather: GatherId, gateway: GatewayEui) -> bool {
        let Some(slot) = self.slots.slot_mut(gather) else { return false };
        let State::Open { missing, closes_at, .. } = &mut slot.state else { return false };
        let Some(place) = missing.iter().position(|one| *one == gateway) else { return false };
        missing.swap_remove(place);
        let last = last_expected(&self.behind, missing, (slot.opened, *closes_at));
        if last < *closes_at {
            *closes_at = last;
            self.deadlines.push(Reverse((last, gather)));
        }
        last <= now
    }

    fn closes_at(&self, gather: GatherId) -> Option<Timestamp> {
        match self.slots.slot(gather)?.state {
            State::Open { closes_at, .. } => Some(closes_at),
            State::Unmatched | State::Rejected(_) | State::Closed(_) => None,
        }
    }

    /// Gives a gathering up before its time. A matched one closes first: nothing is lost but the
    /// copies still to come.
    fn evict(&mut self, now: Timestamp, gather: GatherId) {
        self.counts.evicted += 1;
        let closing = self.close(now, gather);
        self.early.extend(closing);
        self.forget(gather);
    }

    fn forget_old(&mut self, now: Timestamp) {
        let memory = self.settings.limit + MEMORY;
        while let Some(oldest) = self.slots.oldest() {
            let Some(slot) = self.slots.slot(oldest) else { return };
            if now.since(slot.opened) <= memory {
                return;
            }
            // A deadline that was not kept in time is kept now.
            let closing = self.close(now, oldest);
            self.early.extend(closing);
            self.forget(oldest);
        }
    }

    fn forget(&mut self, gather: GatherId) {
        match self.slots.forget(gather) {
            Some(State::Unmatched) => self.counts.undecided += 1,
            Some(State::Open { .. } | State::Rejected(_) | State::Closed(_)) | None => {}
        }
    }
}

/// How long a copy was under way beyond the least that its gateway's line takes.
pub fn lag(reception: &Reception) -> TimeDelta {
    reception.arrived.since(reception.air_time)
}

fn seen(reception: &Reception, behind: TimeDelta) -> Seen {
    Seen {
        gateway: reception.gateway,
        tmst: reception.tmst,
        boot_epoch: reception.boot_epoch,
        behind,
    }
}

/// How long a missing copy is waited for at least: gateways that are equally near come first in
/// turn, and then the measured spans say nothing of the next one's jitter. It costs a fiftieth of
/// RX1's delay, and only a transmission of which an expected copy is missing.
const LEAST_WAIT: TimeDelta = TimeDelta::from_millis(20);

/// When the missing copies should have come, and no later than `limit`: at once if none is missing.
fn last_expected(
    behind: &HashMap<GatewayEui, Percentile>,
    missing: &[GatewayEui],
    (opened, limit): (Timestamp, Timestamp),
) -> Timestamp {
    let slowest = missing.iter().map(|gateway| {
        behind
            .get(gateway)
            .and_then(Percentile::p99)
            .map_or(limit, |behind| opened + behind.max(LEAST_WAIT))
    });
    slowest.max().unwrap_or(opened).min(limit)
}

/// Keeps the stronger of two receptions by one gateway; says whether it is the new one.
///
/// Further apart than a mirror frame, they are not one reception, and the first one stands: what
/// follows it may be somebody else's recording.
fn keep_better(receptions: &mut [Reception], seen: &mut Seen, reception: Reception) -> bool {
    let one = seen.boot_epoch == reception.boot_epoch
        && reception.tmst.diff(seen.tmst).abs() <= ONE_RECEPTION;
    let before = receptions.iter_mut().find(|copy| copy.gateway == reception.gateway);
    match before {
        Some(before) if one && reception.snr > before.snr => {
            *before = reception;
            seen.tmst = before.tmst;
            true
        }
        Some(_) | None => false,
    }
}

/// Adds a copy; where there are too many, in place of the weakest. `false` if one was left out.
fn admit(receptions: &mut Vec<Reception>, reception: Reception) -> bool {
    if receptions.len() < COPIES {
        receptions.push(reception);
        return true;
    }
    if let Some(weakest) = receptions.iter_mut().min_by_key(|copy| copy.snr)
        && weakest.snr < reception.snr
    {
        *weakest = reception;
    }
    false
}

fn learn(behind: &mut HashMap<GatewayEui, Percentile>, gateway: GatewayEui, span: TimeDelta) {
    if behind.len() >= HABITS && !behind.contains_key(&gateway) {
        behind.clear();
    }
    behind.entry(gateway).or_default().observe(span);
}
