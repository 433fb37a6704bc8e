//! ISM2400: LoRa at 2.4 GHz, as Semtech proposed it ("Physical layer proposal 2.4 GHz"). In no
//! edition of RP002.
//!
//! Frequencies are carried in steps of 200 Hz.

use super::beacon::{Beacon, Places, SF9_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{DataRate, DataRateSet};
use super::plan::{Channel, ChannelPlan};
use super::rx1::{LESS_OFFSET, Rx1, without};
use super::tables::TO_7;
use super::{Region, RegionTables};
use crate::modulation::Bandwidth::Khz812;
use crate::modulation::SpreadingFactor::{Sf5, Sf6, Sf7, Sf8, Sf9, Sf10, Sf11, Sf12};
use crate::units::{DataRateIndex, Dbm, Frequency};

const ALL: DataRateSet = DataRateSet::of(&[0, 1, 2, 3, 4, 5, 6, 7]);

const fn channel(hz: u32) -> Channel {
    Channel { frequency: Frequency::from_hz(hz), data_rates: ALL, join_data_rates: ALL }
}

/// 248 bytes of MACPayload: what the modem's 253 bytes with long interleaving leave. One server has
/// 250.
const M: u8 = 248;

const RATES: [Option<DataRate>; 16] = [
    DataRate::lora(Sf12, Khz812, 59),
    DataRate::lora(Sf11, Khz812, 123),
    DataRate::lora(Sf10, Khz812, M),
    DataRate::lora(Sf9, Khz812, M),
    DataRate::lora(Sf8, Khz812, M),
    DataRate::lora(Sf7, Khz812, M),
    DataRate::lora(Sf6, Khz812, M),
    DataRate::lora(Sf5, Khz812, M),
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
];

pub(super) static TABLES: RegionTables = RegionTables {
    region: Region::Ism2400,
    up: RATES,
    down: RATES,
    rx1: Rx1::always(without(LESS_OFFSET, &[12, 13])),
    plan: ChannelPlan::Dynamic {
        default_channels: &[channel(2_403_000_000), channel(2_425_000_000), channel(2_479_000_000)],
        max_channels: 16,
        extra: &[],
        extra_data_rates: ALL,
    },
    ch_mask_layout: ChMaskLayout::Sixteen,
    rx2: (Frequency::from_hz(2_423_000_000), DataRateIndex::from_low_bits(0)),
    join_rx1: None,
    adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(7)),
    max_eirp: Dbm::from_whole(10),
    tx_powers: TO_7,
    dwell: None,
    band: (Frequency::from_hz(2_400_000_000), Frequency::from_hz(2_483_500_000)),
    sub_bands: &[],
    downlink_max_eirp: Dbm::from_whole(10),
    beacon: Beacon {
        data_rate: DataRateIndex::from_low_bits(3),
        places: Places::One(Frequency::from_hz(2_424_000_000)),
        rfu: SF9_RFU,
        ping_slot_data_rate: DataRateIndex::from_low_bits(3),
        ping_slots: Places::One(Frequency::from_hz(2_424_000_000)),
    },
};
