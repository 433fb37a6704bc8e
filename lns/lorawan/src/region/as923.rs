//! AS923. RP002-1.0.5 §3.10: one set of tables, shifted in frequency for four groups of countries.
//!
//! Some countries limit time on air to 400 ms, which devices learn by TXParamSetupReq. Until then
//! nobody knows: RP002 starts devices without a limit on downlinks, the reference device with one.

use super::beacon::{Beacon, Places, SF9_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{BASIC, COMMON, DataRate};
use super::plan::{Channel, ChannelPlan};
use super::rx1::Rx1;
use super::sub_band::SubBand;
use super::tables::{BootDwell, TO_7, TxPowers};
use super::{Region, RegionTables};
use crate::modulation::Bandwidth::Khz125;
use crate::modulation::SpreadingFactor::{Sf8, Sf9, Sf10, Sf11, Sf12};
use crate::units::{DataRateIndex, Dbm, Frequency};
use crate::version::RegParamsRevision;

/// What changed from edition to edition.
#[derive(Clone, Copy)]
struct Edition {
    /// M of DR2 without a dwell time.
    m_dr2: u8,
    rx1: Rx1,
    max_eirp: Dbm,
    tx_powers: TxPowers,
}

/// RP001 1.0.2 A: 14 dBm and TXPower 0 to 5; the first edition with the region.
const RP001_1_0_2A: Edition = Edition {
    max_eirp: Dbm::from_whole(14),
    tx_powers: TxPowers::TwoDbSteps(&[(RegParamsRevision::Rp001_1_0_2A, 5)]),
    ..RP001
};

/// Until RP002, RX1 is never faster than DR5.
const RP001: Edition = Edition { m_dr2: 59, rx1: RX1_TO_DR5, ..RP002_1_0_2 };

const RP002_1_0_0: Edition = Edition { m_dr2: 59, ..RP002_1_0_2 };

/// From here on DR2 carries 123 bytes (RP002-1.0.5, table 73).
const RP002_1_0_2: Edition =
    Edition { m_dr2: 123, rx1: RX1, max_eirp: Dbm::from_whole(16), tx_powers: TO_7 };

/// M under a dwell time as table 73 of RP002-1.0.5 has it; 0: not allowed.
const fn rates(edition: Edition) -> [Option<DataRate>; 16] {
    let mut rates = COMMON;
    rates[0] = DataRate::limited(Sf12, Khz125, (59, 0));
    rates[1] = DataRate::limited(Sf11, Khz125, (59, 0));
    rates[2] = DataRate::limited(Sf10, Khz125, (edition.m_dr2, 19));
    rates[3] = DataRate::limited(Sf9, Khz125, (123, 61));
    rates[4] = DataRate::limited(Sf8, Khz125, (250, 133));
    rates
}

/// RP002-1.0.5 §3.10.7. Offsets 6 and 7 make RX1 one and two steps *faster*.
const RX1: Rx1 = Rx1 {
    unlimited: [
        &[0, 0, 0, 0, 0, 0, 1, 2],
        &[1, 0, 0, 0, 0, 0, 2, 3],
        &[2, 1, 0, 0, 0, 0, 3, 4],
        &[3, 2, 1, 0, 0, 0, 4, 5],
        &[4, 3, 2, 1, 0, 0, 5, 6],
        &[5, 4, 3, 2, 1, 0, 6, 7],
        &[6, 5, 4, 3, 2, 1, 7, 7],
        &[7, 6, 5, 4, 3, 2, 7, 7],
        &[],
        &[],
        &[],
        &[],
        &[12, 5, 4, 3, 2, 1, 13, 13],
        &[13, 12, 5, 4, 3, 2, 13, 13],
        &[],
        &[],
    ],
    limited: Some([
        &[2, 2, 2, 2, 2, 2, 2, 2],
        &[2, 2, 2, 2, 2, 2, 2, 3],
        &[2, 2, 2, 2, 2, 2, 3, 4],
        &[3, 2, 2, 2, 2, 2, 4, 5],
        &[4, 3, 2, 2, 2, 2, 5, 6],
        &[5, 4, 3, 2, 2, 2, 6, 7],
        &[6, 5, 4, 3, 2, 2, 7, 7],
        &[7, 6, 5, 4, 3, 2, 7, 7],
        &[],
        &[],
        &[],
        &[],
        &[12, 5, 4, 3, 2, 2, 13, 13],
        &[13, 12, 5, 4, 3, 2, 13, 13],
        &[],
        &[],
    ]),
};

/// RP001: at most DR5 (LoRaWAN Regional Parameters 1.0.3, chapter on AS923, receive windows).
const RX1_TO_DR5: Rx1 = {
    let Rx1 { mut unlimited, limited: Some(mut limited) } = RX1 else { panic!("it has both") };
    unlimited[4] = &[4, 3, 2, 1, 0, 0, 5, 5];
    unlimited[5] = &[5, 4, 3, 2, 1, 0, 5, 5];
    unlimited[6] = &[5, 5, 4, 3, 2, 1, 5, 5];
    unlimited[7] = &[5, 5, 5, 4, 3, 2, 5, 5];
    limited[4] = &[4, 3, 2, 2, 2, 2, 5, 5];
    limited[5] = &[5, 4, 3, 2, 2, 2, 5, 5];
    limited[6] = &[5, 5, 4, 3, 2, 2, 5, 5];
    limited[7] = &[5, 5, 5, 4, 3, 2, 5, 5];
    Rx1 { unlimited, limited: Some(limited) }
};

/// What differs from group to group.
#[derive(Clone, Copy)]
struct Group {
    region: Region,
    /// How far it lies below group 1, in Hz.
    below_hz: u32,
    default_channels: &'static [Channel],
    extra: &'static [Frequency],
    band_hz: (u32, u32),
    sub_bands: &'static [SubBand],
}

const ONE: Group = Group {
    region: Region::As923_1,
    below_hz: 0,
    default_channels: &[Channel::basic(923_200_000), Channel::basic(923_400_000)],
    extra: &[
        Frequency::from_hz(922_200_000),
        Frequency::from_hz(922_400_000),
        Frequency::from_hz(922_600_000),
        Frequency::from_hz(922_800_000),
        Frequency::from_hz(923_000_000),
    ],
    band_hz: (915_000_000, 928_000_000),
    sub_bands: &[SubBand::eirp((915_000, 928_000), DUTY_CYCLE_PERMILLE, Dbm::from_whole(16))],
};

const TWO: Group = Group {
    region: Region::As923_2,
    below_hz: 1_800_000,
    default_channels: &[Channel::basic(921_400_000), Channel::basic(921_600_000)],
    extra: &[
        Frequency::from_hz(920_400_000),
        Frequency::from_hz(920_600_000),
        Frequency::from_hz(920_800_000),
        Frequency::from_hz(921_000_000),
        Frequency::from_hz(921_200_000),
    ],
    band_hz: (920_000_000, 923_000_000),
    sub_bands: &[SubBand::eirp((920_000, 923_000), DUTY_CYCLE_PERMILLE, Dbm::from_whole(16))],
};

const THREE: Group = Group {
    region: Region::As923_3,
    below_hz: 6_600_000,
    default_channels: &[Channel::basic(916_600_000), Channel::basic(916_800_000)],
    extra: &[
        Frequency::from_hz(915_600_000),
        Frequency::from_hz(915_800_000),
        Frequency::from_hz(916_000_000),
        Frequency::from_hz(916_200_000),
        Frequency::from_hz(916_400_000),
    ],
    band_hz: (915_000_000, 921_000_000),
    sub_bands: &[SubBand::eirp((915_000, 921_000), DUTY_CYCLE_PERMILLE, Dbm::from_whole(16))],
};

const FOUR: Group = Group {
    region: Region::As923_4,
    below_hz: 5_900_000,
    default_channels: &[Channel::basic(917_300_000), Channel::basic(917_500_000)],
    extra: &[
        Frequency::from_hz(917_700_000),
        Frequency::from_hz(917_900_000),
        Frequency::from_hz(918_100_000),
        Frequency::from_hz(918_300_000),
        Frequency::from_hz(918_500_000),
    ],
    band_hz: (917_000_000, 920_000_000),
    sub_bands: &[SubBand::eirp((917_000, 920_000), DUTY_CYCLE_PERMILLE, Dbm::from_whole(16))],
};

/// 1 %, as the table of default channels has it, for gateways too.
const DUTY_CYCLE_PERMILLE: u16 = 10;

const fn tables_of(group: Group, edition: Edition) -> RegionTables {
    let beacon = Places::One(Frequency::from_hz(923_400_000 - group.below_hz));
    RegionTables {
        region: group.region,
        up: rates(edition),
        down: rates(edition),
        rx1: edition.rx1,
        plan: ChannelPlan::Dynamic {
            default_channels: group.default_channels,
            max_channels: 16,
            extra: group.extra,
            extra_data_rates: BASIC,
        },
        ch_mask_layout: ChMaskLayout::Sixteen,
        rx2: (Frequency::from_hz(923_200_000 - group.below_hz), DataRateIndex::from_low_bits(2)),
        join_rx1: None,
        adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
        max_eirp: edition.max_eirp,
        tx_powers: edition.tx_powers,
        dwell: Some(BootDwell { uplink: None, downlink: None }),
        band: (Frequency::from_hz(group.band_hz.0), Frequency::from_hz(group.band_hz.1)),
        sub_bands: group.sub_bands,
        downlink_max_eirp: Dbm::from_whole(16),
        beacon: Beacon {
            data_rate: DataRateIndex::from_low_bits(3),
            places: beacon,
            rfu: SF9_RFU,
            ping_slot_data_rate: DataRateIndex::from_low_bits(3),
            ping_slots: beacon,
        },
    }
}

/// A group's tables from edition to edition.
struct Editions {
    rp001_1_0_2_a: RegionTables,
    rp001: RegionTables,
    rp002_1_0_0: RegionTables,
    rp002_1_0_2: RegionTables,
}

impl Editions {
    const fn of(group: Group) -> Self {
        Self {
            rp001_1_0_2_a: tables_of(group, RP001_1_0_2A),
            rp001: tables_of(group, RP001),
            rp002_1_0_0: tables_of(group, RP002_1_0_0),
            rp002_1_0_2: tables_of(group, RP002_1_0_2),
        }
    }

    const fn tables(&'static self, revision: RegParamsRevision) -> &'static RegionTables {
        match revision {
            RegParamsRevision::Rp001_1_0_2A => &self.rp001_1_0_2_a,
            RegParamsRevision::Rp001_1_0_2B
            | RegParamsRevision::Rp001_1_0_3A
            | RegParamsRevision::Rp001_1_1A
            | RegParamsRevision::Rp001_1_1B => &self.rp001,
            RegParamsRevision::Rp002_1_0_0 | RegParamsRevision::Rp002_1_0_1 => &self.rp002_1_0_0,
            RegParamsRevision::Rp002_1_0_2
            | RegParamsRevision::Rp002_1_0_3
            | RegParamsRevision::Rp002_1_0_4
            | RegParamsRevision::Rp002_1_0_5 => &self.rp002_1_0_2,
        }
    }
}

static GROUP_1: Editions = Editions::of(ONE);
static GROUP_2: Editions = Editions::of(TWO);
static GROUP_3: Editions = Editions::of(THREE);
static GROUP_4: Editions = Editions::of(FOUR);

/// Group 1.
pub(super) const fn group_1(revision: RegParamsRevision) -> &'static RegionTables {
    GROUP_1.tables(revision)
}

/// Group 2.
pub(super) const fn group_2(revision: RegParamsRevision) -> &'static RegionTables {
    GROUP_2.tables(revision)
}

/// Group 3.
pub(super) const fn group_3(revision: RegParamsRevision) -> &'static RegionTables {
    GROUP_3.tables(revision)
}

/// Group 4.
pub(super) const fn group_4(revision: RegParamsRevision) -> &'static RegionTables {
    GROUP_4.tables(revision)
}
