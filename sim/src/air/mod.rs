//! What is in the air, and who hears whom.

use lns_lorawan::{CodingRate, Db, Dbm, Direction, Frequency, Modulation, Timestamp, time_on_air};

use crate::random::Random;

/// A frame in the air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnAir {
    /// When its preamble begins.
    pub starts: Timestamp,
    /// Its centre.
    pub frequency: Frequency,
    /// How it is modulated.
    pub modulation: Modulation,
    /// Inverted IQ: downlinks have it, uplinks do not.
    pub inverted: bool,
    /// A payload CRC: uplinks have it, downlinks do not.
    pub crc_on: bool,
    /// EIRP.
    pub power: Dbm,
    /// MHDR to MIC.
    pub phy_payload: Vec<u8>,
}

impl OnAir {
    /// When its last symbol ends.
    pub fn ends(&self) -> Timestamp {
        // Only the CRC's length depends on the direction.
        let direction = if self.crc_on { Direction::Up } else { Direction::Down };
        let length = self.phy_payload.len();
        self.starts + time_on_air(self.modulation, CodingRate::Cr45, direction, length)
    }
}

/// How well one end hears the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Signal to noise.
    pub snr: Db,
    /// Received level.
    pub rssi: Dbm,
}

/// What the air is like.
#[derive(Debug, Clone, PartialEq)]
pub struct AirSpec {
    /// Chance's seed.
    pub seed: u64,
    /// The SNR that links have on average, dB. Beyond what a spreading factor needs, nothing is
    /// heard.
    pub mean_snr_db: f64,
    /// How much links differ from each other, dB to either side.
    pub spread_db: f64,
    /// How much one frame differs from the next on the same link, dB to either side.
    pub fading_db: f64,
    /// The share of copies that get lost on their way up, 0 to 1.
    pub loss_up: f64,
    /// The share of frames that get lost on their way down, 0 to 1.
    pub loss_down: f64,
}

impl Default for AirSpec {
    /// Near gateways, and nothing gets lost.
    fn default() -> Self {
        Self {
            seed: 0,
            mean_snr_db: 5.0,
            spread_db: 4.0,
            fading_db: 1.0,
            loss_up: 0.0,
            loss_down: 0.0,
        }
    }
}

/// The noise floor of a 125 kHz channel with a gateway's noise figure, dBm. SX1301 and SX1302 data
/// sheets: −174 dBm/Hz + 51 dB + 6 dB.
const NOISE_FLOOR_DBM: f64 = -117.0;
/// The concentrators report no more, however strong the signal is.
const MOST_SNR_DB: f64 = 15.0;

/// The space between devices and gateways, both by their index.
#[derive(Debug, Clone)]
pub struct Air {
    spec: AirSpec,
    random: Random,
}

impl Air {
    /// Air of this kind.
    pub fn new(spec: AirSpec) -> Self {
        let random = Random::of(spec.seed, u64::MAX);
        Self { spec, random }
    }

    /// From now on these shares get lost on their way up and down.
    pub fn set_losses(&mut self, up: f64, down: f64) {
        (self.spec.loss_up, self.spec.loss_down) = (up, down);
    }

    /// How a gateway hears a device on average.
    pub fn link(&self, gateway: usize, device: usize) -> Link {
        // The same pair draws the same place each time.
        let pair = (gateway as u64) << 32 | device as u64;
        let place = Random::of(self.spec.seed, pair).unit() * 2.0 - 1.0;
        link_of(self.spec.mean_snr_db + place * self.spec.spread_db)
    }

    /// One frame's copy at a gateway; `None` if it does not arrive.
    pub fn up(&mut self, gateway: usize, device: usize, modulation: Modulation) -> Option<Link> {
        let link = self.faded(gateway, device);
        let lost = self.random.chance(self.spec.loss_up);
        (!lost && is_enough(link, modulation)).then_some(link)
    }

    /// Does a gateway's frame arrive at a device?
    pub fn down(&mut self, gateway: usize, device: usize, modulation: Modulation) -> bool {
        let link = self.faded(gateway, device);
        let lost = self.random.chance(self.spec.loss_down);
        !lost && is_enough(link, modulation)
    }

    fn faded(&mut self, gateway: usize, device: usize) -> Link {
        let fading = (self.random.unit() * 2.0 - 1.0) * self.spec.fading_db;
        link_of(self.link(gateway, device).snr.to_f64() + fading)
    }
}

fn link_of(snr_db: f64) -> Link {
    let rssi = Dbm::from_f64(NOISE_FLOOR_DBM + snr_db);
    Link { snr: Db::from_f64(snr_db.min(MOST_SNR_DB)), rssi }
}

fn is_enough(link: Link, modulation: Modulation) -> bool {
    modulation.required_snr().is_none_or(|required| link.snr >= required)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lns_lorawan::{Bandwidth, SpreadingFactor};

    const SF7: Modulation = Modulation::lora(SpreadingFactor::Sf7, Bandwidth::Khz125);
    const SF12: Modulation = Modulation::lora(SpreadingFactor::Sf12, Bandwidth::Khz125);

    #[test]
    fn a_pair_keeps_its_place_and_pairs_differ() {
        let air = Air::new(AirSpec::default());
        assert_eq!(air.link(0, 1), air.link(0, 1));
        assert_ne!(air.link(0, 1), air.link(1, 1));
        assert_ne!(air.link(0, 1), air.link(1, 0));
    }

    #[test]
    fn slow_frames_reach_further() {
        let far = AirSpec { mean_snr_db: -15.0, spread_db: 0.0, ..AirSpec::default() };
        let mut air = Air::new(far);
        assert_eq!(air.up(0, 0, SF7), None);
        assert!(air.up(0, 0, SF12).is_some());
        assert!(air.down(0, 0, SF12) && !air.down(0, 0, SF7));
    }

    #[test]
    fn losses_are_about_as_many_as_asked_for() {
        let mut air = Air::new(AirSpec { loss_up: 0.25, loss_down: 1.0, ..AirSpec::default() });
        let lost = (0..1000).filter(|_| air.up(0, 0, SF7).is_none()).count();
        assert!((200..300).contains(&lost), "{lost}");
        assert!(!air.down(0, 0, SF7));
    }

    #[test]
    fn a_frame_ends_when_its_last_symbol_does() {
        // SF7, 125 kHz, 17 bytes without CRC: 8 + ceil((136 − 28 + 28) / 28)·5 = 33 symbols and
        // 12.25 of preamble, 1.024 ms each: 46.336 ms.
        let frame = OnAir {
            starts: Timestamp::from_micros(1),
            frequency: Frequency::from_hz(868_100_000),
            modulation: SF7,
            inverted: true,
            crc_on: false,
            power: Dbm::from_whole(14),
            phy_payload: vec![0; 17],
        };
        assert_eq!(frame.ends(), Timestamp::from_micros(46_337));
    }
}
