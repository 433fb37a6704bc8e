//! A unit is a type: hertz, decibels, data rates, directions and windows.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A radio frequency in hertz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Frequency(u32);

impl Frequency {
    /// From hertz.
    pub const fn from_hz(hz: u32) -> Self {
        Self(hz)
    }

    /// In hertz.
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// From decimal megahertz (`868.1`), exactly; `None` if it is not a number of whole hertz.
    pub fn from_mhz_str(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let missing = 6usize.checked_sub(fraction.len())?;
        let below: u32 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let below = below.checked_mul(10u32.pow(u32::try_from(missing).ok()?))?;
        let hz = whole.parse::<u32>().ok()?.checked_mul(1_000_000)?.checked_add(below)?;
        Some(Self(hz))
    }

    /// From the 24 bits of a frame, least significant byte first.
    pub const fn from_wire(bytes: [u8; 3], step: FrequencyStep) -> Self {
        let [low, middle, high] = bytes;
        Self(u32::from_le_bytes([low, middle, high, 0]) * step.hz())
    }

    /// The 24 bits of a frame; `None` where the frequency is no multiple of its step or too high.
    pub const fn to_wire(self) -> Option<[u8; 3]> {
        let step = self.step().hz();
        let [low, middle, high, over] = (self.0 / step).to_le_bytes();
        if over == 0 && self.0.is_multiple_of(step) { Some([low, middle, high]) } else { None }
    }

    /// The step in which frames carry this frequency. What 24 bits of 100 Hz cannot hold (more than
    /// 1.6777 GHz) is of the 2.4 GHz band, so that the frequency itself tells.
    pub const fn step(self) -> FrequencyStep {
        if self.0 <= 0x00ff_ffff * 100 { FrequencyStep::Hz100 } else { FrequencyStep::Hz200 }
    }
}

/// The steps in which a region's frames carry frequencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FrequencyStep {
    /// 100 Hz, below 1.6777 GHz.
    #[default]
    Hz100,
    /// 200 Hz, at 2.4 GHz.
    Hz200,
}

impl FrequencyStep {
    /// In hertz.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz100 => 100,
            Self::Hz200 => 200,
        }
    }
}

/// Megahertz with as many decimals as it takes: `868.1`, `869.525`.
impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut below, mut width) = (self.0 % 1_000_000, 6);
        while width > 1 && below.is_multiple_of(10) {
            below /= 10;
            width -= 1;
        }
        write!(f, "{}.{below:0width$}", self.0 / 1_000_000)
    }
}

macro_rules! hundredths {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(i16);

        impl $name {
            /// From hundredths.
            pub const fn from_hundredths(hundredths: i16) -> Self {
                Self(hundredths)
            }

            /// In hundredths.
            pub const fn hundredths(self) -> i16 {
                self.0
            }

            /// From a whole number; saturates beyond ±327.
            pub const fn from_whole(whole: i16) -> Self {
                Self(whole.saturating_mul(100))
            }

            /// To the nearest hundredth; saturates, and takes not-a-number for 0.
            pub fn from_f64(value: f64) -> Self {
                Self((value * 100.0).round() as i16)
            }

            /// As a floating-point number.
            pub fn to_f64(self) -> f64 {
                f64::from(self.0) / 100.0
            }
        }

        /// With as many decimals as it takes: `14`, `-7.5`, `12.15`.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let sign = if self.0 < 0 { "-" } else { "" };
                let (whole, below) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
                match (below % 10, below) {
                    (_, 0) => write!(f, "{sign}{whole}"),
                    (0, _) => write!(f, "{sign}{whole}.{}", below / 10),
                    _ => write!(f, "{sign}{whole}.{below:02}"),
                }
            }
        }
    };
}

hundredths!(
    /// A power in hundredths of a dBm. Transmit powers are EIRP unless a name says otherwise.
    Dbm
);
hundredths!(
    /// A ratio in hundredths of a decibel: an SNR, a margin, a gain.
    Db
);

impl core::ops::Add<Db> for Dbm {
    type Output = Dbm;
    fn add(self, gain: Db) -> Dbm {
        Dbm(self.0.saturating_add(gain.0))
    }
}

impl core::ops::Sub<Db> for Dbm {
    type Output = Dbm;
    fn sub(self, loss: Db) -> Dbm {
        Dbm(self.0.saturating_sub(loss.0))
    }
}

impl core::ops::Sub for Db {
    type Output = Db;
    fn sub(self, other: Db) -> Db {
        Db(self.0.saturating_sub(other.0))
    }
}

macro_rules! four_bits {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u8", into = "u8")]
        pub struct $name(u8);

        impl $name {
            /// `None` beyond 15: a frame has four bits for it.
            pub const fn new(value: u8) -> Option<Self> {
                if value <= 15 { Some(Self(value)) } else { None }
            }

            /// The low four bits of a byte.
            pub const fn from_low_bits(byte: u8) -> Self {
                Self(byte & 0x0f)
            }

            /// The number, 0 to 15.
            pub const fn value(self) -> u8 {
                self.0
            }
        }

        impl From<$name> for u8 {
            fn from(index: $name) -> u8 {
                index.0
            }
        }

        impl TryFrom<u8> for $name {
            type Error = IndexTooLarge;
            fn try_from(value: u8) -> Result<Self, IndexTooLarge> {
                Self::new(value).ok_or(IndexTooLarge(value))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// An index that does not fit its four bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot use {0} as an index of a data rate or power: it is at most 15")]
pub struct IndexTooLarge(u8);

four_bits!(
    /// A row of a region's data-rate table. What it means depends on region *and* direction.
    DataRateIndex
);
four_bits!(
    /// A row of a region's power table: 0 is the maximum.
    TxPowerIndex
);

impl DataRateIndex {
    /// DR0.
    pub const DR0: Self = Self(0);
}

impl TxPowerIndex {
    /// The maximum power of the region.
    pub const MAX_POWER: Self = Self(0);
}

/// Which way a frame travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Device to network.
    Up,
    /// Network to device.
    Down,
}

impl Direction {
    /// The byte that B0, B1 and A carry.
    pub const fn to_block(self) -> u8 {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }
}

/// Where a device listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Window {
    /// RECEIVE_DELAY1 after the uplink, on a channel and data rate that follow from it (TS001-1.0.4
    /// §3.3.2).
    Rx1,
    /// One second later, on a fixed channel and data rate (TS001-1.0.4 §3.3.3).
    Rx2,
    /// Class B: a ping slot.
    Ping,
    /// Class C: always when nothing else is open, with RX2's channel and data rate (TS001-1.0.4
    /// §15).
    Rxc,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frequency_is_written_in_megahertz_and_carried_in_hundreds_of_hertz() {
        let frequency = Frequency::from_hz(868_100_000);
        assert_eq!(frequency.to_string(), "868.1");
        assert_eq!(frequency.to_wire(), Some([0x28, 0x76, 0x84]));
        assert_eq!(Frequency::from_wire([0x28, 0x76, 0x84], FrequencyStep::Hz100), frequency);
        assert_eq!(Frequency::from_hz(868_100_050).to_wire(), None);
        let high = Frequency::from_hz(2_403_000_000);
        assert_eq!(high.to_wire(), Some([0x98, 0x55, 0xb7]));
        assert_eq!(Frequency::from_wire([0x98, 0x55, 0xb7], FrequencyStep::Hz200), high);
        assert_eq!(Frequency::from_hz(2_403_000_100).to_wire(), None);
        assert_eq!(Frequency::from_hz(915_000_000).to_string(), "915.0");
        for text in ["", ".5", "868.1000001", "-1", "868,1", "99999"] {
            assert_eq!(Frequency::from_mhz_str(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn megahertz_text_is_exact(hz: u32) {
            let frequency = Frequency::from_hz(hz);
            prop_assert_eq!(Frequency::from_mhz_str(&frequency.to_string()), Some(frequency));
        }
    }

    #[test]
    fn decibels_print_as_people_write_them() {
        let texts = [(-750, "-7.5"), (1400, "14"), (1215, "12.15"), (-5, "-0.05"), (0, "0")];
        for (hundredths, text) in texts {
            assert_eq!(Db::from_hundredths(hundredths).to_string(), text);
        }
        assert_eq!(Dbm::from_f64(-35.0), Dbm::from_whole(-35));
        assert_eq!(Db::from_f64(f64::NAN), Db::from_whole(0));
        assert_eq!(Db::from_f64(1e9).hundredths(), i16::MAX);
    }

    #[test]
    fn an_index_has_four_bits() {
        assert_eq!(DataRateIndex::new(16), None);
        assert!(serde_json::from_str::<TxPowerIndex>("16").is_err());
        assert_eq!(serde_json::from_str::<DataRateIndex>("15").unwrap().value(), 15);
    }
}
