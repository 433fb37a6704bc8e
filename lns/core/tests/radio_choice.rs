//! Which gateway and which window: given lines, margins and much to say, when a frame is asked for,
//! then the place that is likeliest to be heard, at the least cost to others.

mod radio_given;

use lns_core::effect::{Opening, Reach, TxPlan};
use lns_core::event::{Fate, Offer, Purpose, Reception, When};
use lns_core::radio::lane::{LaneSettings, NoOffer};
use lns_core::radio::lanes::{AskId, Emission, LaneOutput, Lanes, PlanName, TxAnswer};
use lns_core::radio::plan::WindowPlan;
use lns_lorawan::{DevEui, FCntDown, Region, Window};
use radio_given::{
    SF7, SF12, START, at, clock, copy, gateway, ms, path, ping, rx1, rx2, rxc, tmms,
};

fn given(gateways: u64, beaconing: bool) -> Lanes {
    let mut lanes = Lanes::new(100);
    let settings = LaneSettings { beaconing, ..LaneSettings::default() };
    for number in 1..=gateways {
        assert!(lanes.gateway_up(START, (gateway(number), 1), settings, Region::Eu868));
        lanes.round_trip(gateway(number), ms(40));
    }
    lanes
}

fn after(receptions: Vec<Reception>) -> Opening {
    Opening {
        purpose: Purpose::ClassA,
        windows: vec![rx1(SF7), rx2()],
        reach: Reach::Heard(receptions),
        something_to_say: true,
        reply_window_ms: 0,
    }
}

fn unasked(window: WindowPlan, gateways: &[u64]) -> Opening {
    let paths = gateways.iter().map(|number| path(*number, 5)).collect();
    Opening {
        purpose: Purpose::ClassA,
        windows: vec![window],
        reach: Reach::Known(paths),
        something_to_say: true,
        reply_window_ms: 0,
    }
}

fn plan(id: u64, size: usize, offers: Vec<Offer>) -> TxPlan {
    let phy_payload = vec![0x60; size].into_boxed_slice();
    let f_cnt_down = Some(FCntDown(id as u32));
    TxPlan { id, to: DevEui::new(id).into(), phy_payload, f_cnt_down, offers }
}

fn name(plan: u64) -> PlanName {
    PlanName { to: DevEui::new(plan).into(), plan }
}

fn places(offers: &[Offer]) -> Vec<(u64, Window)> {
    offers.iter().map(|offer| (offer.gateway.value() & 0xff, offer.window)).collect()
}

fn emitted(output: Option<LaneOutput>) -> Emission {
    match output {
        Some(LaneOutput::Emit(emission)) => emission,
        other => panic!("not an emission: {other:?}"),
    }
}

fn fate(output: Option<LaneOutput>) -> Fate {
    match output {
        Some(LaneOutput::Outcome(_, outcome)) => outcome.fate,
        other => panic!("not an outcome: {other:?}"),
    }
}

fn refused(cause: &str) -> TxAnswer {
    TxAnswer::Refused { cause: cause.into() }
}

use Window::{Rx1, Rx2};

#[test]
fn where_rx1_would_hardly_be_heard_rx2_comes_first() {
    // 5 dB less than SF7 needs, and SF12 needs 12.5 dB less.
    let heard = after(vec![copy(1, 0, 5, -13)]);
    let mut lanes = given(1, false);
    let offers = lanes.ask(at(10), AskId(1), &heard);
    assert_eq!(places(&offers), [(1, Rx2), (1, Rx1)]);
    let emission = emitted(Some(lanes.hand_over(at(11), AskId(1), plan(1, 17, offers))));
    assert_eq!(places(&emission.items), [(1, Rx2), (1, Rx1)], "in this order to the gateway");
}

#[test]
fn a_quick_line_beats_a_little_margin() {
    let mut lanes = given(2, false);
    for _ in 0..20 {
        lanes.round_trip(gateway(1), ms(950));
    }
    let heard = after(vec![copy(1, 0, 5, 9), copy(2, 0, 5, 6)]);
    let offers = lanes.ask(at(10), AskId(1), &heard);
    assert_eq!(places(&offers)[0], (2, Rx1));
    assert!(!places(&offers).contains(&(1, Rx1)), "half of its answers would be too late");
}

#[test]
fn a_gateway_that_refuses_much_is_asked_second() {
    let mut lanes = given(2, false);
    let heard = || after(vec![copy(1, 0, 5, 9), copy(2, 0, 5, 7)]);
    for number in 1..=12 {
        let offers = lanes.ask(at(10), AskId(number), &heard());
        let first = offers.iter().filter(|offer| offer.gateway == gateway(1)).cloned().collect();
        let emission =
            emitted(Some(lanes.hand_over(at(11), AskId(number), plan(number, 17, first))));
        assert_eq!(emission.gateway, gateway(1));
        let next = emitted(lanes.tx_ack(at(50), name(number), gateway(1), refused("TX_FREQ")));
        let accepted = TxAnswer::Accepted { item: 0, lead_us: None };
        assert_eq!(next.gateway, gateway(2));
        lanes.tx_ack(at(90), name(number), gateway(2), accepted).unwrap();
        // What the second one took is over before the next asking.
        lanes.gateway_boot(gateway(2), 1 + number as u32);
        lanes.gateway_boot(gateway(2), 1);
    }
    assert_eq!(places(&lanes.ask(at(10), AskId(99), &heard()))[0].0, 2);
}

#[test]
fn a_held_place_shrinks_before_a_neighbour_goes_without() {
    let mut lanes = given(1, false);
    // A second device is heard 150 ms after the first; a full RX1 frame lasts 400 ms.
    let first = lanes.ask(at(10), AskId(1), &after(vec![copy(1, 0, 5, 5)]));
    let second = lanes.ask(at(160), AskId(2), &after(vec![copy(1, 150, 5, 5)]));
    assert_eq!((places(&first)[0], places(&second)[0]), ((1, Rx1), (1, Rx1)));
    let small = emitted(Some(lanes.hand_over(at(170), AskId(1), plan(1, 32, first.clone()))));
    assert_eq!(places(&small.items)[0], (1, Rx1));
    let also = emitted(Some(lanes.hand_over(at(180), AskId(2), plan(2, 32, second))));
    assert_eq!(places(&also.items)[0], (1, Rx1));

    let mut lanes = given(1, false);
    let first = lanes.ask(at(10), AskId(1), &after(vec![copy(1, 0, 5, 5)]));
    lanes.ask(at(160), AskId(2), &after(vec![copy(1, 150, 5, 5)]));
    let large = lanes.hand_over(at(170), AskId(1), plan(1, 200, first));
    assert_eq!(fate(Some(large)), Fate::Expired, "RX2 holds 64 bytes, and RX1 no longer 200");
}

#[test]
fn a_fallback_that_is_only_held_gives_way_to_a_first_window() {
    let mut lanes = given(1, false);
    let first = lanes.ask(at(10), AskId(1), &after(vec![copy(1, 0, 5, 5)]));
    assert_eq!(places(&first), [(1, Rx1), (1, Rx2)]);
    // RX1 of the second lies in RX2 of the first: at SF12 that lasts for seconds.
    let second = lanes.ask(at(1_110), AskId(2), &after(vec![copy(1, 1_100, 5, 5)]));
    assert_eq!(places(&second)[0], (1, Rx1));
}

#[test]
fn an_answer_every_60_ms_is_given_in_rx1() {
    let mut lanes = given(1, false);
    let mut acks: Vec<(i64, u64)> = Vec::new();
    let (mut in_rx1, mut in_rx2) = (0, 0);
    for number in 0..1_000_u64 {
        let now = number as i64 * 60;
        while let Some((when, plan)) = acks.first().copied().filter(|(when, _)| *when <= now) {
            acks.remove(0);
            let answer = TxAnswer::Accepted { item: 0, lead_us: None };
            let Some(LaneOutput::Outcome(_, outcome)) =
                lanes.tx_ack(at(when), name(plan), gateway(1), answer)
            else {
                continue;
            };
            match outcome.window {
                Some(Rx1) => in_rx1 += 1,
                _ => in_rx2 += 1,
            }
        }
        lanes.tick(at(now));
        let heard = after(vec![copy(1, now, 5, 5)]);
        let offers = lanes.ask(at(now + 10), AskId(number), &heard);
        if offers.is_empty() {
            lanes.withdraw(AskId(number));
            continue;
        }
        let handed = lanes.hand_over(at(now + 20), AskId(number), plan(number, 14, offers));
        if let LaneOutput::Emit(_) = handed {
            acks.push((now + 60, number));
        }
    }
    // An answer takes 46 ms and a gap of 42.5 ms, so that every second one finds a place. Where each
    // of the others may take a second in RX2, 9 of the 1,000 are answered in RX1 and 50 in RX2.
    assert!(in_rx1 >= 430, "{in_rx1} in RX1, {in_rx2} in RX2");
    assert!(in_rx2 > 0, "long ones have their share");
    let crowded = lanes.no_offers().find(|(reason, _)| *reason == NoOffer::Crowded);
    assert!(crowded.is_some_and(|(_, count)| count > 0));
}

#[test]
fn rxc_that_lapsed_while_it_was_committed_is_timed_anew() {
    let mut lanes = given(1, false);
    lanes.set_clock(gateway(1), clock(1, 0, None));
    let offers = lanes.ask(at(0), AskId(1), &unasked(rxc(0), &[1]));
    let first = offers[0].starts;
    let emission = emitted(Some(lanes.hand_over(at(2_000), AskId(1), plan(1, 17, offers))));
    let again = &emission.items[0];
    assert!(again.starts > at(2_000) && again.starts > first && again.starts < at(2_300));
    assert_eq!(again.when, When::Tmst(copy(1, again.starts.since(START).millis(), 0, 0).tmst));
}

#[test]
fn rxc_that_is_refused_is_tried_later_and_not_for_ever() {
    let mut lanes = given(1, false);
    lanes.set_clock(gateway(1), clock(1, 0, None));
    let offers = lanes.ask(at(0), AskId(1), &unasked(rxc(0), &[1]));
    let mut now = 10;
    let mut starts = vec![];
    let mut output = Some(lanes.hand_over(at(now), AskId(1), plan(1, 17, offers)));
    while let Some(LaneOutput::Emit(emission)) = &output {
        starts.push(emission.items[0].starts.since(START).millis());
        now += 40;
        output = lanes.tx_ack(at(now), name(1), gateway(1), refused("COLLISION_PACKET"));
    }
    assert_eq!(fate(output), Fate::Refused("COLLISION_PACKET".into()));
    assert_eq!(starts.len(), 1 + 7);
    assert!(starts.windows(2).all(|pair| pair[1] > pair[0]), "{starts:?}");
    assert_eq!(lanes.lane(gateway(1)).unwrap().promised(), 0);
}

#[test]
fn a_gateway_without_satellites_is_not_asked_for_slots_for_a_while() {
    let mut lanes = given(2, true);
    for number in [1, 2] {
        lanes.set_clock(gateway(number), clock(number, 0, Some(tmms(0))));
    }
    let offers = lanes.ask(at(0), AskId(1), &unasked(ping(1_000), &[1, 2]));
    assert_eq!(places(&offers), [(1, Window::Ping), (2, Window::Ping)]);
    emitted(Some(lanes.hand_over(at(5), AskId(1), plan(1, 17, offers))));
    lanes.gps_unlocked(at(60), gateway(1));
    let second = emitted(lanes.tx_ack(at(60), name(1), gateway(1), refused("GPS_UNLOCKED")));
    assert_eq!(places(&second.items), [(2, Window::Ping)]);
    lanes.set_clock(gateway(1), clock(1, 10_000, Some(tmms(10_000))));
    lanes.set_clock(gateway(2), clock(2, 10_000, Some(tmms(10_000))));
    let later = lanes.ask(at(10_000), AskId(2), &unasked(ping(11_000), &[1, 2]));
    assert_eq!(places(&later), [(2, Window::Ping)], "it says tmms, and had lost the satellites");
    let much_later = 310_001;
    lanes.set_clock(gateway(1), clock(1, much_later, Some(tmms(much_later))));
    let slot = ping(much_later + 1_000);
    assert_eq!(lanes.ask(at(much_later), AskId(3), &unasked(slot, &[1])).len(), 1);
}

#[test]
fn downlinks_are_expected_by_what_the_uplink_left() {
    let heard = after(vec![copy(1, 0, 5, 0)]);
    let windows = vec![rx1(SF7), rx1(SF12), rx2()];
    let mut lanes = given(1, false);
    let offers = lanes.ask(at(10), AskId(1), &Opening { windows, ..heard });
    let margin = |modulation, window| {
        let is = |offer: &&Offer| offer.modulation == modulation && offer.window == window;
        offers.iter().find(is).unwrap().margin.hundredths()
    };
    // 0 dB at SF7, which needs −7.5; 16 dBm against the device's 14.
    assert_eq!(margin(SF7, Rx1), 750 + 200);
    assert_eq!(margin(SF12, Rx1), 750 + 200 + 1_250);
    assert_eq!(margin(SF12, Rx2), 750 + 1_300 + 1_250);
}
