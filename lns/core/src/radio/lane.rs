//! One gateway's air: what it has promised, and what it may still promise.
//!
//! An *offer* is a promise with a term: the place is held until the frame would have to leave us,
//! and then given away. A gateway sends one frame at a time and needs a moment between two of them,
//! so a promise takes air with a gap on both sides; and it takes its share of the duty cycle.
//! Offers of one asking are alternatives, of which at most one is sent: they may overlap each other
//! (an SF12 frame in RX1 is still on air when RX2 opens), but each is paid for.

use lns_lorawan::region::SubBand;
use lns_lorawan::{
    CodingRate, Dbm, Direction, GatewayEui, GpsTime, Modulation, TimeDelta, Timestamp, time_on_air,
};

use super::air::{self, Beacons, Moment, NO_NEIGHBOUR, Promise, Stage};
use super::clock::ClockMap;
use super::duty::DutyLedger;
use super::forwarder::{BEACON_PERIOD, ForwarderModel};
use super::percentile::Percentile;
use super::place::{Span, Tie};
use super::plan::{Start, WindowPlan};
use crate::event::Offer;

/// The smallest data frame: MHDR, FHDR without options, MIC (TS001-1.0.4 §4.3).
/// A place that does not hold it is no place.
pub const SMALLEST_PHY_PAYLOAD: usize = 12;

/// What a frame is there before the forwarder needs it, at least: for the way from its socket to its
/// queue.
const CUSHION: TimeDelta = TimeDelta::from_micros(7_499);

/// What a gateway and the line to it need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSettings {
    /// Whose rules its queue has.
    pub forwarder: ForwarderModel,
    /// The most EIRP that it may send with; `None`: what its forwarder can.
    pub max_eirp: Option<Dbm>,
    /// Its antenna's gain as the forwarder's configuration has it, dBi.
    pub antenna_gain: i8,
    /// Whether it sends beacons, by its own configuration: then it keeps the satellites' time, and
    /// class B devices can be told of slots.
    pub beaconing: bool,
    /// The round trip to reckon with before one was measured.
    pub assumed_round_trip: TimeDelta,
}

impl Default for LaneSettings {
    /// A stock forwarder of which nothing is known: 42.5 ms between frames, 50 ms ahead, 32 frames,
    /// 27 dBm.
    fn default() -> Self {
        LaneSettings {
            forwarder: ForwarderModel::Unknown,
            max_eirp: None,
            antenna_gain: 0,
            beaconing: false,
            assumed_round_trip: TimeDelta::from_millis(100),
        }
    }
}

impl LaneSettings {
    /// Between the end of one frame and the start of the next.
    pub fn gap(&self) -> TimeDelta {
        self.forwarder.gap()
    }

    /// How long before its start a frame must have reached the gateway.
    pub fn lead(&self) -> TimeDelta {
        self.forwarder.least_lead() + CUSHION
    }

    /// How many frames may be promised.
    pub fn queue_depth(&self) -> usize {
        self.forwarder.queue_depth(self.beaconing)
    }

    /// The EIRP to ask for where the region allows `limit`.
    pub fn power(&self, limit: Dbm) -> Dbm {
        let limit = self.max_eirp.map_or(limit, |most| limit.min(most));
        self.forwarder.power(limit, self.antenna_gain)
    }
}

/// Why a lane has no offer for a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoOffer {
    /// The gateway is not connected, or unknown.
    Offline,
    /// The concentrator has restarted since the reception: its counter means nothing now.
    Rebooted,
    /// A frame could no longer reach the gateway in time.
    TooLate,
    /// The window is farther ahead than the gateway plans.
    TooEarly,
    /// As many frames are promised as the gateway's queue holds.
    QueueFull,
    /// Another frame or a beacon is on air then, or too soon after.
    AirTaken,
    /// The sub-band's duty cycle is used up, or the frequency lies in no sub-band.
    DutyCycle,
    /// Nothing ties the window to the gateway's clock: no uplink to follow, or no satellites' time.
    NoClock,
    /// The window needs a gateway that sends beacons.
    NotBeaconing,
}

impl NoOffer {
    /// Every reason, in the order of [`NoOffer::place`].
    pub const ALL: [NoOffer; 9] = [
        NoOffer::Offline,
        NoOffer::Rebooted,
        NoOffer::TooLate,
        NoOffer::TooEarly,
        NoOffer::QueueFull,
        NoOffer::AirTaken,
        NoOffer::DutyCycle,
        NoOffer::NoClock,
        NoOffer::NotBeaconing,
    ];

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            NoOffer::Offline => "offline",
            NoOffer::Rebooted => "rebooted",
            NoOffer::TooLate => "too_late",
            NoOffer::TooEarly => "too_early",
            NoOffer::QueueFull => "queue_full",
            NoOffer::AirTaken => "air_taken",
            NoOffer::DutyCycle => "duty_cycle",
            NoOffer::NoClock => "no_clock",
            NoOffer::NotBeaconing => "not_beaconing",
        }
    }

    /// Its place in tables.
    pub const fn place(self) -> usize {
        self as usize
    }
}

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
    settings: LaneSettings,
    /// At most the queue's depth, in no order.
    promises: Vec<Promise>,
    duty: DutyLedger,
    round_trips: Percentile,
    clock: Option<ClockMap>,
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
        self.is_ready(tie, window)?;
        let reachable = now + self.settings.lead() + self.round_trip();
        let span = Span::of(
            (now, reachable),
            &window.start,
            tie,
            (self.clock.as_ref(), self.settings.forwarder),
        )?;
        if span.earliest > now + self.settings.forwarder.max_advance() {
            return Err(NoOffer::TooEarly);
        }
        let (starts, room) = self.free_air((reachable, &span), name.ask, window)?;
        let left = self.duty.left(now, window.frequency).unwrap_or(NO_NEIGHBOUR);
        let fits = |room, left| self.largest(window, (room, left, span.spread));
        let Some(max_phy_payload) = fits(room, left) else {
            let by_duty = fits(room, NO_NEIGHBOUR).is_some();
            return Err(if by_duty { NoOffer::DutyCycle } else { NoOffer::AirTaken });
        };
        let reserved_until = self.leave_by(starts.at);
        self.promise(Promise {
            id: name.id,
            ask: name.ask,
            starts,
            air: airtime(window.modulation, max_phy_payload),
            busy: self.busy(window.modulation, max_phy_payload) + span.spread,
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
            power: self.settings.power(window.max_eirp),
            max_phy_payload,
            margin: tie.margin(),
            reserved_until,
        })
    }

    /// The offer is accepted with a frame of this size: the place is taken until it has been sent.
    /// `false` if it is no longer held.
    pub fn take(&mut self, id: u64, phy_payload: usize) -> bool {
        let held =
            |promise: &&mut Promise| promise.id == id && matches!(promise.stage, Stage::Held(_));
        let Some(promise) = self.promises.iter_mut().find(held) else { return false };
        let air = airtime(promise.modulation, phy_payload).min(promise.air);
        promise.air = air;
        let model = self.settings.forwarder;
        promise.busy = model.busy(promise.modulation, phy_payload).min(promise.busy);
        promise.stage = Stage::Taken;
        self.duty.shrink(id, promise.frequency, air);
        true
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
        let duty = &mut self.duty;
        let gap = self.settings.gap();
        self.promises.retain(|promise| match promise.stage {
            Stage::Held(until) => {
                if until < now {
                    duty.give_back(promise.id, promise.frequency);
                }
                until >= now
            }
            Stage::Taken => promise.starts.at + promise.busy + gap >= now,
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

    /// Changes what the gateway needs; promises stand.
    pub fn set_settings(&mut self, settings: LaneSettings) {
        self.settings = settings;
    }

    /// A frame took so long to be answered.
    pub fn observe_round_trip(&mut self, span: TimeDelta) {
        self.round_trips.observe(span);
    }

    /// What 99 % of the last round trips did not exceed, or what is assumed.
    pub fn round_trip(&self) -> TimeDelta {
        self.round_trips.p99().unwrap_or(self.settings.assumed_round_trip)
    }

    /// The latest moment at which a frame for this start may leave us.
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

    fn is_ready(&mut self, tie: Tie<'_>, window: &WindowPlan) -> Result<(), NoOffer> {
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
        if self.promises.len() >= self.settings.queue_depth() {
            return Err(NoOffer::QueueFull);
        }
        Ok(())
    }

    /// The first moment of a span at which the air is free for the largest frame of the window, else
    /// for the smallest; and for how long.
    fn free_air(
        &self,
        (reachable, span): (Timestamp, &Span),
        ask: u64,
        window: &WindowPlan,
    ) -> Result<(Moment, TimeDelta), NoOffer> {
        if span.latest < reachable || span.latest < span.earliest {
            return Err(NoOffer::TooLate);
        }
        let model = self.settings.forwarder;
        let earliest = span.moment(span.earliest);
        let after_beacon = self.beacons(span.earliest, window).map(|beacons| {
            let ends = |beacon: Timestamp| (beacon + model.after_beacon()).since(span.earliest);
            [ends(beacons.before), ends(beacons.before + BEACON_PERIOD)]
        });
        let mut later = air::candidates(&self.promises, model, (ask, &earliest));
        let ends = after_beacon.into_iter().flatten();
        later.extend(ends.filter(|later| *later > TimeDelta::ZERO));
        later.sort_unstable();
        let places = later.into_iter().map(|later| span.moment(span.earliest + later));
        let rooms: Vec<(Moment, TimeDelta)> = places
            .take_while(|starts| starts.at <= span.latest)
            .filter_map(|starts| self.room(ask, starts, window).map(|room| (starts, room)))
            .collect();
        let for_size = |size: usize| {
            let busy = self.busy(window.modulation, size) + span.spread;
            rooms.iter().copied().find(|(_, room)| *room >= busy)
        };
        for_size(window.max_phy_payload)
            .or_else(|| for_size(SMALLEST_PHY_PAYLOAD))
            .ok_or(NoOffer::AirTaken)
    }

    /// How long the air is free from `starts` on; `None` if it is not.
    fn room(&self, ask: u64, starts: Moment, window: &WindowPlan) -> Option<TimeDelta> {
        let model = self.settings.forwarder;
        let room = air::room(&self.promises, model, ask, &starts)?;
        match self.beacons(starts.at, window) {
            Some(beacons) => Some(room.min(air::room_before_beacon(&beacons, model, starts.at)?)),
            None => Some(room),
        }
    }

    /// The last beacon before a moment, of a gateway that sends them.
    fn beacons(&self, at: Timestamp, window: &WindowPlan) -> Option<Beacons> {
        if !self.settings.beaconing {
            return None;
        }
        let ahead = self.clock.and_then(|map| map.gps).map_or(TimeDelta::ZERO, |gps| gps.ahead);
        let gps = GpsTime::from_timestamp(at - ahead)?;
        let since = gps.micros() % BEACON_PERIOD.micros().unsigned_abs();
        let before = at - TimeDelta::from_micros(since as i64);
        Some(Beacons { before, ping_slot: matches!(window.start, Start::At(_)) })
    }

    fn busy(&self, modulation: Modulation, phy_payload: usize) -> TimeDelta {
        self.settings.forwarder.busy(modulation, phy_payload)
    }

    /// The largest PHYPayload that keeps others off the air no longer than `room`, is on air no longer
    /// than the duty cycle has `left` and the window's dwell time allows; `None` if not even the
    /// smallest frame fits.
    fn largest(
        &self,
        window: &WindowPlan,
        (room, left, spread): (TimeDelta, TimeDelta, TimeDelta),
    ) -> Option<usize> {
        let left = window.max_air.map_or(left, |dwell| left.min(dwell));
        let takes = |size: usize| {
            self.busy(window.modulation, size) + spread <= room
                && airtime(window.modulation, size) <= left
        };
        let mut fits = SMALLEST_PHY_PAYLOAD;
        let mut too_large = window.max_phy_payload.checked_add(1)?;
        if fits >= too_large || !takes(fits) {
            return None;
        }
        while too_large - fits > 1 {
            let middle = fits.midpoint(too_large);
            if takes(middle) {
                fits = middle;
            } else {
                too_large = middle;
            }
        }
        Some(fits)
    }

    fn promise(&mut self, promise: Promise) {
        self.duty.promise(
            promise.id,
            promise.frequency,
            (promise.starts.at + promise.air, promise.air),
        );
        self.promises.push(promise);
    }
}

/// How long a downlink of so many bytes is on air. LoRaWAN uses coding rate 4/5 throughout.
pub fn airtime(modulation: Modulation, phy_payload: usize) -> TimeDelta {
    time_on_air(modulation, CodingRate::Cr45, Direction::Down, phy_payload)
}
