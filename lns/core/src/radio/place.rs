//! Where on a gateway's air a window lies: what ties a device to the gateway, and the moment that
//! follows from both.
//!
//! A class A window follows a reception and is named by the gateway's own counter. A ping slot is a
//! moment of the satellites' clock, which only a gateway that hears them can keep. RXC is open
//! always, so that its frame goes where the air is first free; it is named by the counter, through
//! the clock map, so that the gateway need not guess what "at once" means.

use lns_lorawan::{Bandwidth, Db, Dbm, GatewayEui, Modulation, TimeDelta, Timestamp, Tmst};

use super::air::Moment;
use super::clock::ClockMap;
use super::forwarder::ForwarderModel;
use super::lane::NoOffer;
use super::plan::{Start, margin};
use crate::effect::Reach;
use crate::event::{Path, Reception, When};

/// A map older than this is not trusted with a counter value: at 45 ppm between two crystals that is
/// 27 ms, which the gap between two frames still hides.
const MAP_LIFE: TimeDelta = TimeDelta::from_secs(600);

/// A gateway whose satellites' time was not seen for so long is not asked for a ping slot.
///
/// It is seen with uplinks only, which may be far between; and one that has lost its satellites
/// since says so when it is asked (GPS_UNLOCKED).
const GPS_LIFE: TimeDelta = TimeDelta::from_secs(2 * 60 * 60);

/// From an offer to its hand-over: filling a frame and committing its counter.
const FILLING: TimeDelta = TimeDelta::from_millis(50);

/// What a device is taken to have sent with.
const DEVICE_EIRP: Dbm = Dbm::from_whole(14);

/// What ties a device to one gateway.
#[derive(Clone, Copy, Debug)]
pub enum Tie<'a> {
    /// The gateway heard the uplink that opens the windows.
    Heard(&'a Reception),
    /// The gateway heard the device before.
    Known(&'a Path),
}

impl Tie<'_> {
    /// The gateway.
    pub fn gateway(&self) -> GatewayEui {
        match self {
            Tie::Heard(reception) => reception.gateway,
            Tie::Known(path) => path.gateway,
        }
    }

    /// How far the device was above what it needs there.
    pub fn margin(&self) -> Db {
        match self {
            Tie::Heard(reception) => margin(reception),
            Tie::Known(path) => path.margin,
        }
    }

    /// How far a downlink will be above what it needs: the margin that was measured, corrected for
    /// the two data rates, their bandwidths and the two powers. A device is taken to have sent with
    /// 14 dBm; the way is the same in both directions.
    pub fn downlink_margin(&self, modulation: Modulation, power: Dbm) -> Db {
        let weaker = Db::from_hundredths(DEVICE_EIRP.hundredths() - power.hundredths());
        match self {
            Tie::Heard(reception) => {
                let need = |of: Modulation| of.required_snr().unwrap_or(NOTHING) - noise(of);
                margin(reception) - (need(modulation) - need(reception.modulation)) - weaker
            }
            Tie::Known(path) => path.margin - weaker,
        }
    }

    /// The strength of the uplink, where there was one.
    pub fn rssi(&self) -> Option<Dbm> {
        match self {
            Tie::Heard(reception) => Some(reception.rssi),
            Tie::Known(_) => None,
        }
    }

    /// The restart count that the tie depends on, where it does.
    pub fn boot_epoch(&self) -> Option<u32> {
        match self {
            Tie::Heard(reception) => Some(reception.boot_epoch),
            Tie::Known(_) => None,
        }
    }

    /// When the window starts on our clock at the latest; `None` where nothing says.
    pub fn latest(&self, start: &Start) -> Option<Timestamp> {
        match (start, self) {
            (Start::After(delay), Tie::Heard(reception)) => Some(reception.air_time + *delay),
            (Start::After(_), Tie::Known(_)) => None,
            (Start::At(moment), Tie::Heard(_) | Tie::Known(_)) => Some(moment.to_timestamp()),
            (Start::Soon { not_after, .. }, Tie::Heard(_) | Tie::Known(_)) => Some(*not_after),
        }
    }
}

const NOTHING: Db = Db::from_whole(0);

/// How much less noise a receiver lets in at 125 kHz; negative.
fn noise(modulation: Modulation) -> Db {
    match modulation {
        Modulation::Lora { bandwidth, .. } => Db::from_whole(match bandwidth {
            Bandwidth::Khz125 => 0,
            Bandwidth::Khz250 => -3,
            Bandwidth::Khz500 => -6,
            Bandwidth::Khz812 => -8,
        }),
        Modulation::Fsk { .. } | Modulation::LrFhss { .. } => NOTHING,
    }
}

impl Reach {
    /// The gateways that can be asked, in the given order.
    pub fn ties(&self) -> Vec<Tie<'_>> {
        match self {
            Reach::Heard(receptions) => receptions.iter().map(Tie::Heard).collect(),
            Reach::Known(paths) => paths.iter().map(Tie::Known).collect(),
        }
    }
}

/// A window as a lane sees it: from when to when it may start, and how the gateway is told.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub earliest: Timestamp,
    pub latest: Timestamp,
    /// How much later the frame may leave than it is asked for.
    pub spread: TimeDelta,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Exactly(When, Option<Tmst>),
    Counter(ClockMap),
    AtOnce,
}

impl Span {
    /// Where a window lies for a gateway that can be reached at `reachable` at the earliest.
    pub fn of(
        (now, reachable): (Timestamp, Timestamp),
        start: &Start,
        tie: Tie<'_>,
        (map, forwarder): (Option<&ClockMap>, ForwarderModel),
    ) -> Result<Span, NoOffer> {
        let exactly = |at: Timestamp, when, counter| Span {
            earliest: at,
            latest: at,
            spread: TimeDelta::ZERO,
            how: How::Exactly(when, counter),
        };
        match (start, tie) {
            (Start::After(delay), Tie::Heard(reception)) => {
                let token = reception.token.clone();
                // A delay is at most 16 s.
                let counter = reception.tmst.plus(delay.micros() as u32);
                let when = When::After { token, delay: *delay };
                Ok(exactly(reception.air_time + *delay, when, Some(counter)))
            }
            (Start::After(_), Tie::Known(_)) => Err(NoOffer::NoClock),
            (Start::At(moment), Tie::Heard(_) | Tie::Known(_)) => {
                let map = map.ok_or(NoOffer::NoClock)?;
                let seen = map.gps.filter(|gps| now.since(gps.at) <= GPS_LIFE);
                let at = seen.ok_or(NoOffer::NoClock)?.ours(*moment);
                Ok(exactly(at, When::Gps(*moment), Some(map.tmst_at(at))))
            }
            (Start::Soon { not_before, not_after }, Tie::Heard(_) | Tie::Known(_)) => {
                let map = map.filter(|map| now.since(map.learnt) <= MAP_LIFE);
                let at_once = forwarder.at_once();
                Ok(Span {
                    earliest: (reachable + FILLING).max(*not_before),
                    latest: *not_after,
                    // It leaves at some moment between the lead and that.
                    spread: map.map_or(at_once, |_| TimeDelta::ZERO),
                    how: map.map_or(How::AtOnce, |map| How::Counter(*map)),
                })
            }
        }
    }

    /// A moment of the span, on both clocks where both are known.
    pub fn moment(&self, at: Timestamp) -> Moment {
        let counter = match &self.how {
            How::Exactly(_, counter) => *counter,
            How::Counter(map) => Some(map.tmst_at(at)),
            How::AtOnce => None,
        };
        Moment { at, counter }
    }

    /// How the gateway is told to start at a moment of the span.
    pub fn when(&self, starts: Timestamp) -> When {
        match &self.how {
            How::Exactly(when, _) => when.clone(),
            How::Counter(map) => When::Tmst(map.tmst_at(starts)),
            How::AtOnce => When::Immediately,
        }
    }
}
