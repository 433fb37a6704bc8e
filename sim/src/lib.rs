//! Simulated LoRaWAN devices, gateways and air.
//!
//! Everything but [`mod@run`] and [`provision`] is pure: time and randomness are arguments, so that
//! the same devices and gateways serve a test in virtual time and a server on real sockets. A device derives its windows
//! from the standard by code of its own, and hears a downlink only if frequency, data rate,
//! polarity and timing match the window that it opened.
#![forbid(unsafe_code)]

/// Regions whose devices are not simulated yet.
#[macro_export]
macro_rules! not_simulated {
    () => {
        ::lns_lorawan::Region::Au915
            | ::lns_lorawan::Region::As923_1
            | ::lns_lorawan::Region::As923_2
            | ::lns_lorawan::Region::As923_3
            | ::lns_lorawan::Region::As923_4
            | ::lns_lorawan::Region::Eu433
            | ::lns_lorawan::Region::Cn470
            | ::lns_lorawan::Region::Cn779
            | ::lns_lorawan::Region::Ru864
            | ::lns_lorawan::Region::Kr920
            | ::lns_lorawan::Region::In865
            | ::lns_lorawan::Region::Ism2400
    };
}

pub mod air;
pub mod device;
pub mod event;
pub mod field;
pub mod gateway;
pub mod provision;
pub mod random;
pub mod report;
pub mod run;
pub mod scenario;

pub use air::{Air, AirSpec, Link, OnAir};
pub use device::{Device, DeviceSpec, Heard, Listen, Transmission};
pub use event::Event;
pub use field::Field;
pub use gateway::{Gateway, GatewaySpec};
pub use report::Report;
pub use run::{Config, Handle, run};
pub use scenario::Scenario;
