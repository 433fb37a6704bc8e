//! A forwarder sends its beacons by itself, and refuses what is in their way.
//!
//! Beacons come from the forwarder's own configuration; the server can neither send them (an SX1301
//! has no `nhdr`) nor see them. A class A or C downlink that overlaps the beacon's 2.12 s is refused
//! with COLLISION_BEACON, a ping slot already within the three seconds before it. Whoever asks a
//! gateway without beacons, or one that has lost the satellites, for a slot hears GPS_UNLOCKED, or
//! nothing, and the device hears nothing either way.

use lns_core::radio::lane::{Lane, LaneSettings, NoOffer, OfferName};
use lns_core::radio::place::Tie;
use lns_core::radio::plan::WindowPlan;
use lns_lorawan::GpsTime;

use crate::radio_given::{SF7, START, at, bands, clock, copy, gateway, ms, path, ping, rx1, tmms};

/// ms from the start to the first beacon after it.
fn beacon() -> i64 {
    let gps = GpsTime::from_timestamp(START).unwrap().micros() as i64 / 1000;
    128_000 - gps % 128_000
}

fn lane(beaconing: bool) -> Lane {
    let settings = LaneSettings { beaconing, ..LaneSettings::default() };
    let mut lane = Lane::new(gateway(1), 1, settings, &bands());
    lane.observe_round_trip(ms(20));
    let now = beacon() - 10_000;
    lane.set_clock(clock(1, now, Some(tmms(now))));
    lane
}

/// How much is offered to a frame that starts so many ms after the beacon.
fn class_a(beaconing: bool, after: i64) -> Option<usize> {
    let starts = beacon() + after;
    let heard = copy(1, starts - 1_000, 5, 5);
    let name = OfferName { id: 1, ask: 1 };
    let offer = lane(beaconing).offer(at(starts - 900), name, Tie::Heard(&heard), &rx1(SF7));
    offer.ok().map(|offer| offer.max_phy_payload)
}

fn slot(after: i64) -> Result<(), NoOffer> {
    let window = WindowPlan { modulation: SF7, ..ping(beacon() + after) };
    let name = OfferName { id: 1, ask: 1 };
    let now = at(beacon() + after - 1_000);
    lane(true).offer(now, name, Tie::Known(&path(1, 5)), &window).map(|_| ())
}

#[test]
fn nothing_is_sent_into_a_beacon_and_a_slot_keeps_its_guard() {
    assert_eq!(class_a(true, -1_000), Some(255));
    let before = class_a(true, -100).expect("a short one ends before it");
    assert!(before < 255);
    assert_eq!(class_a(true, 0), None);
    assert_eq!(class_a(true, 2_160), None);
    assert_eq!(class_a(true, 2_163), Some(255));
    assert_eq!(class_a(false, 0), Some(255), "a gateway that sends none has none");

    assert_eq!(slot(-3_500), Ok(()));
    assert_eq!(slot(-3_050), Err(NoOffer::AirTaken), "it would end in the guard");
    assert_eq!(slot(2_100), Err(NoOffer::AirTaken));
    assert_eq!(slot(2_163), Ok(()));
}

#[test]
fn a_slot_needs_a_beacon_and_satellites_that_were_seen() {
    let name = OfferName { id: 1, ask: 1 };
    let ask = |mut lane: Lane, hours: i64| {
        let starts = beacon() + hours * 3_600_000 + 55_000;
        let path = path(1, 5);
        lane.offer(at(starts - 1_000), name, Tie::Known(&path), &ping(starts)).map(|_| ())
    };
    assert_eq!(ask(lane(false), 0), Err(NoOffer::NotBeaconing));
    assert_eq!(ask(lane(true), 0), Ok(()));
    assert_eq!(ask(lane(true), 3), Err(NoOffer::NoClock), "seen three hours ago");
    let mut lost = lane(true);
    lost.gps_unlocked(at(beacon() + 50_000));
    assert_eq!(ask(lost, 0), Err(NoOffer::NoClock));
}
