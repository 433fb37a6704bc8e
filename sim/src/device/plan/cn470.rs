//! CN470–510: one plan of 96 channels until RP001, and four plans for antennas of 20 and 26 MHz from
//! RP002 on, of which a device follows the one that its Join-Request's channel belongs to.

use lns_lorawan::RegParamsRevision::Rp001_1_0_2A;
use lns_lorawan::SpreadingFactor;

use super::{
    ClassB, Dwelling, FSK, Grid, Group, Home, Masks, Place, Plan, Rate, Rates, narrow, rx1,
};

const RATES: [Rate; 6] =
    [narrow(0, 59), narrow(1, 59), narrow(2, 59), narrow(3, 123), narrow(4, 250), narrow(5, 250)];

/// Until RP001.
pub(super) static LEGACY: Plan = Plan {
    grid: Grid::Fixed {
        groups: &[Group {
            count: 96,
            up: (470_300_000, 200_000),
            rates: Rates::span(0, 5),
            down: (500_300_000, 200_000, 48),
        }],
        masks: Masks::NinetySix,
    },
    up: &RATES,
    down: &RATES,
    rx1: rx1::chinese,
    max_rx1_dr_offset: 5,
    rx2: (505_300_000, 0),
    slower: &[],
    max_eirp: &[(Rp001_1_0_2A, 1915)],
    max_tx_power: &[(Rp001_1_0_2A, 7)],
    bands: &[],
    dwell: Dwelling::Never,
    join_rates: (0, 5),
    downlinks: &[(500_300_000, 509_700_000, 200_000)],
    class_b: ClassB {
        beacon: Place::Hops(508_300_000, 200_000),
        ping: Place::Hops(508_300_000, 200_000),
        data_rate: 2,
        rfu: (2, 1),
    },
    homes: &[],
};

/// From RP002 on. M of DR3 is 192 in some implementations and 172 in others; 172 fits both.
const NEW_RATES: [Rate; 7] = [
    narrow(1, 31),
    narrow(2, 94),
    narrow(3, 172),
    narrow(4, 250),
    narrow(5, 250),
    super::wide(6, SpreadingFactor::Sf7, 250),
    FSK,
];

const fn half(up: u32, down: u32) -> Group {
    let rates = Rates::span(1, 5);
    Group { count: 32, up: (up, 200_000), rates, down: (down, 200_000, 32) }
}

const fn whole(up: u32, down: u32) -> Group {
    let rates = Rates::span(1, 5);
    Group { count: 48, up: (up, 200_000), rates, down: (down, 200_000, 24) }
}

/// 20 MHz, type A: the join channel says where everything else is, eight channels a join channel.
const fn home_20a(number: u32) -> Home {
    // Four join channels to each half of the band, and eight downlink channels of 0.2 MHz to each.
    let base = if number < 4 { 483_900_000 } else { 490_300_000 };
    let block = base + number % 4 * 1_600_000;
    let hops = Place::Hops(block, 200_000);
    Home {
        join: (number * 8 + 3) as u8,
        rx1: block + 600_000,
        rx2: block + 1_400_000,
        beacon: hops,
        ping: hops,
    }
}

/// 20 MHz, type B: one join channel to each half.
const fn home_20b(number: u32) -> Home {
    let base = 476_900_000 + number * 20_000_000;
    Home {
        join: (number * 32 + 15) as u8,
        rx1: base + 15 * 200_000,
        rx2: base + 7 * 200_000,
        beacon: Place::At(base + 23 * 200_000),
        ping: Place::Hops(base, 200_000),
    }
}

/// 26 MHz: five join channels, answered at one place.
const fn home_26(number: u8, rx2: u32) -> Home {
    let beacon = Place::At(rx2 + 2_400_000);
    Home { join: number * 10, rx1: rx2, rx2, beacon, ping: beacon }
}

const HOMES_20A: [Home; 8] = [
    home_20a(0),
    home_20a(1),
    home_20a(2),
    home_20a(3),
    home_20a(4),
    home_20a(5),
    home_20a(6),
    home_20a(7),
];
const HOMES_20B: [Home; 2] = [home_20b(0), home_20b(1)];

const fn homes_26(rx2: u32) -> [Home; 5] {
    [home_26(0, rx2), home_26(1, rx2), home_26(2, rx2), home_26(3, rx2), home_26(4, rx2)]
}

const HOMES_26A: [Home; 5] = homes_26(492_500_000);
const HOMES_26B: [Home; 5] = homes_26(502_500_000);

/// What the four plans have in common; a personalized device uses `rx2`.
const fn plan(grid: Grid, rx2: u32, homes: &'static [Home]) -> Plan {
    Plan {
        grid,
        up: &NEW_RATES,
        down: &NEW_RATES,
        rx1: rx1::chinese_from_dr1,
        max_rx1_dr_offset: 5,
        rx2: (rx2, 1),
        slower: &[],
        max_eirp: &[(Rp001_1_0_2A, 1915)],
        max_tx_power: &[(Rp001_1_0_2A, 7)],
        bands: &[],
        dwell: Dwelling::Never,
        join_rates: (1, 5),
        downlinks: &[(470_300_000, 509_700_000, 200_000)],
        class_b: ClassB {
            beacon: homes[homes.len() - 1].beacon,
            ping: homes[homes.len() - 1].ping,
            data_rate: 2,
            rfu: (2, 1),
        },
        homes,
    }
}

const GROUPS_20A: [Group; 2] = [half(470_300_000, 483_900_000), half(503_500_000, 490_300_000)];
const GROUPS_20B: [Group; 2] = [half(476_900_000, 476_900_000), half(496_900_000, 496_900_000)];

/// 20 MHz, type A.
pub(super) static A20: Plan =
    plan(Grid::Fixed { groups: &GROUPS_20A, masks: Masks::SixtyFour }, 486_900_000, &HOMES_20A);
/// 20 MHz, type B.
pub(super) static B20: Plan =
    plan(Grid::Fixed { groups: &GROUPS_20B, masks: Masks::SixtyFour }, 498_300_000, &HOMES_20B);
/// 26 MHz, type A.
pub(super) static A26: Plan = plan(
    Grid::Fixed { groups: &[whole(470_300_000, 490_100_000)], masks: Masks::FortyEight },
    492_500_000,
    &HOMES_26A,
);
/// 26 MHz, type B.
pub(super) static B26: Plan = plan(
    Grid::Fixed { groups: &[whole(480_300_000, 500_100_000)], masks: Masks::FortyEight },
    502_500_000,
    &HOMES_26B,
);
