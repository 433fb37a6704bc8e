//! How a frame is modulated.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Modulation and its speed, as the radio is told it. Region tables give these a data-rate index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Modulation {
    /// LoRa, chirp spread spectrum.
    Lora {
        /// 5 to 12.
        spreading_factor: u8,
        /// Hertz: 125 000, 250 000, 500 000, and 812 000 at 2.4 GHz.
        bandwidth_hz: u32,
    },
    /// Frequency-shift keying.
    Fsk {
        /// Bit/s; LoRaWAN uses 50 000.
        bit_rate: u32,
    },
    /// Long-range frequency hopping (uplink only).
    LrFhss {
        /// Operating channel width in hertz, as the gateway rounds it: 137 000, 336 000, 1 523 000.
        ocw_hz: u32,
        /// Hopping grid step (`hpw`), where the gateway says it.
        grid_step: Option<u8>,
    },
}

impl fmt::Display for Modulation {
    /// The `datr` notation of the Semtech protocol: `SF7BW125`, `50000`, `M0CW137`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lora { spreading_factor, bandwidth_hz } => {
                write!(f, "SF{spreading_factor}BW{}", bandwidth_hz / 1000)
            }
            Self::Fsk { bit_rate } => write!(f, "{bit_rate}"),
            Self::LrFhss { ocw_hz, .. } => write!(f, "M0CW{}", ocw_hz / 1000),
        }
    }
}

/// Forward error correction, as gateways write it in `codr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CodingRate {
    /// None: FSK, or `OFF`.
    Off,
    /// 4/5, what LoRaWAN uses.
    Cr4_5,
    /// 4/6; with LR-FHSS it is its 2/3.
    Cr4_6,
    /// 4/7.
    Cr4_7,
    /// 4/8.
    Cr4_8,
    /// 4/5, long interleaving (2.4 GHz).
    Cr4_5Li,
    /// 4/6, long interleaving (2.4 GHz).
    Cr4_6Li,
    /// 4/8, long interleaving (2.4 GHz).
    Cr4_8Li,
    /// 2/6: LR-FHSS's 1/3.
    Cr2_6,
}

/// The text is no coding rate we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("coding rate {0:?} is none of 4/5, 4/6, 4/7, 4/8, 4/5LI, 4/6LI, 4/8LI, 2/6, OFF")]
pub struct UnknownCodingRate(pub String);

impl CodingRate {
    /// The `codr` notation of the Semtech protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Cr4_5 => "4/5",
            Self::Cr4_6 => "4/6",
            Self::Cr4_7 => "4/7",
            Self::Cr4_8 => "4/8",
            Self::Cr4_5Li => "4/5LI",
            Self::Cr4_6Li => "4/6LI",
            Self::Cr4_8Li => "4/8LI",
            Self::Cr2_6 => "2/6",
        }
    }
}

impl fmt::Display for CodingRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CodingRate {
    type Err = UnknownCodingRate;

    /// Reads `codr`, with the reduced fractions (`2/3`, `1/2`, `1/3`) that some forwarders write.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "OFF" | "" => Self::Off,
            "4/5" => Self::Cr4_5,
            "4/6" | "2/3" => Self::Cr4_6,
            "4/7" => Self::Cr4_7,
            "4/8" | "1/2" | "2/4" => Self::Cr4_8,
            "4/5LI" => Self::Cr4_5Li,
            "4/6LI" => Self::Cr4_6Li,
            "4/8LI" => Self::Cr4_8Li,
            "2/6" | "1/3" => Self::Cr2_6,
            other => return Err(UnknownCodingRate(other.chars().take(16).collect())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_rate_reads_what_it_writes() {
        for rate in [
            CodingRate::Off,
            CodingRate::Cr4_5,
            CodingRate::Cr4_6,
            CodingRate::Cr4_7,
            CodingRate::Cr4_8,
            CodingRate::Cr4_5Li,
            CodingRate::Cr4_6Li,
            CodingRate::Cr4_8Li,
            CodingRate::Cr2_6,
        ] {
            assert_eq!(rate.as_str().parse(), Ok(rate));
        }
        assert!("5/4".parse::<CodingRate>().is_err());
    }

    #[test]
    fn a_modulation_prints_as_datr() {
        let lora = Modulation::Lora { spreading_factor: 7, bandwidth_hz: 125_000 };
        assert_eq!(lora.to_string(), "SF7BW125");
        assert_eq!(Modulation::Fsk { bit_rate: 50_000 }.to_string(), "50000");
        assert_eq!(Modulation::LrFhss { ocw_hz: 137_000, grid_step: None }.to_string(), "M0CW137");
    }
}
