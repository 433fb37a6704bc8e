//! Frames on their way: handed over, refused and tried elsewhere, and how each ends.
//!
//! The first offer's gateway gets all of its windows at once, since a bridge can fall back from one
//! to the next by itself; other gateways' offers stay held for the case that it refuses in time.
//! When nothing is held any more, places are asked for once again while there is time: at gateways
//! that have not refused, and for RXC later at the same ones. A gateway that says nothing is not
//! replaced: it may be sending.

use std::cmp::Reverse;
use std::sync::Arc;

use lns_lorawan::{GatewayEui, TimeDelta, Timestamp};

use super::lanes::{AskId, Due, Lanes};
use super::plan::{Start, WindowPlan};
use crate::effect::{Opening, Reach, Recipient, TxPlan};
use crate::event::{Fate, Offer, Outcome};

/// How long after the last start a gateway has to answer, beside its round trip.
const ANSWER_GRACE: TimeDelta = TimeDelta::from_secs(1);

/// How often places are asked for again for one frame. An RXC frame that was refused seven times,
/// half a second later each time, meets something that a lane does not know of.
const TRIES: u8 = 7;

/// How much later an RXC frame is tried that was refused.
const LATER: TimeDelta = TimeDelta::from_millis(500);

/// Names a frame that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanName {
    /// For whom.
    pub to: Recipient,
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
    /// The windows, in the order in which they are to be tried; never empty.
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
    /// Tell the device or group what became of its frame.
    Outcome(Recipient, Outcome),
}

/// A frame whose outcome is open.
#[derive(Debug)]
pub(super) struct Flight {
    gateway: GatewayEui,
    items: Vec<Offer>,
    /// Offers of other gateways, held while they last.
    rest: Vec<Offer>,
    cargo: Cargo,
    handed_at: Timestamp,
    answer_by: Timestamp,
}

/// What flies, whichever gateway takes it.
#[derive(Debug)]
struct Cargo {
    phy_payload: Arc<[u8]>,
    /// Where else a place might be found; `None` for a frame whose asking is forgotten.
    opening: Option<Arc<Opening>>,
    /// How often a place was looked for again.
    tries: u8,
    /// Gateways that refused it.
    refused: Vec<GatewayEui>,
    ask: AskId,
}

impl Lanes {
    /// Takes a frame. What its asking holds beyond the plan's offers is given back.
    ///
    /// Either the frame leaves now, or its outcome is that it has expired: all of its offers have,
    /// and no place was left in the same windows. A plan's name must not be used again before its
    /// outcome; the second is refused.
    pub fn hand_over(&mut self, now: Timestamp, ask: AskId, plan: TxPlan) -> LaneOutput {
        let name = PlanName { to: plan.to, plan: plan.id };
        if self.flights.contains_key(&name) {
            self.withdraw(ask);
            let cause = "a frame of this name is in flight".into();
            return outcome(name, Fate::Refused(cause), plan.offers.first());
        }
        let opening = self.keep_only(ask, &plan.offers);
        let phy_payload: Arc<[u8]> = plan.phy_payload.into();
        let cargo = Cargo { phy_payload, opening, tries: 0, refused: Vec::new(), ask };
        let launched = self.launch(now, name, (cargo, plan.offers));
        let launched = launched.or_else(|cargo| self.launch_elsewhere(now, name, cargo));
        launched.map_or_else(|_| outcome(name, Fate::Expired, None), LaneOutput::Emit)
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
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            let first = match &answer {
                TxAnswer::Accepted { item, .. } => *item == 0,
                TxAnswer::Refused { .. } => flight.items.len() == 1,
            };
            if first {
                // One question, one answer: that is a round trip.
                lane.observe_round_trip(now.since(flight.handed_at));
            }
            lane.count_answer(matches!(answer, TxAnswer::Accepted { .. }));
        }
        Some(match answer {
            TxAnswer::Accepted { item, lead_us } => self.accepted(name, flight, (item, lead_us)),
            TxAnswer::Refused { cause } => self.refused(now, name, flight, cause),
        })
    }

    /// Sends a frame to the gateway of the first offer that still stands; gives it back if none does.
    fn launch(
        &mut self,
        now: Timestamp,
        name: PlanName,
        (cargo, offers): (Cargo, Vec<Offer>),
    ) -> Result<Emission, Cargo> {
        let size = cargo.phy_payload.len();
        let mut standing = Vec::with_capacity(offers.len());
        for offer in offers {
            if let Some(lane) = self.lanes.get_mut(&offer.gateway) {
                lane.expire(now);
                if lane.is_online() && lane.holds_for(offer.id, size) {
                    standing.push(offer);
                } else if lane.holds(offer.id) {
                    lane.release(offer.id);
                }
            }
        }
        let Some(gateway) = standing.first().map(|offer| offer.gateway) else { return Err(cargo) };
        let (items, rest): (Vec<_>, Vec<_>) =
            standing.into_iter().partition(|offer| offer.gateway == gateway);
        let last = items.iter().map(|item| item.starts).max();
        let (Some(lane), Some(last)) = (self.lanes.get_mut(&gateway), last) else {
            return Err(cargo);
        };
        for item in &items {
            lane.take(item.id, size);
        }
        let answer_by = last + lane.round_trip() + ANSWER_GRACE;
        let emission = Emission {
            name,
            gateway,
            boot_epoch: items[0].boot_epoch,
            deadline: last - lane.settings().lead(),
            phy_payload: cargo.phy_payload.clone(),
            items: items.clone(),
        };
        let flight = Flight { gateway, items, rest, cargo, handed_at: now, answer_by };
        self.flights.insert(name, flight);
        self.due.push(Reverse((answer_by, Due::Answer(name))));
        Ok(emission)
    }

    /// Looks for a place once more, in the same windows: nothing that was held stands any more.
    fn launch_elsewhere(
        &mut self,
        now: Timestamp,
        name: PlanName,
        mut cargo: Cargo,
    ) -> Result<Emission, Cargo> {
        let Some(opening) = cargo.opening.clone().filter(|_| cargo.tries < TRIES) else {
            return Err(cargo);
        };
        cargo.tries += 1;
        let Some(again) = still_open(&opening, &cargo, now) else { return Err(cargo) };
        let ask = cargo.ask;
        let offers = self.ask(now, ask, &again);
        let fits = |offer: &Offer| offer.max_phy_payload >= cargo.phy_payload.len();
        let offers: Vec<Offer> = offers.into_iter().filter(fits).collect();
        self.keep_only(ask, &offers);
        self.launch(now, name, (cargo, offers))
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
        let Flight { gateway, items, rest, mut cargo, .. } = flight;
        cargo.refused.push(gateway);
        let launched = self.launch(now, name, (cargo, rest));
        let launched = launched.or_else(|cargo| self.launch_elsewhere(now, name, cargo));
        match launched {
            Ok(emission) => LaneOutput::Emit(emission),
            Err(_) => outcome(name, Fate::Refused(cause), items.last()),
        }
    }

    /// What was handed over stays in the ledger: it may have been sent.
    pub(super) fn unanswered(&mut self, now: Timestamp, name: PlanName) -> Option<LaneOutput> {
        // The gateway may be the second one, with more time.
        self.flights.get(&name).filter(|flight| flight.answer_by < now)?;
        let flight = self.flights.remove(&name)?;
        self.release_all(&flight.rest);
        let mut output = outcome(name, Fate::Unknown, flight.items.first());
        if let LaneOutput::Outcome(_, outcome) = &mut output {
            let alone = flight.items.len() == 1;
            outcome.window = outcome.window.filter(|_| alone);
            outcome.margin = outcome.margin.filter(|_| alone);
            outcome.starts = outcome.starts.filter(|_| alone);
        }
        Some(output)
    }

    fn release_all(&mut self, offers: &[Offer]) {
        for offer in offers {
            if let Some(lane) = self.lanes.get_mut(&offer.gateway) {
                lane.release(offer.id);
            }
        }
    }
}

/// What is left of an opening for a frame of this size: without the gateways that refused it, but
/// for RXC, which they may send later. `None` when nothing is.
fn still_open(opening: &Opening, cargo: &Cargo, now: Timestamp) -> Option<Opening> {
    let size = cargo.phy_payload.len();
    let again = |window: &WindowPlan| {
        let start = match window.start {
            Start::After(_) | Start::At(_) => window.start,
            Start::Soon { not_before, not_after } if cargo.refused.is_empty() => {
                Start::Soon { not_before, not_after }
            }
            Start::Soon { not_before, not_after } => {
                Start::Soon { not_before: not_before.max(now + LATER), not_after }
            }
        };
        WindowPlan { start, max_phy_payload: size, ..window.clone() }
    };
    let fits = |window: &&WindowPlan| window.max_phy_payload >= size;
    let windows: Vec<WindowPlan> = opening.windows.iter().filter(fits).map(again).collect();
    let always_open = windows.iter().any(|window| matches!(window.start, Start::Soon { .. }));
    let may = |gateway: GatewayEui| always_open || !cargo.refused.contains(&gateway);
    let reach = match &opening.reach {
        Reach::Heard(receptions) => {
            Reach::Heard(receptions.iter().filter(|copy| may(copy.gateway)).cloned().collect())
        }
        Reach::Known(paths) => {
            Reach::Known(paths.iter().filter(|path| may(path.gateway)).copied().collect())
        }
    };
    let nobody = reach.ties().is_empty() || windows.is_empty();
    (!nobody).then(|| Opening { windows, reach, ..opening.clone() })
}

fn outcome(name: PlanName, fate: Fate, offer: Option<&Offer>) -> LaneOutput {
    LaneOutput::Outcome(
        name.to,
        Outcome {
            plan: name.plan,
            fate,
            gateway: offer.map(|offer| offer.gateway),
            window: offer.map(|offer| offer.window),
            margin: offer.map(|offer| offer.margin),
            starts: offer.map(|offer| offer.starts),
            modulation: offer.map(|offer| offer.modulation),
            lead_us: None,
        },
    )
}
