//! Windows that follow no uplink: given a gateway's clocks, when a ping slot or RXC is asked for,
//! then where it lies and how the gateway is told.

mod radio_given;

use lns_core::event::{Offer, Path, When};
use lns_core::radio::lane::{Lane, LaneSettings, NoOffer, OfferName, airtime};
use lns_core::radio::place::Tie;
use lns_core::radio::plan::{Start, WindowPlan};
use lns_lorawan::GpsTime;
use radio_given::{SF7, at, bands, clock, copy, gateway, ms, path, ping, rx1, rxc, tmms};

fn lane(beaconing: bool) -> Lane {
    let settings = LaneSettings { beaconing, ..LaneSettings::default() };
    let mut lane = Lane::new(gateway(1), 1, settings, &bands());
    lane.observe_round_trip(ms(50));
    lane
}

fn ask(lane: &mut Lane, now: i64, id: u64, window: &WindowPlan) -> Result<Offer, NoOffer> {
    let path: Path = path(1, 7);
    lane.offer(at(now), OfferName { id, ask: id }, Tie::Known(&path), window)
}

#[test]
fn rxc_is_asked_for_at_once_on_the_gateways_own_counter() {
    let mut lane = lane(false);
    lane.set_clock(clock(1, 0, None));
    let offer = ask(&mut lane, 1_000, 1, &rxc(0)).unwrap();
    // The way there, the gateway's lead, and a moment to fill the frame.
    assert_eq!(offer.starts, at(1_000 + 50 + 50 + 50));
    let counter = copy(1, 1_150, 0, 0).tmst;
    assert_eq!(offer.when, When::Tmst(counter));
}

#[test]
fn rxc_without_a_clock_is_left_to_the_gateway() {
    let mut lane = lane(false);
    assert_eq!(ask(&mut lane, 1_000, 1, &rxc(0)).unwrap().when, When::Immediately);
    lane.set_clock(clock(1, 0, None));
    let stale = 601_000;
    assert_eq!(ask(&mut lane, stale, 2, &rxc(stale)).unwrap().when, When::Immediately);
}

#[test]
fn rxc_waits_for_what_is_on_air() {
    let mut lane = lane(false);
    lane.set_clock(clock(1, 0, None));
    let heard = copy(1, 200, 5, 5);
    let name = OfferName { id: 1, ask: 1 };
    let first = lane.offer(at(300), name, Tie::Heard(&heard), &rx1(SF7)).unwrap();
    assert!(lane.take(first.id, 20));
    let busy = lane.settings().forwarder.busy(SF7, 20);
    let free = at(1_200) + busy + lane.settings().gap();
    // 64 bytes at SF7 are on air for 118 ms, and there are 750 − 42.5 ms; at SF12 for 2.8 s.
    let quick = WindowPlan { modulation: SF7, ..rxc(0) };
    assert_eq!(ask(&mut lane, 300, 2, &quick).unwrap().starts, at(450));
    lane.release(2);
    assert_eq!(ask(&mut lane, 300, 3, &rxc(0)).unwrap().starts, free);
    lane.release(3);
    assert_eq!(
        ask(&mut lane, 300, 4, &WindowPlan { modulation: SF7, ..rxc(1_100) }).unwrap().starts,
        free
    );
    lane.release(4);
    // What lasts for ever nowhere fits; a smaller frame does.
    let (not_before, not_after) = (at(0), at(500));
    let now_or_never = WindowPlan {
        start: Start::Soon { not_before, not_after },
        max_phy_payload: 255,
        ..rx1(SF7)
    };
    let smaller =
        ask(&mut lane, 300, 5, &WindowPlan { max_phy_payload: 800, ..now_or_never }).unwrap();
    assert_eq!(smaller.starts, at(450));
    assert!(airtime(SF7, smaller.max_phy_payload) <= ms(750) - lane.settings().gap());
}

#[test]
fn rxc_that_would_come_too_late_is_not_offered() {
    let mut lane = lane(false);
    assert_eq!(ask(&mut lane, 11_000, 1, &rxc(0)), Err(NoOffer::TooLate));
}

#[test]
fn a_ping_slot_is_a_moment_of_the_satellites() {
    let mut lane = lane(true);
    assert_eq!(ask(&mut lane, 0, 1, &ping(2_000)), Err(NoOffer::NoClock));
    // Our clock is 130 ms behind the gateway's.
    lane.set_clock(clock(1, 0, Some(tmms(130))));
    let slot = ping(2_000);
    let offer = ask(&mut lane, 100, 2, &slot).unwrap();
    assert_eq!(offer.when, When::Gps(GpsTime::from_timestamp(at(2_000)).unwrap()));
    assert_eq!(offer.starts, at(2_000 - 130));
    let hours = 2 * 3_600_000;
    assert!(ask(&mut lane, hours, 3, &ping(hours + 2_000)).is_ok(), "uplinks may be far between");
    assert_eq!(
        ask(&mut lane, hours + 1, 4, &ping(hours + 4_000)),
        Err(NoOffer::NoClock),
        "told too long ago"
    );
}

#[test]
fn a_gateway_that_sends_no_beacons_makes_no_ping_slot() {
    let mut lane = lane(false);
    lane.set_clock(clock(1, 0, Some(tmms(0))));
    assert_eq!(ask(&mut lane, 100, 1, &ping(2_000)), Err(NoOffer::NotBeaconing));
}

#[test]
fn a_receive_window_without_an_uplink_is_no_window() {
    let mut lane = lane(true);
    assert_eq!(ask(&mut lane, 0, 1, &rx1(SF7)), Err(NoOffer::NoClock));
}

#[test]
fn a_clock_of_another_run_is_not_believed() {
    let mut lane = lane(true);
    lane.up(2);
    lane.set_clock(clock(1, 0, Some(tmms(0))));
    assert_eq!(ask(&mut lane, 100, 1, &ping(2_000)), Err(NoOffer::NoClock));
}
