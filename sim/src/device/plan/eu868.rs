//! EU863–870. RP002-1.0.5, chapter on EU863–870; duty cycles by ETSI EN 300 220.

use lns_lorawan::RegParamsRevision::{Rp001_1_0_2A, Rp001_1_0_2B, Rp002_1_0_2};
use lns_lorawan::{LrFhssCoding, Modulation};

use super::{
    Band, ClassB, Dwelling, EUROPEAN, FSK, Grid, Place, Plan, Rate, SF7_AT_250, narrow, rx1,
};

const fn lr_fhss(index: u8, (ocw_hz, coding): (u32, LrFhssCoding), most: usize) -> Rate {
    Rate::new(index, Modulation::LrFhss { ocw_hz, coding }, most).since(Rp002_1_0_2)
}

const UP: [Rate; 14] = [
    EUROPEAN[0],
    EUROPEAN[1],
    EUROPEAN[2],
    EUROPEAN[3],
    EUROPEAN[4],
    EUROPEAN[5],
    SF7_AT_250,
    FSK,
    lr_fhss(8, (137_000, LrFhssCoding::Cr13), 58),
    lr_fhss(9, (137_000, LrFhssCoding::Cr23), 123),
    lr_fhss(10, (336_000, LrFhssCoding::Cr13), 58),
    lr_fhss(11, (336_000, LrFhssCoding::Cr23), 123),
    narrow(12, 250),
    narrow(13, 250),
];

pub(super) static PLAN: Plan = Plan {
    grid: Grid::Dynamic {
        defaults: &[868_100_000, 868_300_000, 868_500_000],
        range: (863_000_000, 870_000_000),
    },
    up: &UP,
    down: &EUROPEAN,
    rx1: rx1::european,
    max_rx1_dr_offset: 5,
    rx2: (869_525_000, 0),
    slower: &[(8, 0), (9, 8), (10, 8), (11, 10), (12, 5), (13, 12)],
    max_eirp: &[(Rp001_1_0_2A, 1600)],
    max_tx_power: &[(Rp001_1_0_2A, 5), (Rp001_1_0_2B, 7)],
    bands: &[
        Band { edges: (863_000_000, 865_000_000), one_in: 1000 },
        Band { edges: (865_000_000, 868_000_000), one_in: 100 },
        Band { edges: (868_000_000, 868_600_000), one_in: 100 },
        Band { edges: (868_700_000, 869_200_000), one_in: 1000 },
        Band { edges: (869_400_000, 869_650_000), one_in: 10 },
        Band { edges: (869_700_000, 870_000_000), one_in: 100 },
    ],
    dwell: Dwelling::Never,
    join_rates: (0, 5),
    downlinks: &[(863_000_000, 870_000_000, 100)],
    class_b: ClassB {
        beacon: Place::At(869_525_000),
        ping: Place::At(869_525_000),
        data_rate: 3,
        rfu: (1, 0),
    },
    homes: &[],
};
