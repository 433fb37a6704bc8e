//! Downlinks have no payload CRC, and their coding is not always 4/5.
//!
//! A server that reckons the CRC's two bytes into a downlink plans air that is not used; one that
//! leaves them out of an uplink takes its end for earlier than it is. At 2.4 GHz frames are coded 4/8
//! with long interleaving: a gateway that is told 4/5 sends what no device can read.

use lns_lorawan::{Bandwidth, CodingRate, Direction, Modulation, SpreadingFactor, time_on_air};

#[test]
fn the_crc_makes_an_uplink_longer() {
    let modulation = Modulation::lora(SpreadingFactor::Sf7, Bandwidth::Khz125);
    let air = |direction| time_on_air(modulation, modulation.coding_rate(), direction, 13).micros();
    assert_eq!((air(Direction::Up), air(Direction::Down)), (46_336, 41_216));
}

#[test]
fn coding_follows_the_modulation() {
    let lora = |bandwidth| Modulation::lora(SpreadingFactor::Sf9, bandwidth).coding_rate();
    assert_eq!(lora(Bandwidth::Khz125), CodingRate::Cr45);
    assert_eq!(lora(Bandwidth::Khz500), CodingRate::Cr45);
    assert_eq!(lora(Bandwidth::Khz812), CodingRate::CrLi48);
    assert_eq!(lora(Bandwidth::Khz812).to_string(), "4/8LI");
}
