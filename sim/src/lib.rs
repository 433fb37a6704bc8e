//! Simulated LoRaWAN devices, gateways and air.
//!
//! Everything but [`mod@run`] and [`provision`] is pure: time and randomness are arguments, so that
//! the same devices and gateways serve a test in virtual time and a server on real sockets. A device derives its windows
//! from the standard by code of its own, and hears a downlink only if frequency, data rate,
//! polarity and timing match the window that it opened.
#![forbid(unsafe_code)]

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
