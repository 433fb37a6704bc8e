//! In CN470 ping slots hop over the channels of the beacons, not over those of class A downlinks.
//!
//! Both are grids of 200 kHz in the same band, and a server that takes the class A grid for ping
//! slots sends 8 MHz beside the device (ChirpStack had to mend it).

use std::collections::BTreeSet;

use lns_core::class::b::{Periodicity, PingSlots, window};
use lns_core::class::beacon::BEACON_PERIOD;
use lns_core::session::{PingChannel, Place};
use lns_lorawan::{DevAddr, GpsTime, RegParamsRevision, Region};

#[test]
fn eight_periods_visit_the_eight_beacon_channels_and_no_other() {
    let tables = Region::Cn470.tables_for(RegParamsRevision::Rp001_1_0_2A, None);
    let dev_addr = DevAddr::new(0x0102_0304);
    let slots = PingSlots { dev_addr, periodicity: Periodicity::new(7).unwrap() };
    let channel = PingChannel { place: Place::Default, data_rate: None };
    let period = BEACON_PERIOD.micros().unsigned_abs();
    let hops: BTreeSet<u32> = (9_000_000..9_000_008)
        .map(|n: u64| slots.first_from(GpsTime::from_micros(n * period)))
        .map(|slot| window(tables, dev_addr, slot, &channel).expect("a window").frequency.hz())
        .collect();
    let beacons: BTreeSet<u32> = (0..8).map(|n| 508_300_000 + n * 200_000).collect();
    assert_eq!(hops, beacons);
    let of_class_a: BTreeSet<u32> = (0..96)
        .map(|up| tables.rx1_frequency(up, tables.channel(up).unwrap().frequency).hz())
        .collect();
    assert_ne!(hops, of_class_a);
}
