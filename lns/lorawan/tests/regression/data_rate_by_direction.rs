//! US915 and AU915: an index means one thing up and another down.
//!
//! DR8 is SF5 at 125 kHz up and SF12 at 500 kHz down; DR0 is SF10 (SF12 in AU915) up and, since
//! RP002-1.0.5, SF5 at 500 kHz down. Servers with one table for both filed uplinks under the wrong
//! data rate, or found none for RX1.

use lns_lorawan::{Direction, Modulation, Region};

use super::dr;

#[test]
fn the_same_index_is_two_data_rates() {
    let name = |region: Region, direction, index| {
        region.tables().data_rate(direction, dr(index)).map(|rate| rate.to_string())
    };
    for (region, index, up, down) in [
        (Region::Us915, 0, Some("SF10BW125"), Some("SF5BW500")),
        (Region::Us915, 8, Some("SF5BW125"), Some("SF12BW500")),
        (Region::Us915, 14, None, Some("SF6BW500")),
        (Region::Au915, 0, Some("SF12BW125"), Some("SF5BW500")),
        (Region::Au915, 6, Some("SF8BW500"), None),
        (Region::Au915, 9, Some("SF6BW125"), Some("SF11BW500")),
        (Region::Eu868, 8, Some("M0CW137"), None),
    ] {
        assert_eq!(name(region, Direction::Up, index).as_deref(), up, "{region} {index}");
        assert_eq!(name(region, Direction::Down, index).as_deref(), down, "{region} {index}");
    }
}

#[test]
fn the_same_modulation_has_two_indices() {
    let sf8: Modulation = "SF8BW500".parse().unwrap();
    for (region, up, down) in [(Region::Us915, 4, 12), (Region::Au915, 6, 12)] {
        let tables = region.tables();
        assert_eq!(tables.data_rate_index(Direction::Up, sf8), Some(dr(up)));
        assert_eq!(tables.data_rate_index(Direction::Down, sf8), Some(dr(down)));
    }
}
