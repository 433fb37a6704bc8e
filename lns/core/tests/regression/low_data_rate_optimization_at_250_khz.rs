//! SF12 at 250 kHz is optimized for low data rates, too.
//!
//! A symbol of more than 16 ms needs the optimization: SF11 and SF12 at 125 kHz and SF12 at 250 kHz.
//! Servers that know only the first two think such a frame shorter than it is, and promise air that is
//! still taken. The SX1301's forwarder goes the other way, and optimizes SF11 and SF12 at every
//! bandwidth: it thinks a 500 kHz downlink longer than it is, and refuses the next one.

use lns_core::radio::forwarder::ForwarderModel;
use lns_core::radio::lane::airtime;
use lns_lorawan::{Bandwidth, Modulation, SpreadingFactor};

#[test]
fn the_air_is_kept_for_as_long_as_the_frame_and_the_forwarder_take_it() {
    let lora = Modulation::lora;
    let at_250 = lora(SpreadingFactor::Sf12, Bandwidth::Khz250);
    // 12.25 + 8 + 5 × ⌈(8·30 − 48 + 28) / (4·10)⌉ symbols of 16.384 ms.
    assert_eq!(airtime(at_250, 30).micros(), 823_296);
    let at_500 = lora(SpreadingFactor::Sf12, Bandwidth::Khz500);
    // Not optimized: ⌈220 / 48⌉ blocks of 5 symbols of 8.192 ms.
    assert_eq!(airtime(at_500, 30).micros(), 370_688);
    // As the SX1301's forwarder has it: optimized, with a CRC: ⌈236 / 40⌉ blocks, cut to ms.
    assert_eq!(ForwarderModel::Sx1301.busy(at_500, 30).micros(), 411_000);
}
