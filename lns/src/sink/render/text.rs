//! How single values are written.

use std::fmt;
use std::str::FromStr;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use lns_lorawan::{Bandwidth, Db, Dbm, DevEui, GatewayEui, Timestamp, Window};
use serde::{Serialize, Serializer};

/// Names an event for ever: the device or gateway, and a number that is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    eui: u64,
    number: u64,
}

impl EventId {
    /// Of a device's event.
    pub fn new(device: DevEui, number: u64) -> Self {
        Self { eui: device.value(), number }
    }

    /// Of a gateway's event: one that happens at one moment.
    pub fn of_gateway(gateway: GatewayEui, at: Timestamp) -> Self {
        Self { eui: gateway.value(), number: at.micros().unsigned_abs() }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.eui, self.number)
    }
}

/// A downlink's id as applications see it, over MQTT and HTTP: 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Not a MessageId of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a MessageId: it has 16 hex digits")]
pub struct MessageIdError(String);

impl FromStr for MessageId {
    type Err = MessageIdError;
    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        number.map(Self).ok_or_else(|| MessageIdError(text.chars().take(64).collect()))
    }
}

/// Written as the text that it prints as.
pub(super) struct Shown<T>(pub T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Written in base64.
pub(super) struct Base64<'a>(pub &'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}

/// A number in hundredths, written without decimals where it has none.
pub(super) struct Hundredths(i16);

impl From<Db> for Hundredths {
    fn from(value: Db) -> Self {
        Self(value.hundredths())
    }
}

impl From<Dbm> for Hundredths {
    fn from(value: Dbm) -> Self {
        Self(value.hundredths())
    }
}

impl Serialize for Hundredths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 100 == 0 {
            serializer.serialize_i16(self.0 / 100)
        } else {
            serializer.serialize_f64(f64::from(self.0) / 100.0)
        }
    }
}

/// A bandwidth in kHz, written without decimals where it has none.
pub(super) struct Khz(u32);

impl From<Bandwidth> for Khz {
    fn from(bandwidth: Bandwidth) -> Self {
        Self(bandwidth.hz())
    }
}

impl Khz {
    pub fn from_hz(hz: u32) -> Self {
        Self(hz)
    }
}

impl Serialize for Khz {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u32(self.0 / 1000)
        } else {
            serializer.serialize_f64(f64::from(self.0) / 1000.0)
        }
    }
}

pub(super) fn window(window: Window) -> &'static str {
    match window {
        Window::Rx1 => "RX1",
        Window::Rx2 => "RX2",
        Window::Ping => "PING",
        Window::Rxc => "RXC",
    }
}
