//! One gateway's air: given promises, when a window is asked for, then what is offered.

mod radio_given;

use lns_core::event::{Offer, Reception, When};
use lns_core::radio::duty::{DutyLedger, HOUR, allowance};
use lns_core::radio::lane::{Lane, LaneSettings, NoOffer, OfferName, airtime};
use lns_core::radio::place::Tie;
use lns_core::radio::plan::WindowPlan;
use lns_lorawan::region::SubBand;
use lns_lorawan::{Db, Dbm, Frequency, Modulation, TimeDelta, Timestamp};
use proptest::prelude::*;
use radio_given::{SF7, SF12, START, at, bands, copy, gateway, ms, rx1, rx2};

fn given() -> Lane {
    Lane::new(gateway(1), 1, LaneSettings::default(), &bands())
}

/// Asks under a name of its own.
fn ask(lane: &mut Lane, now: i64, on_air: i64, window: &WindowPlan) -> Result<Offer, NoOffer> {
    let id = lane.promised() as u64 + 1000 * now.unsigned_abs();
    lane.offer(at(now), OfferName { id, ask: id }, Tie::Heard(&copy(1, on_air, 5, 0)), window)
}

#[test]
fn an_idle_gateway_offers_everything_that_the_window_allows() {
    let offer = ask(&mut given(), 10, 0, &rx1(SF7)).unwrap();
    assert_eq!(offer.gateway, gateway(1));
    assert_eq!(offer.starts, at(1_000));
    assert_eq!(offer.max_phy_payload, 255);
    assert_eq!(offer.power, Dbm::from_whole(16));
    assert_eq!(
        offer.margin,
        Db::from_hundredths(950),
        "0 dB where SF7 needs −7.5, and 2 dB louder"
    );
    let delay = TimeDelta::from_secs(1);
    assert_eq!(offer.when, When::After { token: Box::from([1]), delay });
    // 50 ms ahead, and 100 ms of round trip while none was measured.
    assert_eq!(offer.reserved_until, at(850));
}

#[test]
fn power_is_what_region_and_gateway_both_allow() {
    assert_eq!(ask(&mut given(), 10, 0, &rx2()).unwrap().power, Dbm::from_whole(27));
    let settings = LaneSettings { max_eirp: Some(Dbm::from_whole(14)), ..LaneSettings::default() };
    let mut lane = Lane::new(gateway(1), 1, settings, &bands());
    assert_eq!(ask(&mut lane, 10, 0, &rx1(SF7)).unwrap().power, Dbm::from_whole(14));
}

#[test]
fn refusals_have_names() {
    let offline = |lane: &mut Lane| lane.down();
    let rebooted = |lane: &mut Lane| lane.up(2);
    let slow = |lane: &mut Lane| lane.observe_round_trip(ms(960));
    let full = |lane: &mut Lane| {
        for second in 100..132 {
            let heard = copy(1, second * 1000, 0, 0);
            let name = OfferName { id: second as u64, ask: second as u64 };
            lane.offer(at(0), name, Tie::Heard(&heard), &rx1(SF7)).unwrap();
        }
    };
    let taken = |lane: &mut Lane| {
        ask(lane, 0, -20, &rx1(SF7)).unwrap();
    };
    type Given<'a> = &'a dyn Fn(&mut Lane);
    let cases: [(Given<'_>, i64, NoOffer); 6] = [
        (&offline, 10, NoOffer::Offline),
        (&rebooted, 10, NoOffer::Rebooted),
        (&slow, 10, NoOffer::TooLate),
        (&|_| {}, 851, NoOffer::TooLate),
        (&full, 10, NoOffer::QueueFull),
        (&taken, 10, NoOffer::AirTaken),
    ];
    for (given_that, now, reason) in cases {
        let mut lane = given();
        given_that(&mut lane);
        let answer = ask(&mut lane, now, 0, &rx1(SF7));
        assert_eq!(answer.map(|offer| offer.starts), Err(reason), "{}", reason.label());
    }
    let nowhere = WindowPlan { frequency: Frequency::from_hz(868_650_000), ..rx1(SF7) };
    assert_eq!(ask(&mut given(), 10, 0, &nowhere), Err(NoOffer::DutyCycle));
}

#[test]
fn a_reception_after_a_restart_restarts_the_lane() {
    let mut lane = given();
    ask(&mut lane, 0, 0, &rx1(SF7)).unwrap();
    let after = Reception { boot_epoch: 2, ..copy(1, 20, 5, 0) };
    let name = OfferName { id: 7, ask: 7 };
    let offer = lane.offer(at(30), name, Tie::Heard(&after), &rx1(SF7)).unwrap();
    assert_eq!(offer.boot_epoch, 2);
    assert_eq!(lane.promised(), 1, "what was promised before is void");
    assert_eq!(ask(&mut lane, 40, 0, &rx1(SF7)), Err(NoOffer::Rebooted));
}

#[test]
fn a_frame_ends_before_the_next_one_starts() {
    let mut lane = given();
    // Somebody's RX2 at 2 s, taken with 20 bytes of SF12.
    let there = ask(&mut lane, 0, 0, &rx2()).unwrap();
    assert!(lane.take(there.id, 20));
    // SF12 in RX1 at 1.1 s: 0.9 s less the gap is not enough for the smallest frame.
    assert_eq!(ask(&mut lane, 110, 100, &rx1(SF12)), Err(NoOffer::AirTaken));
    // SF7 at 1.7 s: 300 ms less the gap.
    let before = ask(&mut lane, 710, 700, &rx1(SF7)).unwrap();
    assert!(before.max_phy_payload > 100 && before.max_phy_payload < 255);
    assert!(before.starts + airtime(SF7, before.max_phy_payload) + ms(42) < at(2_000));
    assert!(before.starts + airtime(SF7, before.max_phy_payload + 5) + ms(42) > at(2_000));
    // Right after it, and not a millisecond earlier.
    let free = at(2_000) + airtime(SF12, 20) + TimeDelta::from_micros(42_500);
    let free = free.since(START).millis();
    assert_eq!(ask(&mut lane, 800, free - 1_000, &rx1(SF7)), Err(NoOffer::AirTaken));
    assert!(ask(&mut lane, 801, free - 999, &rx1(SF7)).is_ok());
}

#[test]
fn alternatives_of_one_asking_may_overlap_and_both_are_paid_for() {
    let mut lane = given();
    let reception = copy(1, 0, 5, 0);
    let first = OfferName { id: 1, ask: 1 };
    let long = lane.offer(at(5), first, Tie::Heard(&reception), &rx1(SF12)).unwrap();
    assert!(long.starts + airtime(SF12, long.max_phy_payload) > at(2_000));
    let second = OfferName { id: 2, ask: 1 };
    assert!(lane.offer(at(5), second, Tie::Heard(&reception), &rx2()).is_ok());
    let used: Vec<_> = lane.duty().usage().map(|(_, used)| used).collect();
    assert_eq!(used, [airtime(SF12, 64), airtime(SF12, 64)]);
    // For everybody else both are taken.
    assert_eq!(ask(&mut lane, 840, 840, &rx1(SF7)), Err(NoOffer::AirTaken));
    lane.release(1);
    assert!(ask(&mut lane, 841, 741, &rx1(SF7)).is_ok());
}

#[test]
fn an_offer_is_held_until_its_term_and_given_back_after_it() {
    let mut lane = given();
    let offer = ask(&mut lane, 0, 0, &rx1(SF7)).unwrap();
    lane.expire(offer.reserved_until);
    assert!(lane.holds(offer.id));
    lane.expire(offer.reserved_until + TimeDelta::from_micros(1));
    assert!(!lane.holds(offer.id));
    assert!(!lane.take(offer.id, 20));
    assert_eq!(lane.duty().usage().next().unwrap().1, TimeDelta::ZERO);
}

#[test]
fn what_was_taken_counts_with_its_size_for_an_hour() {
    let mut lane = given();
    let offer = ask(&mut lane, 0, 0, &rx1(SF7)).unwrap();
    assert!(lane.take(offer.id, 20));
    assert!(!lane.holds(offer.id) && !lane.take(offer.id, 20), "it is taken once");
    lane.expire(at(60_000));
    assert_eq!(lane.promised(), 0);
    assert_eq!(lane.duty().usage().next().unwrap().1, airtime(SF7, 20));
    lane.down();
    assert!(!lane.is_idle(at(3_600_000)));
    assert!(lane.is_idle(at(3_602_000)));
}

#[test]
fn the_last_frames_of_an_hour_are_smaller_and_then_there_are_none() {
    let mut lane = given();
    // 1 % of an hour is 36 s: thirteen full SF12 frames of 2.8 s do not quite fit.
    let mut sizes = Vec::new();
    for frame in 0..20 {
        let now = frame * 10_000;
        match ask(&mut lane, now, now, &rx1(SF12)) {
            Ok(offer) => {
                sizes.push(offer.max_phy_payload);
                lane.take(offer.id, offer.max_phy_payload);
            }
            Err(reason) => assert_eq!(reason, NoOffer::DutyCycle),
        }
    }
    assert_eq!(sizes[..12], [64; 12]);
    assert!(sizes[12] < 64 && sizes.len() <= 14, "{sizes:?}");
    // RX2's sub-band has ten times as much, and is its own.
    assert!(ask(&mut lane, 200_000, 200_000, &rx2()).is_ok());
    // An hour after the first frame there is room for one more.
    assert!(ask(&mut lane, 3_610_000, 3_610_000, &rx1(SF12)).is_ok());
}

#[test]
fn the_last_call_leaves_two_round_trips() {
    let mut lane = given();
    let reception = copy(1, 0, 5, 0);
    assert_eq!(lane.last_call(Tie::Heard(&reception), &rx1(SF7)), Some(at(1_000 - 50 - 200)));
    lane.observe_round_trip(ms(40));
    assert_eq!(lane.last_call(Tie::Heard(&reception), &rx1(SF7)), Some(at(1_000 - 50 - 80)));
    assert_eq!(lane.leave_by(at(2_000)), at(2_000 - 50 - 40));
}

/// One act of the properties below.
#[derive(Clone, Debug)]
enum Act {
    Ask { on_air: i64, second: bool, modulation: Modulation },
    Take { which: usize, size: usize },
    Release { which: usize },
    Pause(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let modulation = prop_oneof![Just(SF7), Just(SF12)];
    prop_oneof![
        4 => (0i64..400, any::<bool>(), modulation)
            .prop_map(|(on_air, second, modulation)| Act::Ask { on_air, second, modulation }),
        4 => (0usize..8, 12usize..64).prop_map(|(which, size)| Act::Take { which, size }),
        1 => (0usize..8).prop_map(|which| Act::Release { which }),
        2 => (1i64..3_000).prop_map(Act::Pause),
        1 => (100_000i64..2_000_000).prop_map(Act::Pause),
    ]
}

/// What was sent: start, end, frequency.
type Sent = (Timestamp, Timestamp, Frequency);

fn schedule(acts: &[Act], bands: &[SubBand]) -> Vec<Sent> {
    let mut lane = Lane::new(gateway(1), 1, LaneSettings::default(), bands);
    let (mut now, mut offers, mut sent) = (0, Vec::<Offer>::new(), Vec::new());
    for (id, act) in (0u64..).zip(acts) {
        match act {
            Act::Ask { on_air, second, modulation } => {
                let window = if *second { rx2() } else { rx1(*modulation) };
                let reception = copy(1, now - on_air, *on_air, 0);
                let name = OfferName { id, ask: id };
                offers.extend(lane.offer(at(now), name, Tie::Heard(&reception), &window));
            }
            Act::Take { which, size } if *which < offers.len() => {
                let offer = offers.swap_remove(*which);
                lane.expire(at(now));
                let size = (*size).min(offer.max_phy_payload);
                if lane.take(offer.id, size) {
                    let ends = offer.starts + airtime(offer.modulation, size);
                    sent.push((offer.starts, ends, offer.frequency));
                }
            }
            Act::Release { which } if *which < offers.len() => {
                lane.release(offers.swap_remove(*which).id);
            }
            Act::Take { .. } | Act::Release { .. } => {}
            Act::Pause(span) => now += span,
        }
    }
    sent
}

/// The most that was sent in a band within any hour: the worst one starts with a frame or ends
/// with one.
fn worst_hour(sent: &[Sent], band: &SubBand) -> TimeDelta {
    let inside: Vec<_> =
        sent.iter().filter(|(_, _, frequency)| band.contains(*frequency)).collect();
    let hours = inside.iter().flat_map(|(starts, ends, _)| [*starts, *ends - HOUR]);
    let within = |from: Timestamp| {
        inside.iter().fold(TimeDelta::ZERO, |sum, (starts, ends, _)| {
            let overlap = (*ends).min(from + HOUR).since((*starts).max(from));
            sum + overlap.max(TimeDelta::ZERO)
        })
    };
    hours.map(within).max().unwrap_or(TimeDelta::ZERO)
}

proptest! {
    /// Whatever is asked, taken and released: never two frames at once, nor without the gap.
    #[test]
    fn a_gateway_never_sends_twice_at_once(acts in prop::collection::vec(act(), 1..300)) {
        let mut sent = schedule(&acts, &[]);
        sent.sort();
        for pair in sent.windows(2) {
            prop_assert!(pair[1].0.since(pair[0].1) >= TimeDelta::from_micros(42_500));
        }
    }

    /// Whatever is asked, taken and released: no hour exceeds a sub-band's share. The shares are
    /// small here, so that they are reached.
    #[test]
    fn no_hour_exceeds_the_duty_cycle(acts in prop::collection::vec(act(), 1..400)) {
        let bands = bands().map(|band| SubBand { duty_cycle_permille: 1, ..band });
        let sent = schedule(&acts, &bands);
        for band in &bands {
            let worst = worst_hour(&sent, band);
            prop_assert!(worst <= allowance(band), "{worst} in {band:?}");
        }
    }

    /// A ledger whose promises all come to nothing is as it was.
    #[test]
    fn what_is_given_back_is_free_again(airs in prop::collection::vec(1i64..2_000_000, 1..20)) {
        let mut ledger = DutyLedger::new(&bands());
        let frequency = Frequency::from_hz(868_300_000);
        for (id, air) in (0u64..).zip(&airs) {
            let air = TimeDelta::from_micros(*air);
            ledger.promise(id, frequency, (START + air, air));
            ledger.shrink(id, frequency, TimeDelta::from_micros(air.micros() / 2));
        }
        for id in 0..airs.len() as u64 {
            ledger.give_back(id, frequency);
        }
        prop_assert_eq!(ledger.left(START, frequency), Some(allowance(&bands()[0])));
        prop_assert!(ledger.is_clear(START));
    }
}

#[test]
fn a_limited_dwell_time_makes_frames_smaller() {
    let limited = WindowPlan { max_air: Some(ms(400)), ..rx1(SF12) };
    assert_eq!(
        ask(&mut given(), 10, 0, &limited),
        Err(NoOffer::AirTaken),
        "SF12 is never so short"
    );
    let short = WindowPlan { max_air: Some(ms(200)), ..rx1(SF7) };
    let offer = ask(&mut given(), 10, 0, &short).unwrap();
    assert!(airtime(SF7, offer.max_phy_payload) <= ms(200));
    assert!(airtime(SF7, offer.max_phy_payload + 5) > ms(200));
}
