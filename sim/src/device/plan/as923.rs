//! AS923-1 to AS923-4: one plan at four places. RP002-1.0.5 §3.10.

use lns_lorawan::RegParamsRevision::{Rp001_1_0_2A, Rp001_1_0_2B, Rp002_1_0_4};
use lns_lorawan::{Bandwidth, Modulation, SpreadingFactor};

use super::{Band, ClassB, Dwelling, FSK, Grid, Place, Plan, Rate, TO_THE_LADDER, narrow, rx1};

/// M of DR2 without dwell time was 59 until RP002-1.0.1 and is 123 from 1.0.2; a device that sends
/// no more than 59 is right in all of them.
const RATES: [Rate; 10] = [
    narrow(0, 59).dwelling(0),
    narrow(1, 59).dwelling(0),
    narrow(2, 59).dwelling(19),
    narrow(3, 123).dwelling(61),
    narrow(4, 250).dwelling(133),
    narrow(5, 250),
    Rate::new(6, Modulation::lora(SpreadingFactor::Sf7, Bandwidth::Khz250), 250),
    FSK,
    narrow(12, 250),
    narrow(13, 250),
];

/// `$shift` is how much lower than AS923-1 the plan lies, Hz.
macro_rules! plan {
    ($name:ident, $shift:literal, $range:expr) => {
        pub(super) static $name: Plan = Plan {
            grid: Grid::Dynamic {
                defaults: &[923_200_000 - $shift, 923_400_000 - $shift],
                range: $range,
            },
            up: &RATES,
            down: &RATES,
            rx1: rx1::asian,
            max_rx1_dr_offset: 7,
            rx2: (923_200_000 - $shift, 2),
            slower: TO_THE_LADDER,
            max_eirp: &[(Rp001_1_0_2A, 1600)],
            max_tx_power: &[(Rp001_1_0_2A, 5), (Rp001_1_0_2B, 7)],
            bands: &[Band { edges: $range, one_in: 100 }],
            dwell: Dwelling::DownlinksUntil(Rp002_1_0_4),
            join_rates: (2, 5),
            downlinks: &[($range.0, $range.1, 100)],
            class_b: ClassB {
                beacon: Place::At(923_400_000 - $shift),
                ping: Place::At(923_400_000 - $shift),
                data_rate: 3,
                rfu: (1, 0),
            },
            homes: &[],
        };
    };
}

plan!(AS923_1, 0, (915_000_000, 928_000_000));
plan!(AS923_2, 1_800_000, (915_000_000, 928_000_000));
plan!(AS923_3, 6_600_000, (915_000_000, 928_000_000));
plan!(AS923_4, 5_900_000, (917_000_000, 920_000_000));
