//! What a device knows of its region: data rates, RX1, RX2. Written from RP002-1.0.5, chapters on
//! EU863–870 and US902–928.
//!
//! On purpose this is not the server's table: a mistake that both ends share would cancel itself.
//! Devices of ours use the data rates that every revision has.

use lns_lorawan::Bandwidth::{Khz125, Khz250, Khz500};
use lns_lorawan::SpreadingFactor::{Sf7, Sf8, Sf9, Sf10, Sf11, Sf12};
use lns_lorawan::{Dbm, Frequency, Modulation, Region};

/// What an uplink data rate stands for.
pub fn up(region: Region, data_rate: u8) -> Option<Modulation> {
    match (region, data_rate) {
        (Region::Eu868, 0..=7) => eu868(data_rate),
        (Region::Us915, 0) => Some(Modulation::lora(Sf10, Khz125)),
        (Region::Us915, 1) => Some(Modulation::lora(Sf9, Khz125)),
        (Region::Us915, 2) => Some(Modulation::lora(Sf8, Khz125)),
        (Region::Us915, 3) => Some(Modulation::lora(Sf7, Khz125)),
        (Region::Us915, 4) => Some(Modulation::lora(Sf8, Khz500)),
        (Region::Eu868 | Region::Us915 | not_simulated!(), _) => None,
    }
}

/// What a downlink data rate stands for.
pub fn down(region: Region, data_rate: u8) -> Option<Modulation> {
    let spreading_factor = match (region, data_rate) {
        (Region::Eu868, 0..=7) => return eu868(data_rate),
        (Region::Us915, 8) => Sf12,
        (Region::Us915, 9) => Sf11,
        (Region::Us915, 10) => Sf10,
        (Region::Us915, 11) => Sf9,
        (Region::Us915, 12) => Sf8,
        (Region::Us915, 13) => Sf7,
        (Region::Eu868 | Region::Us915 | not_simulated!(), _) => return None,
    };
    Some(Modulation::lora(spreading_factor, Khz500))
}

/// EU868 means the same in both directions.
const fn eu868(data_rate: u8) -> Option<Modulation> {
    Some(match data_rate {
        0 => Modulation::lora(Sf12, Khz125),
        1 => Modulation::lora(Sf11, Khz125),
        2 => Modulation::lora(Sf10, Khz125),
        3 => Modulation::lora(Sf9, Khz125),
        4 => Modulation::lora(Sf8, Khz125),
        5 => Modulation::lora(Sf7, Khz125),
        6 => Modulation::lora(Sf7, Khz250),
        7 => Modulation::Fsk { bit_rate: 50_000 },
        _ => return None,
    })
}

/// Bytes of MACPayload that an uplink data rate carries, not behind a repeater.
pub fn max_mac_payload(region: Region, data_rate: u8) -> usize {
    match (region, data_rate) {
        (Region::Eu868, 0..=2) => 59,
        (Region::Eu868, 3) => 123,
        (Region::Us915, 0) => 19,
        (Region::Us915, 1) => 61,
        (Region::Us915, 2) => 133,
        (Region::Eu868 | Region::Us915 | not_simulated!(), _) => 250,
    }
}

/// The greatest RX1DROffset.
pub const fn max_rx1_dr_offset(region: Region) -> u8 {
    match region {
        Region::Eu868 | not_simulated!() => 5,
        Region::Us915 => 3,
    }
}

/// RX1's data rate after an uplink.
///
/// EU868: as fast as the uplink, less the offset, never below DR0. US915: DR0 up answers to DR10
/// down, and so on; less the offset, within DR8 and DR13 (also RP001-1.0.3 A §2.3.7).
pub fn rx1_data_rate(region: Region, up: u8, offset: u8) -> u8 {
    match region {
        Region::Eu868 | not_simulated!() => up.saturating_sub(offset),
        Region::Us915 => (up + 10).saturating_sub(offset).clamp(8, 13),
    }
}

/// RX1's frequency after an uplink: the same in EU868; in US915 one of eight channels of 500 kHz
/// from 923.3 MHz on, 600 kHz apart, by the uplink channel's index modulo 8 (also RP001-1.0.3 A
/// §2.3.7).
pub const fn rx1_frequency(region: Region, channel: u8, uplink: Frequency) -> Frequency {
    match region {
        Region::Eu868 | not_simulated!() => uplink,
        Region::Us915 => Frequency::from_hz(923_300_000 + (channel % 8) as u32 * 600_000),
    }
}

/// RX2 until the network changes it: frequency and data rate.
pub const fn rx2(region: Region) -> (Frequency, u8) {
    match region {
        Region::Eu868 | not_simulated!() => (Frequency::from_hz(869_525_000), 0),
        Region::Us915 => (Frequency::from_hz(923_300_000), 8),
    }
}

/// Can the radio be tuned to it? A downlink frequency of US915 is one of its eight.
pub const fn is_downlink_frequency(region: Region, frequency: Frequency) -> bool {
    let hz = frequency.hz();
    match region {
        Region::Eu868 | not_simulated!() => hz >= 863_000_000 && hz <= 870_000_000,
        Region::Us915 => {
            hz >= 923_300_000 && hz <= 927_500_000 && (hz - 923_300_000).is_multiple_of(600_000)
        }
    }
}

/// The greatest TXPower: EU868 down to −14 dB, US915 to −28 dB, 2 dB a step.
pub const fn max_tx_power(region: Region) -> u8 {
    match region {
        Region::Eu868 | not_simulated!() => 7,
        Region::Us915 => 14,
    }
}

/// EIRP at a TXPower.
pub const fn eirp(region: Region, tx_power: u8) -> Dbm {
    let most = match region {
        Region::Eu868 | not_simulated!() => 16,
        Region::Us915 => 30,
    };
    Dbm::from_whole(most - 2 * tx_power as i16)
}

/// How long one symbol takes, µs: what a receiver detects a preamble in.
pub const fn symbol_micros(modulation: Modulation) -> i64 {
    match modulation {
        Modulation::Lora { spreading_factor, bandwidth } => {
            (1_000_000i64 << spreading_factor.value()) / bandwidth.hz() as i64
        }
        // A byte of preamble.
        Modulation::Fsk { bit_rate } => 8_000_000 / if bit_rate == 0 { 1 } else { bit_rate as i64 },
        Modulation::LrFhss { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RP002-1.0.5's tables, read by hand.
    #[test]
    fn rx1_data_rates_are_those_of_the_tables() {
        let eu868: [[u8; 6]; 6] = [
            [0, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 0, 0],
            [2, 1, 0, 0, 0, 0],
            [3, 2, 1, 0, 0, 0],
            [4, 3, 2, 1, 0, 0],
            [5, 4, 3, 2, 1, 0],
        ];
        let us915: [[u8; 4]; 5] =
            [[10, 9, 8, 8], [11, 10, 9, 8], [12, 11, 10, 9], [13, 12, 11, 10], [13, 13, 12, 11]];
        for (up, row) in (0..).zip(eu868) {
            for (offset, down) in (0..).zip(row) {
                assert_eq!(rx1_data_rate(Region::Eu868, up, offset), down, "DR{up} {offset}");
            }
        }
        for (up, row) in (0..).zip(us915) {
            for (offset, down) in (0..).zip(row) {
                assert_eq!(rx1_data_rate(Region::Us915, up, offset), down, "DR{up} {offset}");
            }
        }
    }

    #[test]
    fn us915_answers_on_eight_channels() {
        let down = |channel| rx1_frequency(Region::Us915, channel, Frequency::from_hz(0)).hz();
        assert_eq!(down(0), 923_300_000);
        assert_eq!(down(7), 927_500_000);
        assert_eq!(down(8), 923_300_000);
        assert_eq!(down(13), 926_300_000);
        assert_eq!(down(63), 927_500_000);
        assert_eq!(down(64), 923_300_000);
        assert_eq!(down(71), 927_500_000);
    }

    #[test]
    fn a_data_rate_means_different_things_up_and_down() {
        assert_eq!(up(Region::Us915, 4), down(Region::Us915, 12));
        assert_eq!(up(Region::Us915, 8), None);
        assert_eq!(down(Region::Us915, 0), None);
        assert_eq!(down(Region::Us915, 8), Some(Modulation::lora(Sf12, Khz500)));
        assert_eq!(up(Region::Eu868, 6), down(Region::Eu868, 6));
    }

    #[test]
    fn symbols_last_as_long_as_the_data_sheet_says() {
        assert_eq!(symbol_micros(Modulation::lora(Sf7, Khz125)), 1024);
        assert_eq!(symbol_micros(Modulation::lora(Sf12, Khz125)), 32_768);
        assert_eq!(symbol_micros(Modulation::lora(Sf12, Khz500)), 8192);
    }
}
