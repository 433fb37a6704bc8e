//! AU915–928. RP002-1.0.5, chapter on AU915–928.
//!
//! An index means one thing up and another down, as in US915. Up to RP001 1.0.2 A the region had
//! US915's uplink data rates (SF10 was DR0); since then SF12 and SF11 stand before them, as time on
//! air is not limited everywhere.

use super::beacon::{Beacon, Places, SF12_500_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{DataRate, DataRateSet};
use super::plan::{ChannelGroup, ChannelPlan};
use super::rx1::Rx1;
use super::tables::{BootDwell, TxPowers};
use super::us915::{DOWN, DOWNLINK};
use super::{Region, RegionTables};
use crate::modulation::Bandwidth::{Khz125, Khz500};
use crate::modulation::LrFhssCoding::Cr13;
use crate::modulation::SpreadingFactor::{Sf5, Sf6, Sf7, Sf8, Sf9, Sf10, Sf11, Sf12};
use crate::units::{DataRateIndex, Dbm, Frequency};
use crate::version::RegParamsRevision;

const UP: [Option<DataRate>; 16] = [
    DataRate::limited(Sf12, Khz125, (59, 0)),
    DataRate::limited(Sf11, Khz125, (59, 0)),
    DataRate::limited(Sf10, Khz125, (59, 19)),
    DataRate::limited(Sf9, Khz125, (123, 61)),
    DataRate::limited(Sf8, Khz125, (250, 133)),
    DataRate::lora(Sf7, Khz125, 250),
    DataRate::lora(Sf8, Khz500, 250),
    DataRate::lr_fhss(1_523_000, Cr13, 58),
    None,
    DataRate::lora_1_0_5(Sf6, Khz125),
    DataRate::lora_1_0_5(Sf5, Khz125),
    None,
    None,
    None,
    None,
    None,
];

const RX1: Rx1 = Rx1::always([
    &[8, 8, 8, 8, 8, 8],
    &[9, 8, 8, 8, 8, 8],
    &[10, 9, 8, 8, 8, 8],
    &[11, 10, 9, 8, 8, 8],
    &[12, 11, 10, 9, 8, 8],
    &[13, 12, 11, 10, 9, 8],
    &[13, 13, 12, 11, 10, 9],
    &[9, 8, 8, 8, 8, 8],
    &[],
    &[14, 13, 12, 11, 10, 9],
    &[0, 14, 13, 12, 11, 10],
    &[],
    &[],
    &[],
    &[],
    &[],
]);

const UP_RP001_1_0_2A: [Option<DataRate>; 16] = [
    DataRate::lora(Sf10, Khz125, 59),
    DataRate::lora(Sf9, Khz125, 123),
    DataRate::lora(Sf8, Khz125, 250),
    DataRate::lora(Sf7, Khz125, 250),
    DataRate::lora(Sf8, Khz500, 250),
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
];

const RX1_RP001_1_0_2A: Rx1 = Rx1::always([
    &[10, 9, 8, 8],
    &[11, 10, 9, 8],
    &[12, 11, 10, 9],
    &[13, 12, 11, 10],
    &[13, 13, 12, 11],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
]);

const fn plan(groups: &'static [ChannelGroup]) -> ChannelPlan {
    ChannelPlan::Fixed { groups, downlink: Some(DOWNLINK) }
}

const fn narrow(data_rates: DataRateSet, join_data_rates: DataRateSet) -> ChannelGroup {
    ChannelGroup {
        first_index: 0,
        count: 64,
        first_hz: 915_200_000,
        step_hz: 200_000,
        data_rates,
        join_data_rates,
    }
}

const fn wide(data_rates: DataRateSet, join_data_rates: DataRateSet) -> ChannelGroup {
    ChannelGroup {
        first_index: 64,
        count: 8,
        first_hz: 915_900_000,
        step_hz: 1_600_000,
        data_rates,
        join_data_rates,
    }
}

const CHANNELS: [ChannelGroup; 2] = [
    narrow(DataRateSet::of(&[0, 1, 2, 3, 4, 5, 9, 10]), DataRateSet::of(&[0, 1, 2, 3, 4, 5])),
    wide(DataRateSet::of(&[6, 7]), DataRateSet::of(&[6])),
];

const CHANNELS_RP001_1_0_2A: [ChannelGroup; 2] = [
    narrow(DataRateSet::of(&[0, 1, 2, 3]), DataRateSet::of(&[0])),
    wide(DataRateSet::of(&[4]), DataRateSet::of(&[4])),
];

static TABLES: RegionTables = tables_of(DataRateIndex::from_low_bits(8));

/// Until RP001 1.1 A beacons and ping slots are at DR10; later and in 1.0.3 at DR8.
static BEACON_AT_DR10: RegionTables = tables_of(DataRateIndex::from_low_bits(10));

static RP001_1_0_2A: RegionTables = RegionTables {
    up: UP_RP001_1_0_2A,
    rx1: RX1_RP001_1_0_2A,
    plan: plan(&CHANNELS_RP001_1_0_2A),
    adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(3)),
    dwell: None,
    ..tables_of(DataRateIndex::from_low_bits(10))
};

pub(super) const fn tables(revision: RegParamsRevision) -> &'static RegionTables {
    match revision {
        RegParamsRevision::Rp001_1_0_2A => &RP001_1_0_2A,
        RegParamsRevision::Rp001_1_0_2B | RegParamsRevision::Rp001_1_1A => &BEACON_AT_DR10,
        RegParamsRevision::Rp001_1_0_3A
        | RegParamsRevision::Rp001_1_1B
        | RegParamsRevision::Rp002_1_0_0
        | RegParamsRevision::Rp002_1_0_1
        | RegParamsRevision::Rp002_1_0_2
        | RegParamsRevision::Rp002_1_0_3
        | RegParamsRevision::Rp002_1_0_4
        | RegParamsRevision::Rp002_1_0_5 => &TABLES,
    }
}

const fn tables_of(beacon_data_rate: DataRateIndex) -> RegionTables {
    RegionTables {
        region: Region::Au915,
        up: UP,
        down: DOWN,
        rx1: RX1,
        plan: plan(&CHANNELS),
        ch_mask_layout: ChMaskLayout::SeventyTwo,
        rx2: (Frequency::from_hz(923_300_000), DataRateIndex::from_low_bits(8)),
        join_rx1: None,
        adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
        max_eirp: Dbm::from_whole(30),
        tx_powers: TxPowers::TwoDbSteps(&[
            (RegParamsRevision::Rp001_1_0_2A, 10),
            (RegParamsRevision::Rp001_1_0_3A, 14),
        ]),
        // Devices start with limited uplinks, so that they may send anywhere.
        dwell: Some(BootDwell { uplink: Some(true), downlink: Some(false) }),
        band: (Frequency::from_hz(915_000_000), Frequency::from_hz(928_000_000)),
        sub_bands: &[],
        downlink_max_eirp: Dbm::from_whole(30),
        beacon: Beacon {
            data_rate: beacon_data_rate,
            places: Places::Hopping(DOWNLINK),
            rfu: SF12_500_RFU,
            ping_slot_data_rate: beacon_data_rate,
            ping_slots: Places::Hopping(DOWNLINK),
        },
    }
}
