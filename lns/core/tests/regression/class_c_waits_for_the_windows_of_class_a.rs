//! RXC is not used while RX1 and RX2 of the last uplink are open.
//!
//! Right after its uplink a class C device turns to RX1 and RX2, which may have another channel and
//! data rate than RXC. A server that sends in RXC then speaks to a device that listens elsewhere
//! (ChirpStack's forum, topic 10721): the frame is lost, and nobody notices, since the gateway did
//! send it.

use lns_core::Profile;
use lns_core::effect::Opening;
use lns_core::event::Purpose;
use lns_core::radio::plan::Start;
use lns_lorawan::{MacVersion, RxDelay, TimeDelta};

use crate::bench::{Bench, Up, abp, eu868};

/// A class C device of which a downlink is wanted so long after the end of its uplink: the first
/// thing that is opened in RXC, and how long after.
fn first_rxc(rx_delay: u8, wanted_after_ms: i64) -> (Opening, TimeDelta) {
    let rx_delay = RxDelay::new(rx_delay);
    let profile = Profile { supports_class_c: true, rx_delay, ..eu868(MacVersion::V1_0_4) };
    let mut bench = Bench::new(profile, abp());
    bench.hear(&Up::at(0)).unwrap();
    let ended = bench.reception().air_time;
    bench.step(lns_core::Event::OccasionPassed);
    bench.now = ended + TimeDelta::from_millis(wanted_after_ms);
    bench.enqueue(1, false, b"on");
    bench.now = bench.now.max(bench.device.next_wake().unwrap());
    (bench.wake().unwrap(), bench.now - ended)
}

#[test]
fn a_downlink_that_comes_too_late_for_the_windows_waits_for_their_end() {
    for (rx_delay, wanted_after_ms, opens_after_ms) in
        [(1, 100, 3_000), (1, 1_500, 3_000), (1, 2_999, 3_000), (1, 4_000, 4_000), (5, 100, 7_000)]
    {
        let (opening, after) = first_rxc(rx_delay, wanted_after_ms);
        assert_eq!(opening.purpose, Purpose::ClassC);
        assert_eq!(after, TimeDelta::from_millis(opens_after_ms), "wanted at {wanted_after_ms} ms");
        assert!(matches!(opening.windows[0].start, Start::Soon { .. }));
    }
}
