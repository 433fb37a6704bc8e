//! One gateway's air: what it has promised, and what it may still promise.
//!
//! An *offer* is a promise with a term: the place is held until the frame would have to leave us,
//! and then given away. A gateway sends one frame at a time and needs a moment between two of them,
//! so a promise takes air with a gap on both sides; and it takes its share of the duty cycle.
//! Offers of one asking are alternatives, of which at most one is sent: they may overlap each other
//! (an SF12 frame in RX1 is still on air when RX2 opens), but each is paid for.

use lns_lorawan::region::SubBand;
use lns_lorawan::{
    CodingRate, Dbm, Direction, Frequency, GatewayEui, Modulation, TimeDelta, Timestamp,
    time_on_air,
};

use super::clock::ClockMap;
use super::duty::DutyLedger;
use super::percentile::Percentile;
use super::place::{Span, Tie};
use super::plan::{Start, WindowPlan};
use crate::event::Offer;

/// The smallest data frame: MHDR, FHDR without options, MIC (TS001-1.0.4 §4.3).
/// A place that does not hold it is no place.
pub const SMALLEST_PHY_PAYLOAD: usize = 12;

/// Longer than any frame: room where nothing follows.
const NO_NEIGHBOUR: TimeDelta = TimeDelta::from_secs(3600);

/// What a gateway and the line to it need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSettings {
    /// Between the end of one frame and the start of the next. The forwarders' just-in-time queue
    /// asks for 1.5 ms to start, 30 ms (SX1301) or 40 ms (SX1302) ahead, and 1 ms of margin.
    pub gap: TimeDelta,
    /// How long before its start a frame must have reached the gateway.
    pub lead: TimeDelta,
    /// How many frames its queue holds.
    pub queue_depth: usize,
    /// The most EIRP that it sends with.
    pub max_eirp: Dbm,
    /// Whether it sends beacons, by its own configuration: then it keeps the satellites' time, and
    /// class B devices can be told of slots.
    pub beaconing: bool,
    /// The round trip to reckon with before one was measured.
    pub assumed_round_trip: TimeDelta,
}

impl Default for LaneSettings {
    /// A stock forwarder on an SX1302, the slower of the two kinds: 42.5 ms between frames, 50 ms
    /// ahead, 32 frames, 27 dBm (the top of the stock SX1301's table).
    fn default() -> Self {
        LaneSettings {
            gap: TimeDelta::from_micros(42_500),
            lead: TimeDelta::from_millis(50),
            queue_depth: 32,
            max_eirp: Dbm::from_whole(27),
            beaconing: false,
            assumed_round_trip: TimeDelta::from_millis(100),
        }
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
    /// As many frames are promised as the gateway's queue holds.
    QueueFull,
    /// Another frame is on air then, or too soon after.
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
    pub const ALL: [NoOffer; 8] = [
        NoOffer::Offline,
        NoOffer::Rebooted,
        NoOffer::TooLate,
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

/// How binding a promise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Until then.
    Held(Timestamp),
    /// Handed over to the gateway.
    Taken,
}

/// Names an offer, and the asking that it answers. The caller does not use an id twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferName {
    /// The offer.
    pub id: u64,
    /// The asking: its offers to this lane are alternatives.
    pub ask: u64,
}

/// A place on the air.
#[derive(Clone, Copy, Debug)]
struct Promise {
    id: u64,
    ask: u64,
    starts: Timestamp,
    air: TimeDelta,
    frequency: Frequency,
    modulation: Modulation,
    stage: Stage,
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
        let reachable = now + self.settings.lead + self.round_trip();
        let span = Span::of((now, reachable), &window.start, tie, self.clock.as_ref())?;
        let (starts, room) = self.free_air((reachable, &span), name.ask, window)?;
        let left = self.duty.left(now, window.frequency).unwrap_or(NO_NEIGHBOUR);
        let Some(max_phy_payload) = largest(window, room.min(left)) else {
            return Err(if left < room { NoOffer::DutyCycle } else { NoOffer::AirTaken });
        };
        let air = airtime(window.modulation, max_phy_payload);
        let reserved_until = starts - self.settings.lead - self.round_trip();
        self.promise(Promise {
            id: name.id,
            ask: name.ask,
            starts,
            air,
            frequency: window.frequency,
            modulation: window.modulation,
            stage: Stage::Held(reserved_until),
        });
        Ok(Offer {
            id: name.id,
            gateway: self.gateway,
            boot_epoch: self.boot_epoch,
            window: window.window,
            when: span.when(starts),
            starts,
            frequency: window.frequency,
            data_rate: window.data_rate,
            modulation: window.modulation,
            power: window.max_eirp.min(self.settings.max_eirp),
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
        let gap = self.settings.gap;
        self.promises.retain(|promise| match promise.stage {
            Stage::Held(until) => {
                if until < now {
                    duty.give_back(promise.id, promise.frequency);
                }
                until >= now
            }
            Stage::Taken => promise.starts + promise.air + gap >= now,
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
        starts - self.settings.lead - self.round_trip()
    }

    /// The latest moment at which asking for an offer still makes sense: a round trip before the
    /// frame has to leave, for filling and committing it and for a line that is slower than usual.
    pub fn last_call(&self, tie: Tie<'_>, window: &WindowPlan) -> Option<Timestamp> {
        tie.latest(&window.start).map(|starts| self.leave_by(starts) - self.round_trip())
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
        if self.promises.len() >= self.settings.queue_depth {
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
    ) -> Result<(Timestamp, TimeDelta), NoOffer> {
        if span.latest < reachable || span.latest < span.earliest {
            return Err(NoOffer::TooLate);
        }
        let after = |other: &Promise| other.starts + other.air + self.settings.gap;
        let others = self.promises.iter().filter(|other| other.ask != ask).map(after);
        let mut starts: Vec<Timestamp> = others
            .chain([span.earliest])
            .filter(|at| (span.earliest..=span.latest).contains(at))
            .collect();
        starts.sort_unstable();
        let rooms = starts.into_iter().filter_map(|at| self.room(ask, at).map(|room| (at, room)));
        let rooms: Vec<_> = rooms.collect();
        let for_size = |size: usize| {
            let air = airtime(window.modulation, size);
            rooms.iter().copied().find(|(_, room)| *room >= air)
        };
        for_size(window.max_phy_payload)
            .or_else(|| for_size(SMALLEST_PHY_PAYLOAD))
            .ok_or(NoOffer::AirTaken)
    }

    /// How long the air is free from `starts` on; `None` if it is not.
    fn room(&self, ask: u64, starts: Timestamp) -> Option<TimeDelta> {
        let mut room = NO_NEIGHBOUR;
        for other in self.promises.iter().filter(|other| other.ask != ask) {
            if other.starts >= starts {
                room = room.min(other.starts.since(starts) - self.settings.gap);
            } else if other.starts + other.air + self.settings.gap > starts {
                return None;
            }
        }
        (room > TimeDelta::ZERO).then_some(room)
    }

    fn promise(&mut self, promise: Promise) {
        self.duty.promise(
            promise.id,
            promise.frequency,
            (promise.starts + promise.air, promise.air),
        );
        self.promises.push(promise);
    }
}

/// How long a downlink of so many bytes is on air. LoRaWAN uses coding rate 4/5 throughout.
pub fn airtime(modulation: Modulation, phy_payload: usize) -> TimeDelta {
    time_on_air(modulation, CodingRate::Cr45, Direction::Down, phy_payload)
}

/// The largest PHYPayload for a window that takes no longer than `room`; `None` if not even the
/// smallest frame fits.
fn largest(window: &WindowPlan, room: TimeDelta) -> Option<usize> {
    let (mut fits, mut too_large) = (SMALLEST_PHY_PAYLOAD, window.max_phy_payload.checked_add(1)?);
    if fits >= too_large || airtime(window.modulation, fits) > room {
        return None;
    }
    while too_large - fits > 1 {
        let middle = fits.midpoint(too_large);
        if airtime(window.modulation, middle) <= room {
            fits = middle;
        } else {
            too_large = middle;
        }
    }
    Some(fits)
}
