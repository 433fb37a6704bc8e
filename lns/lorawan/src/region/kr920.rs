//! KR920–923. RP002-1.0.5, chapter on KR920–923.
//!
//! Devices listen before they talk and have no duty cycle; below 922 MHz they send at 10 dBm at most
//! whatever they are told (RP001-1.0.3 A §2.9.3), which is their own affair.

use super::beacon::{Beacon, Places, SF9_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{BASIC, COMMON, DataRate, without as without_rates};
use super::plan::{Channel, ChannelPlan};
use super::rx1::{LESS_OFFSET, Rx1, without};
use super::tables::{TO_7, TxPowers};
use super::{Region, RegionTables};
use crate::units::{DataRateIndex, Db, Dbm, Frequency};
use crate::version::RegParamsRevision;

/// Neither 250 kHz nor FSK.
const RATES: [Option<DataRate>; 16] = without_rates(COMMON, &[6, 7]);

const DEFAULT_CHANNELS: [Channel; 3] =
    [Channel::basic(922_100_000), Channel::basic(922_300_000), Channel::basic(922_500_000)];

const EXTRA: [Frequency; 4] = [
    Frequency::from_hz(922_700_000),
    Frequency::from_hz(922_900_000),
    Frequency::from_hz(923_100_000),
    Frequency::from_hz(923_300_000),
];

static TABLES: RegionTables = tables_of(Dbm::from_whole(14), TO_7);

/// RP001 1.0.2 A starts at 20 dBm and has steps of its own.
static RP001_1_0_2A: RegionTables = tables_of(
    Dbm::from_whole(20),
    TxPowers::Listed(&[
        Db::from_whole(0),
        Db::from_whole(6),
        Db::from_whole(10),
        Db::from_whole(12),
        Db::from_whole(15),
        Db::from_whole(18),
        Db::from_whole(20),
    ]),
);

pub(super) const fn tables(revision: RegParamsRevision) -> &'static RegionTables {
    match revision {
        RegParamsRevision::Rp001_1_0_2A => &RP001_1_0_2A,
        RegParamsRevision::Rp001_1_0_2B
        | RegParamsRevision::Rp001_1_0_3A
        | RegParamsRevision::Rp001_1_1A
        | RegParamsRevision::Rp001_1_1B
        | RegParamsRevision::Rp002_1_0_0
        | RegParamsRevision::Rp002_1_0_1
        | RegParamsRevision::Rp002_1_0_2
        | RegParamsRevision::Rp002_1_0_3
        | RegParamsRevision::Rp002_1_0_4
        | RegParamsRevision::Rp002_1_0_5 => &TABLES,
    }
}

const fn tables_of(max_eirp: Dbm, tx_powers: TxPowers) -> RegionTables {
    RegionTables {
        region: Region::Kr920,
        up: RATES,
        down: RATES,
        rx1: Rx1::always(without(LESS_OFFSET, &[6, 7])),
        plan: ChannelPlan::Dynamic {
            default_channels: &DEFAULT_CHANNELS,
            max_channels: 16,
            extra: &EXTRA,
            extra_data_rates: BASIC,
        },
        ch_mask_layout: ChMaskLayout::Sixteen,
        rx2: (Frequency::from_hz(921_900_000), DataRateIndex::from_low_bits(0)),
        join_rx1: None,
        adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
        max_eirp,
        tx_powers,
        dwell: None,
        band: (Frequency::from_hz(920_900_000), Frequency::from_hz(923_300_000)),
        sub_bands: &[],
        downlink_max_eirp: Dbm::from_whole(23),
        beacon: Beacon {
            data_rate: DataRateIndex::from_low_bits(3),
            places: Places::One(Frequency::from_hz(923_100_000)),
            rfu: SF9_RFU,
            ping_slot_data_rate: DataRateIndex::from_low_bits(3),
            ping_slots: Places::One(Frequency::from_hz(923_100_000)),
        },
    }
}
