//! KR920–923. RP002-1.0.5, chapter on KR920–923.

use lns_lorawan::RegParamsRevision::{Rp001_1_0_2A, Rp001_1_0_2B};

use super::{ClassB, Dwelling, Grid, Place, Plan, Rate, TO_THE_LADDER, narrow, rx1};

const RATES: [Rate; 8] = [
    narrow(0, 59),
    narrow(1, 59),
    narrow(2, 59),
    narrow(3, 123),
    narrow(4, 250),
    narrow(5, 250),
    narrow(12, 250),
    narrow(13, 250),
];

pub(super) static PLAN: Plan = Plan {
    grid: Grid::Dynamic {
        defaults: &[922_100_000, 922_300_000, 922_500_000],
        range: (920_900_000, 923_300_000),
    },
    up: &RATES,
    down: &RATES,
    rx1: rx1::european,
    max_rx1_dr_offset: 5,
    rx2: (921_900_000, 0),
    slower: TO_THE_LADDER,
    max_eirp: &[(Rp001_1_0_2A, 1400)],
    max_tx_power: &[(Rp001_1_0_2A, 6), (Rp001_1_0_2B, 7)],
    bands: &[],
    dwell: Dwelling::Never,
    join_rates: (0, 5),
    downlinks: &[(920_900_000, 923_300_000, 100)],
    class_b: ClassB {
        beacon: Place::At(923_100_000),
        ping: Place::At(923_100_000),
        data_rate: 3,
        rfu: (1, 0),
    },
    homes: &[],
};
