//! CN779–787. RP002-1.0.3, chapter on CN779–787; later editions have the region no more.
//!
//! One server has six default channels; the text and the reference device have the three below, and
//! the other three are given by CFList.

use super::beacon::{Beacon, Places, SF9_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{BASIC, COMMON, DataRate, without as without_rates};
use super::plan::{Channel, ChannelPlan};
use super::rx1::{LESS_OFFSET, Rx1, without};
use super::sub_band::SubBand;
use super::tables::TxPowers;
use super::{Region, RegionTables};
use crate::units::{DataRateIndex, Dbm, Frequency};
use crate::version::RegParamsRevision;

/// SF6 and SF5 came when the region was gone.
const RATES: [Option<DataRate>; 16] = without_rates(COMMON, &[12, 13]);

pub(super) static TABLES: RegionTables = RegionTables {
    region: Region::Cn779,
    up: RATES,
    down: RATES,
    rx1: Rx1::always(without(LESS_OFFSET, &[12, 13])),
    plan: ChannelPlan::Dynamic {
        default_channels: &[
            Channel::basic(779_500_000),
            Channel::basic(779_700_000),
            Channel::basic(779_900_000),
        ],
        max_channels: 16,
        extra: &[
            Frequency::from_hz(780_500_000),
            Frequency::from_hz(780_700_000),
            Frequency::from_hz(780_900_000),
        ],
        extra_data_rates: BASIC,
    },
    ch_mask_layout: ChMaskLayout::Sixteen,
    rx2: (Frequency::from_hz(786_000_000), DataRateIndex::from_low_bits(0)),
    join_rx1: None,
    adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
    max_eirp: Dbm::from_hundredths(1215),
    tx_powers: TxPowers::TwoDbSteps(&[(RegParamsRevision::Rp001_1_0_2A, 5)]),
    dwell: None,
    band: (Frequency::from_hz(779_000_000), Frequency::from_hz(787_000_000)),
    sub_bands: &[SubBand::eirp((779_000, 787_000), 10, Dbm::from_hundredths(1215))],
    downlink_max_eirp: Dbm::from_hundredths(1215),
    beacon: Beacon {
        data_rate: DataRateIndex::from_low_bits(3),
        places: Places::One(Frequency::from_hz(785_000_000)),
        rfu: SF9_RFU,
        ping_slot_data_rate: DataRateIndex::from_low_bits(3),
        ping_slots: Places::One(Frequency::from_hz(785_000_000)),
    },
};
