//! Worldwide, 2.4 GHz. RP002 leaves it to Semtech's physical layer proposal for 2.4 GHz.

use lns_lorawan::RegParamsRevision::Rp001_1_0_2A;
use lns_lorawan::{Bandwidth, Modulation, SpreadingFactor};

use super::{ClassB, Dwelling, Grid, Place, Plan, Rate, rx1};

const fn rate(index: u8, spreading_factor: SpreadingFactor, most: usize) -> Rate {
    Rate::new(index, Modulation::lora(spreading_factor, Bandwidth::Khz812), most)
}

/// M is 248, the smaller of the two figures in use.
const RATES: [Rate; 8] = [
    rate(0, SpreadingFactor::Sf12, 59),
    rate(1, SpreadingFactor::Sf11, 123),
    rate(2, SpreadingFactor::Sf10, 248),
    rate(3, SpreadingFactor::Sf9, 248),
    rate(4, SpreadingFactor::Sf8, 248),
    rate(5, SpreadingFactor::Sf7, 248),
    rate(6, SpreadingFactor::Sf6, 248),
    rate(7, SpreadingFactor::Sf5, 248),
];

pub(super) static PLAN: Plan = Plan {
    grid: Grid::Dynamic {
        defaults: &[2_403_000_000, 2_425_000_000, 2_479_000_000],
        range: (2_400_000_000, 2_483_500_000),
    },
    up: &RATES,
    down: &RATES,
    rx1: rx1::in_a_row,
    max_rx1_dr_offset: 5,
    rx2: (2_423_000_000, 0),
    slower: &[],
    max_eirp: &[(Rp001_1_0_2A, 1000)],
    max_tx_power: &[(Rp001_1_0_2A, 7)],
    bands: &[],
    dwell: Dwelling::Never,
    join_rates: (0, 7),
    downlinks: &[(2_400_000_000, 2_483_500_000, 200)],
    class_b: ClassB {
        beacon: Place::At(2_424_000_000),
        ping: Place::At(2_424_000_000),
        data_rate: 3,
        rfu: (1, 0),
    },
    homes: &[],
};
