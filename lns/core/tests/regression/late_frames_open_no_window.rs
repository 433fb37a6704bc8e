//! A gateway that stores and forwards delivers frames minutes late. A server that answers them asks
//! the gateway to send in the past; with a counter that has wrapped meanwhile, 71 minutes later, it
//! may even be sent, to nobody.
//!
//! A frame counts from the moment it ended on air. The lanes offer no place for a window that is
//! past, and the partition does not even ask (`lns/src/partition/tests.rs`). A copy that comes after
//! its transmission was dealt with is metadata.

use lns_core::Event;
use lns_core::dedup::{Arrival, Gatherings, Settings, digest};
use lns_core::radio::clock::ConcentratorClock;
use lns_core::radio::lane::{Lane, LaneSettings, NoOffer, OfferName};
use lns_core::radio::place::Tie;

use crate::bench::{Bench, Up, opening, published};
use crate::radio_given::{SF7, at, bands, copy, gateway, ms, rx1, rx2};

const FRAME: &[u8] = &[0x40, 4, 3, 2, 1, 0x80, 1, 0, 1, 0xa6, 0x94, 0x64, 0x26];

#[test]
fn a_late_first_copy_is_known_to_be_late() {
    for (lag, expected) in [(20, false), (700, false), (701, true), (600_000, true)] {
        let mut gathered: Gatherings<()> = Gatherings::new(Settings::default());
        let reception = copy(1, 0, lag, 5);
        match gathered.arrive(reception.arrived, digest(FRAME), FRAME, reception) {
            Arrival::First { late, .. } => assert_eq!(late, expected, "{lag} ms"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_copy_after_the_fact_opens_nothing_and_tells_the_application_nothing() {
    let mut bench = Bench::abp();
    bench.hear(&Up::confirmed(0)).unwrap();
    let step = bench.step(Event::LateCopy(Box::new(bench.reception())));
    assert!(opening(&step).is_none());
    assert!(published(&step).is_empty());
}

#[test]
fn a_stored_frame_gets_no_offer_in_either_window() {
    for stored in [3_000, 60_000, 2_200_000, 4_000_000] {
        let mut clock = ConcentratorClock::new();
        let before = copy(1, 0, 5, 5);
        clock.observe(before.tmst, 1, before.arrived);
        // Heard at ten seconds, forwarded long after.
        let mut late = copy(1, 10_000, stored, 5);
        late.air_time = clock.observe(late.tmst, 1, late.arrived);
        let mut lane = Lane::new(gateway(1), 1, LaneSettings::default(), &bands());
        lane.observe_round_trip(ms(20));
        let name = OfferName { id: 1, ask: 1 };
        for window in [rx1(SF7), rx2()] {
            let offer = lane.offer(at(10_000 + stored), name, Tie::Heard(&late), &window);
            assert_eq!(offer.map(|_| ()), Err(NoOffer::TooLate), "{stored} ms");
        }
    }
}
