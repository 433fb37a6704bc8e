//! What a device may be told: by its region, its revision, its profiles, and by what it refused.

use lns_lorawan::{
    Bandwidth, DataRateIndex, Db, Direction, Modulation, RegParamsRevision, RegionTables,
    TxPowerIndex,
};

use super::{Current, NbTrans, Policy, Target};
use crate::profile::Profile;

/// Values that a device refused in this session. It is not asked for them again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Data rates, one bit each.
    data_rates: u16,
    /// Powers, one bit each.
    tx_powers: u16,
}

impl Refused {
    /// The device has refused these.
    pub fn add(&mut self, (data_rate, tx_power): (Option<DataRateIndex>, Option<TxPowerIndex>)) {
        if let Some(data_rate) = data_rate {
            self.data_rates |= 1 << data_rate.value();
        }
        if let Some(tx_power) = tx_power {
            self.tx_powers |= 1 << tx_power.value();
        }
    }

    fn has_data_rate(self, data_rate: DataRateIndex) -> bool {
        self.data_rates >> data_rate.value() & 1 == 1
    }

    fn has_tx_power(self, tx_power: TxPowerIndex) -> bool {
        self.tx_powers >> tx_power.value() & 1 == 1
    }
}

/// What a device may be told.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    tables: &'static RegionTables,
    revision: RegParamsRevision,
    /// The profile's word, and the region's where it has none. A device that sends outside the
    /// profile's is drawn in; one that chose a data rate beyond the region's for ADR is let be.
    wanted: (Option<DataRateIndex>, Option<DataRateIndex>),
    data_rates: (DataRateIndex, DataRateIndex),
    tx_powers: (TxPowerIndex, TxPowerIndex),
    nb_trans: (NbTrans, NbTrans),
    refused: Refused,
}

impl Limits {
    /// The limits of a device of this make under this policy.
    pub fn new(profile: &Profile, policy: &Policy, refused: Refused) -> Self {
        let tables = profile.tables();
        let (slowest, fastest) = tables.adr_data_rates;
        let (least, greatest) = policy.data_rates;
        let most = tables.max_tx_power_index(profile.reg_params);
        let (least_power, greatest_power) = policy.tx_powers;
        let tx_power_max = greatest_power.unwrap_or(most).min(most);
        let (nb_min, nb_max) = policy.nb_trans;
        Limits {
            tables,
            revision: profile.reg_params,
            wanted: policy.data_rates,
            data_rates: (
                least.unwrap_or(slowest).max(slowest).min(fastest),
                greatest.unwrap_or(fastest).min(fastest).max(slowest),
            ),
            tx_powers: (
                least_power.unwrap_or(TxPowerIndex::MAX_POWER).min(tx_power_max),
                tx_power_max,
            ),
            nb_trans: (nb_min.min(nb_max), nb_max),
            refused,
        }
    }

    /// The next faster data rate that the device may be told, and takes.
    pub fn faster(&self, than: DataRateIndex) -> Option<DataRateIndex> {
        let (slowest, fastest) = self.data_rates;
        let mut indices = (0..16).filter_map(DataRateIndex::new);
        indices.find(|index| {
            *index > than
                && (slowest..=fastest).contains(index)
                && self.floor(*index).is_some()
                && self.tables.knows_data_rate(Direction::Up, *index, self.revision)
                && !self.refused.has_data_rate(*index)
        })
    }

    /// The next lower power (a greater index).
    pub fn weaker(&self, than: TxPowerIndex) -> Option<TxPowerIndex> {
        let (_, weakest) = self.tx_powers;
        let mut indices = (than.value() + 1..=weakest.value()).filter_map(TxPowerIndex::new);
        indices.find(|index| self.takes_tx_power(*index))
    }

    /// The next greater power (a smaller index).
    pub fn stronger(&self, than: TxPowerIndex) -> Option<TxPowerIndex> {
        let (strongest, _) = self.tx_powers;
        let mut indices = (strongest.value()..than.value()).rev().filter_map(TxPowerIndex::new);
        indices.find(|index| self.takes_tx_power(*index))
    }

    fn takes_tx_power(&self, index: TxPowerIndex) -> bool {
        !self.refused.has_tx_power(index)
            && self.tables.tx_power(index, self.tables.max_eirp, self.revision).is_some()
    }

    /// NbTrans within the profile's bounds.
    pub fn clamp_nb_trans(&self, nb_trans: NbTrans) -> NbTrans {
        let (least, most) = self.nb_trans;
        nb_trans.clamp(least, most)
    }

    /// What a person wants, except where the device has refused it.
    pub(super) fn what_it_takes(&self, wanted: Target, current: Current) -> Target {
        let Target { data_rate, tx_power, nb_trans } = wanted;
        let refused = self.refused;
        Target {
            data_rate: if refused.has_data_rate(data_rate) { current.data_rate } else { data_rate },
            tx_power: if refused.has_tx_power(tx_power) { current.tx_power } else { tx_power },
            nb_trans,
        }
    }

    /// A target drawn into what the profile allows.
    pub(super) fn enforce(&self, target: Target) -> Target {
        let (least, greatest) = self.wanted;
        let too_slow = least.is_some_and(|least| target.data_rate < least);
        let too_fast = greatest.is_some_and(|greatest| target.data_rate > greatest);
        let (slowest, fastest) = self.data_rates;
        let drawn_in = match (too_slow, too_fast) {
            (true, _) => self.faster_or(slowest),
            (false, true) => Some(fastest),
            (false, false) => None,
        };
        let takes = |data_rate: &DataRateIndex| !self.refused.has_data_rate(*data_rate);
        Target {
            data_rate: drawn_in.filter(takes).unwrap_or(target.data_rate),
            tx_power: self.clamp_tx_power(target.tx_power),
            nb_trans: self.clamp_nb_trans(target.nb_trans),
        }
    }

    /// This data rate if the device takes it, else the next faster one.
    fn faster_or(&self, data_rate: DataRateIndex) -> Option<DataRateIndex> {
        let below = data_rate.value().checked_sub(1).and_then(DataRateIndex::new);
        match below {
            Some(below) => self.faster(below),
            None => Some(data_rate),
        }
    }

    /// A power within the profile's bounds that the device takes; unchanged if there is none.
    pub fn clamp_tx_power(&self, index: TxPowerIndex) -> TxPowerIndex {
        let (strongest, weakest) = self.tx_powers;
        let clamped = index.clamp(strongest, weakest);
        if clamped == index || self.takes_tx_power(clamped) { clamped } else { index }
    }

    /// The least SNR at this data rate, as it would be in 125 kHz: what makes data rates of
    /// different bandwidths comparable. `None` for data rates that have no SNR.
    pub(super) fn floor(&self, data_rate: DataRateIndex) -> Option<i32> {
        let modulation = self.tables.data_rate(Direction::Up, data_rate)?;
        let required = hundredths(modulation.required_snr()?);
        Some(required + self.bandwidth_above_125(data_rate)?)
    }

    /// An SNR at this data rate and power, as it would be at full power in 125 kHz.
    pub(super) fn normal(
        &self,
        snr: i16,
        (data_rate, tx_power): (DataRateIndex, TxPowerIndex),
    ) -> Option<i32> {
        Some(i32::from(snr) + self.bandwidth_above_125(data_rate)? + self.below_full(tx_power))
    }

    /// The same back again.
    pub(super) fn denormal(&self, normal: i32, current: Current) -> Option<Db> {
        let above = self.bandwidth_above_125(current.data_rate)?;
        let snr = normal - above - self.below_full(current.tx_power);
        i16::try_from(snr).ok().map(Db::from_hundredths)
    }

    /// How far this power is below full power, hundredths of a dB.
    pub(super) fn below_full(&self, tx_power: TxPowerIndex) -> i32 {
        let max = self.tables.max_eirp;
        let at = self.tables.tx_power(tx_power, max, self.revision).unwrap_or(max);
        i32::from(max.hundredths()) - i32::from(at.hundredths())
    }

    /// 10·log10 of the bandwidth over 125 kHz, hundredths of a dB: the noise that a receiver hears
    /// grows with it. `None` where the data rate is no LoRa one.
    fn bandwidth_above_125(&self, data_rate: DataRateIndex) -> Option<i32> {
        match self.tables.data_rate(Direction::Up, data_rate)? {
            Modulation::Lora { bandwidth, .. } => Some(match bandwidth {
                Bandwidth::Khz125 => 0,
                Bandwidth::Khz250 => 301,
                Bandwidth::Khz500 => 602,
                Bandwidth::Khz812 => 813,
            }),
            Modulation::Fsk { .. } | Modulation::LrFhss { .. } => None,
        }
    }
}

/// Room to reckon in.
fn hundredths(db: Db) -> i32 {
    i32::from(db.hundredths())
}
