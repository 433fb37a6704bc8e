//! Low data rate optimization at 250 kHz.
//!
//! It is due where a symbol lasts longer than 16 ms: SF11 and SF12 at 125 kHz, and SF12 at 250 kHz,
//! whose symbols are 16.384 ms. Servers that ask for 125 kHz only reckon SF12 at 250 kHz shorter
//! than it is.

use lns_lorawan::{Bandwidth, CodingRate, Direction, Modulation, SpreadingFactor, time_on_air};

#[test]
fn sf12_is_optimized_at_125_and_250_khz_only() {
    let air = |bandwidth| {
        let modulation = Modulation::lora(SpreadingFactor::Sf12, bandwidth);
        time_on_air(modulation, CodingRate::Cr45, Direction::Up, 23).micros()
    };
    // 45.25 symbols with it, 40.25 without.
    assert_eq!(air(Bandwidth::Khz125), 1_482_752);
    assert_eq!(air(Bandwidth::Khz250), 741_376);
    assert_eq!(air(Bandwidth::Khz500), 329_728);
}
