//! RX1's data rate: by uplink data rate, RX1DROffset and, in some regions, dwell time.

use crate::units::DataRateIndex;

/// RX1's data rate by uplink data rate, then by RX1DROffset.
pub type Rx1Rows = [&'static [u8]; 16];

/// A region's mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rx1 {
    /// Without a limit on the time on air of downlinks.
    pub unlimited: Rx1Rows,
    /// With DownlinkDwellTime 1, where that changes it.
    pub limited: Option<Rx1Rows>,
}

impl Rx1 {
    /// The same whatever the dwell time.
    pub(super) const fn always(unlimited: Rx1Rows) -> Self {
        Self { unlimited, limited: None }
    }

    /// `None` for an undefined data rate or offset, and where the answer depends on a dwell time
    /// that we do not know: a window that is missed costs less than one spoken into at a data rate
    /// at which the device does not listen.
    pub(super) fn data_rate(
        &self,
        up: DataRateIndex,
        offset: u8,
        downlink_dwell_time: Option<bool>,
    ) -> Option<DataRateIndex> {
        let unlimited = cell(&self.unlimited, up, offset)?;
        let Some(rows) = &self.limited else { return Some(unlimited) };
        let limited = cell(rows, up, offset)?;
        match downlink_dwell_time {
            Some(true) => Some(limited),
            Some(false) => Some(unlimited),
            None => (limited == unlimited).then_some(limited),
        }
    }

    /// The greatest offset that every defined data rate has.
    pub(super) fn max_offset(&self) -> u8 {
        let lengths = self.unlimited.iter().map(|row| row.len()).filter(|length| *length > 0);
        u8::try_from(lengths.min().unwrap_or(1).saturating_sub(1)).unwrap_or(0)
    }
}

fn cell(rows: &Rx1Rows, up: DataRateIndex, offset: u8) -> Option<DataRateIndex> {
    DataRateIndex::new(*rows.get(usize::from(up.value()))?.get(usize::from(offset))?)
}

/// Offsets 0 to 5 of the regions with one table for both directions: the uplink's data rate less
/// the offset, not below DR0. SF6 and SF5 (DR12, DR13) stand above DR5.
pub(super) const LESS_OFFSET: Rx1Rows = [
    &[0, 0, 0, 0, 0, 0],
    &[1, 0, 0, 0, 0, 0],
    &[2, 1, 0, 0, 0, 0],
    &[3, 2, 1, 0, 0, 0],
    &[4, 3, 2, 1, 0, 0],
    &[5, 4, 3, 2, 1, 0],
    &[6, 5, 4, 3, 2, 1],
    &[7, 6, 5, 4, 3, 2],
    &[],
    &[],
    &[],
    &[],
    &[12, 5, 4, 3, 2, 1],
    &[13, 12, 5, 4, 3, 2],
    &[],
    &[],
];

/// The same rows, without those of data rates that a region lacks.
pub(super) const fn without(mut rows: Rx1Rows, indices: &[u8]) -> Rx1Rows {
    let mut rest = indices;
    while let [index, later @ ..] = rest {
        rows[*index as usize] = &[];
        rest = later;
    }
    rows
}
