//! All gateways' air: given gateways, when a frame is asked for and handed over, then who sends it
//! and what becomes of it.

mod radio_given;

use std::collections::HashMap;

use lns_core::effect::{Opening, Reach, Recipient, TxPlan};
use lns_core::event::{Fate, Offer, Outcome, Purpose, Reception};
use lns_core::radio::lane::{LaneSettings, NoOffer, airtime};
use lns_core::radio::lanes::{AskId, Emission, LaneOutput, Lanes, PlanName, TxAnswer};
use lns_core::radio::place::Tie;
use lns_core::radio::plan::WindowPlan;
use lns_lorawan::{Db, DevEui, FCntDown, Region, TimeDelta, Timestamp, Window};
use proptest::prelude::*;
use radio_given::{SF7, SF12, START, at, copy, gateway, ms, rx1, rx2};

const DEVICE: DevEui = DevEui::new(0x70b3_d57e_d000_0001);

fn given(gateways: u64) -> Lanes {
    let mut lanes = Lanes::new(100);
    for number in 1..=gateways {
        assert!(lanes.gateway_up(
            START,
            (gateway(number), 1),
            LaneSettings::default(),
            Region::Eu868
        ));
    }
    lanes
}

fn opening(receptions: Vec<Reception>) -> Opening {
    Opening {
        purpose: Purpose::ClassA,
        windows: vec![rx1(SF7), rx2()],
        reach: Reach::Heard(receptions),
        something_to_say: true,
        reply_window_ms: 0,
    }
}

fn plan(id: u64, offers: Vec<Offer>) -> TxPlan {
    TxPlan {
        id,
        to: DEVICE.into(),
        phy_payload: Box::from([0x60; 17]),
        f_cnt_down: Some(FCntDown(id as u32)),
        offers,
    }
}

fn name(plan: u64) -> PlanName {
    PlanName { to: DEVICE.into(), plan }
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

fn outcome(output: Option<LaneOutput>) -> Outcome {
    match output {
        Some(LaneOutput::Outcome(Recipient::Device(DEVICE), outcome)) => outcome,
        other => panic!("not an outcome: {other:?}"),
    }
}

fn refused(cause: &str) -> TxAnswer {
    TxAnswer::Refused { cause: cause.into() }
}

/// What is spoken for of the sub-bands of RX1 and RX2.
fn used(lanes: &Lanes, number: u64) -> [TimeDelta; 2] {
    let lane = lanes.lane(gateway(number)).unwrap();
    [rx1(SF7), rx2()].map(|window| {
        let mut usage = lane.duty().usage();
        usage.find(|(band, _)| band.contains(window.frequency)).unwrap().1
    })
}

/// Three gateways have heard an uplink; the frame is handed over to the best of them.
fn in_flight(lanes: &mut Lanes) -> Emission {
    let receptions = vec![copy(1, 0, 5, -2), copy(2, 0, 5, 6), copy(3, 0, 5, 1)];
    let offers = lanes.ask(at(10), AskId(1), &opening(receptions));
    emitted(Some(lanes.hand_over(at(20), AskId(1), plan(1, offers))))
}

#[test]
fn the_best_two_gateways_offer_rx1_before_rx2() {
    let mut lanes = given(3);
    let receptions = vec![copy(1, 0, 5, -2), copy(2, 0, 5, 6), copy(3, 0, 5, 1)];
    let offers = lanes.ask(at(10), AskId(1), &opening(receptions));
    use Window::{Rx1, Rx2};
    assert_eq!(places(&offers), [(2, Rx1), (3, Rx1), (2, Rx2), (3, Rx2)]);
    assert_eq!(offers[0].starts, at(1_000));
    assert_eq!(offers[2].starts, at(2_000));
}

#[test]
fn a_gateway_that_cannot_is_passed_over_and_the_reason_is_counted() {
    let mut lanes = given(3);
    lanes.gateway_down(gateway(2));
    let receptions = vec![copy(9, 0, 5, 9), copy(2, 0, 5, 6), copy(3, 0, 5, 1), copy(1, 0, 5, -2)];
    let offers = lanes.ask(at(900), AskId(1), &opening(receptions));
    assert_eq!(places(&offers), [(3, Window::Rx2), (1, Window::Rx2)], "RX1 is too near");
    let counted = |lanes: &Lanes| -> HashMap<_, _> {
        lanes.no_offers().filter(|(_, count)| *count > 0).collect()
    };
    assert_eq!(counted(&lanes), HashMap::from([(NoOffer::TooLate, 2)]));
    let away = vec![copy(9, 0, 5, 9), copy(2, 0, 5, 6)];
    assert_eq!(lanes.ask(at(900), AskId(2), &opening(away)), []);
    assert_eq!(counted(&lanes), HashMap::from([(NoOffer::Offline, 4), (NoOffer::TooLate, 2)]));
}

#[test]
fn the_first_gateway_gets_all_of_its_windows_at_once() {
    let mut lanes = given(3);
    let emission = in_flight(&mut lanes);
    assert_eq!(emission.gateway, gateway(2));
    assert_eq!(places(&emission.items), [(2, Window::Rx1), (2, Window::Rx2)]);
    assert_eq!(*emission.phy_payload, [0x60; 17]);
    assert_eq!(emission.deadline, at(1_950), "RX2 less the lead");
    assert_eq!(lanes.in_flight(), 1);
}

#[test]
fn what_a_gateway_accepts_is_the_outcome_and_the_rest_is_free() {
    let mut lanes = given(3);
    in_flight(&mut lanes);
    let answer = TxAnswer::Accepted { item: 1, lead_us: Some(800_000) };
    let output = lanes.tx_ack(at(120), name(1), gateway(2), answer.clone());
    let outcome = outcome(output);
    assert_eq!(outcome.starts, Some(at(2_000)));
    assert_eq!(
        outcome,
        Outcome {
            plan: 1,
            fate: Fate::Accepted,
            gateway: Some(gateway(2)),
            window: Some(Window::Rx2),
            margin: Some(Db::from_hundredths(1350 + 1250 + 1300)),
            starts: outcome.starts,
            modulation: Some(rx2().modulation),
            lead_us: Some(800_000),
        }
    );
    assert_eq!(used(&lanes, 2), [TimeDelta::ZERO, airtime(rx2().modulation, 17)]);
    assert_eq!(used(&lanes, 3), [TimeDelta::ZERO; 2]);
    assert_eq!(lanes.tx_ack(at(130), name(1), gateway(2), answer), None, "it ends once");
    assert_eq!(lanes.tick(at(60_000)), []);
    assert_eq!(lanes.in_flight(), 0);
}

#[test]
fn a_refusal_in_time_falls_back_to_the_next_gateway() {
    let mut lanes = given(3);
    in_flight(&mut lanes);
    let output = lanes.tx_ack(at(200), name(1), gateway(2), refused("COLLISION_PACKET"));
    let second = emitted(output);
    assert_eq!(places(&second.items), [(3, Window::Rx1), (3, Window::Rx2)]);
    // An answer of the first gateway, repeated, is nobody's.
    assert_eq!(lanes.tx_ack(at(210), name(1), gateway(2), refused("TOO_LATE")), None);
    // Nothing is held any more, but the third one heard it, too.
    let third = emitted(lanes.tx_ack(at(300), name(1), gateway(3), refused("TX_FREQ")));
    assert_eq!(places(&third.items), [(1, Window::Rx1), (1, Window::Rx2)]);
    assert_eq!(third.items[0].max_phy_payload, 17, "no more is held than is needed");
    let last = outcome(lanes.tx_ack(at(400), name(1), gateway(1), refused("TOO_LATE")));
    assert_eq!(last.fate, Fate::Refused("TOO_LATE".into()));
    assert_eq!(last.gateway, Some(gateway(1)));
    for number in 1..=3 {
        let lane = lanes.lane(gateway(number)).unwrap();
        assert!(lane.duty().usage().all(|(_, used)| used == TimeDelta::ZERO));
        assert_eq!(lane.promised(), 0);
    }
}

#[test]
fn a_refusal_after_rx1_falls_back_to_what_is_left() {
    let mut lanes = given(3);
    in_flight(&mut lanes);
    assert_eq!(lanes.tick(at(900)), []);
    let second = emitted(lanes.tx_ack(at(1_100), name(1), gateway(2), refused("TOO_LATE")));
    assert_eq!(places(&second.items), [(3, Window::Rx2)]);
    let mut lanes = given(3);
    in_flight(&mut lanes);
    let last = outcome(lanes.tx_ack(at(1_900), name(1), gateway(2), refused("TOO_LATE")));
    assert_eq!(last.fate, Fate::Refused("TOO_LATE".into()));
}

#[test]
fn silence_is_unknown_and_stays_in_the_ledger() {
    let mut lanes = given(3);
    in_flight(&mut lanes);
    // RX2 starts at 2 s; a second and a round trip later nobody believes in an answer.
    let mut ends = Vec::new();
    while let Some(wake) = lanes.next_wake() {
        ends.extend(lanes.tick(wake).into_iter().map(|output| (wake, output)));
    }
    let (when, output) = ends.remove(0);
    assert!(ends.is_empty());
    assert_eq!(when, at(3_100) + TimeDelta::from_micros(1));
    let outcome = outcome(Some(output));
    assert_eq!((outcome.fate, outcome.window), (Fate::Unknown, None));
    assert_eq!(outcome.gateway, Some(gateway(2)));
    assert!(used(&lanes, 2).iter().all(|used| *used > TimeDelta::ZERO));
    let late = TxAnswer::Accepted { item: 0, lead_us: None };
    assert_eq!(lanes.tx_ack(at(3_200), name(1), gateway(2), late), None);
}

#[test]
fn the_second_gateway_has_its_own_time_to_answer() {
    let mut lanes = given(3);
    lanes.round_trip(gateway(2), ms(20));
    lanes.round_trip(gateway(3), ms(300));
    in_flight(&mut lanes);
    emitted(lanes.tx_ack(at(200), name(1), gateway(2), refused("COLLISION_PACKET")));
    assert_eq!(lanes.tick(at(3_200)), [], "the first one's time is over, and means nothing");
    let outcome = outcome(lanes.tick(at(3_301)).pop());
    assert_eq!((outcome.fate, outcome.gateway), (Fate::Unknown, Some(gateway(3))));
}

#[test]
fn a_frame_that_comes_after_its_offers_has_expired() {
    let mut lanes = given(1);
    let offers = lanes.ask(at(10), AskId(1), &opening(vec![copy(1, 0, 5, 0)]));
    let late = lanes.hand_over(at(1_851), AskId(1), plan(1, offers));
    assert_eq!(outcome(Some(late)).fate, Fate::Expired);
    assert_eq!(lanes.in_flight(), 0);
    let none = lanes.hand_over(at(1_852), AskId(2), plan(2, Vec::new()));
    assert_eq!(outcome(Some(none)).fate, Fate::Expired);
}

#[test]
fn a_slow_commit_costs_rx1_and_not_the_frame() {
    let mut lanes = given(1);
    let offers = lanes.ask(at(10), AskId(1), &opening(vec![copy(1, 0, 5, 0)]));
    let emission = emitted(Some(lanes.hand_over(at(900), AskId(1), plan(1, offers))));
    assert_eq!(places(&emission.items), [(1, Window::Rx2)]);
}

#[test]
fn a_gateway_that_went_down_meanwhile_is_passed_over() {
    let mut lanes = given(3);
    let receptions = vec![copy(1, 0, 5, -2), copy(2, 0, 5, 6)];
    let offers = lanes.ask(at(10), AskId(1), &opening(receptions));
    lanes.gateway_down(gateway(2));
    let emission = emitted(Some(lanes.hand_over(at(20), AskId(1), plan(1, offers))));
    assert_eq!(places(&emission.items), [(1, Window::Rx1), (1, Window::Rx2)]);
}

#[test]
fn what_is_not_used_is_given_back() {
    let mut lanes = given(2);
    let heard = opening(vec![copy(1, 0, 5, 6), copy(2, 0, 5, 0)]);
    let promised = |lanes: &Lanes| [1, 2].map(|n| lanes.lane(gateway(n)).unwrap().promised());
    lanes.ask(at(10), AskId(1), &heard);
    assert_eq!(promised(&lanes), [2, 2]);
    lanes.withdraw(AskId(1));
    assert_eq!(promised(&lanes), [0, 0]);
    // Asked twice under one name: held once.
    lanes.ask(at(20), AskId(2), &heard);
    let offers = lanes.ask(at(30), AskId(2), &heard);
    assert_eq!(promised(&lanes), [2, 2]);
    // The frame fits one offer only.
    lanes.hand_over(at(40), AskId(2), plan(1, offers[..1].to_vec()));
    assert_eq!(promised(&lanes), [1, 0]);
    // Never taken: given back at its term.
    lanes.ask(at(50), AskId(3), &opening(vec![copy(2, 0, 5, 0)]));
    lanes.tick(at(900));
    assert_eq!(promised(&lanes)[1], 1);
    lanes.tick(at(1_900));
    assert_eq!(promised(&lanes)[1], 0);
}

#[test]
fn a_name_in_flight_is_refused_and_the_first_frame_goes_on() {
    let mut lanes = given(3);
    in_flight(&mut lanes);
    let offers = lanes.ask(at(30), AskId(2), &opening(vec![copy(1, 10, 5, 0)]));
    let second = outcome(Some(lanes.hand_over(at(40), AskId(2), plan(1, offers))));
    assert!(matches!(second.fate, Fate::Refused(_)));
    assert_eq!(lanes.lane(gateway(1)).unwrap().promised(), 0);
    let answer = TxAnswer::Accepted { item: 0, lead_us: None };
    let first = outcome(lanes.tx_ack(at(120), name(1), gateway(2), answer));
    assert_eq!(first.fate, Fate::Accepted);
}

#[test]
fn the_last_call_follows_the_round_trip() {
    let mut lanes = given(2);
    let heard = opening(vec![copy(1, 0, 5, 6), copy(2, 0, 5, 0)]);
    assert_eq!(lanes.last_call(heard.reach.ties()[0], &rx1(SF7)), Some(at(750)));
    assert_eq!(lanes.last_call(Tie::Heard(&copy(9, 0, 5, 0)), &rx1(SF7)), None);
    assert_eq!(lanes.ask_by(at(10), &heard), at(750));
    assert_eq!(lanes.ask_by(at(751), &heard), at(1_750), "RX1 is gone");
    assert_eq!(lanes.ask_by(at(1_751), &heard), at(1_751), "both are gone");
    lanes.round_trip(gateway(1), ms(20));
    assert_eq!(lanes.ask_by(at(10), &heard), at(910));
}

#[test]
fn gateways_are_bounded_and_a_ledger_outlives_its_connection() {
    let mut lanes = Lanes::new(1);
    let settings = LaneSettings::default();
    assert!(lanes.gateway_up(at(0), (gateway(1), 1), settings, Region::Eu868));
    assert!(!lanes.gateway_up(at(0), (gateway(2), 1), settings, Region::Eu868));
    let offers = lanes.ask(at(10), AskId(1), &opening(vec![copy(1, 0, 5, 0)]));
    lanes.hand_over(at(20), AskId(1), plan(1, offers));
    lanes.tick(at(5_000));
    lanes.forget(at(5_000), gateway(1));
    assert!(!lanes.gateway_up(at(6_000), (gateway(2), 1), settings, Region::Eu868));
    assert!(lanes.lane(gateway(1)).is_some(), "its hour is not over");
    assert!(lanes.gateway_up(at(3_700_000), (gateway(2), 1), settings, Region::Eu868));
    assert!(lanes.lane(gateway(1)).is_none());
}

#[test]
fn a_restart_voids_what_is_held_for_the_old_counter() {
    let mut lanes = given(1);
    let offers = lanes.ask(at(10), AskId(1), &opening(vec![copy(1, 0, 5, 0)]));
    lanes.gateway_boot(gateway(1), 2);
    let output = lanes.hand_over(at(20), AskId(1), plan(1, offers));
    assert_eq!(outcome(Some(output)).fate, Fate::Expired);
    assert!(lanes.ask(at(30), AskId(2), &opening(vec![copy(1, 0, 5, 0)])).is_empty());
}

#[test]
fn an_asking_without_an_offer_says_what_was_lacking_and_until_when() {
    let mut lanes = given(1);
    let slow = WindowPlan { modulation: SF12, max_phy_payload: 242, ..rx1(SF12) };
    let heard = |on_air: i64| Opening {
        windows: vec![slow.clone()],
        ..opening(vec![copy(1, on_air, 5, 0), copy(7, on_air, 5, 9)])
    };
    // Frames of the greatest length use 1 % of an hour up; what is taken counts for an hour.
    let mut first_ends = None;
    let (asked, shortage) = (0..100_i64)
        .find_map(|number| {
            let on_air = number * 30_000;
            let offers = lanes.ask(at(on_air + 10), AskId(number as u64), &heard(on_air));
            let Some(offer) = offers.first() else { return Some((on_air, lanes.shortage())) };
            let size = offer.max_phy_payload;
            let ends = offer.starts + airtime(SF12, size);
            first_ends.get_or_insert(ends);
            let plan = TxPlan { phy_payload: vec![0; size].into(), ..plan(number as u64, offers) };
            lanes.hand_over(at(on_air + 20), AskId(number as u64), plan);
            None
        })
        .unwrap();
    let shortage = shortage.unwrap();
    assert_eq!(shortage.reason, NoOffer::DutyCycle, "nearer than a gateway that is not there");
    let until = shortage.until.unwrap();
    assert_eq!(Some(until), first_ends.map(|ends| ends + TimeDelta::from_secs(3600)));
    assert!(until > at(asked));
    assert!(!lanes.ask(until, AskId(500), &heard(until.since(at(0)).millis())).is_empty());
}

/// One act of the property below.
#[derive(Clone, Debug)]
enum Act {
    /// An uplink heard by some gateways, asked for, and answered with that many offers after a
    /// while; none means nothing to say.
    Uplink {
        heard: Vec<(u64, i16)>,
        used: usize,
        after: i64,
    },
    /// A gateway answers the oldest emission that it has: refusal, or an item.
    Answer {
        gateway: u64,
        item: Option<usize>,
    },
    Down(u64),
    Up(u64, u32),
    Pause(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let heard = prop::collection::vec((1u64..4, -20i16..10), 1..5);
    prop_oneof![
        5 => (heard, 0usize..5, 0i64..2_500)
            .prop_map(|(heard, used, after)| Act::Uplink { heard, used, after }),
        5 => (1u64..4, prop::option::of(0usize..3))
            .prop_map(|(gateway, item)| Act::Answer { gateway, item }),
        1 => (1u64..4).prop_map(Act::Down),
        1 => (1u64..4, 1u32..3).prop_map(|(gateway, boot)| Act::Up(gateway, boot)),
        4 => (0i64..1_500).prop_map(Act::Pause),
    ]
}

#[derive(Default)]
struct Run {
    now: i64,
    handed: u64,
    outcomes: HashMap<u64, u32>,
    emissions: Vec<Emission>,
    accepted: Vec<(u64, Timestamp, Timestamp)>,
}

impl Run {
    fn note(&mut self, output: LaneOutput) {
        match output {
            LaneOutput::Emit(emission) => self.emissions.push(emission),
            LaneOutput::Outcome(_, outcome) => {
                *self.outcomes.entry(outcome.plan).or_default() += 1;
            }
        }
    }

    fn tick(&mut self, lanes: &mut Lanes) {
        let outputs = lanes.tick(at(self.now));
        outputs.into_iter().for_each(|output| self.note(output));
    }

    fn uplink(
        &mut self,
        lanes: &mut Lanes,
        ask: AskId,
        (heard, used, after): (&[(u64, i16)], usize, i64),
    ) {
        let receptions = heard.iter().map(|(by, snr)| copy(*by, self.now, 5, *snr)).collect();
        let offers = lanes.ask(at(self.now + 5), ask, &opening(receptions));
        if used == 0 {
            return lanes.withdraw(ask);
        }
        self.now += after;
        self.tick(lanes);
        self.handed += 1;
        let offers = offers.into_iter().take(used).collect();
        let output = lanes.hand_over(at(self.now), ask, plan(self.handed, offers));
        self.note(output);
    }

    fn answer(&mut self, lanes: &mut Lanes, from: u64, item: Option<usize>) {
        let of_gateway = |emission: &Emission| emission.gateway == gateway(from);
        let Some(place) = self.emissions.iter().position(of_gateway) else { return };
        let emission = self.emissions.remove(place);
        let answer = match item {
            Some(item) => TxAnswer::Accepted { item, lead_us: None },
            None => refused("COLLISION_PACKET"),
        };
        if let Some(item) = item {
            let used = &emission.items[item.min(emission.items.len() - 1)];
            let ends = used.starts + airtime(used.modulation, emission.phy_payload.len());
            // A bridge drops what is past.
            if used.starts > at(self.now) {
                self.accepted.push((from, used.starts, ends));
            }
        }
        let output = lanes.tx_ack(at(self.now), emission.name, gateway(from), answer);
        output.into_iter().for_each(|output| self.note(output));
    }
}

proptest! {
    /// Whatever gateways do: every frame handed over ends in exactly one outcome, nothing stays
    /// held, and what was accepted never overlaps on one gateway.
    #[test]
    fn every_frame_handed_over_has_exactly_one_outcome(
        acts in prop::collection::vec(act(), 1..150),
    ) {
        let mut lanes = given(3);
        let mut run = Run::default();
        for (ask, act) in (0u64..).zip(&acts) {
            match act {
                Act::Uplink { heard, used, after } => {
                    run.uplink(&mut lanes, AskId(ask), (heard, *used, *after));
                }
                Act::Answer { gateway, item } => run.answer(&mut lanes, *gateway, *item),
                Act::Down(number) => lanes.gateway_down(gateway(*number)),
                Act::Up(number, boot) => {
                    let settings = LaneSettings::default();
                    lanes.gateway_up(at(run.now), (gateway(*number), *boot), settings, Region::Eu868);
                }
                Act::Pause(span) => {
                    run.now += span;
                    run.tick(&mut lanes);
                }
            }
        }
        run.now += 60_000;
        run.tick(&mut lanes);
        for plan in 1..=run.handed {
            prop_assert_eq!(run.outcomes.get(&plan), Some(&1), "plan {}", plan);
        }
        prop_assert_eq!((lanes.in_flight(), lanes.next_wake()), (0, None));
    }

    /// Without restarts, which empty a gateway's queue: it never sends twice at once.
    #[test]
    fn what_gateways_accept_never_overlaps(acts in prop::collection::vec(act(), 1..150)) {
        let mut lanes = given(3);
        let mut run = Run::default();
        for (ask, act) in (0u64..).zip(&acts) {
            match act {
                Act::Uplink { heard, used, after } => {
                    run.uplink(&mut lanes, AskId(ask), (heard, *used, *after));
                }
                Act::Answer { gateway, item } => run.answer(&mut lanes, *gateway, *item),
                Act::Down(_) | Act::Up(..) => {}
                Act::Pause(span) => {
                    run.now += span;
                    run.tick(&mut lanes);
                }
            }
        }
        run.accepted.sort();
        for pair in run.accepted.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            prop_assert!(pair[1].1.since(pair[0].2) >= TimeDelta::from_micros(42_500));
        }
    }
}
