//! Rows of a data-rate table, and sets of them.

use serde::{Deserialize, Serialize};

use crate::modulation::Bandwidth::{Khz125, Khz250};
use crate::modulation::SpreadingFactor::{Sf5, Sf6, Sf7, Sf8, Sf9, Sf10, Sf11, Sf12};
use crate::modulation::{Bandwidth, LrFhssCoding, Modulation, SpreadingFactor};
use crate::units::DataRateIndex;
use crate::version::RegParamsRevision;

/// The greatest M behind a repeater, whose own header needs the rest.
const REPEATER_M: u8 = 230;

/// What an index stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataRate {
    /// On the air.
    pub modulation: Modulation,
    /// M: bytes of MACPayload.
    pub m: u8,
    /// M under a dwell time of 400 ms, where the region has one. 0: not allowed.
    pub m_dwell: u8,
    /// The first edition that has it.
    pub since: RegParamsRevision,
}

impl DataRate {
    pub(super) const fn lora(sf: SpreadingFactor, bw: Bandwidth, m: u8) -> Option<Self> {
        let since = RegParamsRevision::Rp001_1_0_2A;
        Some(Self { modulation: Modulation::lora(sf, bw), m, m_dwell: m, since })
    }

    /// M without and with a dwell time of 400 ms.
    pub(super) const fn limited(
        sf: SpreadingFactor,
        bw: Bandwidth,
        (m, m_dwell): (u8, u8),
    ) -> Option<Self> {
        let since = RegParamsRevision::Rp001_1_0_2A;
        Some(Self { modulation: Modulation::lora(sf, bw), m, m_dwell, since })
    }

    /// SF5 and SF6: new in RP002-1.0.5.
    pub(super) const fn lora_1_0_5(sf: SpreadingFactor, bw: Bandwidth) -> Option<Self> {
        let since = RegParamsRevision::Rp002_1_0_5;
        Some(Self { modulation: Modulation::lora(sf, bw), m: 250, m_dwell: 250, since })
    }

    pub(super) const fn fsk(bit_rate: u32, m: u8) -> Option<Self> {
        let since = RegParamsRevision::Rp001_1_0_2A;
        Some(Self { modulation: Modulation::Fsk { bit_rate }, m, m_dwell: m, since })
    }

    /// LR-FHSS: new in RP002-1.0.2.
    pub(super) const fn lr_fhss(ocw_hz: u32, coding: LrFhssCoding, m: u8) -> Option<Self> {
        let since = RegParamsRevision::Rp002_1_0_2;
        Some(Self { modulation: Modulation::LrFhss { ocw_hz, coding }, m, m_dwell: m, since })
    }

    pub(super) fn max_payload(&self, rules: PayloadRules) -> MaxPayload {
        let m = if rules.dwell_time { self.m.min(self.m_dwell) } else { self.m };
        MaxPayload { m: if rules.repeater_compatible { m.min(REPEATER_M) } else { m } }
    }
}

/// DR0 to DR5, SF7 at 250 kHz, FSK, SF6 and SF5: what regions with one table for both directions
/// have in common.
pub(super) const COMMON: [Option<DataRate>; 16] = [
    DataRate::lora(Sf12, Khz125, 59),
    DataRate::lora(Sf11, Khz125, 59),
    DataRate::lora(Sf10, Khz125, 59),
    DataRate::lora(Sf9, Khz125, 123),
    DataRate::lora(Sf8, Khz125, 250),
    DataRate::lora(Sf7, Khz125, 250),
    DataRate::lora(Sf7, Khz250, 250),
    DataRate::fsk(50_000, 250),
    None,
    None,
    None,
    None,
    DataRate::lora_1_0_5(Sf6, Khz125),
    DataRate::lora_1_0_5(Sf5, Khz125),
    None,
    None,
];

/// The same rows, without some.
pub(super) const fn without(
    mut rows: [Option<DataRate>; 16],
    indices: &[u8],
) -> [Option<DataRate>; 16] {
    let mut rest = indices;
    while let [index, later @ ..] = rest {
        rows[*index as usize] = None;
        rest = later;
    }
    rows
}

/// What limits a frame's length besides its data rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct PayloadRules {
    /// The device may sit behind a repeater.
    pub repeater_compatible: bool,
    /// The frame may last 400 ms at most.
    pub dwell_time: bool,
}

/// How much fits a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaxPayload {
    /// M: bytes of MACPayload (FHDR, FPort, FRMPayload). 0: nothing may be sent.
    pub m: u8,
}

impl MaxPayload {
    /// N: bytes of FRMPayload in a frame without FOpts. FOpts take from it.
    pub const fn n(self) -> u8 {
        self.m.saturating_sub(8)
    }
}

/// The fastest data rate at 125 kHz before SF6 and SF5 came.
const DR5: DataRateIndex = DataRateIndex::from_low_bits(5);

/// The data rates that sets of NewChannelReq add.
const SF6_AND_SF5: DataRateSet = DataRateSet::of(&[12, 13]);

/// Does a device of this edition read a least data rate above the greatest as a set?
fn knows_sets(revision: RegParamsRevision) -> bool {
    revision >= RegParamsRevision::Rp002_1_0_5
}

/// A set of data-rate indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataRateSet(u16);

impl DataRateSet {
    /// These.
    pub const fn of(indices: &[u8]) -> Self {
        let (mut bits, mut rest) = (0u16, indices);
        while let [index, later @ ..] = rest {
            bits |= 1u16 << (*index & 0x0f);
            rest = later;
        }
        Self(bits)
    }

    /// All from the least to the greatest; none if they are the wrong way round.
    pub fn range(least: DataRateIndex, greatest: DataRateIndex) -> Self {
        Self((least.value()..=greatest.value()).fold(0, |bits, index| bits | 1 << index))
    }

    /// What NewChannelReq's least and greatest data rate stand for.
    ///
    /// Since RP002-1.0.5 a least one *above* a greatest one of 0 encodes a set: from 1 to 6 the
    /// data rates from the one below up to DR5, and DR12 and DR13. `None` for other combinations
    /// and for devices of older editions, which refuse them.
    pub fn from_new_channel(
        (least, greatest): (DataRateIndex, DataRateIndex),
        revision: RegParamsRevision,
    ) -> Option<Self> {
        if least <= greatest {
            return Some(Self::range(least, greatest));
        }
        let encoded = matches!((least.value(), greatest.value()), (1..=6, 0));
        let from = DataRateIndex::new(least.value() - 1)?;
        (encoded && knows_sets(revision)).then(|| Self::range(from, DR5).or(SF6_AND_SF5))
    }

    /// Least and greatest data rate with which NewChannelReq gives a device this set; `None` where
    /// it cannot.
    pub fn to_new_channel(
        self,
        revision: RegParamsRevision,
    ) -> Option<(DataRateIndex, DataRateIndex)> {
        let (least, greatest) = (self.iter().next()?, self.iter().last()?);
        let above = DataRateIndex::new(least.value() + 1);
        let encoded = above.map(|above| (above, DataRateIndex::DR0));
        [Some((least, greatest)), encoded]
            .into_iter()
            .flatten()
            .find(|range| Self::from_new_channel(*range, revision) == Some(self))
    }

    /// Is it one of them?
    pub const fn contains(self, index: DataRateIndex) -> bool {
        self.0 >> index.value() & 1 == 1
    }

    /// In both sets.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// In either set.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// None?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In rising order.
    pub fn iter(self) -> impl Iterator<Item = DataRateIndex> {
        (0..16).filter_map(DataRateIndex::new).filter(move |index| self.contains(*index))
    }
}

/// DR0 to DR5: what every device can do and every default channel of a dynamic plan carries.
pub(super) const BASIC: DataRateSet = DataRateSet::of(&[0, 1, 2, 3, 4, 5]);
