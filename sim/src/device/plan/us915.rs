//! US902–928. RP002-1.0.5, chapter on US902–928.

use lns_lorawan::RegParamsRevision::{Rp001_1_0_2A, Rp001_1_0_3A, Rp002_1_0_2, Rp002_1_0_5};
use lns_lorawan::{Bandwidth, LrFhssCoding, Modulation, SpreadingFactor};

use super::{
    AMERICAN_CLASS_B, AMERICAN_DOWN, AMERICAN_DOWNLINKS, Dwelling, Grid, Group, Masks, Plan, Rate,
    Rates, rx1,
};

const fn narrow(index: u8, spreading_factor: SpreadingFactor, most: usize) -> Rate {
    Rate::new(index, Modulation::lora(spreading_factor, Bandwidth::Khz125), most)
}

const fn lr_fhss(index: u8, coding: LrFhssCoding, most: usize) -> Rate {
    Rate::new(index, Modulation::LrFhss { ocw_hz: 1_523_000, coding }, most).since(Rp002_1_0_2)
}

const UP: [Rate; 9] = [
    narrow(0, SpreadingFactor::Sf10, 19),
    narrow(1, SpreadingFactor::Sf9, 61),
    narrow(2, SpreadingFactor::Sf8, 133),
    narrow(3, SpreadingFactor::Sf7, 250),
    super::wide(4, SpreadingFactor::Sf8, 250),
    lr_fhss(5, LrFhssCoding::Cr13, 58),
    lr_fhss(6, LrFhssCoding::Cr23, 133),
    narrow(7, SpreadingFactor::Sf6, 250).since(Rp002_1_0_5),
    narrow(8, SpreadingFactor::Sf5, 250).since(Rp002_1_0_5),
];

pub(super) static PLAN: Plan = Plan {
    grid: Grid::Fixed {
        groups: &[
            Group {
                count: 64,
                up: (902_300_000, 200_000),
                rates: Rates::span(0, 3).and_also(Rates::span(7, 8)),
                down: (923_300_000, 600_000, 8),
            },
            Group {
                count: 8,
                up: (903_000_000, 1_600_000),
                rates: Rates::span(4, 6),
                down: (923_300_000, 600_000, 8),
            },
        ],
        masks: Masks::SeventyTwo,
    },
    up: &UP,
    down: &AMERICAN_DOWN,
    rx1: rx1::american,
    max_rx1_dr_offset: 3,
    rx2: (923_300_000, 8),
    slower: &[(5, 0), (6, 5), (7, 3), (8, 7)],
    max_eirp: &[(Rp001_1_0_2A, 3000)],
    max_tx_power: &[(Rp001_1_0_2A, 10), (Rp001_1_0_3A, 14)],
    bands: &[],
    dwell: Dwelling::Never,
    join_rates: (0, 0),
    downlinks: AMERICAN_DOWNLINKS,
    class_b: AMERICAN_CLASS_B,
    homes: &[],
};
