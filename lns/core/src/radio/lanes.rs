//! All gateways' air: asks, offers, frames handed over, and what became of them.
//!
//! A frame handed over ends in exactly one outcome. The first offer's gateway gets all of its
//! windows at once, since a bridge can fall back from RX1 to RX2 by itself; other gateways' offers
//! stay held for the case that it refuses in time. A gateway that says nothing is not replaced:
//! it may be sending.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use lns_lorawan::{DevEui, GatewayEui, Region, RxDelay, TimeDelta, Timestamp, Window};

use super::clock::ClockMap;
use super::lane::{Lane, LaneSettings, NoOffer, OfferName};
use super::place::Tie;
use super::plan::WindowPlan;
use super::shortage::{Refusals, Shortage};
use crate::effect::{Opening, Reach, TxPlan};
use crate::event::{Fate, Offer, Outcome};

/// How many gateways make offers for one occasion: one to send, one to fall back to.
const GATEWAYS_PER_ASK: usize = 2;

/// How long after the last start a gateway has to answer, beside its round trip.
const ANSWER_GRACE: TimeDelta = TimeDelta::from_secs(1);

/// From this round trip on a device gets five seconds between uplink and RX1 instead of one.
const SLOW_ROUND_TRIP: TimeDelta = TimeDelta::from_millis(300);

/// Names one asking, so that what is not used of its answer can be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// Names a frame that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanName {
    /// For whom.
    pub dev_eui: DevEui,
    /// The plan's id.
    pub plan: u64,
}

/// A frame for one gateway, with the windows to be tried in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Emission {
    /// Names it in the gateway's answer.
    pub name: PlanName,
    /// Who sends.
    pub gateway: GatewayEui,
    /// The concentrator's restart count; the frame is worth nothing under another.
    pub boot_epoch: u32,
    /// After this none of the items can be sent in time: drop it.
    pub deadline: Timestamp,
    /// The PHYPayload, the same in every window.
    pub phy_payload: Arc<[u8]>,
    /// The windows, earliest first; never empty.
    pub items: Vec<Offer>,
}

/// What a gateway says to an emission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxAnswer {
    /// It will send it.
    Accepted {
        /// Which of the emission's items, from 0.
        item: usize,
        /// How early the frame was at the gateway, µs, where it says so.
        lead_us: Option<i64>,
    },
    /// It will not: every item was refused.
    Refused {
        /// The last cause, for people.
        cause: Box<str>,
    },
}

/// What the lanes want done.
#[derive(Clone, Debug, PartialEq)]
pub enum LaneOutput {
    /// Send this to its gateway.
    Emit(Emission),
    /// Tell the device what became of its frame.
    Outcome(DevEui, Outcome),
}

/// A frame whose outcome is open.
#[derive(Debug)]
struct Flight {
    phy_payload: Arc<[u8]>,
    gateway: GatewayEui,
    items: Vec<Offer>,
    /// Offers of other gateways, held while they last.
    rest: Vec<Offer>,
    answer_by: Timestamp,
}

/// Something that falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// An offer's term ends.
    Offer { ask: AskId, gateway: GatewayEui, id: u64 },
    /// A gateway has had its time to answer.
    Answer(PlanName),
}

/// The air of all gateways of this server.
#[derive(Debug)]
pub struct Lanes {
    capacity: usize,
    lanes: HashMap<GatewayEui, Lane>,
    asks: HashMap<AskId, Vec<(GatewayEui, u64)>>,
    flights: HashMap<PlanName, Flight>,
    due: BinaryHeap<Reverse<(Timestamp, Due)>>,
    next_offer: u64,
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
        self.lanes
            .insert(gateway, Lane::new(gateway, boot_epoch, settings, region.tables().sub_bands));
        true
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

    /// What is known of a gateway's clocks: for windows that follow no reception.
    pub fn set_clock(&mut self, gateway: GatewayEui, map: ClockMap) {
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.set_clock(map);
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

    /// RxDelay that suits the way to a gateway: 1 s, or 5 s where the round trip is slow.
    pub fn suggested_rx_delay(&self, gateway: GatewayEui) -> RxDelay {
        let slow = |lane: &Lane| lane.round_trip() >= SLOW_ROUND_TRIP;
        let seconds = if self.lanes.get(&gateway).is_some_and(slow) { 5 } else { 1 };
        RxDelay::new(seconds).expect("it is at most 15")
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

    /// Holds places for an opening, and offers them in the order in which they should be tried:
    /// RX1 before RX2, and in each the gateway with the best margin first.
    ///
    /// What an earlier asking of this name still holds is given back first.
    pub fn ask(&mut self, now: Timestamp, ask: AskId, opening: &Opening) -> Vec<Offer> {
        self.withdraw(ask);
        self.refusals.start();
        let mut offers: Vec<(usize, usize, Offer)> = Vec::new();
        let mut gateways: Vec<GatewayEui> = Vec::new();
        for tie in best_first(&opening.reach) {
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
        offers.sort_by_key(|(window, gateway, _)| (*window, *gateway));
        offers.into_iter().map(|(_, _, offer)| offer).collect()
    }

    /// Gives back everything that an asking still holds: there was nothing to say.
    pub fn withdraw(&mut self, ask: AskId) {
        self.keep_only(ask, &[]);
    }

    /// Takes a frame. What its asking holds beyond the plan's offers is given back.
    ///
    /// Either the frame leaves now, or its outcome is that it has expired: all of its offers have.
    /// A plan's name must not be used again before its outcome; the second is refused.
    pub fn hand_over(&mut self, now: Timestamp, ask: AskId, plan: TxPlan) -> LaneOutput {
        let name = PlanName { dev_eui: plan.dev_eui, plan: plan.id };
        if self.flights.contains_key(&name) {
            self.withdraw(ask);
            let cause = "a frame of this name is in flight".into();
            return outcome(name, Fate::Refused(cause), plan.offers.first());
        }
        self.keep_only(ask, &plan.offers);
        match self.launch(now, name, (plan.phy_payload.into(), plan.offers)) {
            Ok(emission) => LaneOutput::Emit(emission),
            Err(()) => outcome(name, Fate::Expired, None),
        }
    }

    /// A gateway has answered. Answers to nothing in flight at that gateway change nothing.
    pub fn tx_ack(
        &mut self,
        now: Timestamp,
        name: PlanName,
        gateway: GatewayEui,
        answer: TxAnswer,
    ) -> Option<LaneOutput> {
        let at_gateway = |flight: &Flight| flight.gateway == gateway;
        if !self.flights.get(&name).is_some_and(at_gateway) {
            return None;
        }
        let flight = self.flights.remove(&name)?;
        Some(match answer {
            TxAnswer::Accepted { item, lead_us } => self.accepted(name, flight, (item, lead_us)),
            TxAnswer::Refused { cause } => self.refused(now, name, flight, cause),
        })
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
                self.next_offer += 1;
                self.asks.entry(ask).or_default().push((gateway, id));
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

    /// Gives back what an asking holds beyond these offers, and ends the asking.
    fn keep_only(&mut self, ask: AskId, offers: &[Offer]) {
        for (gateway, id) in self.asks.remove(&ask).unwrap_or_default() {
            let kept = offers.iter().any(|offer| offer.id == id);
            if let Some(lane) = self.lanes.get_mut(&gateway)
                && !kept
                && lane.holds(id)
            {
                lane.release(id);
            }
        }
    }

    /// Sends a frame to the gateway of the first offer that still stands.
    fn launch(
        &mut self,
        now: Timestamp,
        name: PlanName,
        (phy_payload, offers): (Arc<[u8]>, Vec<Offer>),
    ) -> Result<Emission, ()> {
        let mut standing = Vec::with_capacity(offers.len());
        for offer in offers {
            if let Some(lane) = self.lanes.get_mut(&offer.gateway) {
                lane.expire(now);
                if lane.is_online() && lane.holds(offer.id) {
                    standing.push(offer);
                }
            }
        }
        let gateway = standing.first().map(|offer| offer.gateway).ok_or(())?;
        let (mut items, rest): (Vec<_>, Vec<_>) =
            standing.into_iter().partition(|offer| offer.gateway == gateway);
        items.sort_by_key(|offer| offer.starts);
        let lane = self.lanes.get_mut(&gateway).ok_or(())?;
        for item in &items {
            lane.take(item.id, phy_payload.len());
        }
        let last = items.last().map(|item| item.starts).ok_or(())?;
        let answer_by = last + lane.round_trip() + ANSWER_GRACE;
        let emission = Emission {
            name,
            gateway,
            boot_epoch: items[0].boot_epoch,
            deadline: last - lane.settings().lead(),
            phy_payload: phy_payload.clone(),
            items: items.clone(),
        };
        self.flights.insert(name, Flight { phy_payload, gateway, items, rest, answer_by });
        self.due.push(Reverse((answer_by, Due::Answer(name))));
        Ok(emission)
    }

    fn accepted(
        &mut self,
        name: PlanName,
        flight: Flight,
        (item, lead_us): (usize, Option<i64>),
    ) -> LaneOutput {
        let used = item.min(flight.items.len() - 1);
        for (place, other) in flight.items.iter().enumerate() {
            if place != used {
                self.release_all(core::slice::from_ref(other));
            }
        }
        self.release_all(&flight.rest);
        let mut output = outcome(name, Fate::Accepted, flight.items.get(used));
        if let LaneOutput::Outcome(_, outcome) = &mut output {
            outcome.lead_us = lead_us;
        }
        output
    }

    fn refused(
        &mut self,
        now: Timestamp,
        name: PlanName,
        flight: Flight,
        cause: Box<str>,
    ) -> LaneOutput {
        self.release_all(&flight.items);
        match self.launch(now, name, (flight.phy_payload, flight.rest)) {
            Ok(emission) => LaneOutput::Emit(emission),
            Err(()) => outcome(name, Fate::Refused(cause), flight.items.last()),
        }
    }

    /// What was handed over stays in the ledger: it may have been sent.
    fn unanswered(&mut self, now: Timestamp, name: PlanName) -> Option<LaneOutput> {
        // The gateway may be the second one, with more time.
        self.flights.get(&name).filter(|flight| flight.answer_by < now)?;
        let flight = self.flights.remove(&name)?;
        self.release_all(&flight.rest);
        let mut output = outcome(name, Fate::Unknown, flight.items.first());
        if let LaneOutput::Outcome(_, outcome) = &mut output {
            outcome.window = outcome.window.filter(|_| flight.items.len() == 1);
        }
        Some(output)
    }

    fn term_ends(&mut self, ask: AskId, gateway: GatewayEui, id: u64) {
        if let Some(lane) = self.lanes.get_mut(&gateway).filter(|lane| lane.holds(id)) {
            lane.release(id);
        }
        if let Some(held) = self.asks.get_mut(&ask) {
            held.retain(|one| *one != (gateway, id));
            if held.is_empty() {
                self.asks.remove(&ask);
            }
        }
    }

    fn release_all(&mut self, offers: &[Offer]) {
        for offer in offers {
            if let Some(lane) = self.lanes.get_mut(&offer.gateway) {
                lane.release(offer.id);
            }
        }
    }
}

/// What was heard is put in order here; paths come in order.
fn best_first(reach: &Reach) -> Vec<Tie<'_>> {
    let mut ties = reach.ties();
    if let Reach::Heard(_) = reach {
        ties.sort_by_key(|tie| Reverse((tie.margin(), tie.rssi())));
    }
    ties
}

fn outcome(name: PlanName, fate: Fate, offer: Option<&Offer>) -> LaneOutput {
    let gateway = offer.map(|offer| offer.gateway);
    let window: Option<Window> = offer.map(|offer| offer.window);
    LaneOutput::Outcome(
        name.dev_eui,
        Outcome { plan: name.plan, fate, gateway, window, lead_us: None },
    )
}
