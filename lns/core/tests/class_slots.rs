//! Beacons and ping slots against numbers that another program worked out.
//!
//! The expectations come from a Python program that follows TS001-1.0.4 §11.2 and §14.2 with the AES
//! of the `cryptography` package and the calendar of `datetime`; it shares nothing with this code.

use lns_core::class::b::{DEFAULT_PERIODICITY, Periodicity, PingSlots};
use lns_core::class::beacon::{
    BEACON_GUARD, BEACON_PERIOD, BEACON_RESERVED, beacon_after, beacon_before, is_kept_free,
    timing_delay,
};
use lns_lorawan::{DevAddr, GpsTime, Region, Timestamp};
use proptest::prelude::*;

/// Milliseconds since 1980-01-06.
fn gps(ms: u64) -> GpsTime {
    GpsTime::from_micros(ms * 1000)
}

fn at(utc: &str) -> GpsTime {
    GpsTime::from_timestamp(Timestamp::parse_rfc3339(utc).unwrap()).unwrap()
}

fn slots(dev_addr: u32, periodicity: u8) -> PingSlots {
    let periodicity = Periodicity::new(periodicity).unwrap();
    PingSlots { dev_addr: DevAddr::new(dev_addr), periodicity }
}

/// UTC, address, periodicity; then by the other program: the beacon (s), the first and the last slot
/// of its period, the next slot (ms), and the channels of eight that slot and beacon are on.
type Case = (&'static str, u32, u8, u64, u64, u64, u64, u8, u8);

const CASES: [Case; 6] = [
    (
        "2018-04-04T12:00:00Z",
        0x2700_1A2B,
        7,
        1_206_878_336,
        1_206_878_383_570,
        1_206_878_383_570,
        1_206_878_483_730,
        4,
        1,
    ),
    (
        "2018-04-04T12:00:00Z",
        0x2700_1A2B,
        0,
        1_206_878_336,
        1_206_878_338_450,
        1_206_878_460_370,
        1_206_878_418_130,
        4,
        1,
    ),
    // The last second before a leap second, and the first after it: three seconds of GPS time.
    (
        "2016-12-31T23:59:59Z",
        0x0102_0304,
        4,
        1_167_264_000,
        1_167_264_003_680,
        1_167_264_111_200,
        1_167_264_019_040,
        6,
        2,
    ),
    (
        "2017-01-01T00:00:01Z",
        0x0102_0304,
        4,
        1_167_264_000,
        1_167_264_003_680,
        1_167_264_111_200,
        1_167_264_019_040,
        6,
        2,
    ),
    (
        "2026-11-23T17:20:00Z",
        0xFFFF_FFFE,
        5,
        1_479_489_536,
        1_479_489_565_480,
        1_479_489_657_640,
        1_479_489_626_920,
        6,
        0,
    ),
    (
        "2026-11-23T17:20:00Z",
        0,
        3,
        1_479_489_536,
        1_479_489_545_590,
        1_479_489_660_790,
        1_479_489_622_390,
        0,
        0,
    ),
];

#[test]
fn slots_and_channels_are_those_of_another_program() {
    for (utc, dev_addr, periodicity, beacon, first, last, next, ping, on) in CASES {
        let (moment, slots) = (at(utc), slots(dev_addr, periodicity));
        let begins = beacon_before(moment);
        assert_eq!(u64::from(begins.seconds()), beacon, "{utc}");
        let all: Vec<_> = slots.of_period(begins).collect();
        assert_eq!(all.len(), 1 << (7 - periodicity), "{utc}");
        assert_eq!(all[0].starts, gps(first), "{utc}");
        assert_eq!(all[all.len() - 1].starts, gps(last), "{utc}");
        assert_eq!(slots.first_from(moment).starts, gps(next), "{utc}");
        let us915 = &Region::Us915.tables().beacon;
        let channel = |n: u8| 923_300_000 + u32::from(n) * 600_000;
        let begins = begins.seconds();
        let hop = us915.ping_slot_frequency(DevAddr::new(dev_addr), begins);
        assert_eq!(hop.hz(), channel(ping), "{utc}");
        assert_eq!(us915.frequency(begins).hz(), channel(on), "{utc}");
    }
}

#[test]
fn a_slot_at_this_very_moment_still_counts_and_a_microsecond_later_the_next_one_does() {
    let slots = slots(0x2700_1A2B, 0);
    let first = slots.first_from(at("2018-04-04T12:00:00Z"));
    assert_eq!(slots.first_from(first.starts), first);
    let later = slots.first_from(GpsTime::from_micros(first.starts.micros() + 1));
    assert_eq!(later.starts.micros() - first.starts.micros(), 32 * 30_000);
}

#[test]
fn a_period_is_kept_free_around_its_beacon() {
    let beacon = gps(1_206_878_336_000);
    let offset = |ms: i64| gps(beacon.micros().checked_add_signed(ms * 1000).unwrap() / 1000);
    for (ms, free) in
        [(-3_001, false), (-3_000, true), (-1, true), (0, true), (2_119, true), (2_120, false)]
    {
        assert_eq!(is_kept_free(offset(ms)), free, "{ms} ms");
    }
    assert_eq!(beacon_before(beacon), beacon);
    assert_eq!(beacon_after(beacon), offset(128_000));
}

/// LoRaWAN 1.0.2 §14.5: 30 ms × (Delay + 1) > what is left ≥ 30 ms × Delay.
#[test]
fn beacon_timing_counts_whole_steps_of_30_ms() {
    let beacon = 1_206_878_336_000;
    for (before_ms, delay) in [(30, 1), (59, 1), (60, 2), (29, 0), (128_000, 4_266)] {
        assert_eq!(timing_delay(gps(beacon - before_ms)), delay, "{before_ms} ms");
    }
}

#[test]
fn a_period_in_slots_becomes_a_periodicity() {
    for (slots, periodicity) in [(32, 0), (33, 0), (64, 1), (128, 2), (4_095, 6), (4_096, 7)] {
        assert_eq!(Periodicity::from_period(slots).value(), periodicity, "{slots} slots");
    }
    assert_eq!(Periodicity::new(8), None);
    assert_eq!(Periodicity::from_low_bits(0b1111_1101).value(), 5);
    assert_eq!(DEFAULT_PERIODICITY.count(), 1);
}

proptest! {
    #[test]
    fn no_slot_is_in_the_guard_or_the_reserved_time(
        dev_addr: u32,
        periodicity in 0u8..8,
        micros in 0u64..8_589_934_592_000_000,
    ) {
        let (moment, slots) = (GpsTime::from_micros(micros), slots(dev_addr, periodicity));
        let slot = slots.first_from(moment);
        prop_assert!(!is_kept_free(slot.starts));
        let since = slot.starts.micros() - slot.beacon.micros();
        prop_assert!(since >= BEACON_RESERVED.micros().unsigned_abs());
        prop_assert!(since < (BEACON_PERIOD - BEACON_GUARD).micros().unsigned_abs());
        prop_assert_eq!(beacon_before(slot.starts), slot.beacon);
    }

    #[test]
    fn the_first_slot_from_a_moment_is_not_before_it_and_none_lies_between(
        dev_addr: u32,
        periodicity in 0u8..8,
        micros in 0u64..8_589_934_592_000_000,
    ) {
        let (moment, slots) = (GpsTime::from_micros(micros), slots(dev_addr, periodicity));
        let found = slots.first_from(moment);
        prop_assert!(found.starts >= moment);
        let around = [beacon_before(moment), beacon_after(moment)];
        let between = around
            .into_iter()
            .flat_map(|beacon| slots.of_period(beacon))
            .filter(|slot| slot.starts >= moment && slot.starts < found.starts);
        prop_assert_eq!(between.count(), 0);
    }
}
