//! A confirmed uplink whose acknowledgement was lost is sent again, byte for byte. A server that
//! drops it as a replay leaves the device repeating until it gives up; one that delivers it again
//! counts a parcel twice; one that repeats the old downlink is not heard, since its FCntDown has been
//! used. In the field devices repeat more than the eight times of the reference one.

use lns_core::Event;
use lns_lorawan::{FCntDown, TimeDelta};

use crate::bench::{Bench, Up, published};

#[test]
fn every_repeat_is_acknowledged_under_a_new_counter_and_the_application_hears_once() {
    let mut bench = Bench::abp();
    let bytes = bench.frame(&Up::confirmed(7));
    let mut events = 0;
    for transmission in 0..15 {
        bench.now += TimeDelta::from_secs(4);
        let heard = bench.matched(&bytes).unwrap();
        let step = bench.step(Event::Uplink(Box::new(heard)));
        events += published(&step).len();
        let down = bench.listen().expect("an acknowledgement");
        assert!(down.opened.f_ctrl.ack);
        assert_eq!(down.opened.f_cnt_down, FCntDown(transmission));
    }
    assert_eq!(events, 1);
}
