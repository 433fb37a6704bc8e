//! CN470–510. Until RP001: 96 channels up, 48 down. Since RP002 four plans for antennas of 20 and
//! 26 MHz: the channel on which a device joins chooses its plan, for as long as the session lasts
//! (RP002-1.0.5, chapter on CN470–510).
//!
//! DR0 is in no plan of RP002: time on air is limited to a second, and SF12 would carry nothing.

use serde::{Deserialize, Serialize};

use super::beacon::{Beacon, Places, SF10_RFU};
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{BASIC, DataRate, DataRateSet};
use super::plan::{ChannelGroup, ChannelPlan, DownlinkGrid};
use super::rx1::{LESS_OFFSET, Rx1, without};
use super::tables::TO_7;
use super::{Region, RegionTables};
use crate::modulation::Bandwidth::{Khz125, Khz500};
use crate::modulation::SpreadingFactor::{Sf7, Sf8, Sf9, Sf10, Sf11, Sf12};
use crate::units::{DataRateIndex, Dbm, Frequency};
use crate::version::RegParamsRevision;

/// A device's channel plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cn470Plan {
    /// Until RP001: 96 channels up from 470.3 MHz, 48 down from 500.3 MHz.
    Legacy,
    /// 20 MHz, type A: 64 channels up and down, in different halves.
    Mhz20A,
    /// 20 MHz, type B: 64 channels; answers come where the uplink was.
    Mhz20B,
    /// 26 MHz, type A: 48 channels up, 24 down.
    Mhz26A,
    /// 26 MHz, type B: the same, 10 MHz higher.
    Mhz26B,
}

/// One of the twenty channels that all devices since RP002 may join on, by its index. Part of a
/// session: it tells the plan, and within the 20 MHz plans also RX2, beacons and ping slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Cn470JoinChannel(u8);

/// There are twenty common join channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot use {0} as a common join channel of CN470: it is at most 19")]
pub struct NoJoinChannel(u8);

impl TryFrom<u8> for Cn470JoinChannel {
    type Error = NoJoinChannel;
    fn try_from(index: u8) -> Result<Self, NoJoinChannel> {
        Self::new(index).ok_or(NoJoinChannel(index))
    }
}

impl From<Cn470JoinChannel> for u8 {
    fn from(channel: Cn470JoinChannel) -> u8 {
        channel.0
    }
}

impl Cn470JoinChannel {
    /// How many there are.
    pub const COUNT: u8 = 20;

    /// `None` beyond 19.
    pub const fn new(index: u8) -> Option<Self> {
        if index < Self::COUNT { Some(Self(index)) } else { None }
    }

    /// Its index, 0 to 19.
    pub const fn index(self) -> u8 {
        self.0
    }

    /// Its uplink frequency.
    pub const fn frequency(self) -> Frequency {
        let index = self.0 as u32;
        Frequency::from_hz(match self.0 {
            0..=3 => 470_900_000 + index * 1_600_000,
            4..=7 => 504_100_000 + (index - 4) * 1_600_000,
            8 => 479_900_000,
            9 => 499_900_000,
            10..=14 => 470_300_000 + (index - 10) * 2_000_000,
            _ => 480_300_000 + (index - 15) * 2_000_000,
        })
    }

    /// The one with this frequency.
    pub fn at(frequency: Frequency) -> Option<Self> {
        (0..Self::COUNT).map(Self).find(|channel| channel.frequency() == frequency)
    }

    /// The plan that a device chooses by joining here.
    pub const fn plan(self) -> Cn470Plan {
        match self.0 {
            0..=7 => Cn470Plan::Mhz20A,
            8 | 9 => Cn470Plan::Mhz20B,
            10..=14 => Cn470Plan::Mhz26A,
            _ => Cn470Plan::Mhz26B,
        }
    }
}

impl Cn470Plan {
    /// A device that never joins behaves as if it had joined here: RX2 of the 20 MHz plans is
    /// 486.9 and 498.3 MHz for it.
    pub const fn without_join(self) -> Option<Cn470JoinChannel> {
        match self {
            Self::Legacy => None,
            Self::Mhz20A => Some(Cn470JoinChannel(1)),
            Self::Mhz20B => Some(Cn470JoinChannel(9)),
            Self::Mhz26A => Some(Cn470JoinChannel(10)),
            Self::Mhz26B => Some(Cn470JoinChannel(15)),
        }
    }
}

/// All indices of all plans, for what a gateway hears.
const RATES: [Option<DataRate>; 16] = [
    DataRate::lora(Sf12, Khz125, 59),
    DataRate::lora(Sf11, Khz125, 59),
    DataRate::lora(Sf10, Khz125, 59),
    DataRate::lora(Sf9, Khz125, 123),
    DataRate::lora(Sf8, Khz125, 250),
    DataRate::lora(Sf7, Khz125, 250),
    DataRate::lora(Sf7, Khz500, 250),
    DataRate::fsk(50_000, 250),
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
];

/// M of DR3: 192 in the reference device (N 184) and in one server; another has 172.
const M_DR3: u8 = 192;

/// Since RP002: no DR0, and less for DR1 to DR3, so that no frame lasts longer than a second.
const RATES_RP002: [Option<DataRate>; 16] = {
    let mut rates = RATES;
    rates[0] = None;
    rates[1] = DataRate::lora(Sf11, Khz125, 31);
    rates[2] = DataRate::lora(Sf10, Khz125, 94);
    rates[3] = DataRate::lora(Sf9, Khz125, M_DR3);
    rates
};

/// Until RP001: DR0 to DR5.
const RATES_RP001: [Option<DataRate>; 16] = super::data_rate::without(RATES, &[6, 7]);

/// RX1 is not below DR1.
const RX1_RP002: Rx1 = Rx1::always([
    &[],
    &[1, 1, 1, 1, 1, 1],
    &[2, 1, 1, 1, 1, 1],
    &[3, 2, 1, 1, 1, 1],
    &[4, 3, 2, 1, 1, 1],
    &[5, 4, 3, 2, 1, 1],
    &[6, 5, 4, 3, 2, 1],
    &[7, 6, 5, 4, 3, 2],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
]);

/// RX2's data rate since RP002: DR1, as the reference device has it. One server has DR0, which no
/// plan of RP002 defines.
const RX2_DR: DataRateIndex = DataRateIndex::from_low_bits(1);

/// DR1 to DR5 on every channel; faster ones need to be enabled by hand.
const DR1_TO_DR5: DataRateSet = DataRateSet::of(&[1, 2, 3, 4, 5]);

const fn grid(first_hz: u32, count: u8) -> DownlinkGrid {
    DownlinkGrid { count, first_hz, step_hz: 200_000 }
}

const fn group(first_index: u8, count: u8, first_hz: u32) -> ChannelGroup {
    ChannelGroup {
        first_index,
        count,
        first_hz,
        step_hz: 200_000,
        data_rates: DR1_TO_DR5,
        join_data_rates: DR1_TO_DR5,
    }
}

const LEGACY_UP: [ChannelGroup; 1] =
    [ChannelGroup { data_rates: BASIC, join_data_rates: BASIC, ..group(0, 96, 470_300_000) }];

const LEGACY_DOWN: DownlinkGrid = grid(500_300_000, 48);

/// Beacons and ping slots hop from 508.3 MHz on.
const LEGACY_BEACON: Places = Places::Hopping(grid(508_300_000, 8));

/// Until RP001.
static LEGACY: RegionTables =
    legacy(RATES_RP001, Rx1::always(without(LESS_OFFSET, &[6, 7, 12, 13])));

/// What a gateway hears and may send: everything that devices of any plan do.
pub(super) static GATEWAY: RegionTables =
    legacy(RATES, Rx1::always(without(LESS_OFFSET, &[12, 13])));

const fn legacy(rates: [Option<DataRate>; 16], rx1: Rx1) -> RegionTables {
    RegionTables {
        region: Region::Cn470,
        up: rates,
        down: rates,
        rx1,
        plan: ChannelPlan::Fixed { groups: &LEGACY_UP, downlink: Some(LEGACY_DOWN) },
        ch_mask_layout: ChMaskLayout::NinetySix,
        rx2: (Frequency::from_hz(505_300_000), DataRateIndex::DR0),
        join_rx1: None,
        adr_data_rates: (DataRateIndex::DR0, DataRateIndex::from_low_bits(5)),
        max_eirp: MAX_EIRP,
        tx_powers: TO_7,
        dwell: None,
        band: (Frequency::from_hz(470_000_000), Frequency::from_hz(510_000_000)),
        sub_bands: &[],
        downlink_max_eirp: MAX_EIRP,
        beacon: beacon(LEGACY_BEACON, LEGACY_BEACON),
    }
}

const MAX_EIRP: Dbm = Dbm::from_hundredths(1915);

const fn beacon(places: Places, ping_slots: Places) -> Beacon {
    Beacon {
        data_rate: DataRateIndex::from_low_bits(2),
        places,
        rfu: SF10_RFU,
        ping_slot_data_rate: DataRateIndex::from_low_bits(2),
        ping_slots,
    }
}

/// What a plan of RP002 adds.
struct Plan {
    groups: &'static [ChannelGroup],
    downlink: Option<DownlinkGrid>,
    layout: ChMaskLayout,
    rx2_hz: u32,
    join_rx1: Option<Frequency>,
    beacon: Beacon,
}

const fn since_rp002(plan: Plan) -> RegionTables {
    RegionTables {
        up: RATES_RP002,
        down: RATES_RP002,
        rx1: RX1_RP002,
        plan: ChannelPlan::Fixed { groups: plan.groups, downlink: plan.downlink },
        ch_mask_layout: plan.layout,
        rx2: (Frequency::from_hz(plan.rx2_hz), RX2_DR),
        join_rx1: plan.join_rx1,
        adr_data_rates: (DataRateIndex::from_low_bits(1), DataRateIndex::from_low_bits(5)),
        beacon: plan.beacon,
        ..legacy(RATES, Rx1::always(LESS_OFFSET))
    }
}

/// 20 MHz, type A: what a device that joined on channel `join` (0 to 7) does. Its RX2, beacons and
/// ping slots are in the eighth of the downlink band that answers its join channel.
///
/// RX2 for joined devices: 485.3 MHz and 1.6 MHz from one to the next. The reference device has
/// 494.0 MHz for the seventh, where the step gives 494.9 MHz.
const fn mhz_20_a(join: u8) -> RegionTables {
    let downlink = grid(483_900_000, 64);
    let eighth = Places::Hopping(grid(downlink.frequency(join * 8).hz(), 8));
    since_rp002(Plan {
        groups: const { &[group(0, 32, 470_300_000), group(32, 32, 503_500_000)] },
        downlink: Some(downlink),
        layout: ChMaskLayout::SixtyFour,
        rx2_hz: 485_300_000 + join as u32 * 1_600_000,
        join_rx1: None,
        beacon: beacon(eighth, eighth),
    })
}

/// 20 MHz, type B: answers come on the uplink's frequency; ping slots hop over the 32 channels of
/// the half that the device joined in.
const fn mhz_20_b(upper: bool) -> RegionTables {
    let (first_hz, rx2_hz, beacon_hz) = if upper {
        (496_900_000, 498_300_000, 501_500_000)
    } else {
        (476_900_000, 478_300_000, 481_500_000)
    };
    since_rp002(Plan {
        groups: const { &[group(0, 32, 476_900_000), group(32, 32, 496_900_000)] },
        downlink: None,
        layout: ChMaskLayout::SixtyFour,
        rx2_hz,
        join_rx1: None,
        beacon: beacon(
            Places::One(Frequency::from_hz(beacon_hz)),
            Places::Hopping(grid(first_hz, 32)),
        ),
    })
}

/// 26 MHz: a Join-Accept comes on RX2's frequency in both windows.
const fn mhz_26(groups: &'static [ChannelGroup], first_down_hz: u32) -> RegionTables {
    let rx2_hz = first_down_hz + 2_400_000;
    let above = Places::One(Frequency::from_hz(first_down_hz + 4_800_000));
    since_rp002(Plan {
        groups,
        downlink: Some(grid(first_down_hz, 24)),
        layout: ChMaskLayout::FortyEight,
        rx2_hz,
        join_rx1: Some(Frequency::from_hz(rx2_hz)),
        beacon: beacon(above, above),
    })
}

static MHZ_20_A: [RegionTables; 8] = [
    mhz_20_a(0),
    mhz_20_a(1),
    mhz_20_a(2),
    mhz_20_a(3),
    mhz_20_a(4),
    mhz_20_a(5),
    mhz_20_a(6),
    mhz_20_a(7),
];
static MHZ_20_B: [RegionTables; 2] = [mhz_20_b(false), mhz_20_b(true)];
static MHZ_26_A: RegionTables = mhz_26(&[group(0, 48, 470_300_000)], 490_100_000);
static MHZ_26_B: RegionTables = mhz_26(&[group(0, 48, 480_300_000)], 500_100_000);

/// The plan of a device that never joined, since RP002: 20 MHz, type A.
const WITHOUT_JOIN: Cn470JoinChannel = Cn470JoinChannel(1);

pub(super) const fn tables(
    revision: RegParamsRevision,
    joined_on: Option<Cn470JoinChannel>,
) -> &'static RegionTables {
    if !revision.is_rp002() {
        return &LEGACY;
    }
    let joined_on = match joined_on {
        Some(channel) => channel,
        None => WITHOUT_JOIN,
    };
    let [a0, a1, a2, a3, a4, a5, a6, a7] = &MHZ_20_A;
    let [b0, b1] = &MHZ_20_B;
    match joined_on.0 {
        0 => a0,
        1 => a1,
        2 => a2,
        3 => a3,
        4 => a4,
        5 => a5,
        6 => a6,
        7 => a7,
        8 => b0,
        9 => b1,
        10..=14 => &MHZ_26_A,
        _ => &MHZ_26_B,
    }
}
