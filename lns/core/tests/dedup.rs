//! Transmissions, copies, repeats: given receptions, when they are gathered, then who closes when.

mod radio_given;

use lns_core::dedup::{Arrival, Closes, GatherId, Gatherings, Heard, Settings, Wait, digest};
use lns_core::event::Reception;
use lns_core::reject::Reject;
use lns_lorawan::{Db, TimeDelta, Timestamp};
use proptest::prelude::*;
use radio_given::{START, at, copy, gateway, ms};

const FRAME: &[u8] = &[0x40, 4, 3, 2, 1, 0x80, 1, 0, 1, 0xa6, 0x94, 0x64, 0x26, 0x15, 0xd6, 0xc3];

type Gathered = Gatherings<&'static str>;

fn given() -> Gathered {
    Gatherings::new(Settings::default())
}

fn arrive(gathered: &mut Gathered, reception: Reception) -> Arrival<&'static str> {
    gathered.arrive(reception.arrived, digest(FRAME), FRAME, reception)
}

fn first(gathered: &mut Gathered, reception: Reception) -> GatherId {
    match arrive(gathered, reception) {
        Arrival::First { gather, late: false } => gather,
        other => panic!("not a first copy: {other:?}"),
    }
}

fn hearers(receptions: &[Reception]) -> Vec<u64> {
    receptions.iter().map(|copy| copy.gateway.value() & 0xff).collect()
}

#[test]
fn a_device_heard_by_one_gateway_waits_for_nothing() {
    let mut gathered = given();
    let gather = first(&mut gathered, copy(1, 0, 5, 8));
    assert_eq!(gathered.receptions(gather).len(), 1);
    let closes = gathered.matched(at(5), gather, "a", Wait::Expected(&[gateway(1)]));
    assert_eq!(closes, Closes::Now);
    let closing = gathered.close(at(5), gather).unwrap();
    assert_eq!((closing.key, hearers(&closing.receptions)), ("a", vec![1]));
    assert_eq!(gathered.close(at(6), gather), None, "it closes once");
    assert_eq!(gathered.next_deadline(), None);
}

#[test]
fn it_closes_when_the_last_expected_gateway_has_reported_best_copy_first() {
    let mut gathered = given();
    let gather = first(&mut gathered, copy(1, 0, 5, -3));
    let expected = [gateway(1), gateway(2), gateway(3)];
    let closes = gathered.matched(at(5), gather, "a", Wait::Expected(&expected));
    assert_eq!(closes, Closes::At(at(205)), "nothing is known of their habits");
    let steps = [(copy(9, 0, 7, 4), false), (copy(3, 0, 9, 6), false), (copy(2, 0, 30, 1), true)];
    for (reception, last) in steps {
        let arrival = arrive(&mut gathered, reception);
        assert_eq!(arrival, Arrival::Copy { gather, closes_now: last });
    }
    let closing = gathered.close(at(30), gather).unwrap();
    assert_eq!(hearers(&closing.receptions), [3, 9, 2, 1]);
    // Its deadline comes to nothing.
    assert_eq!(gathered.expired(at(1_000)), []);
}

#[test]
fn a_missing_gateway_is_waited_for_as_long_as_it_usually_takes() {
    let mut gathered = given();
    let expected = [gateway(1), gateway(2), gateway(3)];
    for round in 0..10 {
        let on_air = round * 10_000;
        let gather = first(&mut gathered, copy(1, on_air, 5, 0));
        gathered.matched(at(on_air + 5), gather, "a", Wait::Expected(&expected));
        arrive(&mut gathered, copy(2, on_air, 25, 0));
        arrive(&mut gathered, copy(3, on_air, 65, 0));
        gathered.close(at(on_air + 65), gather).unwrap();
    }
    // Gateway 3 comes 60 ms after the first, gateway 2 comes 20 ms after it.
    let gather = first(&mut gathered, copy(1, 200_000, 5, 0));
    let closes = gathered.matched(at(200_005), gather, "a", Wait::Expected(&expected));
    assert_eq!(closes, Closes::At(at(200_065)));
    arrive(&mut gathered, copy(3, 200_000, 10, 0));
    assert_eq!(gathered.next_deadline(), Some(at(200_025)), "only gateway 2 is missing");
    assert_eq!(gathered.expired(at(200_024)), []);
    let closings = gathered.expired(at(200_025));
    assert_eq!(hearers(&closings[0].receptions), [1, 3]);
}

/// Two gateways that are equally near: whichever came second has come right after the first so far,
/// which says nothing of the next time.
#[test]
fn a_gateway_that_is_as_near_as_the_first_is_waited_for_a_moment() {
    let mut gathered = given();
    let expected = [gateway(1), gateway(2)];
    for (round, by) in [(0, 1), (1, 2), (2, 1)] {
        let on_air = round * 10_000;
        let gather = first(&mut gathered, copy(by, on_air, 5, 0));
        gathered.matched(at(on_air + 5), gather, "a", Wait::Expected(&expected));
        let arrival = arrive(&mut gathered, copy(3 - by, on_air, 5, 0));
        assert_eq!(arrival, Arrival::Copy { gather, closes_now: true });
        gathered.close(at(on_air + 5), gather).unwrap();
    }
    let gather = first(&mut gathered, copy(1, 40_000, 5, 0));
    let closes = gathered.matched(at(40_005), gather, "a", Wait::Expected(&expected));
    assert_eq!(closes, Closes::At(at(40_025)));
    let arrival = arrive(&mut gathered, copy(2, 40_000, 7, 0));
    assert_eq!(arrival, Arrival::Copy { gather, closes_now: true });
}

#[test]
fn a_join_and_a_device_without_history_wait_the_limit() {
    for wait in [Wait::Limit, Wait::Expected(&[])] {
        let mut gathered = given();
        let gather = first(&mut gathered, copy(1, 0, 5, 0));
        assert_eq!(gathered.matched(at(6), gather, "join", wait), Closes::At(at(205)));
        assert_eq!(
            arrive(&mut gathered, copy(2, 0, 50, 9)),
            Arrival::Copy { gather, closes_now: false }
        );
        assert_eq!(gathered.next_deadline(), Some(at(205)));
        let closings = gathered.expired(at(205));
        assert_eq!(hearers(&closings[0].receptions), [2, 1]);
    }
}

#[test]
fn the_same_gateway_once_more_is_a_mirror_and_the_stronger_one_stays() {
    let mut gathered = given();
    let gather = first(&mut gathered, copy(1, 0, 5, -4));
    gathered.matched(at(5), gather, "a", Wait::Limit);
    let cases = [
        // (on air, SNR, kept)
        (0, -9, false),
        (20, 3, true),
        (20, 3, false),
        // Not a mirror: too far away in tmst.
        (300, 9, false),
    ];
    for (on_air, snr, kept) in cases {
        let arrival = arrive(&mut gathered, copy(1, on_air, 6, snr));
        assert_eq!(arrival, Arrival::Mirror { gather, kept }, "{on_air} {snr}");
    }
    let receptions = gathered.receptions(gather);
    assert_eq!(receptions.len(), 1);
    assert_eq!(receptions[0].snr, Db::from_whole(3));
    gathered.close(at(205), gather).unwrap();
    let arrival = arrive(&mut gathered, copy(1, 0, 300, 9));
    assert_eq!(arrival, Arrival::Mirror { gather, kept: false }, "after the close as well");
}

#[test]
fn a_copy_after_the_close_is_late_and_teaches_the_habit() {
    let mut gathered = given();
    let gather = first(&mut gathered, copy(1, 0, 5, 0));
    gathered.matched(at(5), gather, "a", Wait::Expected(&[gateway(1)]));
    gathered.close(at(5), gather).unwrap();
    let late = copy(2, 0, 105, 0);
    let arrival = arrive(&mut gathered, late.clone());
    assert_eq!(arrival, Arrival::Late { key: "a", reception: Box::new(late) });
    let next = first(&mut gathered, copy(1, 5_000, 5, 0));
    let closes = gathered.matched(at(5_005), next, "a", Wait::Expected(&[gateway(1), gateway(2)]));
    assert_eq!(closes, Closes::At(at(5_105)));
}

#[test]
fn the_same_bytes_later_on_air_are_another_transmission() {
    let mut gathered = given();
    let gather = first(&mut gathered, copy(1, 0, 5, 0));
    gathered.matched(at(5), gather, "a", Wait::Expected(&[gateway(1)]));
    gathered.close(at(5), gather).unwrap();
    let again = first(&mut gathered, copy(1, 1_500, 5, 0));
    assert_ne!(again, gather);
    // A slow copy of the first one still finds it: air time counts, not arrival.
    let slow = arrive(&mut gathered, copy(2, 0, 1_600, 0));
    assert!(matches!(slow, Arrival::Late { key: "a", .. }), "{slow:?}");
    let fresh = arrive(&mut gathered, copy(2, 1_500, 200, 0));
    assert_eq!(fresh, Arrival::Copy { gather: again, closes_now: false });
}

#[test]
fn a_refusal_holds_for_every_copy() {
    let mut gathered = given();
    let gather = first(&mut gathered, copy(1, 0, 5, 0));
    gathered.rejected(gather, Reject::MicMismatch);
    for number in [1, 2, 3] {
        let arrival = arrive(&mut gathered, copy(number, 0, 20, 0));
        assert_eq!(arrival, Arrival::KnownReject(Reject::MicMismatch));
    }
    assert_eq!(gathered.close(at(30), gather), None);
    assert!(gathered.receptions(gather).is_empty());
}

#[test]
fn a_copy_beyond_the_rx1_budget_is_late_and_comes_last() {
    let mut gathered = given();
    let arrival = arrive(&mut gathered, copy(1, 0, 2_500, 9));
    let Arrival::First { gather, late: true } = arrival else { panic!("{arrival:?}") };
    gathered.matched(at(2_500), gather, "a", Wait::Limit);
    // This gateway's clock says so, too; that one has none.
    let timely = Reception { arrived: at(2_600), air_time: at(900), ..copy(2, 0, 0, -9) };
    let timely = Reception { arrived: timely.air_time + ms(100), ..timely };
    gathered.arrive(at(2_600), digest(FRAME), FRAME, timely);
    let closing = gathered.close(at(2_600), gather).unwrap();
    assert_eq!(hearers(&closing.receptions), [2, 1]);
}

#[test]
fn the_downlink_is_decided_at_the_close_only_with_a_comfortable_margin() {
    // SF7 needs −7.5 dB.
    for (snr, decide_at) in [(3, at(5)), (2, at(205)), (-7, at(205))] {
        let mut gathered = given();
        let gather = first(&mut gathered, copy(1, 0, 5, snr));
        gathered.matched(at(5), gather, "a", Wait::Expected(&[gateway(1)]));
        assert_eq!(gathered.close(at(5), gather).unwrap().decide_at, decide_at, "{snr} dB");
    }
}

#[test]
fn frames_with_the_same_digest_are_told_apart_by_their_bytes() {
    let mut gathered = given();
    let mut ids = Vec::new();
    for byte in 0..20 {
        let arrival = gathered.arrive(at(0), 42, &[byte; 16], copy(1, 0, 0, 0));
        let Arrival::First { gather, .. } = arrival else { panic!("{arrival:?}") };
        ids.push(gather);
    }
    // Eight of a kind are remembered; the older ones had to go.
    assert_eq!((gathered.len(), gathered.counts().evicted), (8, 12));
    let arrival = gathered.arrive(at(1), 42, &[19; 16], copy(2, 0, 1, 0));
    assert_eq!(arrival, Arrival::Copy { gather: ids[19], closes_now: false });
}

#[test]
fn at_capacity_the_oldest_closes_early_and_is_counted() {
    let mut gathered: Gathered = Gatherings::new(Settings { capacity: 2, ..Settings::default() });
    for byte in 0..3u8 {
        let now = at(i64::from(byte));
        let frame = [byte; 16];
        let arrival = gathered.arrive(now, digest(&frame), &frame, copy(1, 0, 1, 0));
        let Arrival::First { gather, .. } = arrival else { panic!("{arrival:?}") };
        gathered.matched(now, gather, "a", Wait::Limit);
    }
    assert_eq!((gathered.len(), gathered.counts().evicted), (2, 1));
    assert!(gathered.next_deadline().unwrap() <= at(3), "it is ready at once");
    assert_eq!(gathered.expired(at(3)).len(), 1);
    assert_eq!(gathered.expired(at(300)).len(), 2);
}

#[test]
fn transmissions_are_forgotten_two_seconds_after_the_limit() {
    let mut gathered = given();
    first(&mut gathered, copy(1, 0, 0, 0));
    gathered.expired(at(2_200));
    assert_eq!(gathered.len(), 1);
    gathered.expired(at(2_201));
    assert_eq!((gathered.len(), gathered.counts().undecided), (0, 1));
    assert!(gathered.is_empty());
}

#[test]
fn more_copies_than_anybody_needs_leave_the_weakest_out() {
    let mut gathered = given();
    let gather = first(&mut gathered, copy(0, 0, 0, -20));
    gathered.matched(at(0), gather, "a", Wait::Limit);
    for number in 1..70 {
        arrive(&mut gathered, copy(number, 0, 1, number as i16 - 30));
    }
    let closing = gathered.close(at(200), gather).unwrap();
    assert_eq!(closing.receptions.len(), 64);
    assert_eq!(hearers(&closing.receptions)[0], 69);
    assert_eq!(gathered.counts().crowded_out, 6);
}

fn expected(heard: &Heard) -> Vec<u64> {
    heard.expected(|_| true).iter().map(|gateway| gateway.value() & 0xff).collect()
}

#[test]
fn gateways_that_heard_four_fifths_of_the_last_sixteen_are_expected() {
    let mut heard = Heard::new();
    assert_eq!(expected(&heard), Vec::<u64>::new());
    for round in 0..16 {
        let mut by = vec![gateway(1)];
        by.extend((round % 4 != 0).then_some(gateway(2)));
        by.extend((round != 3 && round != 7 && round != 9).then_some(gateway(3)));
        heard.record(by);
    }
    // 16, 12 and 13 of 16.
    assert_eq!(expected(&heard), [1, 3]);
    assert_eq!(heard.transmissions(), 16);
    let alive = heard.expected(|one| one != gateway(1));
    assert_eq!(*alive, [gateway(3)]);
    // The first of the sixteen leaves the window; a late copy makes up for a missing one.
    heard.record([gateway(1), gateway(3)]);
    heard.record_late(gateway(2));
    heard.record_late(gateway(2));
    assert_eq!(expected(&heard), [1, 3, 2]);
}

#[test]
fn a_new_device_expects_those_who_heard_it_so_far() {
    let mut heard = Heard::new();
    heard.record([gateway(1), gateway(2)]);
    assert_eq!(expected(&heard), [1, 2]);
    heard.record([gateway(2)]);
    assert_eq!(expected(&heard), [2]);
}

#[test]
fn sixteen_gateways_are_remembered_and_those_gone_are_forgotten() {
    let mut heard = Heard::new();
    heard.record((0..20).map(gateway));
    assert_eq!(heard.gateways().count(), 16);
    heard.record([gateway(0), gateway(50)]);
    assert_eq!(heard.gateways().count(), 16, "50 has taken the place of one that heard less");
    assert!(heard.gateways().any(|one| one == gateway(50)));
    for _ in 0..16 {
        heard.record([gateway(0)]);
    }
    assert_eq!(heard.gateways().collect::<Vec<_>>(), [gateway(0)]);
    let stored = postcard::to_allocvec(&heard).unwrap();
    assert_eq!(postcard::from_bytes::<Heard>(&stored).unwrap(), heard);
}

/// One transmission of the property below: its frame, when, and who hears it with what lag.
type Sent = (u8, i64, Vec<(u64, i64, i16)>);

fn sent() -> impl Strategy<Value = Sent> {
    let copies = prop::collection::vec((0u64..6, 0i64..600, -20i16..12), 1..8);
    (0u8..4, 0i64..20_000, copies)
}

/// Everything that was received, by what became of it.
#[derive(Default)]
struct Tally {
    received: usize,
    closed: usize,
    late: usize,
    mirrors: usize,
    refused: usize,
}

fn gather_all(all: &[Sent], capacity: usize) -> Result<Tally, TestCaseError> {
    let mut gathered: Gatherings<GatherKey> =
        Gatherings::new(Settings { capacity, ..Settings::default() });
    let mut arrivals: Vec<(u8, Reception)> = all
        .iter()
        .flat_map(|(frame, on_air, copies)| {
            copies.iter().map(|(by, lag, snr)| (*frame, copy(*by, *on_air, *lag, *snr)))
        })
        .collect();
    arrivals.sort_by_key(|(_, reception)| reception.arrived);
    let mut tally = Tally { received: arrivals.len(), ..Tally::default() };
    let mut open = std::collections::HashSet::new();
    let mut next_key = 0;
    for (frame, reception) in arrivals {
        let now = reception.arrived;
        while let Some(at) = gathered.next_deadline().filter(|at| *at <= now) {
            for closing in gathered.expired(at.max(START)) {
                close(&mut tally, &mut open, &closing.key, &closing.receptions)?;
            }
        }
        let bytes = [frame; 12];
        match gathered.arrive(now, digest(&bytes), &bytes, reception) {
            Arrival::First { gather, .. } if frame == 3 => {
                gathered.rejected(gather, Reject::MicMismatch);
                tally.refused += 1;
            }
            Arrival::First { gather, .. } => {
                next_key += 1;
                open.insert(next_key);
                let expected = [gateway(1), gateway(2)];
                if gathered.matched(now, gather, next_key, Wait::Expected(&expected)) == Closes::Now
                {
                    let closing = gathered.close(now, gather).expect("it is open");
                    close(&mut tally, &mut open, &closing.key, &closing.receptions)?;
                }
            }
            Arrival::Copy { gather, closes_now: true } => {
                let closing = gathered.close(now, gather).expect("it is open");
                close(&mut tally, &mut open, &closing.key, &closing.receptions)?;
            }
            Arrival::Copy { closes_now: false, .. } => {}
            Arrival::Mirror { .. } => tally.mirrors += 1,
            Arrival::Late { key, .. } => {
                prop_assert!(!open.contains(&key), "late copies are those of closed ones");
                tally.late += 1;
            }
            Arrival::KnownReject(_) => tally.refused += 1,
        }
        prop_assert!(gathered.len() <= capacity);
    }
    for closing in gathered.expired(START + TimeDelta::from_secs(3_600)) {
        close(&mut tally, &mut open, &closing.key, &closing.receptions)?;
    }
    prop_assert!(open.is_empty(), "every matched transmission closes");
    prop_assert_eq!(gathered.next_deadline(), None::<Timestamp>);
    Ok(tally)
}

type GatherKey = u32;

fn close(
    tally: &mut Tally,
    open: &mut std::collections::HashSet<GatherKey>,
    key: &GatherKey,
    receptions: &[Reception],
) -> Result<(), TestCaseError> {
    prop_assert!(open.remove(key), "it closes once");
    prop_assert!(!receptions.is_empty());
    let mut by: Vec<_> = receptions.iter().map(|copy| copy.gateway).collect();
    by.sort();
    by.dedup();
    prop_assert_eq!(by.len(), receptions.len(), "one copy a gateway");
    prop_assert!(receptions.is_sorted_by_key(|copy| std::cmp::Reverse(copy.snr)));
    tally.closed += receptions.len();
    Ok(())
}

proptest! {
    /// Whoever hears what and when: every matched transmission closes once, with one copy a
    /// gateway, and every reception is accounted for.
    #[test]
    fn every_reception_is_accounted_for(all in prop::collection::vec(sent(), 1..40)) {
        let tally = gather_all(&all, 1_000)?;
        let counted = tally.closed + tally.late + tally.mirrors + tally.refused;
        prop_assert_eq!(counted, tally.received);
    }

    /// The same with hardly any memory.
    #[test]
    fn every_reception_is_accounted_for_in_two_slots(all in prop::collection::vec(sent(), 1..40)) {
        let tally = gather_all(&all, 2)?;
        let counted = tally.closed + tally.late + tally.mirrors + tally.refused;
        prop_assert_eq!(counted, tally.received);
    }
}
