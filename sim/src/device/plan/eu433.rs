//! EU433. RP002-1.0.5, chapter on EU433; RP001-1.0.3 A §2.5.

use lns_lorawan::RegParamsRevision::Rp001_1_0_2A;

use super::{Band, ClassB, Dwelling, EUROPEAN, Grid, Place, Plan, TO_THE_LADDER, rx1};

pub(super) static PLAN: Plan = Plan {
    grid: Grid::Dynamic {
        defaults: &[433_175_000, 433_375_000, 433_575_000],
        range: (433_050_000, 434_790_000),
    },
    up: &EUROPEAN,
    down: &EUROPEAN,
    rx1: rx1::european,
    max_rx1_dr_offset: 5,
    rx2: (434_665_000, 0),
    slower: TO_THE_LADDER,
    max_eirp: &[(Rp001_1_0_2A, 1215)],
    max_tx_power: &[(Rp001_1_0_2A, 5)],
    // Of the two figures that implementations use, 1 % and 10 %, the one that offends nobody.
    bands: &[Band { edges: (433_050_000, 434_790_000), one_in: 100 }],
    dwell: Dwelling::Never,
    join_rates: (0, 5),
    downlinks: &[(433_050_000, 434_790_000, 100)],
    class_b: ClassB {
        beacon: Place::At(434_665_000),
        ping: Place::At(434_665_000),
        data_rate: 3,
        rfu: (1, 0),
    },
    homes: &[],
};
