//! IN865–867. RP002-1.0.5 §3.12.

use super::beacon::{Beacon, Places, SF8_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{BASIC, COMMON, DataRate, without};
use super::plan::{Channel, ChannelPlan};
use super::rx1::Rx1;
use super::tables::TxPowers;
use super::{Region, RegionTables};
use crate::units::{DataRateIndex, Dbm, Frequency};
use crate::version::RegParamsRevision;

/// There is no DR6.
const RATES: [Option<DataRate>; 16] = without(COMMON, &[6]);

/// 866.550 MHz, as ping slots and RX2: so the reference device and most servers; one server has
/// 866.500 MHz.
const BEACON: Frequency = Frequency::from_hz(866_550_000);

/// Offsets 6 and 7 make RX1 one and two steps faster. There is no DR6, so that DR4 with offset 7
/// gives DR5, as the reference device has it; the formula of one server gives an undefined DR6.
/// DR5 with offset 7 gives FSK (the reference device; one server has DR5). DR7 with offset 1
/// skips the DR6 that is not there (the reference device; one server has DR6).
const RX1: Rx1 = Rx1::always([
    &[0, 0, 0, 0, 0, 0, 1, 2],
    &[1, 0, 0, 0, 0, 0, 2, 3],
    &[2, 1, 0, 0, 0, 0, 3, 4],
    &[3, 2, 1, 0, 0, 0, 4, 5],
    &[4, 3, 2, 1, 0, 0, 5, 5],
    &[5, 4, 3, 2, 1, 0, 5, 7],
    &[],
    &[7, 5, 5, 4, 3, 2, 7, 7],
    &[],
    &[],
    &[],
    &[],
    &[12, 5, 4, 3, 2, 1, 13, 13],
    &[13, 12, 5, 4, 3, 2, 13, 13],
    &[],
    &[],
]);

const DEFAULT_CHANNELS: [Channel; 3] =
    [Channel::basic(865_062_500), Channel::basic(865_402_500), Channel::basic(865_985_000)];

const EXTRA: [Frequency; 4] = [
    Frequency::from_hz(866_185_000),
    Frequency::from_hz(866_385_000),
    Frequency::from_hz(866_585_000),
    Frequency::from_hz(866_785_000),
];

/// From RP002-1.0.5 (§3.12.3) on 29.2 dBm and TXPower up to 14.
static RP002_1_0_5: RegionTables = tables_of(
    Dbm::from_hundredths(2920),
    TxPowers::TwoDbSteps(&[(RegParamsRevision::Rp001_1_0_2A, 14)]),
);

/// Before: 30 dBm and TXPower up to 10.
static BEFORE: RegionTables =
    tables_of(Dbm::from_whole(30), TxPowers::TwoDbSteps(&[(RegParamsRevision::Rp001_1_0_2A, 10)]));

pub(super) const fn tables(revision: RegParamsRevision) -> &'static RegionTables {
    match revision {
        RegParamsRevision::Rp001_1_0_2A
        | RegParamsRevision::Rp001_1_0_2B
        | RegParamsRevision::Rp001_1_0_3A
        | RegParamsRevision::Rp001_1_1A
        | RegParamsRevision::Rp001_1_1B
        | RegParamsRevision::Rp002_1_0_0
        | RegParamsRevision::Rp002_1_0_1
        | RegParamsRevision::Rp002_1_0_2
        | RegParamsRevision::Rp002_1_0_3
        | RegParamsRevision::Rp002_1_0_4 => &BEFORE,
        RegParamsRevision::Rp002_1_0_5 => &RP002_1_0_5,
    }
}

const fn tables_of(max_eirp: Dbm, tx_powers: TxPowers) -> RegionTables {
    RegionTables {
        region: Region::In865,
        up: RATES,
        down: RATES,
        rx1: RX1,
        plan: ChannelPlan::Dynamic {
            default_channels: &DEFAULT_CHANNELS,
            max_channels: 16,
            extra: &EXTRA,
            extra_data_rates: BASIC,
        },
        ch_mask_layout: ChMaskLayout::Sixteen,
        rx2: (Frequency::from_hz(866_550_000), DataRateIndex::from_low_bits(2)),
        join_rx1: None,
        adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
        max_eirp,
        tx_powers,
        dwell: None,
        band: (Frequency::from_hz(865_000_000), Frequency::from_hz(867_000_000)),
        sub_bands: &[],
        downlink_max_eirp: max_eirp,
        beacon: Beacon {
            data_rate: DataRateIndex::from_low_bits(4),
            places: Places::One(BEACON),
            rfu: SF8_RFU,
            ping_slot_data_rate: DataRateIndex::from_low_bits(4),
            ping_slots: Places::One(BEACON),
        },
    }
}
