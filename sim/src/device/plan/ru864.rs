//! RU864–870. RP002-1.0.5, chapter on RU864–870; RP001-1.0.3 A §2.11.

use lns_lorawan::RegParamsRevision::Rp001_1_0_2A;

use super::{Band, ClassB, Dwelling, EUROPEAN, Grid, Place, Plan, TO_THE_LADDER, rx1};

pub(super) static PLAN: Plan = Plan {
    grid: Grid::Dynamic {
        defaults: &[868_900_000, 869_100_000],
        range: (864_000_000, 870_000_000),
    },
    up: &EUROPEAN,
    down: &EUROPEAN,
    rx1: rx1::european,
    max_rx1_dr_offset: 5,
    rx2: (869_100_000, 0),
    slower: TO_THE_LADDER,
    max_eirp: &[(Rp001_1_0_2A, 1600)],
    max_tx_power: &[(Rp001_1_0_2A, 7)],
    bands: &[Band { edges: (864_000_000, 870_000_000), one_in: 100 }],
    dwell: Dwelling::Never,
    join_rates: (0, 5),
    downlinks: &[(864_000_000, 870_000_000, 100)],
    class_b: ClassB {
        beacon: Place::At(869_100_000),
        ping: Place::At(868_900_000),
        data_rate: 3,
        rfu: (1, 0),
    },
    homes: &[],
};
