//! What packet forwarders accept: the rules of their just-in-time queues.
//!
//! A forwarder keeps the frames it was given in a queue and programs each into the concentrator
//! shortly before its start (`jitqueue.c` of Semtech's `packet_forwarder` 4.0.1 for the SX1301 and
//! of the SX1302 HAL 2.1.0). It refuses what comes too late for that, what lies too far ahead, and
//! what would be on air together with something that it has already accepted. Whoever knows these
//! rules need not be refused.
//!
//! | | SX1301 | SX1302 |
//! |---|---|---|
//! | start of the radio | 1.5 ms | 1.5 ms |
//! | period of the just-in-time loop | 30 ms | 40 ms |
//! | margin | 1 ms | 1 ms |
//! | too late: start − now not more than | 32.5 ms | 42.5 ms |
//! | collision: start − end of the one before not more than | 32.5 ms | 42.5 ms |
//! | too early: start − now more than | 512 s | 512 s |
//! | length of its queue | 32 | 32 |
//! | a frame "at once" starts after | 1 s | 80 ms |
//! | how long it takes a LoRa frame to be | as if it had a CRC, low data rate optimization from SF11 on at any bandwidth, cut to ms | as it is, rounded to ms |

use lns_lorawan::{Dbm, Direction, Modulation, SpreadingFactor, TimeDelta, time_on_air};

/// From programming to the first symbol.
const START: TimeDelta = TimeDelta::from_micros(1_500);

/// What a forwarder adds to every comparison.
const MARGIN: TimeDelta = TimeDelta::from_micros(1_000);

/// How long a beacon is taken to be on air.
pub const BEACON_RESERVED: TimeDelta = TimeDelta::from_millis(2_120);

/// How long before a beacon no ping slot may end.
pub const BEACON_GUARD: TimeDelta = TimeDelta::from_millis(3_000);

/// From beacon to beacon.
pub const BEACON_PERIOD: TimeDelta = TimeDelta::from_secs(128);

/// How many frames a queue holds.
const QUEUE: usize = 32;

/// How many beacons a forwarder that sends them keeps in the same queue.
const BEACONS_QUEUED: usize = 3;

/// The gains that a stock SX1301 forwarder can send with, dBm before the antenna
/// (`global_conf.json`). Others are refused.
const POWERS: [i16; 16] = [-6, -3, 0, 3, 6, 10, 11, 12, 13, 14, 16, 20, 23, 25, 26, 27];

/// Which reference forwarder a gateway behaves like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ForwarderModel {
    /// `packet_forwarder` for the SX1301.
    Sx1301,
    /// The packet forwarder of the SX1302 HAL.
    Sx1302,
    /// Not known: the stricter of both, rule by rule.
    #[default]
    Unknown,
}

impl ForwarderModel {
    /// Every model.
    pub const ALL: [ForwarderModel; 3] =
        [ForwarderModel::Sx1301, ForwarderModel::Sx1302, ForwarderModel::Unknown];

    /// Its name in configuration and API.
    pub const fn name(self) -> &'static str {
        match self {
            ForwarderModel::Sx1301 => "sx1301",
            ForwarderModel::Sx1302 => "sx1302",
            ForwarderModel::Unknown => "unknown",
        }
    }

    /// The model of this name.
    pub fn parse(name: &str) -> Option<Self> {
        ForwarderModel::ALL.into_iter().find(|model| model.name() == name)
    }

    /// The period of its just-in-time loop.
    const fn loop_period(self) -> TimeDelta {
        match self {
            ForwarderModel::Sx1301 => TimeDelta::from_millis(30),
            ForwarderModel::Sx1302 | ForwarderModel::Unknown => TimeDelta::from_millis(40),
        }
    }

    /// What must lie between a frame's arrival and its start: a microsecond more than it refuses.
    pub fn least_lead(self) -> TimeDelta {
        START + MARGIN + self.loop_period() + TimeDelta::from_micros(1)
    }

    /// What must lie between the end of one frame, as it reckons, and the start of the next: a
    /// microsecond more than it refuses.
    pub fn gap(self) -> TimeDelta {
        START + MARGIN + self.loop_period() + TimeDelta::from_micros(1)
    }

    /// The farthest start that it takes, from now.
    pub fn max_advance(self) -> TimeDelta {
        BEACON_PERIOD.times(1 + BEACONS_QUEUED as i64)
    }

    /// How many frames may be promised to it.
    pub fn queue_depth(self, beaconing: bool) -> usize {
        if beaconing { QUEUE - BEACONS_QUEUED } else { QUEUE }
    }

    /// How long after its arrival a frame without a time starts at the latest, where nothing else is
    /// on air.
    pub fn at_once(self) -> TimeDelta {
        match self {
            ForwarderModel::Sx1302 => TimeDelta::from_millis(80),
            ForwarderModel::Sx1301 | ForwarderModel::Unknown => TimeDelta::from_secs(1),
        }
    }

    /// What must lie between the end of a frame and the next beacon.
    pub fn before_beacon(self, ping_slot: bool) -> TimeDelta {
        let micro = TimeDelta::from_micros(1);
        if ping_slot { self.gap() + BEACON_GUARD } else { START + MARGIN + micro }
    }

    /// What must lie between the start of a beacon and the start of a frame.
    pub fn after_beacon(self) -> TimeDelta {
        BEACON_RESERVED + self.gap()
    }

    /// How long a frame keeps the air from others, never less than it is on air: the forwarder's own
    /// reckoning where that is longer.
    pub fn busy(self, modulation: Modulation, phy_payload: usize) -> TimeDelta {
        let air = time_on_air(modulation, modulation.coding_rate(), Direction::Down, phy_payload);
        let reckoned = match self {
            ForwarderModel::Sx1301 => reckoned_by_sx1301(modulation, phy_payload),
            ForwarderModel::Sx1302 => reckoned_by_sx1302(modulation, phy_payload),
            ForwarderModel::Unknown => reckoned_by_sx1301(modulation, phy_payload)
                .max(reckoned_by_sx1302(modulation, phy_payload)),
        };
        air.max(reckoned)
    }

    /// The EIRP to ask for where `limit` is allowed: one that the forwarder has a gain for, behind an
    /// antenna of this gain. `powe` is an EIRP, from which it takes the antenna's gain off.
    pub fn power(self, limit: Dbm, antenna_gain: i8) -> Dbm {
        let gain = i16::from(antenna_gain);
        let whole = limit.hundredths().div_euclid(100);
        let most = POWERS.last().copied().unwrap_or(0) + gain;
        match self {
            // It takes the next lower gain by itself.
            ForwarderModel::Sx1302 => Dbm::from_whole(whole.min(most)),
            ForwarderModel::Sx1301 | ForwarderModel::Unknown => {
                let fits =
                    POWERS.iter().rev().map(|power| power + gain).find(|eirp| *eirp <= whole);
                Dbm::from_whole(fits.unwrap_or(whole))
            }
        }
    }
}

/// In whole milliseconds, cut; always with a payload CRC, an explicit header, eight preamble
/// symbols, and optimized for low data rates from SF11 on, whatever the bandwidth.
fn reckoned_by_sx1301(modulation: Modulation, phy_payload: usize) -> TimeDelta {
    match modulation {
        Modulation::Lora { spreading_factor, bandwidth } => {
            let spreading = i64::from(spreading_factor.value());
            let optimized = i64::from(spreading_factor >= SpreadingFactor::Sf11);
            let bits = 8 * phy_payload as i64 - 4 * spreading + 28 + 16;
            let block = 4 * (spreading - 2 * optimized);
            let blocks = (bits.max(0) + block - 1) / block;
            // 8 + 4.25 symbols of preamble and 8 of header, in quarters.
            let quarters = 81 + 4 * 5 * blocks;
            let micros = quarters * (1 << spreading) * 250_000 / i64::from(bandwidth.hz());
            TimeDelta::from_millis(micros / 1000)
        }
        Modulation::Fsk { bit_rate } => reckoned_fsk(bit_rate, phy_payload),
        Modulation::LrFhss { .. } => TimeDelta::ZERO,
    }
}

/// In whole milliseconds, rounded.
fn reckoned_by_sx1302(modulation: Modulation, phy_payload: usize) -> TimeDelta {
    match modulation {
        Modulation::Lora { .. } => {
            let air =
                time_on_air(modulation, modulation.coding_rate(), Direction::Down, phy_payload);
            TimeDelta::from_millis((air.micros() + 500) / 1000)
        }
        Modulation::Fsk { bit_rate } => reckoned_fsk(bit_rate, phy_payload),
        Modulation::LrFhss { .. } => TimeDelta::ZERO,
    }
}

/// Preamble 5, sync word 3, length 1, CRC 2 at the most, and a millisecond for the rounding.
fn reckoned_fsk(bit_rate: u32, phy_payload: usize) -> TimeDelta {
    let bits = 8 * (5 + 3 + 1 + 2 + phy_payload as i64);
    TimeDelta::from_millis(bits * 1000 / i64::from(bit_rate.max(1)) + 1)
}

#[cfg(test)]
mod tests {
    use lns_lorawan::CodingRate;

    use super::*;

    fn modulation(text: &str) -> Modulation {
        text.parse().unwrap()
    }

    #[test]
    fn the_figures_are_those_of_the_forwarders() {
        let micros = |model: ForwarderModel| (model.least_lead().micros(), model.gap().micros());
        assert_eq!(micros(ForwarderModel::Sx1301), (32_501, 32_501));
        assert_eq!(micros(ForwarderModel::Sx1302), (42_501, 42_501));
        assert_eq!(micros(ForwarderModel::Unknown), (42_501, 42_501));
        for model in ForwarderModel::ALL {
            assert_eq!(model.max_advance(), TimeDelta::from_secs(512));
            assert_eq!((model.queue_depth(false), model.queue_depth(true)), (32, 29));
            assert_eq!(ForwarderModel::parse(model.name()), Some(model));
        }
        assert_eq!(ForwarderModel::parse("sx1303"), None);
    }

    #[test]
    fn an_sx1301_reckons_with_a_crc_that_a_downlink_has_not() {
        let sf12 = modulation("SF12BW125");
        let micros = |model: ForwarderModel| model.busy(sf12, 16).micros();
        // 8 + 4.25 + 8 + 5 × ⌈(128 − 48 + 28) / 40⌉ symbols of 32.768 ms: what is on air.
        assert_eq!(micros(ForwarderModel::Sx1302), 1_155_072);
        // With 16 bits more it is a block more: 1318.912 ms, cut.
        assert_eq!(micros(ForwarderModel::Sx1301), 1_318_000);
        assert_eq!(micros(ForwarderModel::Unknown), 1_318_000);
    }

    #[test]
    fn an_sx1301_optimizes_500_khz_where_nobody_else_does() {
        let sf12 = modulation("SF12BW500");
        let air = time_on_air(sf12, CodingRate::Cr45, Direction::Down, 40);
        assert!(ForwarderModel::Sx1301.busy(sf12, 40) > air);
        assert!(ForwarderModel::Sx1302.busy(sf12, 40) - air <= TimeDelta::from_micros(500));
    }

    #[test]
    fn nobody_is_promised_less_air_than_a_frame_takes() {
        for text in ["SF7BW125", "SF12BW125", "SF10BW500", "50000", "SF5BW125"] {
            let Ok(modulation) = text.parse() else { continue };
            for size in 12..=255 {
                let air = time_on_air(modulation, CodingRate::Cr45, Direction::Down, size);
                for model in ForwarderModel::ALL {
                    assert!(model.busy(modulation, size) >= air, "{text} {size} {model:?}");
                }
            }
        }
    }

    #[test]
    fn a_power_is_one_that_the_forwarder_has_behind_its_antenna() {
        let table = [
            (ForwarderModel::Sx1301, 1615, 0, 16),
            (ForwarderModel::Sx1301, 1500, 0, 14),
            (ForwarderModel::Sx1301, 1615, 2, 16),
            (ForwarderModel::Sx1301, 1615, 4, 16),
            (ForwarderModel::Sx1301, 1615, 5, 16),
            (ForwarderModel::Sx1301, 1615, 1, 15),
            (ForwarderModel::Sx1301, 2915, 0, 27),
            (ForwarderModel::Sx1301, 2915, 6, 29),
            (ForwarderModel::Sx1302, 1500, 0, 15),
            (ForwarderModel::Sx1302, 2915, 0, 27),
            (ForwarderModel::Sx1302, -150, 0, -2),
            (ForwarderModel::Unknown, 1500, 0, 14),
            (ForwarderModel::Unknown, -2000, 0, -20),
        ];
        for (model, limit, gain, power) in table {
            let chosen = model.power(Dbm::from_hundredths(limit), gain);
            assert_eq!(chosen, Dbm::from_whole(power), "{model:?} {limit} {gain}");
        }
    }
}
