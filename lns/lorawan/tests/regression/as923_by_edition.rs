//! AS923 changed under its name.
//!
//! RX1 is never faster than DR5 in RP001 and than DR7 in RP002; DR2 carries 59 bytes without a dwell
//! time until RP002-1.0.1 and 123 since; RP001 1.0.2 A starts at 14 dBm. A server with one table for
//! all speaks too fast to old devices, or too long.

use lns_lorawan::region::PayloadRules;
use lns_lorawan::{Dbm, Direction, RegParamsRevision, Region};

use super::dr;

#[test]
fn rx1_ends_at_dr5_and_then_at_dr7() {
    for (revision, down) in [
        (RegParamsRevision::Rp001_1_0_2B, [5, 5, 5]),
        (RegParamsRevision::Rp001_1_1B, [5, 5, 5]),
        (RegParamsRevision::Rp002_1_0_0, [6, 7, 7]),
        (RegParamsRevision::Rp002_1_0_5, [6, 7, 7]),
    ] {
        let tables = Region::As923_1.tables_for(revision, None);
        let rx1 = |up, offset| tables.rx1_data_rate(dr(up), offset, Some(false)).unwrap().value();
        assert_eq!([rx1(4, 7), rx1(5, 7), rx1(7, 0)], down, "{revision}");
    }
}

#[test]
fn dr2_grew() {
    for (revision, m) in [
        (RegParamsRevision::Rp001_1_0_3A, 59),
        (RegParamsRevision::Rp002_1_0_1, 59),
        (RegParamsRevision::Rp002_1_0_2, 123),
        (RegParamsRevision::Rp002_1_0_5, 123),
    ] {
        let tables = Region::As923_3.tables_for(revision, None);
        for (dwell_time, expected) in [(false, m), (true, 19)] {
            let rules = PayloadRules { repeater_compatible: false, dwell_time };
            let limit = tables.max_payload(Direction::Down, dr(2), rules).unwrap();
            assert_eq!(limit.m, expected, "{revision} {dwell_time}");
        }
    }
}

#[test]
fn the_first_edition_is_weaker() {
    let eirp = |revision| Region::As923_2.tables_for(revision, None).max_eirp;
    assert_eq!(eirp(RegParamsRevision::Rp001_1_0_2A), Dbm::from_whole(14));
    assert_eq!(eirp(RegParamsRevision::Rp001_1_0_2B), Dbm::from_whole(16));
}
