//! Time on air: how long a PHYPayload occupies its channel.
//!
//! LoRa: the transceivers' data sheets (SX1276 chapter on time on air; SX1261/2 for SF5 and SF6).
//! FSK: RP002, chapter on FSK modulation (preamble, sync word, length, CRC). LR-FHSS: the block
//! structure of Semtech's reference modulator.

use crate::modulation::{Bandwidth, CodingRate, LrFhssCoding, Modulation, SpreadingFactor};
use crate::time::TimeDelta;
use crate::units::Direction;

/// Preamble symbols of every LoRaWAN frame below 2.4 GHz, and there from SF7 on.
pub const PREAMBLE_SYMBOLS: u32 = 8;

/// Preamble symbols of SF5 and SF6 at 2.4 GHz, as the modems' makers want it.
const SHORT_PREAMBLE_2G4: u32 = 12;

/// Preamble symbols of a LoRa frame.
const fn preamble_symbols(spreading_factor: SpreadingFactor, bandwidth: Bandwidth) -> u32 {
    match bandwidth {
        Bandwidth::Khz812 if is_short(spreading_factor) => SHORT_PREAMBLE_2G4,
        Bandwidth::Khz125 | Bandwidth::Khz250 | Bandwidth::Khz500 | Bandwidth::Khz812 => {
            PREAMBLE_SYMBOLS
        }
    }
}

/// Microseconds that one LR-FHSS bit takes (488.28125 bit/s).
const LR_FHSS_BIT_MICROS: i64 = 2048;

/// How long a PHYPayload of `length` bytes is on the air.
///
/// LoRaWAN frames have an explicit header; uplinks carry a payload CRC (LoRaWAN 1.0.3 §3.1) and
/// downlinks do not (§3.2), which is why the direction matters. No modem sends more than 255 bytes;
/// a greater length counts as 255. Rounded up to the microsecond, so that a ledger never promises
/// air that is taken.
pub fn time_on_air(
    modulation: Modulation,
    coding_rate: CodingRate,
    direction: Direction,
    length: usize,
) -> TimeDelta {
    let length = i64::from(u8::try_from(length).unwrap_or(u8::MAX));
    match modulation {
        Modulation::Lora { spreading_factor, bandwidth } => {
            let crc = matches!(direction, Direction::Up);
            let symbols = payload_symbols(spreading_factor, bandwidth, coding_rate, (length, crc));
            // In quarters of a symbol: the sync word and start of frame take 4¼, or 6¼ for SF5/6.
            let start = if is_short(spreading_factor) { 25 } else { 17 };
            let preamble = preamble_symbols(spreading_factor, bandwidth);
            let quarters = 4 * (i64::from(preamble) + symbols) + start;
            let numerator = (quarters << spreading_factor.value()) * 1_000_000;
            TimeDelta::from_micros(divide_up(numerator, 4 * i64::from(bandwidth.hz())))
        }
        // Preamble 5, sync word 3, length 1, CRC 2.
        Modulation::Fsk { bit_rate } => {
            let bits = (length + 5 + 3 + 1 + 2) * 8;
            TimeDelta::from_micros(divide_up(bits * 1_000_000, i64::from(bit_rate.max(1))))
        }
        Modulation::LrFhss { coding, .. } => {
            TimeDelta::from_micros(lr_fhss_bits(coding, length) * LR_FHSS_BIT_MICROS)
        }
    }
}

/// SF5 and SF6 have a frame structure of their own.
const fn is_short(spreading_factor: SpreadingFactor) -> bool {
    spreading_factor.value() < 7
}

/// Symbols longer than 16 ms need the low data rate optimization: SF11 and SF12 at 125 kHz, and
/// SF12 at 250 kHz.
const fn low_data_rate(spreading_factor: SpreadingFactor, bandwidth: Bandwidth) -> bool {
    (1u64 << spreading_factor.value()) * 1000 > 16 * bandwidth.hz() as u64
}

fn payload_symbols(
    spreading_factor: SpreadingFactor,
    bandwidth: Bandwidth,
    coding_rate: CodingRate,
    (length, crc): (i64, bool),
) -> i64 {
    let sf = i64::from(spreading_factor.value());
    let header = if is_short(spreading_factor) { 20 } else { 28 };
    let crc = if crc { 16 } else { 0 };
    let optimized = if low_data_rate(spreading_factor, bandwidth) { 2 } else { 0 };
    let bits = (8 * length - 4 * sf + header + crc).max(0);
    8 + divide_up(bits, 4 * (sf - optimized)) * i64::from(coding_rate.denominator())
}

/// Headers of 114 bits, then blocks of 48 coded bits with 2 bits of preamble each.
fn lr_fhss_bits(coding: LrFhssCoding, length: i64) -> i64 {
    let payload = (length + 2) * 8 + 6;
    let (headers, coded) = match coding {
        LrFhssCoding::Cr13 => (3, payload * 3),
        LrFhssCoding::Cr23 => (2, payload * 3 / 2),
    };
    let rest = match coded % 48 {
        0 => 0,
        rest => rest + 2,
    };
    headers * 114 + coded / 48 * 50 + rest
}

const fn divide_up(numerator: i64, denominator: i64) -> i64 {
    (numerator + denominator - 1) / denominator
}

#[cfg(test)]
mod tests {
    use super::*;
    use Bandwidth::{Khz125, Khz250, Khz500};
    use SpreadingFactor::{Sf5, Sf6, Sf7, Sf11, Sf12};

    fn micros(sf: SpreadingFactor, bw: Bandwidth, direction: Direction, length: usize) -> i64 {
        time_on_air(Modulation::lora(sf, bw), CodingRate::Cr45, direction, length).micros()
    }

    /// Computed by hand from the data sheet's formula; the 125 kHz uplinks agree with Semtech's
    /// published calculator.
    #[test]
    fn lora_frames_take_as_long_as_the_data_sheet_says() {
        // 13 bytes: 8 + ceil((104 − 28 + 28 + 16) / 28) · 5 = 33 symbols, + 12.25, × 1.024 ms.
        assert_eq!(micros(Sf7, Khz125, Direction::Up, 13), 46_336);
        // Without the CRC: ceil(104 / 28) = 4 blocks, 28 symbols.
        assert_eq!(micros(Sf7, Khz125, Direction::Down, 13), 41_216);
        // 23-byte Join-Request at SF12, optimized: 8 + ceil(180 / 40) · 5 = 33, × 32.768 ms.
        assert_eq!(micros(Sf12, Khz125, Direction::Up, 23), 1_482_752);
        // SF12 at 250 kHz has 16.384 ms symbols, so it is optimized as well.
        assert_eq!(micros(Sf12, Khz250, Direction::Up, 23), 741_376);
        // SF12 at 500 kHz is not: 8 + ceil(180 / 48) · 5 = 28 symbols of 8.192 ms.
        assert_eq!(micros(Sf12, Khz500, Direction::Up, 23), 329_728);
        // SF11 at 125 kHz: 16.384 ms; 8 + ceil(184 / 36) · 5 = 38.
        assert_eq!(micros(Sf11, Khz125, Direction::Up, 23), 823_296);
    }

    #[test]
    fn sf5_and_sf6_have_their_own_frame() {
        // 8 + ceil((160 − 20 + 20 + 16) / 20) · 5 = 53 symbols, + 14.25, × 256 µs.
        assert_eq!(micros(Sf5, Khz125, Direction::Up, 20), 17_216);
        // 8 + ceil((160 − 24 + 20 + 16) / 24) · 5 = 48 symbols, + 14.25, × 512 µs.
        assert_eq!(micros(Sf6, Khz125, Direction::Up, 20), 31_872);
    }

    #[test]
    fn at_2_4_ghz_short_frames_have_a_longer_preamble() {
        let air = |sf| {
            let modulation = Modulation::lora(sf, Bandwidth::Khz812);
            time_on_air(modulation, modulation.coding_rate(), Direction::Up, 20).micros()
        };
        // 8 + ceil((160 − 20 + 20 + 16) / 20) · 8 = 80 symbols, + 18.25, × 39.385 µs.
        assert_eq!(air(Sf5), 3_870);
        // 8 + ceil((160 − 28 + 28 + 16) / 28) · 8 = 64 symbols, + 12.25, × 157.538 µs.
        assert_eq!(air(Sf7), 12_013);
    }

    #[test]
    fn fsk_counts_preamble_sync_length_and_crc() {
        let fsk = Modulation::Fsk { bit_rate: 50_000 };
        assert_eq!(time_on_air(fsk, CodingRate::Cr45, Direction::Up, 20).micros(), 4_960);
    }

    #[test]
    fn lr_fhss_is_headers_and_blocks() {
        let air = |coding, length| {
            let modulation = Modulation::LrFhss { ocw_hz: 137_000, coding };
            time_on_air(modulation, CodingRate::Cr45, Direction::Up, length).micros()
        };
        // 10 bytes: 102 bits; ×3 = 306 = 6 blocks and 18 bits; 342 + 300 + 20 bits of 2.048 ms.
        assert_eq!(air(LrFhssCoding::Cr13, 10), 662 * 2048);
        // ×3/2 = 153 = 3 blocks and 9 bits; 228 + 150 + 11.
        assert_eq!(air(LrFhssCoding::Cr23, 10), 389 * 2048);
    }

    #[test]
    fn a_length_beyond_any_modem_counts_as_255() {
        for modulation in [Modulation::lora(Sf12, Khz125), Modulation::Fsk { bit_rate: 0 }] {
            let air = |length| time_on_air(modulation, CodingRate::Cr48, Direction::Up, length);
            assert!(air(240) < air(255));
            assert_eq!(air(usize::MAX), air(255));
        }
    }
}
