//! The regulator's sub-bands: how strong and how often.

use crate::units::{Db, Dbm, Frequency};

/// From a half-wave dipole (ERP) to an isotropic antenna (EIRP).
const DIPOLE_GAIN: Db = Db::from_hundredths(215);

/// A stretch of spectrum with a duty cycle and a power limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubBand {
    /// Its lower edge.
    pub low: Frequency,
    /// Its upper edge, which belongs to the next one.
    pub high: Frequency,
    /// Thousandths of the time that one transmitter may be on the air.
    pub duty_cycle_permille: u16,
    /// The greatest *effective radiated* power.
    pub max_erp: Dbm,
}

impl SubBand {
    pub(super) const fn new(
        (low_khz, high_khz): (u32, u32),
        duty_cycle_permille: u16,
        max_erp_dbm: i16,
    ) -> Self {
        Self {
            low: Frequency::from_hz(low_khz * 1000),
            high: Frequency::from_hz(high_khz * 1000),
            duty_cycle_permille,
            max_erp: Dbm::from_whole(max_erp_dbm),
        }
    }

    /// Does the frequency lie in it?
    pub fn contains(&self, frequency: Frequency) -> bool {
        self.low <= frequency && frequency < self.high
    }

    /// The limit as EIRP: 2.15 dB more than as ERP.
    pub fn max_eirp(&self) -> Dbm {
        self.max_erp + DIPOLE_GAIN
    }
}
