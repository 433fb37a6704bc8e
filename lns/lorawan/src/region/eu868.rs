//! EU863–870. RP002-1.0.5, chapter on EU863–870; sub-bands after ETSI EN 300 220-2.
//!
//! Default channels, CFList and TXPower 0 to 7 have been the same since RP001-1.0.3 A (§2.2.2 to
//! §2.2.4).

use super::data_rate::{DataRate, DataRateSet};
use super::plan::{Channel, ChannelPlan};
use super::sub_band::SubBand;
use super::{Region, RegionTables};
use crate::modulation::Bandwidth::{Khz125, Khz250};
use crate::modulation::LrFhssCoding::{Cr13, Cr23};
use crate::modulation::SpreadingFactor::{Sf5, Sf6, Sf7, Sf8, Sf9, Sf10, Sf11, Sf12};
use crate::units::{DataRateIndex, Db, Dbm, Frequency};
use crate::version::RegParamsRevision;

/// DR0 to DR5: what every device can do and every default channel carries.
const BASIC: DataRateSet = DataRateSet::of(&[0, 1, 2, 3, 4, 5]);

const fn channel(hz: u32) -> Channel {
    Channel { frequency: Frequency::from_hz(hz), data_rates: BASIC, join_data_rates: BASIC }
}

/// DR8 to DR11 are LR-FHSS and exist only up.
const UP: [Option<DataRate>; 16] = [
    DataRate::lora(Sf12, Khz125, 59),
    DataRate::lora(Sf11, Khz125, 59),
    DataRate::lora(Sf10, Khz125, 59),
    DataRate::lora(Sf9, Khz125, 123),
    DataRate::lora(Sf8, Khz125, 250),
    DataRate::lora(Sf7, Khz125, 250),
    DataRate::lora(Sf7, Khz250, 250),
    DataRate::fsk(50_000, 250),
    DataRate::lr_fhss(137_000, Cr13, 58),
    DataRate::lr_fhss(137_000, Cr23, 123),
    DataRate::lr_fhss(336_000, Cr13, 58),
    DataRate::lr_fhss(336_000, Cr23, 123),
    DataRate::lora_1_0_5(Sf6, Khz125),
    DataRate::lora_1_0_5(Sf5, Khz125),
    None,
    None,
];

const DOWN: [Option<DataRate>; 16] = {
    let [d0, d1, d2, d3, d4, d5, d6, d7, _, _, _, _, d12, d13, _, _] = UP;
    [d0, d1, d2, d3, d4, d5, d6, d7, None, None, None, None, d12, d13, None, None]
};

pub(super) static TABLES: RegionTables = RegionTables {
    region: Region::Eu868,
    up: UP,
    down: DOWN,
    rx1: [
        &[0, 0, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0],
        &[3, 2, 1, 0, 0, 0],
        &[4, 3, 2, 1, 0, 0],
        &[5, 4, 3, 2, 1, 0],
        &[6, 5, 4, 3, 2, 1],
        &[7, 6, 5, 4, 3, 2],
        &[1, 0, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0],
        &[12, 5, 4, 3, 2, 1],
        &[13, 12, 5, 4, 3, 2],
        &[],
        &[],
    ],
    plan: ChannelPlan::Dynamic {
        default_channels: &[channel(868_100_000), channel(868_300_000), channel(868_500_000)],
        max_channels: 16,
        extra: [
            Frequency::from_hz(867_100_000),
            Frequency::from_hz(867_300_000),
            Frequency::from_hz(867_500_000),
            Frequency::from_hz(867_700_000),
            Frequency::from_hz(867_900_000),
        ],
        extra_data_rates: BASIC,
    },
    rx2: (Frequency::from_hz(869_525_000), DataRateIndex::DR0),
    adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
    max_eirp: Dbm::from_whole(16),
    tx_power_step: Db::from_whole(2),
    max_tx_power: &[(RegParamsRevision::Rp001_1_0_2A, 5), (RegParamsRevision::Rp001_1_0_2B, 7)],
    sub_bands: &[
        SubBand::new((863_000, 865_000), 1, 14),
        SubBand::new((865_000, 868_000), 10, 14),
        SubBand::new((868_000, 868_600), 10, 14),
        SubBand::new((868_700, 869_200), 1, 14),
        SubBand::new((869_400, 869_650), 100, 27),
        SubBand::new((869_700, 870_000), 10, 14),
    ],
    downlink_max_eirp: Dbm::from_whole(16),
};
