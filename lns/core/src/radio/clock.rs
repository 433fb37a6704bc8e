//! A concentrator's clock, as seen from ours.
//!
//! A gateway stamps every reception with `tmst`: microseconds since its concentrator started, in 32
//! bits, so that it wraps every 71 min 35 s (Semtech PROTOCOL.TXT, chapter on the upstream
//! protocol). Every arrival says that the reception happened no later than now; the reception
//! that travelled fastest says it best. So the smallest arrival − tmst of the last minutes maps one
//! clock to the other, and what an arrival is behind that map is its *lag*.
//!
//! Assumption: the fastest of the last receptions took no noticeable time. A constant delay of the
//! line is invisible here, and harmless: it delays what we send as much as what we hear, and a
//! gateway is told `tmst`, never our time.

use std::collections::VecDeque;

use lns_lorawan::{GpsTime, TimeDelta, Timestamp, Tmst};

use super::percentile::Percentile;

/// The window is made of this many spells, each with its smallest difference.
const SPELLS: usize = 8;

/// How long a spell lasts: four minutes in all while a gateway is busy. A quiet gateway keeps its
/// old spells instead, under an allowance for drift.
const SPELL: TimeDelta = TimeDelta::from_secs(30);

/// How far apart two clocks may run: 20 ppm for a concentrator's crystal and something for ours.
/// An old minimum is relaxed by so much, so that it never claims more than it can know.
const DRIFT_PPM: i64 = 25;

/// A difference this far from the map is not the line's doing.
const ASTRAY: TimeDelta = TimeDelta::from_secs(5);

/// The counter's period, µs.
const WRAP: i64 = 1 << 32;

/// Receptions astray by the same amount mean that a clock has been set or a concentrator has
/// restarted unnoticed. Frames from a gateway's backlog are astray too, each by another amount.
const AGREEMENT: TimeDelta = TimeDelta::from_millis(500);

/// How many of them must agree before the map is given up.
const DISSENTERS: u8 = 4;

/// The smallest difference of one spell, µs of our clock less µs of the concentrator's.
#[derive(Clone, Copy, Debug)]
struct Spell {
    began: Timestamp,
    least: i64,
    at: Timestamp,
}

/// Receptions that contradict the map, all by the same amount.
#[derive(Clone, Copy, Debug)]
struct Dissent {
    difference: i64,
    count: u8,
}

/// A concentrator's clock at a glance, for whoever has to name a counter value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMap {
    /// The restart count that it belongs to.
    pub boot_epoch: u32,
    /// When a reception last taught it.
    pub learnt: Timestamp,
    /// The satellites' time, where the gateway has told it.
    pub gps: Option<GpsSeen>,
    /// Our clock less the counter, µs.
    difference: i64,
}

/// The satellites' time, as a gateway has told it with a reception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpsSeen {
    /// When, on our clock.
    pub at: Timestamp,
    /// How far our clock was ahead of it.
    pub ahead: TimeDelta,
}

impl GpsSeen {
    /// What our clock shows at a moment of the satellites'.
    pub fn ours(&self, moment: GpsTime) -> Timestamp {
        moment.to_timestamp() + self.ahead
    }
}

impl ClockMap {
    /// What the counter shows at a moment of ours.
    pub fn tmst_at(&self, moment: Timestamp) -> Tmst {
        // Truncation is the counter's own wrap.
        Tmst(moment.micros().wrapping_sub(self.difference) as u32)
    }
}

/// One gateway's `tmst` on our clock.
#[derive(Clone, Debug, Default)]
pub struct ConcentratorClock {
    boot_epoch: u32,
    /// Oldest first; empty until the first reception.
    spells: VecDeque<Spell>,
    dissent: Option<Dissent>,
    observed: Option<Timestamp>,
    gps: Option<GpsSeen>,
    lags: Percentile,
}

impl ConcentratorClock {
    /// A clock that has heard nothing yet.
    pub fn new() -> Self {
        ConcentratorClock::default()
    }

    /// Learns from a reception and says when it was on air: never after its arrival.
    ///
    /// Another `boot_epoch` starts the map anew; what was measured of the line is kept.
    pub fn observe(&mut self, tmst: Tmst, boot_epoch: u32, arrived: Timestamp) -> Timestamp {
        if boot_epoch != self.boot_epoch {
            self.spells.clear();
            self.dissent = None;
            self.gps = None;
            self.boot_epoch = boot_epoch;
        }
        let difference = self.difference(tmst, arrived);
        self.reconsider(difference, arrived);
        self.record(difference, arrived);
        self.observed = self.observed.max(Some(arrived));
        let air_time = self.air_time(tmst, boot_epoch, arrived);
        self.lags.observe(arrived.since(air_time));
        air_time
    }

    /// A reception's `tmms`, ms of the satellites' clock at the air time.
    ///
    /// It ties our clock to the satellites' without trusting that ours is right.
    pub fn observe_gps(&mut self, air_time: Timestamp, tmms: u64) {
        let told = GpsTime::from_micros(tmms.saturating_mul(1000));
        let ahead = air_time.since(told.to_timestamp());
        self.gps = Some(GpsSeen { at: air_time, ahead });
    }

    /// When a reception was on air, on our clock: at the latest at its arrival, and exactly then
    /// while there is no clock for its boot.
    pub fn air_time(&self, tmst: Tmst, boot_epoch: u32, arrived: Timestamp) -> Timestamp {
        if boot_epoch != self.boot_epoch {
            return arrived;
        }
        match self.least(arrived) {
            Some(least) => {
                let lag = self.difference(tmst, arrived).saturating_sub(least).max(0);
                arrived.minus(TimeDelta::from_micros(lag))
            }
            None => arrived,
        }
    }

    /// What the concentrator's counter shows at a moment of ours; `None` while there is no clock.
    pub fn tmst_at(&self, moment: Timestamp) -> Option<Tmst> {
        self.map().map(|map| map.tmst_at(moment))
    }

    /// The clock at a glance; `None` while there is none.
    pub fn map(&self) -> Option<ClockMap> {
        let learnt = self.observed?;
        let difference = self.least(learnt)?;
        Some(ClockMap { boot_epoch: self.boot_epoch, learnt, gps: self.gps, difference })
    }

    /// How long ago the last reception taught the clock; `None` while there is no clock.
    pub fn freshness(&self, now: Timestamp) -> Option<TimeDelta> {
        self.spells.back()?;
        self.observed.map(|observed| now.since(observed))
    }

    /// What 99 % of the last receptions did not lag more than; `None` before the first.
    pub fn lag_p99(&self) -> Option<TimeDelta> {
        self.lags.p99()
    }

    /// The restart count that the map belongs to.
    pub fn boot_epoch(&self) -> u32 {
        self.boot_epoch
    }

    /// Our clock less the concentrator's, unwrapped by the map.
    ///
    /// So a wrap needs no memory of the last `tmst`: a gateway may be silent for days, and one
    /// frame may overtake another. Nothing arrives before it was sent: what seems early by more than
    /// a clock may be wrong has been stored for more than half a wrap.
    fn difference(&self, tmst: Tmst, arrived: Timestamp) -> i64 {
        let Some(least) = self.least(arrived) else {
            return arrived.micros().wrapping_sub(i64::from(tmst.0));
        };
        let shown = arrived.micros().wrapping_sub(least) as u32;
        let lag = Tmst(shown).diff(tmst);
        let lag = if lag < -ASTRAY.micros() { lag + WRAP } else { lag };
        least.wrapping_add(lag)
    }

    /// The smallest difference, each relaxed by what the clocks may have drifted since.
    fn least(&self, now: Timestamp) -> Option<i64> {
        self.spells.iter().map(|spell| spell.least.saturating_add(drift(now.since(spell.at)))).min()
    }

    fn record(&mut self, difference: i64, arrived: Timestamp) {
        let current = self.spells.back_mut().filter(|spell| arrived.since(spell.began) < SPELL);
        match current {
            Some(spell) => {
                if difference < spell.least.saturating_add(drift(arrived.since(spell.at))) {
                    spell.least = difference;
                    spell.at = arrived;
                }
            }
            None => {
                if self.spells.len() == SPELLS {
                    self.spells.pop_front();
                }
                self.spells.push_back(Spell { began: arrived, least: difference, at: arrived });
            }
        }
    }

    /// Gives the map up when several receptions in a row contradict it in the same way.
    fn reconsider(&mut self, difference: i64, arrived: Timestamp) {
        let lag = self.least(arrived).map_or(0, |least| difference.saturating_sub(least));
        if lag <= ASTRAY.micros() {
            self.dissent = None;
            return;
        }
        let count = match self.dissent {
            Some(before)
                if (before.difference.saturating_sub(difference)).abs() <= AGREEMENT.micros() =>
            {
                before.count + 1
            }
            Some(_) | None => 1,
        };
        self.dissent = Some(Dissent { difference, count });
        if count >= DISSENTERS {
            self.dissent = None;
            self.spells.clear();
        }
    }
}

fn drift(over: TimeDelta) -> i64 {
    over.micros().max(0).saturating_mul(DRIFT_PPM) / 1_000_000
}
