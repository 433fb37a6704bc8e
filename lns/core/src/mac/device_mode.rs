//! DeviceModeInd / DeviceModeConf: a 1.1 device changes between class A and class C by itself.
//! LoRaWAN 1.1 §18.1.
//!
//! It repeats DeviceModeInd in every uplink until it hears DeviceModeConf. What it says holds from the
//! first time on; whether we use class C is the profile's business.

use lns_lorawan::mac::{DeviceMode, DownlinkMacCommand};

use crate::class::Class;
use crate::session::Session;

/// The class that a device of this session may say it is in; `None` for what means nothing.
pub fn class_of(mode: DeviceMode, session: &Session) -> Option<Class> {
    if !session.keys.scheme.is_1_1() {
        return None;
    }
    match mode {
        DeviceMode::ClassA => Some(Class::A),
        DeviceMode::ClassC => Some(Class::C),
        DeviceMode::Reserved(_) => None,
    }
}

/// As it is sent.
pub fn write(class: Class, commands: &mut Vec<u8>) {
    let mode = match class {
        // Nobody says class B in this command; who listens in ping slots is in class A besides.
        Class::A | Class::B => DeviceMode::ClassA,
        Class::C => DeviceMode::ClassC,
    };
    super::write(DownlinkMacCommand::DeviceModeConf(mode), commands);
}
