//! AU915–928. RP002-1.0.5, chapter on AU915–928; its first edition: RP001-1.0.2 A.

use lns_lorawan::RegParamsRevision::{Rp001_1_0_2A, Rp001_1_0_3A, Rp002_1_0_2, Rp002_1_0_5};
use lns_lorawan::{Bandwidth, LrFhssCoding, Modulation, SpreadingFactor};

use super::{
    AMERICAN_CLASS_B, AMERICAN_DOWN, AMERICAN_DOWNLINKS, ClassB, Dwelling, Grid, Group, Masks,
    Plan, Rate, Rates, rx1,
};

const fn narrow(index: u8, spreading_factor: SpreadingFactor, most: (usize, usize)) -> Rate {
    let modulation = Modulation::lora(spreading_factor, Bandwidth::Khz125);
    Rate::new(index, modulation, most.0).dwelling(most.1)
}

const UP: [Rate; 10] = [
    narrow(0, SpreadingFactor::Sf12, (59, 0)),
    narrow(1, SpreadingFactor::Sf11, (59, 0)),
    narrow(2, SpreadingFactor::Sf10, (59, 19)),
    narrow(3, SpreadingFactor::Sf9, (123, 61)),
    narrow(4, SpreadingFactor::Sf8, (250, 133)),
    narrow(5, SpreadingFactor::Sf7, (250, 250)),
    super::wide(6, SpreadingFactor::Sf8, 250),
    Rate::new(7, Modulation::LrFhss { ocw_hz: 1_523_000, coding: LrFhssCoding::Cr13 }, 58)
        .since(Rp002_1_0_2),
    narrow(9, SpreadingFactor::Sf6, (250, 250)).since(Rp002_1_0_5),
    narrow(10, SpreadingFactor::Sf5, (250, 250)).since(Rp002_1_0_5),
];

const fn grid(narrow: Rates, wide: Rates) -> [Group; 2] {
    let down = (923_300_000, 600_000, 8);
    [
        Group { count: 64, up: (915_200_000, 200_000), rates: narrow, down },
        Group { count: 8, up: (915_900_000, 1_600_000), rates: wide, down },
    ]
}

const GROUPS: [Group; 2] = grid(Rates::span(0, 5).and_also(Rates::span(9, 10)), Rates::span(6, 7));

const fn plan(class_b: ClassB) -> Plan {
    Plan {
        grid: Grid::Fixed { groups: &GROUPS, masks: Masks::SeventyTwo },
        up: &UP,
        down: &AMERICAN_DOWN,
        rx1: rx1::australian,
        max_rx1_dr_offset: 5,
        rx2: (923_300_000, 8),
        slower: &[(7, 0), (9, 5), (10, 9)],
        max_eirp: &[(Rp001_1_0_2A, 3000)],
        max_tx_power: &[(Rp001_1_0_2A, 10), (Rp001_1_0_3A, 14)],
        bands: &[],
        dwell: Dwelling::Uplinks,
        join_rates: (2, 2),
        downlinks: AMERICAN_DOWNLINKS,
        class_b,
        homes: &[],
    }
}

pub(super) static PLAN: Plan = plan(AMERICAN_CLASS_B);

/// RP001-1.0.2 B and RP001-1.1 A.
pub(super) static OLD_BEACONS: Plan = plan(FIRST_CLASS_B);

/// Beacons at DR10 until RP001-1.1 A.
const FIRST_CLASS_B: ClassB = ClassB { data_rate: 10, ..AMERICAN_CLASS_B };

/// RP001-1.0.2 A had the data rates and offsets of US915, and no dwell times.
const FIRST_UP: [Rate; 5] = [
    narrow(0, SpreadingFactor::Sf10, (59, 59)),
    narrow(1, SpreadingFactor::Sf9, (123, 123)),
    narrow(2, SpreadingFactor::Sf8, (250, 250)),
    narrow(3, SpreadingFactor::Sf7, (250, 250)),
    super::wide(4, SpreadingFactor::Sf8, 250),
];

const FIRST_GROUPS: [Group; 2] = grid(Rates::span(0, 3), Rates::span(4, 4));

pub(super) static FIRST_PLAN: Plan = Plan {
    grid: Grid::Fixed { groups: &FIRST_GROUPS, masks: Masks::SeventyTwo },
    up: &FIRST_UP,
    down: &AMERICAN_DOWN,
    rx1: rx1::american,
    max_rx1_dr_offset: 3,
    rx2: (923_300_000, 8),
    slower: &[],
    max_eirp: &[(Rp001_1_0_2A, 3000)],
    max_tx_power: &[(Rp001_1_0_2A, 10)],
    bands: &[],
    dwell: Dwelling::Never,
    join_rates: (0, 0),
    downlinks: AMERICAN_DOWNLINKS,
    class_b: FIRST_CLASS_B,
    homes: &[],
};
