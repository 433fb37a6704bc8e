//! A repeated answer is no answer to the next value.
//!
//! RXTimingSetupAns and its like are repeated in every uplink until the device hears a class A
//! downlink, and carry no value. A server that asks for 7 s while the device still repeats its answer
//! to 5 s takes the repetition for the new answer, and opens its windows two seconds late for ever.
//! PingSlotChannelAns belongs to them, too (LoRaMac-node, `LoRaMacCommands.c`, the sticky commands).
//! An answer that nobody waits for must be stopped all the same, by any downlink.

use lns_core::mac::Kind;
use lns_lorawan::{DataRateIndex, Frequency, MacVersion, Region, RxDelay};

use crate::talk::*;

#[test]
fn the_next_value_waits_until_the_answer_is_not_repeated() {
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_3, |profile| {
        profile.rx_delay = RxDelay::new(5);
    });
    talk.exchange(CLEAR);
    talk.describe(|profile| profile.rx_delay = RxDelay::new(7));
    for _ in 0..4 {
        assert!(talk.exchange(DOWN_LOST).is_empty());
        assert_eq!(talk.current().rx.rx_delay.seconds(), 5);
        assert_eq!(talk.model.rx_delay, 5);
    }
    talk.exchanges(4);
    assert_eq!(talk.current().rx.rx_delay.seconds(), 7);
    talk.assert_true();
}

#[test]
fn ping_slot_channel_ans_is_one_of_them() {
    assert!(Kind::PingSlotChannel.is_sticky(MacVersion::V1_0_4));
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_4, |profile| {
        profile.supports_class_b = true;
        profile.ping_slot_frequency = Some(Frequency::from_hz(868_800_000));
        profile.ping_slot_data_rate = DataRateIndex::new(4);
    });
    talk.exchange(CLEAR);
    talk.exchange(DOWN_LOST);
    talk.describe(|profile| profile.ping_slot_data_rate = DataRateIndex::new(3));
    assert!(talk.exchange(CLEAR).is_empty());
    assert!(!talk.exchange(CLEAR).is_empty());
    talk.exchange(CLEAR);
    talk.assert_true();
}
