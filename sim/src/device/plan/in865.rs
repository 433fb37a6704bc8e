//! IN865–867. RP002-1.0.5 §3.12.

use lns_lorawan::RegParamsRevision::{Rp001_1_0_2A, Rp002_1_0_5};

use super::{ClassB, Dwelling, FSK, Grid, Place, Plan, Rate, narrow, rx1};

const RATES: [Rate; 9] = [
    narrow(0, 59),
    narrow(1, 59),
    narrow(2, 59),
    narrow(3, 123),
    narrow(4, 250),
    narrow(5, 250),
    FSK,
    narrow(12, 250),
    narrow(13, 250),
];

pub(super) static PLAN: Plan = Plan {
    grid: Grid::Dynamic {
        defaults: &[865_062_500, 865_402_500, 865_985_000],
        range: (865_000_000, 867_000_000),
    },
    up: &RATES,
    down: &RATES,
    rx1: rx1::indian,
    max_rx1_dr_offset: 7,
    rx2: (866_550_000, 2),
    // RP002-1.0.5 table 93.
    slower: &[(7, 5), (12, 5), (13, 12)],
    // 30 dBm until RP002-1.0.4, 29.2 dBm from 1.0.5 on (§3.12.3).
    max_eirp: &[(Rp001_1_0_2A, 3000), (Rp002_1_0_5, 2920)],
    max_tx_power: &[(Rp001_1_0_2A, 10), (Rp002_1_0_5, 14)],
    bands: &[],
    dwell: Dwelling::Never,
    join_rates: (0, 5),
    downlinks: &[(865_000_000, 867_000_000, 100)],
    class_b: ClassB {
        beacon: Place::At(866_550_000),
        ping: Place::At(866_550_000),
        data_rate: 4,
        rfu: (0, 3),
    },
    homes: &[],
};
