//! With NbTrans 3 a device sends the same bytes three times, seconds apart. A server that keys its
//! deduplication by bytes alone takes the repeats for copies of the first transmission: it answers
//! none of them, and the device, which has not heard the first answer, stays deaf. One that does not
//! deduplicate at all delivers the frame three times.
//!
//! Copies are one transmission when they were on air within a second; the same bytes later are a
//! repeat, answered in its own windows and not delivered again.

use lns_core::Event;
use lns_core::dedup::{Arrival, Gatherings, Settings, digest};
use lns_lorawan::TimeDelta;

use crate::bench::{Bench, Up, opening, published};
use crate::radio_given::copy;

const FRAME: &[u8] = &[0x40, 4, 3, 2, 1, 0x80, 1, 0, 1, 0xa6, 0x94, 0x64, 0x26];

#[test]
fn the_same_bytes_seconds_later_are_another_transmission_whatever_their_channel() {
    let mut gathered: Gatherings<()> = Gatherings::new(Settings::default());
    for (on_air, first) in [(0, true), (300, false), (2_400, true), (2_600, false), (4_900, true)] {
        let number = if first { 1 } else { 2 };
        let reception = copy(number, on_air, 5, 5);
        let arrival = gathered.arrive(reception.arrived, digest(FRAME), FRAME, reception);
        assert_eq!(matches!(arrival, Arrival::First { .. }), first, "{on_air} ms: {arrival:?}");
    }
}

#[test]
fn each_repeat_opens_windows_and_only_the_first_is_an_event() {
    let mut bench = Bench::abp();
    let bytes = bench.frame(&Up::at(4));
    for transmission in 0..3 {
        bench.now += TimeDelta::from_secs(3);
        let heard = bench.matched(&bytes).unwrap();
        let step = bench.step(Event::Uplink(Box::new(heard)));
        assert!(opening(&step).is_some(), "transmission {transmission}");
        assert_eq!(published(&step).len(), usize::from(transmission == 0));
    }
}
