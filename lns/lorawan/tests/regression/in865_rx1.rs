//! IN865 has no DR6.
//!
//! A formula for RX1 (uplink's data rate plus two, for offset 7) gives DR6 after DR4, which nobody
//! can send. The reference device has DR5 there, FSK after DR5, and skips DR6 on the way down from
//! DR7.

use lns_lorawan::{Direction, Region};

use super::{dr, mhz};

#[test]
fn rx1_steps_over_what_is_not_there() {
    let tables = Region::In865.tables();
    assert!(tables.data_rate(Direction::Down, dr(6)).is_none());
    let rx1 = |up, offset| tables.rx1_data_rate(dr(up), offset, Some(false)).unwrap().value();
    assert_eq!((rx1(4, 6), rx1(4, 7)), (5, 5));
    assert_eq!((rx1(5, 6), rx1(5, 7)), (5, 7));
    assert_eq!((rx1(7, 0), rx1(7, 1), rx1(7, 2)), (7, 5, 5));
}

#[test]
fn beacons_are_on_rx2s_frequency() {
    let tables = Region::In865.tables();
    assert_eq!(tables.beacon.frequency(0), mhz("866.55"));
    assert_eq!(tables.rx2, (mhz("866.55"), dr(2)));
    assert_eq!((tables.beacon.data_rate, tables.beacon.length()), (dr(4), 19));
}
