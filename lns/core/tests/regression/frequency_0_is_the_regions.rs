//! Frequency 0 in PingSlotChannelReq and BeaconFreqReq means the region's own.
//!
//! In US915 beacons and ping slots hop over eight frequencies: there is no other way to say so. A
//! server that writes the first of them instead nails the device to it.

use lns_core::session::Place;
use lns_lorawan::{DataRateIndex, Frequency, MacVersion, Region};

use crate::talk::*;

#[test]
fn a_device_is_sent_back_to_the_regions_frequencies_with_0() {
    let elsewhere = Some(Frequency::from_hz(868_800_000));
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_4, |profile| {
        profile.supports_class_b = true;
        profile.ping_slot_frequency = elsewhere;
        profile.ping_slot_data_rate = DataRateIndex::new(3);
        profile.beacon_frequency = elsewhere;
    });
    talk.exchanges(4);
    assert_eq!((talk.model.ping_slot.0, talk.model.beacon_hz), (868_800_000, 868_800_000));

    talk.describe(|profile| {
        profile.ping_slot_frequency = None;
        profile.ping_slot_data_rate = None;
        profile.beacon_frequency = None;
    });
    // The data rate has no such value: DR3 is EU868's.
    assert_eq!(talk.exchange(CLEAR), [0x11, 0, 0, 0, 3, 0x13, 0, 0, 0]);
    talk.exchanges(3);
    talk.assert_true();
    assert_eq!(talk.current().beacon, Some(Place::Default));
}
