//! A device behind a slow line is told to listen later.
//!
//! Over a satellite or a bad cellular link a downlink needs seconds. A device that listens one second
//! after its uplink never hears it, however often it joins, and joins again because it hears nothing.
//! RxDelay can be raised at any time (RXTimingSetupReq); RX2, a second later, carries the command.

use lns_core::Event;
use lns_lorawan::RxDelay;

use crate::bench::{Bench, Up};

#[test]
fn rx_timing_setup_is_asked_for_what_the_line_needs() {
    let mut bench = Bench::abp();
    let bytes = bench.frame(&Up::at(1));
    let mut heard = bench.matched(&bytes).unwrap();
    heard.suggested_rx_delay = RxDelay::new(4);
    bench.step(Event::Uplink(Box::new(heard)));
    let down = bench.listen().expect("there is something to ask");
    let request = [0x08, 4];
    assert!(down.opened.f_opts.windows(2).any(|two| two == request), "{:?}", down.opened.f_opts);
}
