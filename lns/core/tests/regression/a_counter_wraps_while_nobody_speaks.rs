//! A concentrator's counter wraps every 71 min 35 s, also while nobody is heard.
//!
//! A server that unwraps `tmst` by comparing it with the last one is off by 2³² µs once a gateway has
//! been quiet for longer: what it then sends "at" a counter value leaves an hour late, or is refused
//! as TOO_EARLY.

use lns_core::event::When;
use lns_core::radio::clock::ConcentratorClock;
use lns_core::radio::lane::{Lane, LaneSettings, OfferName};
use lns_core::radio::place::Tie;
use lns_lorawan::{TimeDelta, Tmst};

use crate::radio_given::{START, at, bands, copy, gateway, ms, path, rxc};

/// 2³² µs, in ms, and a little.
const WRAP: i64 = 4_294_968;

#[test]
fn a_clock_knows_the_counter_after_any_silence() {
    for silence in [10_000, WRAP - 1, WRAP + 1, 2 * WRAP + 7, 20 * WRAP] {
        let mut clock = ConcentratorClock::new();
        let first = copy(1, 0, 5, 5);
        clock.observe(first.tmst, 1, first.arrived);
        let after = copy(1, silence, 5, 5);
        let air_time = clock.observe(after.tmst, 1, after.arrived);
        // The first frame may have been quicker, and the crystals may have drifted since.
        let off = air_time.since(after.arrived).abs();
        assert!(off <= TimeDelta::from_millis(5 + silence / 20_000), "{silence}: {off}");
    }
}

#[test]
fn what_is_sent_across_the_wrap_is_named_by_the_counter_after_it() {
    // Gateway 0's counter shows 0 at the start.
    let now = WRAP - 100;
    let heard = copy(0, now - 1_000, 0, 5);
    let mut clock = ConcentratorClock::new();
    clock.observe(heard.tmst, 1, heard.arrived);
    let mut lane = Lane::new(gateway(0), 1, LaneSettings::default(), &bands());
    lane.observe_round_trip(ms(50));
    lane.set_clock(clock.map().expect("a frame was heard"));
    let window = rxc(now);
    let offer = lane
        .offer(at(now), OfferName { id: 1, ask: 1 }, Tie::Known(&path(0, 5)), &window)
        .expect("nothing is promised");
    let counter = offer.starts.since(START).micros() as u64 % (1 << 32);
    assert!(counter < 1_000_000, "it is after the wrap");
    assert_eq!(offer.when, When::Tmst(Tmst(counter as u32)));
}

#[test]
fn promises_on_both_sides_of_the_wrap_keep_their_distance() {
    let mut lane = Lane::new(gateway(0), 1, LaneSettings::default(), &bands());
    lane.observe_round_trip(ms(50));
    let window = crate::radio_given::rx1(crate::radio_given::SF7);
    let mut ask = |id: u64, on_air: i64| {
        let heard = copy(0, on_air, 0, 5);
        let name = OfferName { id, ask: id };
        let offer = lane.offer(at(on_air + 10), name, Tie::Heard(&heard), &window).ok()?;
        lane.take(offer.id, 20).then_some(offer)
    };
    // RX1 of the first opens 20 ms before the wrap, of the second 20 ms after it.
    assert!(ask(1, WRAP - 1_020).is_some());
    assert!(ask(2, WRAP - 980).is_none(), "the first is still on air");
    assert!(ask(3, WRAP - 880).is_some());
}
