//! EU433. RP002-1.0.5, chapter on EU433; RP001-1.0.3 A §2.5.

use super::beacon::{Beacon, Places, SF9_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{BASIC, COMMON};
use super::plan::{Channel, ChannelPlan};
use super::rx1::{LESS_OFFSET, Rx1};
use super::sub_band::SubBand;
use super::tables::TxPowers;
use super::{Region, RegionTables};
use crate::units::{DataRateIndex, Dbm, Frequency};
use crate::version::RegParamsRevision;

/// 434.665 MHz: RP001-1.0.3 A §2.5.8, and the reference device; one server has 434.655 MHz.
const BEACON: Frequency = Frequency::from_hz(434_665_000);

/// 10 %: RP001-1.0.3 A §2.5.2, which has less than 1 % for Join-Requests only. The reference device
/// keeps 1 % throughout.
const DUTY_CYCLE_PERMILLE: u16 = 100;

pub(super) static TABLES: RegionTables = RegionTables {
    region: Region::Eu433,
    up: COMMON,
    down: COMMON,
    rx1: Rx1::always(LESS_OFFSET),
    plan: ChannelPlan::Dynamic {
        default_channels: &[
            Channel::basic(433_175_000),
            Channel::basic(433_375_000),
            Channel::basic(433_575_000),
        ],
        max_channels: 16,
        extra: &[
            Frequency::from_hz(433_775_000),
            Frequency::from_hz(433_975_000),
            Frequency::from_hz(434_175_000),
            Frequency::from_hz(434_375_000),
            Frequency::from_hz(434_575_000),
        ],
        extra_data_rates: BASIC,
    },
    ch_mask_layout: ChMaskLayout::Sixteen,
    rx2: (Frequency::from_hz(434_665_000), DataRateIndex::from_low_bits(0)),
    join_rx1: None,
    adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
    max_eirp: Dbm::from_hundredths(1215),
    tx_powers: TxPowers::TwoDbSteps(&[(RegParamsRevision::Rp001_1_0_2A, 5)]),
    dwell: None,
    band: (Frequency::from_hz(433_050_000), Frequency::from_hz(434_790_000)),
    sub_bands: &[SubBand::eirp(
        (433_050, 434_790),
        DUTY_CYCLE_PERMILLE,
        Dbm::from_hundredths(1215),
    )],
    downlink_max_eirp: Dbm::from_hundredths(1215),
    beacon: Beacon {
        data_rate: DataRateIndex::from_low_bits(3),
        places: Places::One(BEACON),
        rfu: SF9_RFU,
        ping_slot_data_rate: DataRateIndex::from_low_bits(3),
        ping_slots: Places::One(BEACON),
    },
};
