//! EU863–870. RP002-1.0.5, chapter on EU863–870; sub-bands after ETSI EN 300 220-2.
//!
//! Default channels, CFList and TXPower 0 to 7 have been the same since RP001-1.0.3 A (§2.2.2 to
//! §2.2.4).

use super::beacon::{Beacon, Places, SF9_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{BASIC, COMMON, DataRate};
use super::plan::{Channel, ChannelPlan};
use super::rx1::{LESS_OFFSET, Rx1, Rx1Rows};
use super::sub_band::SubBand;
use super::tables::TxPowers;
use super::{Region, RegionTables};
use crate::modulation::LrFhssCoding::{Cr13, Cr23};
use crate::units::{DataRateIndex, Dbm, Frequency};
use crate::version::RegParamsRevision;

/// DR8 to DR11 are LR-FHSS and exist only up.
const UP: [Option<DataRate>; 16] = {
    let mut up = COMMON;
    up[8] = DataRate::lr_fhss(137_000, Cr13, 58);
    up[9] = DataRate::lr_fhss(137_000, Cr23, 123);
    up[10] = DataRate::lr_fhss(336_000, Cr13, 58);
    up[11] = DataRate::lr_fhss(336_000, Cr23, 123);
    up
};

const RX1: Rx1Rows = {
    let mut rows = LESS_OFFSET;
    rows[8] = &[1, 0, 0, 0, 0, 0];
    rows[9] = &[2, 1, 0, 0, 0, 0];
    rows[10] = &[1, 0, 0, 0, 0, 0];
    rows[11] = &[2, 1, 0, 0, 0, 0];
    rows
};

pub(super) static TABLES: RegionTables = RegionTables {
    region: Region::Eu868,
    up: UP,
    down: COMMON,
    rx1: Rx1::always(RX1),
    plan: ChannelPlan::Dynamic {
        default_channels: &[
            Channel::basic(868_100_000),
            Channel::basic(868_300_000),
            Channel::basic(868_500_000),
        ],
        max_channels: 16,
        extra: &[
            Frequency::from_hz(867_100_000),
            Frequency::from_hz(867_300_000),
            Frequency::from_hz(867_500_000),
            Frequency::from_hz(867_700_000),
            Frequency::from_hz(867_900_000),
        ],
        extra_data_rates: BASIC,
    },
    ch_mask_layout: ChMaskLayout::Sixteen,
    rx2: (Frequency::from_hz(869_525_000), DataRateIndex::DR0),
    join_rx1: None,
    adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
    max_eirp: Dbm::from_whole(16),
    tx_powers: TxPowers::TwoDbSteps(&[
        (RegParamsRevision::Rp001_1_0_2A, 5),
        (RegParamsRevision::Rp001_1_0_2B, 7),
    ]),
    dwell: None,
    band: (Frequency::from_hz(863_000_000), Frequency::from_hz(870_000_000)),
    sub_bands: &[
        SubBand::erp((863_000, 865_000), 1, 14),
        SubBand::erp((865_000, 868_000), 10, 14),
        SubBand::erp((868_000, 868_600), 10, 14),
        SubBand::erp((868_700, 869_200), 1, 14),
        SubBand::erp((869_400, 869_650), 100, 27),
        SubBand::erp((869_700, 870_000), 10, 14),
    ],
    downlink_max_eirp: Dbm::from_whole(16),
    beacon: Beacon {
        data_rate: DataRateIndex::from_low_bits(3),
        places: Places::One(Frequency::from_hz(869_525_000)),
        rfu: SF9_RFU,
        ping_slot_data_rate: DataRateIndex::from_low_bits(3),
        ping_slots: Places::One(Frequency::from_hz(869_525_000)),
    },
};
