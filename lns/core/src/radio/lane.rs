//! One gateway's air: what it has promised, and what it may still promise.
//!
//! An *offer* is a promise with a term: the place is held until the frame would have to leave us,
//! and then given away. A gateway sends one frame at a time and needs a moment between two of them,
//! so a promise takes air with a gap on both sides; and it takes its share of the duty cycle.
//! Offers of one asking are alternatives, of which at most one is sent: they may overlap each other
//! (an SF12 frame in RX1 is still on air when RX2 opens), but each is paid for.

use lns_lorawan::region::SubBand;
use lns_lorawan::{Direction, GatewayEui, Modulation, TimeDelta, Timestamp, time_on_air};

use super::air::{Asker, NO_NEIGHBOUR, Promise, Stage};
use super::clock::ClockMap;
use super::demand::Demand;
use super::duty::DutyLedger;
use super::forwarder::ForwarderModel;
use super::odds::{Odds, Record};
use super::percentile::Percentile;
use super::place::{Span, Tie};
use super::plan::{Start, WindowPlan};
pub use super::settings::{LaneSettings, NoOffer};
use crate::event::Offer;

/// The smallest data frame: MHDR, FHDR without options, MIC (TS001-1.0.4 §4.3).
/// A place that does not hold it is no place.
pub const SMALLEST_PHY_PAYLOAD: usize = 12;

/// How long a gateway that has lost the satellites is not asked for slots.
const UNLOCKED: TimeDelta = TimeDelta::from_secs(300);

/// A frame of this size fits a place that others have squeezed: an acknowledgement with some MAC
/// commands, or a small payload.
pub(super) const MODEST_PHY_PAYLOAD: usize = 32;

/// Names an offer, and the asking that it answers. The caller does not use an id twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferName {
    /// The offer.
    pub id: u64,
    /// The asking: its offers to this lane are alternatives.
    pub ask: u64,
}

/// One gateway's air.
#[derive(Clone, Debug)]
pub struct Lane {
    gateway: GatewayEui,
    boot_epoch: u32,
    online: bool,
    pub(super) settings: LaneSettings,
    /// At most the queue's depth, in no order.
    pub(super) promises: Vec<Promise>,
    pub(super) duty: DutyLedger,
    pub(super) round_trips: Percentile,
    pub(super) clock: Option<ClockMap>,
    pub(super) record: Record,
    pub(super) demand: Demand,
    learnt: Option<ForwarderModel>,
    /// When the ledger was last written down, and whether it has changed since.
    pub(super) written: (Timestamp, bool),
    no_slots_until: Option<Timestamp>,
}

impl Lane {
    /// The air of a gateway that is connected, limited by these sub-bands.
    pub fn new(
        gateway: GatewayEui,
        boot_epoch: u32,
        settings: LaneSettings,
        bands: &[SubBand],
    ) -> Self {
        Lane {
            gateway,
            boot_epoch,
            online: true,
            settings,
            promises: Vec::new(),
            duty: DutyLedger::new(bands),
            round_trips: Percentile::new(),
            clock: None,
            record: Record::default(),
            demand: Demand::default(),
            learnt: None,
            written: (Timestamp::from_micros(0), false),
            no_slots_until: None,
        }
    }

    /// Holds a place for a downlink in a window, as large as it can be.
    pub fn offer(
        &mut self,
        now: Timestamp,
        name: OfferName,
        tie: Tie<'_>,
        window: &WindowPlan,
    ) -> Result<Offer, NoOffer> {
        self.expire(now);
        self.is_ready(now, tie, window)?;
        self.demand.asked(now, name.ask);
        let reachable = now + self.settings.lead() + self.usual_round_trip();
        let clock = (self.clock.as_ref(), self.settings.forwarder);
        let span = Span::of((now, reachable), &window.start, tie, clock)?;
        if span.earliest > now + self.settings.forwarder.max_advance() {
            return Err(NoOffer::TooEarly);
        }
        let fallback = self.promises.iter().any(|other| other.ask == name.ask);
        let asker = Asker { ask: name.ask, fallback };
        let (starts, room) = self.free_air((reachable, &span), asker, window)?;
        self.has_share(now, asker, (starts.at, window))?;
        let left = self.duty.left(now, window.frequency).unwrap_or(NO_NEIGHBOUR);
        let fits = |room, left| self.largest(window, (room, left, span.spread));
        let Some(max_phy_payload) = fits(room, left) else {
            let by_duty = fits(room, NO_NEIGHBOUR).is_some();
            return Err(if by_duty { NoOffer::DutyCycle } else { NoOffer::AirTaken });
        };
        let reserved_until = starts.at - self.settings.lead() - self.usual_round_trip();
        let power = self.settings.power(window.max_eirp);
        let odds = self.odds(now, tie, window, starts.at);
        let least = self.busy(window.modulation, max_phy_payload.min(MODEST_PHY_PAYLOAD));
        self.promise(Promise {
            id: name.id,
            ask: name.ask,
            starts,
            air: airtime(window.modulation, max_phy_payload),
            busy: self.busy(window.modulation, max_phy_payload) + span.spread,
            least: least + span.spread,
            largest: max_phy_payload,
            fallback,
            frequency: window.frequency,
            modulation: window.modulation,
            stage: Stage::Held(reserved_until),
        });
        Ok(Offer {
            id: name.id,
            gateway: self.gateway,
            boot_epoch: self.boot_epoch,
            window: window.window,
            when: span.when(starts.at),
            starts: starts.at,
            frequency: window.frequency,
            data_rate: window.data_rate,
            modulation: window.modulation,
            power,
            max_phy_payload,
            margin: tie.downlink_margin(window.modulation, power),
            odds,
            reserved_until,
        })
    }

    /// How good a window would be here, wherever its place turns out to lie.
    pub fn estimate(&self, now: Timestamp, tie: Tie<'_>, window: &WindowPlan) -> Option<Odds> {
        if !self.online {
            return None;
        }
        tie.latest(&window.start).map(|starts| self.odds(now, tie, window, starts))
    }

    /// The offer is accepted with a frame of this size: the place is taken until it has been sent.
    /// `false` if it is no longer held, or not for as much.
    pub fn take(&mut self, id: u64, phy_payload: usize) -> bool {
        let held =
            |promise: &&mut Promise| promise.id == id && matches!(promise.stage, Stage::Held(_));
        let Some(promise) = self.promises.iter_mut().find(held) else { return false };
        if phy_payload > promise.largest {
            return false;
        }
        let air = airtime(promise.modulation, phy_payload).min(promise.air);
        promise.air = air;
        let model = self.settings.forwarder;
        promise.busy = model.busy(promise.modulation, phy_payload).min(promise.busy);
        promise.stage = Stage::Taken;
        self.duty.shrink(id, promise.frequency, air);
        true
    }

    /// Whether the offer is still held for a frame of this size.
    pub fn holds_for(&self, id: u64, phy_payload: usize) -> bool {
        let large = |promise: &Promise| promise.largest >= phy_payload;
        self.holds(id) && self.promises.iter().any(|promise| promise.id == id && large(promise))
    }

    /// Whether the offer is still held.
    pub fn holds(&self, id: u64) -> bool {
        let held = |promise: &Promise| matches!(promise.stage, Stage::Held(_));
        self.promises.iter().any(|promise| promise.id == id && held(promise))
    }

    /// Nothing will be sent there: the place and its share of the duty cycle are free again.
    pub fn release(&mut self, id: u64) {
        if let Some(place) = self.promises.iter().position(|promise| promise.id == id) {
            let promise = self.promises.swap_remove(place);
            self.duty.give_back(id, promise.frequency);
        }
    }

    /// Releases what has been held for too long, and forgets what has been on air. What was taken
    /// stays in the ledger.
    pub fn expire(&mut self, now: Timestamp) {
        let (duty, demand) = (&mut self.duty, &mut self.demand);
        let gap = self.settings.gap();
        self.promises.retain(|promise| match promise.stage {
            Stage::Held(until) => {
                if until < now {
                    duty.give_back(promise.id, promise.frequency);
                }
                until >= now
            }
            Stage::Taken => {
                let over = promise.starts.at + promise.busy + gap < now;
                if over && demand.is_long(now, promise.busy) {
                    demand.was_long(promise.starts.at, promise.busy);
                }
                !over
            }
        });
    }

    /// The gateway is connected, with this restart count. After a restart its queue is empty; what
    /// was handed to it before may have been sent and stays in the ledger.
    pub fn up(&mut self, boot_epoch: u32) {
        self.online = true;
        if boot_epoch != self.boot_epoch {
            self.boot_epoch = boot_epoch;
            self.clock = None;
            for promise in core::mem::take(&mut self.promises) {
                match promise.stage {
                    Stage::Held(_) => self.duty.give_back(promise.id, promise.frequency),
                    Stage::Taken => {}
                }
            }
        }
    }

    /// The gateway cannot be reached: no offers until it is up again.
    pub fn down(&mut self) {
        self.online = false;
    }

    /// What is known of the concentrator's clock. A map of another run is not taken.
    pub fn set_clock(&mut self, map: ClockMap) {
        if map.boot_epoch == self.boot_epoch {
            self.clock = Some(map);
        }
    }

    /// Changes what the gateway needs; promises stand. What its forwarder has turned out to be is
    /// kept where the settings do not say.
    pub fn set_settings(&mut self, settings: LaneSettings) {
        self.settings = settings;
        if let Some(learnt) = self.learnt {
            self.learn_forwarder(learnt);
        }
    }

    /// Its forwarder has turned out to be this one; settings that name another are believed more.
    pub fn learn_forwarder(&mut self, forwarder: ForwarderModel) {
        self.learnt = Some(forwarder);
        if self.settings.forwarder == ForwarderModel::Unknown {
            self.settings.forwarder = forwarder;
        }
    }

    /// It has lost the satellites: no slots for a while, whatever it says.
    pub fn gps_unlocked(&mut self, now: Timestamp) {
        self.no_slots_until = Some(now + UNLOCKED);
    }

    /// A frame took so long to be answered.
    pub fn observe_round_trip(&mut self, span: TimeDelta) {
        self.round_trips.observe(span);
    }

    /// What 99 % of the last round trips did not exceed, or what is assumed.
    pub fn round_trip(&self) -> TimeDelta {
        self.round_trips.p99().unwrap_or(self.settings.assumed_round_trip)
    }

    /// What half of the last round trips did not exceed, or what is assumed. A place that can be
    /// reached no better than that is still offered: what is worth the try, the odds say.
    fn usual_round_trip(&self) -> TimeDelta {
        self.round_trips.p50().unwrap_or(self.settings.assumed_round_trip)
    }

    /// The gateway has taken a frame, or refused it.
    pub fn count_answer(&mut self, accepted: bool) {
        self.record.count(accepted);
    }

    /// The latest moment at which a frame for this start may leave us and be almost sure to be there.
    ///
    /// A start is known by its reception's arrival, late by the way here; and the frame still has
    /// the way back. Together that is one round trip.
    pub fn leave_by(&self, starts: Timestamp) -> Timestamp {
        starts - self.settings.lead() - self.round_trip()
    }

    /// The latest moment at which asking for an offer still makes sense: a round trip before the
    /// frame has to leave, for filling and committing it and for a line that is slower than usual.
    pub fn last_call(&self, tie: Tie<'_>, window: &WindowPlan) -> Option<Timestamp> {
        tie.latest(&window.start).map(|starts| self.leave_by(starts) - self.round_trip())
    }

    /// When the duty cycle has room for the smallest frame in this window again, if nothing more is
    /// promised; `None` where that is never.
    pub fn allowed_again(&mut self, now: Timestamp, window: &WindowPlan) -> Option<Timestamp> {
        let air = airtime(window.modulation, SMALLEST_PHY_PAYLOAD);
        self.duty.allowed_again(now, window.frequency, air)
    }

    /// What the gateway needs.
    pub fn settings(&self) -> &LaneSettings {
        &self.settings
    }

    /// Whether the gateway can be reached.
    pub fn is_online(&self) -> bool {
        self.online
    }

    /// What of each sub-band's allowance is spoken for.
    pub fn duty(&self) -> &DutyLedger {
        &self.duty
    }

    /// How many frames are promised.
    pub fn promised(&self) -> usize {
        self.promises.len()
    }

    /// Whether nothing would be lost by forgetting this lane: no promise, and a clear ledger.
    pub fn is_idle(&mut self, now: Timestamp) -> bool {
        self.expire(now);
        !self.online && self.promises.is_empty() && self.duty.is_clear(now)
    }

    fn is_ready(
        &mut self,
        now: Timestamp,
        tie: Tie<'_>,
        window: &WindowPlan,
    ) -> Result<(), NoOffer> {
        if !self.online {
            return Err(NoOffer::Offline);
        }
        if let Some(boot_epoch) = tie.boot_epoch() {
            if boot_epoch > self.boot_epoch {
                self.up(boot_epoch);
            }
            if boot_epoch != self.boot_epoch {
                return Err(NoOffer::Rebooted);
            }
        }
        if matches!(window.start, Start::At(_)) && !self.settings.beaconing {
            return Err(NoOffer::NotBeaconing);
        }
        if matches!(window.start, Start::At(_)) && self.no_slots_until.is_some_and(|at| at >= now) {
            return Err(NoOffer::NoClock);
        }
        if self.promises.len() >= self.settings.queue_depth() {
            return Err(NoOffer::QueueFull);
        }
        Ok(())
    }
}

/// How long a downlink of so many bytes is on air.
pub fn airtime(modulation: Modulation, phy_payload: usize) -> TimeDelta {
    time_on_air(modulation, modulation.coding_rate(), Direction::Down, phy_payload)
}
