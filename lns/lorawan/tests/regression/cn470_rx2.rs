//! RX2 of CN470's plans since RP002.
//!
//! One server has DR0 for it, a data rate that its own tables of these plans lack. And the reference
//! device's list for the 20 MHz plan of type A has 494.0 MHz where the step of 1.6 MHz gives
//! 494.9 MHz, which is no channel of the plan's downlinks.

use lns_lorawan::region::Cn470JoinChannel;
use lns_lorawan::{Direction, RegParamsRevision, Region};

use super::{dr, mhz};

#[test]
fn rx2_is_a_defined_data_rate_on_a_channel_of_the_plan() {
    for join in 0..Cn470JoinChannel::COUNT {
        let joined = Cn470JoinChannel::new(join);
        let tables = Region::Cn470.tables_for(RegParamsRevision::Rp002_1_0_5, joined);
        let (frequency, data_rate) = tables.rx2;
        assert_eq!(data_rate, dr(1));
        assert!(tables.data_rate(Direction::Down, data_rate).is_some());
        assert!(tables.data_rate(Direction::Down, dr(0)).is_none());
        let on_channel = tables
            .default_channels()
            .any(|(index, channel)| tables.rx1_frequency(index, channel.frequency) == frequency);
        assert!(on_channel, "{join}: {frequency}");
    }
    let seventh =
        Region::Cn470.tables_for(RegParamsRevision::Rp002_1_0_5, Cn470JoinChannel::new(6));
    assert_eq!(seventh.rx2.0, mhz("494.9"));
}

#[test]
fn rx1_ends_at_dr1() {
    let tables = Region::Cn470.tables_for(RegParamsRevision::Rp002_1_0_5, None);
    for up in 1..=5 {
        assert_eq!(tables.rx1_data_rate(dr(up), 5, Some(false)), Some(dr(1)));
    }
    assert_eq!(tables.rx1_data_rate(dr(0), 0, Some(false)), None);
}
