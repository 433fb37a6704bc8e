//! All gateways' air: asks, offers, frames handed over, and what became of them.
//!
//! A frame handed over ends in exactly one outcome; `radio/flights.rs` has that half.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use lns_lorawan::{GatewayEui, Region, TimeDelta, Timestamp};

use super::clock::ClockMap;
use super::flights::Flight;
pub use super::flights::{Emission, LaneOutput, PlanName, TxAnswer};
use super::forwarder::ForwarderModel;
use super::lane::{Lane, LaneSettings, NoOffer, OfferName};
use super::place::Tie;
use super::plan::WindowPlan;
use super::shortage::{Refusals, Shortage};
use crate::effect::{Opening, Reach};
use crate::event::Offer;

/// How many gateways make offers for one occasion: one to send, one to fall back to.
const GATEWAYS_PER_ASK: usize = 2;

/// Of more gateways than this, only those with the best margin are compared.
const GATEWAYS_COMPARED: usize = 8;

/// How much more a device's first window is worth than a later one, thousandths: what it does not
/// use of the second is free, and there is time to fall back.
const EARLY: i16 = 50;

/// How often a ledger that changes is written down.
const WRITTEN: TimeDelta = TimeDelta::from_secs(60);

/// What has been asked is remembered for so long after its last window.
const MEMORY: TimeDelta = TimeDelta::from_secs(5);

/// Names one asking, so that what is not used of its answer can be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// Something that falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// An offer's term ends.
    Offer { ask: AskId, gateway: GatewayEui, id: u64 },
    /// A gateway has had its time to answer.
    Answer(PlanName),
    /// An asking is over.
    Asked(AskId),
}

/// An asking: what for, and what is held for it.
#[derive(Debug)]
struct Asked {
    opening: Arc<Opening>,
    held: Vec<(GatewayEui, u64)>,
}

/// The air of all gateways of this server.
#[derive(Debug)]
pub struct Lanes {
    capacity: usize,
    pub(super) lanes: HashMap<GatewayEui, Lane>,
    asks: HashMap<AskId, Asked>,
    pub(super) flights: HashMap<PlanName, Flight>,
    pub(super) due: BinaryHeap<Reverse<(Timestamp, Due)>>,
    next_offer: u64,
    /// Ledgers that an earlier run wrote down, of gateways that have not come back yet.
    remembered: HashMap<GatewayEui, Box<[u8]>>,
    /// Lanes whose ledger is or must be written down.
    touched: HashSet<GatewayEui>,
    refusals: Refusals,
}

impl Lanes {
    /// No gateway yet, and never more than `capacity` of them.
    pub fn new(capacity: usize) -> Self {
        Lanes {
            capacity,
            lanes: HashMap::new(),
            asks: HashMap::new(),
            flights: HashMap::new(),
            due: BinaryHeap::new(),
            next_offer: 0,
            remembered: HashMap::new(),
            touched: HashSet::new(),
            refusals: Refusals::default(),
        }
    }

    /// A gateway is connected: it can be asked from now on. `false` if there are too many.
    ///
    /// A known gateway keeps its region's sub-bands and its ledger until it is forgotten.
    pub fn gateway_up(
        &mut self,
        now: Timestamp,
        (gateway, boot_epoch): (GatewayEui, u32),
        settings: LaneSettings,
        region: Region,
    ) -> bool {
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.set_settings(settings);
            lane.up(boot_epoch);
            return true;
        }
        if self.lanes.len() >= self.capacity {
            self.lanes.retain(|_, lane| !lane.is_idle(now));
        }
        if self.lanes.len() >= self.capacity {
            return false;
        }
        let mut lane = Lane::new(gateway, boot_epoch, settings, region.tables().sub_bands);
        if let Some(bytes) = self.remembered.remove(&gateway) {
            lane.duty.read(now, &bytes);
            lane.written.1 = true;
            self.touched.insert(gateway);
        }
        self.lanes.insert(gateway, lane);
        true
    }

    /// A ledger that an earlier run wrote down, for when its gateway comes back.
    pub fn remember(&mut self, gateway: GatewayEui, ledger: Box<[u8]>) {
        self.remembered.insert(gateway, ledger);
    }

    /// Ledgers to be written down now; `None` instead of one that has nothing left to remember.
    ///
    /// A ledger is written once a minute while it changes, and at once when more than a hundredth of
    /// a band's allowance was promised since.
    pub fn ledgers(&mut self, now: Timestamp) -> Vec<(GatewayEui, Option<Vec<u8>>)> {
        let mut written = Vec::new();
        self.touched.retain(|gateway| {
            let Some(lane) = self.lanes.get_mut(gateway) else { return false };
            let (at, changed) = lane.written;
            let due = now.since(at) >= WRITTEN;
            if !(due || lane.duty.must_be_written()) {
                return true;
            }
            let clear = due && lane.duty.is_clear(now);
            if clear {
                written.push((*gateway, None));
            } else if changed {
                written.push((*gateway, Some(lane.duty.write(now, false))));
            }
            lane.written = (now, false);
            !clear
        });
        written
    }

    /// All ledgers, for the last time: nothing more will be promised.
    pub fn last_ledgers(&mut self, now: Timestamp) -> Vec<(GatewayEui, Vec<u8>)> {
        let touched = std::mem::take(&mut self.touched);
        let lanes = touched.into_iter().filter_map(|gateway| {
            self.lanes.get_mut(&gateway).map(|lane| (gateway, lane.duty.write(now, true)))
        });
        lanes.collect()
    }

    /// A gateway is no longer connected. What it was handed may still be sent and answered.
    pub fn gateway_down(&mut self, gateway: GatewayEui) {
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.down();
        }
    }

    /// A gateway's concentrator has this restart count now.
    pub fn gateway_boot(&mut self, gateway: GatewayEui, boot_epoch: u32) {
        if let Some(lane) = self.lanes.get_mut(&gateway).filter(|lane| lane.is_online()) {
            lane.up(boot_epoch);
        }
    }

    /// What a gateway needs has changed; promises stand.
    pub fn set_settings(&mut self, gateway: GatewayEui, settings: LaneSettings) {
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.set_settings(settings);
        }
    }

    /// What is known of a gateway's clocks: for windows that follow no reception.
    pub fn set_clock(&mut self, gateway: GatewayEui, map: ClockMap) {
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.set_clock(map);
        }
    }

    /// A gateway has refused a slot because it has lost the satellites.
    pub fn gps_unlocked(&mut self, now: Timestamp, gateway: GatewayEui) {
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.gps_unlocked(now);
        }
    }

    /// What kind of forwarder a gateway has turned out to have, where it was not known.
    pub fn learn_forwarder(&mut self, gateway: GatewayEui, forwarder: ForwarderModel) {
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.learn_forwarder(forwarder);
        }
    }

    /// A gateway took so long to answer a frame.
    pub fn round_trip(&mut self, gateway: GatewayEui, span: TimeDelta) {
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.observe_round_trip(span);
        }
    }

    /// A gateway is no longer ours. Its ledger is kept for the hour, in case it comes back.
    pub fn forget(&mut self, now: Timestamp, gateway: GatewayEui) {
        self.gateway_down(gateway);
        if self.lanes.get_mut(&gateway).is_some_and(|lane| lane.is_idle(now)) {
            self.lanes.remove(&gateway);
        }
    }

    /// One gateway's air, to look at.
    pub fn lane(&self, gateway: GatewayEui) -> Option<&Lane> {
        self.lanes.get(&gateway)
    }

    /// How often each reason left a window without an offer, since the start.
    pub fn no_offers(&self) -> impl Iterator<Item = (NoOffer, u64)> + '_ {
        self.refusals.counts()
    }

    /// Why the last asking got no offer; of no account when it got one.
    pub fn shortage(&self) -> Option<Shortage> {
        self.refusals.nearest()
    }

    /// How many frames are handed over and not yet answered.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// The latest moment at which asking for this window after this reception makes sense; `None`
    /// for a gateway that cannot send.
    pub fn last_call(&self, tie: Tie<'_>, window: &WindowPlan) -> Option<Timestamp> {
        let lane = self.lanes.get(&tie.gateway()).filter(|lane| lane.is_online())?;
        lane.last_call(tie, window)
    }

    /// When to ask at the latest: the last call of the first window that can still be had, by the
    /// gateway whose call is last; `now` when there is none.
    pub fn ask_by(&self, now: Timestamp, opening: &Opening) -> Timestamp {
        let of_window = |window: &WindowPlan| {
            let ties = opening.reach.ties().into_iter();
            let calls = ties.filter_map(|tie| self.last_call(tie, window));
            calls.max().filter(|call| *call >= now)
        };
        opening.windows.iter().find_map(of_window).unwrap_or(now)
    }

    /// Holds places for an opening, and offers them in the order in which they should be tried: by
    /// what they are worth, a device's first window a little before its equals.
    ///
    /// What an earlier asking of this name still holds is given back first.
    pub fn ask(&mut self, now: Timestamp, ask: AskId, opening: &Opening) -> Vec<Offer> {
        self.withdraw(ask);
        self.refusals.start();
        self.asks.insert(ask, Asked { opening: Arc::new(opening.clone()), held: Vec::new() });
        let mut offers: Vec<(usize, usize, Offer)> = Vec::new();
        let mut gateways: Vec<GatewayEui> = Vec::new();
        for tie in self.best_first(now, opening) {
            if gateways.len() == GATEWAYS_PER_ASK {
                break;
            }
            if gateways.contains(&tie.gateway()) {
                continue;
            }
            for (place, window) in opening.windows.iter().enumerate() {
                if let Some(offer) = self.offer(now, ask, tie, window) {
                    offers.push((place, gateways.len(), offer));
                }
            }
            if offers.iter().any(|(_, _, offer)| offer.gateway == tie.gateway()) {
                gateways.push(tie.gateway());
            }
        }
        let last = offers.iter().map(|(_, _, offer)| offer.starts).max().unwrap_or(now);
        self.due.push(Reverse((last + MEMORY, Due::Asked(ask))));
        offers.sort_by_key(|(window, gateway, offer)| {
            let early = if *window == 0 { EARLY } else { 0 };
            (Reverse(offer.odds.worth + early), *window, *gateway)
        });
        offers.into_iter().map(|(_, _, offer)| offer).collect()
    }

    /// Gives back everything that an asking still holds: there was nothing to say.
    pub fn withdraw(&mut self, ask: AskId) {
        self.keep_only(ask, &[]);
    }

    /// The next moment at which [`Lanes::tick`] has something to do.
    pub fn next_wake(&self) -> Option<Timestamp> {
        // What falls due holds through its moment.
        self.due.peek().map(|Reverse((at, _))| *at + TimeDelta::from_micros(1))
    }

    /// Gives back what was held too long, and gives up on gateways that do not answer.
    pub fn tick(&mut self, now: Timestamp) -> Vec<LaneOutput> {
        let mut outputs = Vec::new();
        while let Some(Reverse((at, due))) = self.due.peek().copied() {
            if at >= now {
                break;
            }
            self.due.pop();
            match due {
                Due::Offer { ask, gateway, id } => self.term_ends(ask, gateway, id),
                Due::Answer(name) => outputs.extend(self.unanswered(now, name)),
                Due::Asked(ask) => self.forget_ask(now, ask),
            }
        }
        outputs
    }

    fn offer(
        &mut self,
        now: Timestamp,
        ask: AskId,
        tie: Tie<'_>,
        window: &WindowPlan,
    ) -> Option<Offer> {
        let id = self.next_offer;
        let gateway = tie.gateway();
        let answer = match self.lanes.get_mut(&gateway) {
            Some(lane) => lane.offer(now, OfferName { id, ask: ask.0 }, tie, window),
            None => Err(NoOffer::Offline),
        };
        match answer {
            Ok(offer) => {
                if let Some(lane) = self.lanes.get_mut(&gateway) {
                    lane.written.1 = true;
                }
                self.touched.insert(gateway);
                self.next_offer += 1;
                if let Some(asked) = self.asks.get_mut(&ask) {
                    asked.held.push((gateway, id));
                }
                self.due.push(Reverse((offer.reserved_until, Due::Offer { ask, gateway, id })));
                Some(offer)
            }
            Err(reason) => {
                let lane = self.lanes.get_mut(&gateway);
                self.refusals.add(Shortage::of(reason, lane, (now, window)));
                None
            }
        }
    }

    /// Gives back what an asking holds beyond these offers, and ends the asking: what it was for.
    pub(super) fn keep_only(&mut self, ask: AskId, offers: &[Offer]) -> Option<Arc<Opening>> {
        let asked = self.asks.remove(&ask)?;
        for (gateway, id) in asked.held {
            let kept = offers.iter().any(|offer| offer.id == id);
            if let Some(lane) = self.lanes.get_mut(&gateway)
                && !kept
                && lane.holds(id)
            {
                lane.release(id);
            }
        }
        Some(asked.opening)
    }

    /// Nobody came back with a frame, or its name is used for a younger asking.
    fn forget_ask(&mut self, now: Timestamp, ask: AskId) {
        let over = |asked: &Asked| asked.held.is_empty();
        if self.asks.get(&ask).is_some_and(over) {
            self.asks.remove(&ask);
        } else if self.asks.contains_key(&ask) {
            self.due.push(Reverse((now + MEMORY, Due::Asked(ask))));
        }
    }

    /// The gateways that are worth most for any of the windows first.
    fn best_first<'a>(&self, now: Timestamp, opening: &'a Opening) -> Vec<Tie<'a>> {
        let mut ties = opening.reach.ties();
        if let Reach::Heard(_) = &opening.reach {
            ties.sort_by_key(|tie| Reverse((tie.margin(), tie.rssi())));
        }
        let worth = |tie: &Tie<'_>| {
            let lane = self.lanes.get(&tie.gateway())?;
            let windows = opening.windows.iter();
            windows
                .filter_map(|window| lane.estimate(now, *tie, window))
                .map(|odds| odds.worth)
                .max()
        };
        let compared = ties.len().min(GATEWAYS_COMPARED);
        ties[..compared].sort_by_cached_key(|tie| Reverse(worth(tie)));
        ties
    }

    fn term_ends(&mut self, ask: AskId, gateway: GatewayEui, id: u64) {
        if let Some(lane) = self.lanes.get_mut(&gateway).filter(|lane| lane.holds(id)) {
            lane.release(id);
        }
        if let Some(asked) = self.asks.get_mut(&ask) {
            asked.held.retain(|one| *one != (gateway, id));
        }
    }
}
