//! Trap: devices differ in where they begin to count.
//!
//! Semtech's reference device sends FCntUp 1 first after a join, DevNonce 1 first, RJcount 1 first;
//! MCCI's LMIC begins at FCntUp 0 and draws its nonces. A server that wants one or the other loses a
//! frame after each join, or counts a lost one that never was.

use lns_core::Note;
use lns_lorawan::MacVersion;

use crate::bench::*;

fn first_frame(version: MacVersion, dev_nonce: u16, f_cnt: u32) {
    let mut bench = Bench::new(eu868(version), otaa());
    bench.join(dev_nonce);
    let step = bench.hear(&Up::at(f_cnt)).unwrap();
    assert_eq!(uplink(&step).unwrap().f_cnt_up.0, f_cnt);
    let lost = step.notes.iter().find_map(|note| match note {
        Note::Uplink { lost, .. } => Some(*lost),
        _ => None,
    });
    assert_eq!(lost, Some(0), "{version} {f_cnt}");
}

#[test]
fn either_beginning_is_a_beginning_and_nothing_was_lost() {
    for version in [MacVersion::V1_0_3, MacVersion::V1_0_4] {
        for (dev_nonce, f_cnt) in [(1, 1), (0, 0), (0xbeef, 0), (1, 0)] {
            first_frame(version, dev_nonce, f_cnt);
        }
    }
}
