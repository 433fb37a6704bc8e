//! AU915 until RP001 1.0.2 A.
//!
//! DR0 to DR4 were US915's: SF10, 9, 8, 7 and SF8 at 500 kHz, with RX1 offsets up to 3. Since then
//! DR0 is SF12. To ask an old device for DR5 is to ask for what it does not have; to take its DR0
//! for SF12 puts RX1 where it does not listen. Beacons were at DR10 until 1.1 A.

use lns_lorawan::{Direction, RegParamsRevision, Region};

use super::dr;

fn up(revision: RegParamsRevision) -> String {
    let tables = Region::Au915.tables_for(revision, None);
    let known =
        (0..16).map(dr).filter(|index| tables.knows_data_rate(Direction::Up, *index, revision));
    let names = known.filter_map(|index| tables.data_rate(Direction::Up, index));
    names.map(|modulation| modulation.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn sf10_was_dr0() {
    use RegParamsRevision::{Rp001_1_0_2A, Rp001_1_0_2B, Rp002_1_0_2, Rp002_1_0_5};
    assert_eq!(up(Rp001_1_0_2A), "SF10BW125 SF9BW125 SF8BW125 SF7BW125 SF8BW500");
    let later = "SF12BW125 SF11BW125 SF10BW125 SF9BW125 SF8BW125 SF7BW125 SF8BW500";
    assert_eq!(up(Rp001_1_0_2B), later);
    assert_eq!(up(Rp002_1_0_2), format!("{later} M0CW1523"));
    assert_eq!(up(Rp002_1_0_5), format!("{later} M0CW1523 SF6BW125 SF5BW125"));
}

#[test]
fn rx1_follows_the_edition() {
    let rx1 = |revision, up, offset| {
        let tables = Region::Au915.tables_for(revision, None);
        tables.rx1_data_rate(dr(up), offset, Some(false)).map(|rate| rate.value())
    };
    let (old, new) = (RegParamsRevision::Rp001_1_0_2A, RegParamsRevision::Rp002_1_0_5);
    assert_eq!((rx1(old, 0, 0), rx1(new, 0, 0)), (Some(10), Some(8)));
    assert_eq!((rx1(old, 3, 0), rx1(new, 5, 0)), (Some(13), Some(13)));
    assert_eq!((rx1(old, 3, 4), rx1(new, 3, 4)), (None, Some(8)));
    assert_eq!(Region::Au915.tables_for(old, None).max_rx1_dr_offset(), 3);
    assert_eq!(Region::Au915.tables_for(new, None).max_rx1_dr_offset(), 5);
}

#[test]
fn old_beacons_are_faster() {
    for (revision, data_rate) in [
        (RegParamsRevision::Rp001_1_0_2A, 10),
        (RegParamsRevision::Rp001_1_0_2B, 10),
        (RegParamsRevision::Rp001_1_1A, 10),
        (RegParamsRevision::Rp001_1_1B, 8),
        (RegParamsRevision::Rp001_1_0_3A, 8),
        (RegParamsRevision::Rp002_1_0_0, 8),
    ] {
        let beacon = Region::Au915.tables_for(revision, None).beacon;
        assert_eq!(beacon.data_rate, dr(data_rate), "{revision}");
    }
}
