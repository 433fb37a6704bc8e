//! CN470's ping slots hop where beacons do.
//!
//! In US915 beacons, ping slots and class A downlinks share eight channels. In CN470 they do not: a
//! server that hopped over the class A downlinks never met a ping slot.

use lns_lorawan::region::{BEACON_INTERVAL_SECS, Cn470JoinChannel};
use lns_lorawan::{DevAddr, RegParamsRevision, Region};

use super::mhz;

#[test]
fn legacy_beacons_and_ping_slots_hop_from_508_3_mhz_on() {
    let beacon = Region::Cn470.tables_for(RegParamsRevision::Rp001_1_0_3A, None).beacon;
    let at = |hop| hop * BEACON_INTERVAL_SECS;
    assert_eq!(beacon.frequency(at(0)), mhz("508.3"));
    assert_eq!(beacon.frequency(at(7)), mhz("509.7"));
    assert_eq!(beacon.frequency(at(8)), mhz("508.3"));
    assert_eq!(beacon.ping_slot_frequency(DevAddr::new(3), at(7)), mhz("508.7"));
    assert_eq!(beacon.length(), 19);
}

#[test]
fn since_rp002_they_are_near_the_channel_that_answered_the_join() {
    let beacon = |join: u8| {
        let joined = Cn470JoinChannel::new(join);
        Region::Cn470.tables_for(RegParamsRevision::Rp002_1_0_5, joined).beacon
    };
    let address = DevAddr::new(0x2601_0005);
    let time = 3 * BEACON_INTERVAL_SECS;
    // Join channel 1: the second eighth of 64 channels from 483.9 MHz on.
    assert_eq!(beacon(1).frequency(time), mhz("486.1"));
    assert_eq!(beacon(1).ping_slot_frequency(address, time), mhz("485.5"));
    // Join channel 8: one beacon, 32 channels for ping slots from 476.9 MHz on.
    assert_eq!(beacon(8).frequency(time), mhz("481.5"));
    assert_eq!(beacon(8).ping_slot_frequency(address, time), mhz("478.5"));
    assert_eq!(beacon(9).frequency(time), mhz("501.5"));
    // 26 MHz: one channel for all.
    assert_eq!(beacon(12).ping_slot_frequency(address, time), mhz("494.9"));
    assert_eq!(beacon(19).frequency(time), mhz("504.9"));
}
