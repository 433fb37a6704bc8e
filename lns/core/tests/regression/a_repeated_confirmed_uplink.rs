//! A confirmed uplink that the device repeats is acknowledged again and delivered once.
//!
//! The device repeats it, byte for byte, because it has not heard the acknowledgement. Servers were
//! seen to take the repeat for a replay and drop it, so that the device goes on until it gives up;
//! to deliver it a second time, so that an application counts an alarm twice; and to acknowledge it
//! under the same FCntDown, which the device takes for a replay in its turn.

use crate::bench::{Bench, Up, published};

#[test]
fn each_repeat_is_acknowledged_under_a_new_counter_and_none_is_delivered() {
    let mut bench = Bench::abp();
    let first = bench.hear(&Up::confirmed(7)).unwrap();
    assert_eq!(published(&first).len(), 1);
    let mut counters = vec![bench.listen().expect("an acknowledgement").plan.f_cnt_down];
    // Eight is what the reference device tries; fifteen were seen in the field.
    for _ in 0..15 {
        let again = bench.hear(&Up::confirmed(7)).unwrap();
        assert!(published(&again).is_empty());
        let down = bench.listen().expect("an acknowledgement");
        assert!(down.opened.f_ctrl.ack);
        counters.push(down.plan.f_cnt_down);
    }
    assert!(counters.is_sorted_by(|one, next| one < next), "{counters:?}");
}

#[test]
fn a_repeat_neither_acknowledges_a_downlink_nor_fails_it() {
    let mut bench = Bench::abp();
    bench.enqueue(1, true, b"open");
    bench.hear(&Up::confirmed(7)).unwrap();
    let down = bench.listen().unwrap();
    bench.outcome(down.plan.id, lns_core::event::Fate::Accepted);
    // Sent before the device could have heard it.
    bench.hear(&Up::confirmed(7)).unwrap();
    assert_eq!(bench.device.queue.len(), 1);
    let step = bench.hear(&Up::acking(8)).unwrap();
    assert!(bench.device.queue.is_empty());
    assert!(!published(&step).is_empty());
}
