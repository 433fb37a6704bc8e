//! Beacon time is GPS time: it does not stop for leap seconds.
//!
//! A server that reckons beacons from Unix time, or from GPS time with the wrong number of leap
//! seconds, draws every ping slot from another number than the devices do. It sends, the gateways
//! confirm, and no device ever hears. The last leap second was at the end of 2016: until then GPS
//! was 17 s ahead of UTC, since then it is 18 s.

use lns_core::class::b::{Periodicity, PingSlots};
use lns_core::class::beacon::{beacon_after, beacon_before};
use lns_lorawan::{DevAddr, GpsTime, Timestamp};

fn gps(utc: &str) -> GpsTime {
    GpsTime::from_timestamp(Timestamp::parse_rfc3339(utc).unwrap()).unwrap()
}

#[test]
fn beacons_are_multiples_of_128_gps_seconds_on_both_sides_of_a_leap_second() {
    // 1167264000 is 9,119,250 times 128: worked out by hand from the 1980 epoch.
    for (utc, last) in [
        ("2016-12-31T23:59:42Z", 1_167_263_872),
        ("2016-12-31T23:59:43Z", 1_167_264_000),
        ("2017-01-01T00:00:00Z", 1_167_264_000),
        ("2017-01-01T00:01:49Z", 1_167_264_000),
        ("2017-01-01T00:01:50Z", 1_167_264_128),
    ] {
        assert_eq!(beacon_before(gps(utc)).seconds(), last, "{utc}");
        assert_eq!(beacon_after(gps(utc)).seconds(), last + 128, "{utc}");
    }
}

#[test]
fn a_slot_after_the_leap_second_is_on_our_clock_a_second_earlier_than_without_it() {
    let slots = PingSlots {
        dev_addr: DevAddr::new(0x0102_0304),
        periodicity: Periodicity::new(4).unwrap(),
    };
    let slot = slots.first_from(gps("2016-12-31T23:59:59Z"));
    // 19.04 s after the beacon at 23:59:43, through a minute of 61 s.
    assert_eq!(slot.starts.micros(), 1_167_264_019_040_000);
    let on_our_clock = slot.starts.to_timestamp().to_rfc3339();
    assert_eq!(on_our_clock, "2017-01-01T00:00:01.040Z");
}
