//! How a frame is put on the air: LoRa, FSK, LR-FHSS, and their text forms.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::units::Db;

/// LoRa's spreading factor: how many bits a symbol carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum SpreadingFactor {
    Sf5,
    Sf6,
    Sf7,
    Sf8,
    Sf9,
    Sf10,
    Sf11,
    Sf12,
}

impl SpreadingFactor {
    /// `None` outside 5 to 12.
    pub const fn new(value: u8) -> Option<Self> {
        Some(match value {
            5 => Self::Sf5,
            6 => Self::Sf6,
            7 => Self::Sf7,
            8 => Self::Sf8,
            9 => Self::Sf9,
            10 => Self::Sf10,
            11 => Self::Sf11,
            12 => Self::Sf12,
            _ => return None,
        })
    }

    /// 5 to 12.
    pub const fn value(self) -> u8 {
        match self {
            Self::Sf5 => 5,
            Self::Sf6 => 6,
            Self::Sf7 => 7,
            Self::Sf8 => 8,
            Self::Sf9 => 9,
            Self::Sf10 => 10,
            Self::Sf11 => 11,
            Self::Sf12 => 12,
        }
    }

    /// The SNR at which a receiver still demodulates it: 2.5 dB a step, −20 dB for SF12.
    ///
    /// The figures of the transceivers' data sheets, which LoRaWAN servers use for link margins;
    /// −2.5 dB for SF5 continues the series.
    pub const fn required_snr(self) -> Db {
        Db::from_hundredths(match self {
            Self::Sf5 => -250,
            Self::Sf6 => -500,
            Self::Sf7 => -750,
            Self::Sf8 => -1000,
            Self::Sf9 => -1250,
            Self::Sf10 => -1500,
            Self::Sf11 => -1750,
            Self::Sf12 => -2000,
        })
    }
}

/// LoRa's bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Bandwidth {
    Khz125,
    Khz250,
    Khz500,
    /// 812.5 kHz, at 2.4 GHz.
    Khz812,
}

impl Bandwidth {
    /// In hertz.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Khz125 => 125_000,
            Self::Khz250 => 250_000,
            Self::Khz500 => 500_000,
            Self::Khz812 => 812_500,
        }
    }

    /// From the whole kilohertz of a gateway protocol (`812` for 812.5).
    pub const fn from_khz(khz: u32) -> Option<Self> {
        match khz {
            125 => Some(Self::Khz125),
            250 => Some(Self::Khz250),
            500 => Some(Self::Khz500),
            812 => Some(Self::Khz812),
            _ => None,
        }
    }
}

/// LoRa's error coding. LoRaWAN below 2.4 GHz uses 4/5 throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum CodingRate {
    Cr45,
    Cr46,
    Cr47,
    Cr48,
    /// Long-interleaved, SX128x.
    CrLi45,
    CrLi46,
    CrLi48,
}

impl CodingRate {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Cr45, "4/5"),
        (Self::Cr46, "4/6"),
        (Self::Cr47, "4/7"),
        (Self::Cr48, "4/8"),
        (Self::CrLi45, "4/5LI"),
        (Self::CrLi46, "4/6LI"),
        (Self::CrLi48, "4/8LI"),
    ];

    /// Coded bits for four bits of payload: 5 to 8.
    pub const fn denominator(self) -> u8 {
        match self {
            Self::Cr45 | Self::CrLi45 => 5,
            Self::Cr46 | Self::CrLi46 => 6,
            Self::Cr47 => 7,
            Self::Cr48 | Self::CrLi48 => 8,
        }
    }
}

/// `4/5`, as gateway protocols write it.
impl fmt::Display for CodingRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Cr45 => "4/5",
            Self::Cr46 => "4/6",
            Self::Cr47 => "4/7",
            Self::Cr48 => "4/8",
            Self::CrLi45 => "4/5LI",
            Self::CrLi46 => "4/6LI",
            Self::CrLi48 => "4/8LI",
        };
        f.write_str(text)
    }
}

impl FromStr for CodingRate {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let row = Self::ALL.iter().find(|(_, name)| *name == text);
        row.map(|(rate, _)| *rate).ok_or(UnitError::CodingRate)
    }
}

/// LR-FHSS's error coding. RP002 writes 1/3 and 2/3; some software writes 2/6 and 4/6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum LrFhssCoding {
    Cr13,
    Cr23,
}

impl fmt::Display for LrFhssCoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cr13 => "1/3",
            Self::Cr23 => "2/3",
        })
    }
}

impl FromStr for LrFhssCoding {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        match text {
            "1/3" | "2/6" => Ok(Self::Cr13),
            "2/3" | "4/6" => Ok(Self::Cr23),
            _ => Err(UnitError::CodingRate),
        }
    }
}

/// How a frame is put on the air: what a data-rate index stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Modulation {
    /// Chirps.
    Lora {
        /// Bits per symbol.
        spreading_factor: SpreadingFactor,
        /// Width of the chirp.
        bandwidth: Bandwidth,
    },
    /// Gaussian frequency-shift keying.
    Fsk {
        /// Bits per second.
        bit_rate: u32,
    },
    /// Long-range frequency hopping, uplinks only.
    LrFhss {
        /// Operating channel width in Hz, as RP002 rounds it: 137 000, 336 000, 1 523 000.
        ocw_hz: u32,
        /// Error coding.
        coding: LrFhssCoding,
    },
}

impl Modulation {
    /// LoRa at a spreading factor and bandwidth.
    pub const fn lora(spreading_factor: SpreadingFactor, bandwidth: Bandwidth) -> Self {
        Self::Lora { spreading_factor, bandwidth }
    }

    /// The error coding of LoRaWAN frames: 4/5, and 4/8 with long interleaving at 2.4 GHz. Of no
    /// account outside LoRa.
    pub const fn coding_rate(self) -> CodingRate {
        match self {
            Self::Lora { bandwidth: Bandwidth::Khz812, .. } => CodingRate::CrLi48,
            Self::Lora { .. } | Self::Fsk { .. } | Self::LrFhss { .. } => CodingRate::Cr45,
        }
    }

    /// The required SNR of a LoRa data rate; `None` for the others, whose figure is not an SNR in
    /// the channel's bandwidth.
    pub const fn required_snr(self) -> Option<Db> {
        match self {
            Self::Lora { spreading_factor, .. } => Some(spreading_factor.required_snr()),
            Self::Fsk { .. } | Self::LrFhss { .. } => None,
        }
    }
}

/// The `datr` of Semtech's UDP protocol: `SF7BW125`, `50000`, `M0CW137`.
impl fmt::Display for Modulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lora { spreading_factor, bandwidth } => {
                write!(f, "SF{}BW{}", spreading_factor.value(), bandwidth.hz() / 1000)
            }
            Self::Fsk { bit_rate } => bit_rate.fmt(f),
            Self::LrFhss { ocw_hz, .. } => write!(f, "M0CW{}", ocw_hz / 1000),
        }
    }
}

/// Reads `SF7BW125` and a bit rate. LR-FHSS needs a coding rate that `datr` does not hold.
impl FromStr for Modulation {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let Some((sf, bw)) = text.strip_prefix("SF").and_then(|rest| rest.split_once("BW")) else {
            let bit_rate = text.parse().map_err(|_| UnitError::Modulation)?;
            return Ok(Self::Fsk { bit_rate });
        };
        let spreading_factor = sf.parse().ok().and_then(SpreadingFactor::new);
        let bandwidth = bw.parse().ok().and_then(Bandwidth::from_khz);
        match (spreading_factor, bandwidth) {
            (Some(spreading_factor), Some(bandwidth)) => {
                Ok(Self::Lora { spreading_factor, bandwidth })
            }
            _ => Err(UnitError::Modulation),
        }
    }
}

/// Text that is no unit of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Neither `4/5` … `4/8`, `4/8LI` nor an LR-FHSS coding.
    #[error("cannot read a coding rate: write it like 4/5")]
    CodingRate,
    /// Neither `SF5` … `SF12` with a known bandwidth nor a bit rate.
    #[error("cannot read a data rate: write it like SF7BW125, or as a bit rate")]
    Modulation,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datr_reads_back() {
        for text in ["SF7BW125", "SF12BW500", "SF5BW812", "50000"] {
            assert_eq!(text.parse::<Modulation>().unwrap().to_string(), text);
        }
        for text in ["SF4BW125", "SF7BW100", "SF7", "BW125", "M0CW137"] {
            assert_eq!(text.parse::<Modulation>(), Err(UnitError::Modulation), "{text}");
        }
        for (rate, text) in CodingRate::ALL {
            assert_eq!((rate.to_string().as_str(), text.parse()), (text, Ok(rate)));
        }
    }
}
