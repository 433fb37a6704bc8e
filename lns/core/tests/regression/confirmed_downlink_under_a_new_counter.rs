//! A confirmed downlink is sent again under a *new* FCntDown.
//!
//! Semtech's reference device drops a downlink whose counter repeats, and does not acknowledge it
//! (LoRaMac-node, `LoRaMac.c`, the check of the downlink counter). A server that sends the same
//! bytes again is never acknowledged: the command is repeated until it has failed, although the
//! device has carried it out the first time.

use lns_core::event::Fate;

use crate::bench::{Bench, Up};

#[test]
fn every_attempt_has_a_counter_of_its_own() {
    let mut bench = Bench::abp();
    bench.enqueue(1, true, b"open");
    let mut counters = Vec::new();
    for f_cnt in 0..5 {
        bench.hear(&Up::at(f_cnt)).unwrap();
        let Some(down) = bench.listen() else { continue };
        assert!(down.opened.confirmed);
        assert_eq!(&*down.opened.frm_payload, b"open");
        counters.push(down.plan.f_cnt_down.unwrap().0);
        bench.outcome(down.plan.id, Fate::Accepted);
    }
    // As often as the profile says, and each under another counter.
    assert_eq!(counters, [0, 1, 2]);
}

#[test]
fn what_the_gateway_refused_is_sent_again_under_another_counter_too() {
    let mut bench = Bench::abp();
    bench.enqueue(1, true, b"open");
    bench.hear(&Up::at(0)).unwrap();
    let first = bench.listen().unwrap();
    bench.outcome(first.plan.id, Fate::Refused("TOO_LATE".into()));
    bench.hear(&Up::at(1)).unwrap();
    let second = bench.listen().unwrap();
    assert!(second.plan.f_cnt_down > first.plan.f_cnt_down);
}
