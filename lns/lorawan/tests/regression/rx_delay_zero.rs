//! RxDelay 0.
//!
//! A Join-Accept or RXTimingSetupReq with the value 0 means one second, as 1 does. Servers that took
//! the 0 for no delay at all sent downlinks at the end of the uplink; servers that compare the two
//! numbers ask a device for ever to change what is as it should be.

use lns_lorawan::RxDelay;
use lns_lorawan::mac::{DownlinkMacCommand, DownlinkMacCommands};

#[test]
fn zero_is_one_second_and_equal_to_one() {
    let zero = RxDelay::from_byte(0);
    assert_eq!(zero.seconds(), 1);
    assert_eq!(RxDelay::new(1), Some(zero));
    assert_ne!(RxDelay::new(2), Some(zero));
}

#[test]
fn the_reserved_bits_of_the_byte_are_ignored() {
    let read = DownlinkMacCommands::new(&[0x08, 0xf0]).next().unwrap().unwrap();
    let DownlinkMacCommand::RxTimingSetupReq(request) = read else { panic!("{read:?}") };
    assert_eq!(request.rx_delay.seconds(), 1);
}
