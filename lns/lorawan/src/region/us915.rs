//! US902–928. RP002-1.0.5, chapter on US902–928. RX1's channel, its data rates after DR0 to DR4 and
//! RX2 have been the same since RP001-1.0.3 A (§2.3.7).
//!
//! Here an index means one thing up and another down: DR8 is SF5 at 125 kHz up and SF12 at 500 kHz
//! down, DR0 is SF10 up and, since RP002-1.0.5, SF5 at 500 kHz down.

use super::beacon::{Beacon, Places, SF12_500_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{DataRate, DataRateSet};
use super::plan::{ChannelGroup, ChannelPlan, DownlinkGrid};
use super::rx1::Rx1;
use super::tables::TxPowers;
use super::{Region, RegionTables};
use crate::modulation::Bandwidth::{Khz125, Khz500};
use crate::modulation::LrFhssCoding::{Cr13, Cr23};
use crate::modulation::SpreadingFactor::{Sf5, Sf6, Sf7, Sf8, Sf9, Sf10, Sf11, Sf12};
use crate::units::{DataRateIndex, Dbm, Frequency};
use crate::version::RegParamsRevision;

const UP: [Option<DataRate>; 16] = [
    DataRate::lora(Sf10, Khz125, 19),
    DataRate::lora(Sf9, Khz125, 61),
    DataRate::lora(Sf8, Khz125, 133),
    DataRate::lora(Sf7, Khz125, 250),
    DataRate::lora(Sf8, Khz500, 250),
    DataRate::lr_fhss(1_523_000, Cr13, 58),
    DataRate::lr_fhss(1_523_000, Cr23, 133),
    DataRate::lora_1_0_5(Sf6, Khz125),
    DataRate::lora_1_0_5(Sf5, Khz125),
    None,
    None,
    None,
    None,
    None,
    None,
    None,
];

pub(super) const DOWN: [Option<DataRate>; 16] = [
    DataRate::lora_1_0_5(Sf5, Khz500),
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    DataRate::lora(Sf12, Khz500, 61),
    DataRate::lora(Sf11, Khz500, 137),
    DataRate::lora(Sf10, Khz500, 250),
    DataRate::lora(Sf9, Khz500, 250),
    DataRate::lora(Sf8, Khz500, 250),
    DataRate::lora(Sf7, Khz500, 250),
    DataRate::lora_1_0_5(Sf6, Khz500),
    None,
];

/// Downlinks, beacons and ping slots.
pub(super) const DOWNLINK: DownlinkGrid =
    DownlinkGrid { count: 8, first_hz: 923_300_000, step_hz: 600_000 };

pub(super) static TABLES: RegionTables = RegionTables {
    region: Region::Us915,
    up: UP,
    down: DOWN,
    rx1: Rx1::always([
        &[10, 9, 8, 8],
        &[11, 10, 9, 8],
        &[12, 11, 10, 9],
        &[13, 12, 11, 10],
        &[13, 13, 12, 11],
        &[10, 9, 8, 8],
        &[11, 10, 9, 8],
        &[14, 13, 12, 11],
        &[0, 14, 13, 12],
        &[],
        &[],
        &[],
        &[],
        &[],
        &[],
        &[],
    ]),
    plan: ChannelPlan::Fixed {
        groups: &[
            ChannelGroup {
                first_index: 0,
                count: 64,
                first_hz: 902_300_000,
                step_hz: 200_000,
                data_rates: DataRateSet::of(&[0, 1, 2, 3, 7, 8]),
                join_data_rates: DataRateSet::of(&[0]),
            },
            ChannelGroup {
                first_index: 64,
                count: 8,
                first_hz: 903_000_000,
                step_hz: 1_600_000,
                data_rates: DataRateSet::of(&[4, 5, 6]),
                join_data_rates: DataRateSet::of(&[4]),
            },
        ],
        downlink: Some(DOWNLINK),
    },
    ch_mask_layout: ChMaskLayout::SeventyTwo,
    rx2: (Frequency::from_hz(923_300_000), DataRateIndex::from_low_bits(8)),
    join_rx1: None,
    adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(3)),
    max_eirp: Dbm::from_whole(30),
    tx_powers: TxPowers::TwoDbSteps(&[
        (RegParamsRevision::Rp001_1_0_2A, 10),
        (RegParamsRevision::Rp001_1_0_3A, 14),
    ]),
    dwell: None,
    band: (Frequency::from_hz(902_000_000), Frequency::from_hz(928_000_000)),
    // FCC 15.247 has no duty cycle here.
    sub_bands: &[],
    // Servers disagree (21 or 26 dBm); 26 dBm is RP002's figure for 500 kHz channels, which all
    // downlinks use.
    downlink_max_eirp: Dbm::from_whole(26),
    beacon: Beacon {
        data_rate: DataRateIndex::from_low_bits(8),
        places: Places::Hopping(DOWNLINK),
        rfu: SF12_500_RFU,
        ping_slot_data_rate: DataRateIndex::from_low_bits(8),
        ping_slots: Places::Hopping(DOWNLINK),
    },
};
