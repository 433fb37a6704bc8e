//! EU433's beacon.
//!
//! 434.665 MHz in the text (RP001-1.0.3 A §2.5.8) and in the reference device, as RX2 and ping
//! slots; one server has 434.655 MHz. The duty cycle is 10 % (§2.5.2), of which the reference device
//! uses 1 %.

use lns_lorawan::Region;

use super::{dr, mhz};

#[test]
fn beacons_ping_slots_and_rx2_share_a_frequency() {
    let tables = Region::Eu433.tables();
    assert_eq!(tables.beacon.frequency(0), mhz("434.665"));
    assert_eq!(tables.beacon.ping_slot_frequency(lns_lorawan::DevAddr::new(7), 0), mhz("434.665"));
    assert_eq!(tables.rx2, (mhz("434.665"), dr(0)));
    assert_eq!((tables.beacon.data_rate, tables.beacon.length()), (dr(3), 17));
}

#[test]
fn a_tenth_of_the_time_is_allowed() {
    let band = Region::Eu433.tables().sub_band(mhz("433.175")).unwrap();
    assert_eq!(band.duty_cycle_permille, 100);
    assert_eq!(Region::Eu433.tables().sub_band(mhz("434.8")), None);
}
