//! The order of the fields of NotifyNewEndDeviceReq.
//!
//! DevAddr comes first, then the power level (TS011, relay commands). A server had it the other way
//! round for years and told its users of devices that do not exist.

use lns_lorawan::DevAddr;
use lns_lorawan::mac::{UplinkMacCommand, UplinkMacCommands};

#[test]
fn the_address_comes_first() {
    let bytes = [0x46, 0x2b, 0x1a, 0x00, 0x27, 0x55, 0x66];
    let read = UplinkMacCommands::new(&bytes).next().unwrap().unwrap();
    let UplinkMacCommand::NotifyNewEndDeviceReq(notice) = read else { panic!("{read:?}") };
    assert_eq!(notice.dev_addr, DevAddr::new(0x2700_1a2b));
    assert_eq!(notice.power_level, [0x55, 0x66]);
    let mut again = Vec::new();
    read.encode(&mut again).unwrap();
    assert_eq!(again, bytes);
}
