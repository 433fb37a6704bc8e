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
    /// The greatest EIRP.
    pub max_eirp: Dbm,
}

impl SubBand {
    /// Where the regulator limits the *effective radiated* power (ERP), in dBm.
    pub(super) const fn erp(khz: (u32, u32), duty_cycle_permille: u16, max_erp: i16) -> Self {
        let max_eirp = max_erp * 100 + DIPOLE_GAIN.hundredths();
        Self::eirp(khz, duty_cycle_permille, Dbm::from_hundredths(max_eirp))
    }

    /// Where the regulator limits the EIRP. 1000 ‰ is no duty cycle.
    pub(super) const fn eirp(
        (low_khz, high_khz): (u32, u32),
        duty_cycle_permille: u16,
        max_eirp: Dbm,
    ) -> Self {
        Self {
            low: Frequency::from_hz(low_khz * 1000),
            high: Frequency::from_hz(high_khz * 1000),
            duty_cycle_permille,
            max_eirp,
        }
    }

    /// Does the frequency lie in it?
    pub fn contains(&self, frequency: Frequency) -> bool {
        self.low <= frequency && frequency < self.high
    }
}
