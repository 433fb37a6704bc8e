//! Some devices really count in sixteen bits, and compute their MIC with the upper half zero for
//! ever. A server that counts in thirty-two loses them at their first roll-over. The profile says so;
//! then a recording of the last roll-over verifies too, and must not be taken.

use lns_core::{Profile, Reject};
use lns_lorawan::{FCntUp, MacVersion};

use crate::bench::{Bench, Up, abp, eu868};

fn device(f_cnt_16_bit: bool) -> Bench {
    Bench::new(Profile { f_cnt_16_bit, ..eu868(MacVersion::V1_0_2) }, abp())
}

#[test]
fn by_its_profile_a_sixteen_bit_device_is_followed_over_many_roll_overs() {
    let mut bench = device(true);
    let mut sent = 0u32;
    while sent < 300_000 {
        bench.hear(&Up::at(sent & 0xffff)).unwrap();
        assert_eq!(bench.device.session.as_ref().unwrap().f_cnt_up, Some(FCntUp(sent)));
        sent += 9_999;
    }
    let behind = bench.hear(&Up::at((sent - 3 * 9_999) & 0xffff)).unwrap_err();
    assert!(matches!(behind, Reject::FCntReplayed { .. }), "{behind}");
}

#[test]
fn without_the_switch_it_is_lost_at_the_first_roll_over() {
    let mut bench = device(false);
    bench.hear(&Up::at(65_535)).unwrap();
    assert!(bench.hear(&Up::at(0)).is_err());
}
