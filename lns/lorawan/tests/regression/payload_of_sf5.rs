//! The data rates that are new in RP002-1.0.5 carry 250 bytes: SF6 and SF5 (EU868 DR12 and DR13,
//! US915's downlink DR0 and DR14), 230 behind a repeater.
//!
//! One server has N = 222 for EU868's DR4 (the figure behind a repeater) and none at all for SF5.

use lns_lorawan::region::PayloadRules;
use lns_lorawan::{Direction, Modulation, Region, SpreadingFactor};

use super::dr;

#[test]
fn sf5_and_sf6_are_limited_by_the_frame_only() {
    let mut seen = 0;
    for (region, direction) in Region::ALL
        .into_iter()
        .filter(|region| *region != Region::Ism2400)
        .flat_map(|region| [(region, Direction::Up), (region, Direction::Down)])
    {
        let tables = region.tables();
        for index in (0..16).map(dr) {
            let Some(Modulation::Lora { spreading_factor, .. }) =
                tables.data_rate(direction, index)
            else {
                continue;
            };
            if spreading_factor >= SpreadingFactor::Sf7 {
                continue;
            }
            for (repeater_compatible, m, n) in [(false, 250, 242), (true, 230, 222)] {
                let rules = PayloadRules { repeater_compatible, dwell_time: false };
                let limit = tables.max_payload(direction, index, rules).unwrap();
                assert_eq!((limit.m, limit.n()), (m, n), "{region} {index}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 40, "{seen}");
}

#[test]
fn dr4_of_eu868_is_not_behind_a_repeater() {
    let limit = Region::Eu868.tables().max_payload(Direction::Down, dr(4), PayloadRules::default());
    assert_eq!(limit.unwrap().n(), 242);
}
