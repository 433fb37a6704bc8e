//! AS923 before TXParamSetupReq.
//!
//! RP002 starts devices without a limit on downlinks, the reference device with one. RX1 is then at
//! DR0 for the one and DR2 for the other, and who guesses speaks past half of the devices. RX1 is
//! left out where the two differ, until the device has been told; RX2 is the same for both.

use lns_lorawan::{RegParamsRevision, Region};

use super::dr;

const GROUPS: [Region; 4] = [Region::As923_1, Region::As923_2, Region::As923_3, Region::As923_4];

#[test]
fn rx1_is_left_out_where_it_depends_on_what_nobody_knows() {
    for tables in GROUPS.map(Region::tables) {
        assert_eq!(tables.boot_dwell().downlink, None);
        let rx1 = |up, offset| tables.rx1_data_rate(dr(up), offset, None).map(|rate| rate.value());
        assert_eq!([rx1(0, 0), rx1(1, 0), rx1(2, 1)], [None; 3]);
        assert_eq!([rx1(2, 0), rx1(5, 0), rx1(5, 3)], [Some(2), Some(5), Some(2)]);
    }
}

#[test]
fn what_is_known_is_followed() {
    let tables = Region::As923_1.tables();
    let rx1 = |up, offset, dwell_time| {
        tables.rx1_data_rate(dr(up), offset, Some(dwell_time)).unwrap().value()
    };
    assert_eq!((rx1(0, 0, false), rx1(0, 0, true)), (0, 2));
    assert_eq!((rx1(3, 5, false), rx1(3, 5, true)), (0, 2));
    assert_eq!((rx1(0, 7, false), rx1(0, 7, true)), (2, 2));
}

#[test]
fn other_regions_know_from_the_start() {
    for region in Region::ALL.into_iter().filter(|region| !GROUPS.contains(region)) {
        for revision in RegParamsRevision::ALL {
            let tables = region.tables_for(*revision, None);
            assert_eq!(tables.boot_dwell().downlink, Some(false), "{region}");
        }
    }
    // AU915's devices start with limited uplinks.
    assert_eq!(Region::Au915.tables().boot_dwell().uplink, Some(true));
}
