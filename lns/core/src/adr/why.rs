//! Why a device was told what it was told.

use core::fmt;

use lns_lorawan::Db;

use super::Target;

/// What a decision came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The profile leaves it to the device.
    Off,
    /// The device does not want to be told: its ADR bit is off.
    AdrBitOff,
    /// The profile says what is to be.
    Static,
    /// The device's data rate is outside what the profile allows.
    Limit,
    /// Nothing was heard of it yet that counts.
    NoSamples,
    /// It sends FSK or LR-FHSS, which have no SNR to go by, or too few gateways hear it.
    NoSnr,
    /// It has just slowed itself down: it must be heard for a while before it is hurried again.
    BackedOff,
    /// A faster data rate.
    Faster,
    /// Less power.
    LessPower,
    /// More power.
    MorePower,
    /// There is margin for less power, or too little for the power that it has, and too few frames
    /// were heard at that power to be sure.
    Waiting,
    /// It is as it should be, or the limits forbid better.
    Keep,
}

impl Decision {
    /// Every one, for metrics that start at zero.
    pub const ALL: [Decision; 12] = [
        Decision::Off,
        Decision::AdrBitOff,
        Decision::Static,
        Decision::Limit,
        Decision::NoSamples,
        Decision::NoSnr,
        Decision::BackedOff,
        Decision::Faster,
        Decision::LessPower,
        Decision::MorePower,
        Decision::Waiting,
        Decision::Keep,
    ];

    /// The metric label, and how it is written in JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Decision::Off => "off",
            Decision::AdrBitOff => "adr_bit_off",
            Decision::Static => "static",
            Decision::Limit => "limit",
            Decision::NoSamples => "no_samples",
            Decision::NoSnr => "no_snr",
            Decision::BackedOff => "backed_off",
            Decision::Faster => "faster",
            Decision::LessPower => "less_power",
            Decision::MorePower => "more_power",
            Decision::Waiting => "waiting",
            Decision::Keep => "keep",
        }
    }
}

/// The reasons of one decision, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// How many frames it rests on, at most [`super::WINDOW`].
    pub samples: u8,
    /// The best SNR among them, as it would be at today's data rate and power.
    pub best_snr: Option<Db>,
    /// What of it is left when the data rate and the installation margin have theirs.
    pub margin: Option<Db>,
    /// Frames lost since NbTrans was last changed, and frames that were to come.
    pub lost: (u16, u16),
    /// What it came to.
    pub decision: Decision,
    /// What the device should do.
    pub target: Target,
}

/// `DR5 power 2 ×1: faster, 7.5 dB to spare, 20 frames, 1 of 21 lost`.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target { data_rate, tx_power, nb_trans } = self.target;
        let times = nb_trans.value();
        write!(f, "DR{data_rate} power {tx_power} ×{times}: {}", self.decision.label())?;
        if let Some(margin) = self.margin {
            write!(f, ", {margin} dB to spare")?;
        }
        let (lost, frames) = self.lost;
        write!(f, ", {} frames, {lost} of {frames} lost", self.samples)
    }
}
