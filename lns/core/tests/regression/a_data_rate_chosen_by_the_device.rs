//! ADR goes by the data rate that a device uses, not by the one that it was last given.
//!
//! A device that hears nothing slows itself down step by step. A server that goes on reckoning with
//! the data rate it once confirmed sees a link that is better than it is, or sees nothing to do: the
//! device then stays slow for ever, or is hurried at once into the data rate that had failed
//! (lorawan-stack#3901).

use std::sync::Arc;

use lns_core::adr::{Decision, Mode, Policy};
use lns_lorawan::{FCtrlUp, TxPowerIndex};

use crate::bench::{Bench, Up};

fn hear(bench: &mut Bench, f_cnt: u32) {
    let f_ctrl = FCtrlUp { adr: true, ..FCtrlUp::default() };
    bench.hear(&Up { f_ctrl, ..Up::at(f_cnt) }).unwrap();
}

#[test]
fn a_device_that_slowed_down_is_judged_at_its_new_data_rate_and_sped_up_after_a_while() {
    let mut bench = Bench::abp();
    Arc::make_mut(&mut bench.device.about).adr =
        Policy { mode: Mode::Dynamic, ..Policy::default() };
    // At SF7 there is nothing to gain: 9.25 dB are 6.75 more than needed, and power waits.
    for f_cnt in 0..10 {
        hear(&mut bench, f_cnt);
        assert!(bench.listen().is_none());
    }
    bench.modulation = "SF9BW125";
    for f_cnt in 10..29 {
        hear(&mut bench, f_cnt);
        let why = bench.device.adr.why.unwrap();
        assert_eq!((why.decision, why.target.data_rate.value()), (Decision::BackedOff, 3));
        assert_eq!(why.target.tx_power, TxPowerIndex::MAX_POWER);
    }
    hear(&mut bench, 29);
    let why = bench.device.adr.why.unwrap();
    assert_eq!((why.decision, why.target.data_rate.value()), (Decision::Faster, 5));
}
