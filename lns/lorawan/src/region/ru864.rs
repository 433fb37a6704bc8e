//! RU864–870. RP002-1.0.5, chapter on RU864–870; beacon and ping slots RP001-1.0.3 A §2.11.8.
//!
//! One duty cycle of 1 % for the whole band; RP001 1.0.3 A has the region first.

use super::beacon::{Beacon, Places, SF9_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{BASIC, COMMON};
use super::plan::{Channel, ChannelPlan};
use super::rx1::{LESS_OFFSET, Rx1};
use super::sub_band::SubBand;
use super::tables::TO_7;
use super::{Region, RegionTables};
use crate::units::{DataRateIndex, Dbm, Frequency};

pub(super) static TABLES: RegionTables = RegionTables {
    region: Region::Ru864,
    up: COMMON,
    down: COMMON,
    rx1: Rx1::always(LESS_OFFSET),
    plan: ChannelPlan::Dynamic {
        default_channels: &[Channel::basic(868_900_000), Channel::basic(869_100_000)],
        max_channels: 16,
        extra: &[
            Frequency::from_hz(864_100_000),
            Frequency::from_hz(864_300_000),
            Frequency::from_hz(864_500_000),
            Frequency::from_hz(864_700_000),
            Frequency::from_hz(864_900_000),
        ],
        extra_data_rates: BASIC,
    },
    ch_mask_layout: ChMaskLayout::Sixteen,
    rx2: (Frequency::from_hz(869_100_000), DataRateIndex::from_low_bits(0)),
    join_rx1: None,
    adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
    max_eirp: Dbm::from_whole(16),
    tx_powers: TO_7,
    dwell: None,
    band: (Frequency::from_hz(864_000_000), Frequency::from_hz(870_000_000)),
    sub_bands: &[SubBand::eirp((864_000, 870_000), 10, Dbm::from_whole(16))],
    downlink_max_eirp: Dbm::from_whole(16),
    beacon: Beacon {
        data_rate: DataRateIndex::from_low_bits(3),
        places: Places::One(Frequency::from_hz(869_100_000)),
        rfu: SF9_RFU,
        ping_slot_data_rate: DataRateIndex::from_low_bits(3),
        ping_slots: Places::One(Frequency::from_hz(868_900_000)),
    },
};
