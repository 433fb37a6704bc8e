//! CN779–787. RP002-1.0.3, chapter on CN779–787, which later editions leave out.

use lns_lorawan::RegParamsRevision::Rp001_1_0_2A;

use super::{Band, ClassB, Dwelling, EUROPEAN, Grid, Place, Plan, Rate, rx1};

/// Without SF6 and SF5, which came when the region had gone.
const RATES: &[Rate] = EUROPEAN.first_chunk::<8>().expect("there are ten");

pub(super) static PLAN: Plan = Plan {
    grid: Grid::Dynamic {
        defaults: &[779_500_000, 779_700_000, 779_900_000],
        range: (779_500_000, 786_500_000),
    },
    up: RATES,
    down: RATES,
    rx1: rx1::european,
    max_rx1_dr_offset: 5,
    rx2: (786_000_000, 0),
    slower: &[],
    max_eirp: &[(Rp001_1_0_2A, 1215)],
    max_tx_power: &[(Rp001_1_0_2A, 5)],
    bands: &[Band { edges: (779_500_000, 786_500_001), one_in: 100 }],
    dwell: Dwelling::Never,
    join_rates: (0, 5),
    downlinks: &[(779_500_000, 786_500_000, 100)],
    class_b: ClassB {
        beacon: Place::At(785_000_000),
        ping: Place::At(785_000_000),
        data_rate: 3,
        rfu: (1, 0),
    },
    homes: &[],
};
