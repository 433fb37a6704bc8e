//! What a gateway tells of itself.

use serde::{Deserialize, Serialize};

/// The `stat` object of the Semtech protocol. Forwarders leave out what they like, so every field
/// is optional; fields nobody documents are not carried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// The gateway's clock: µs since 1970 UTC.
    pub time: Option<i64>,
    /// Degrees north.
    pub lati: Option<f64>,
    /// Degrees east.
    pub long: Option<f64>,
    /// Metres; below sea level is negative.
    pub alti: Option<i32>,
    /// Frames received.
    pub rxnb: Option<u32>,
    /// Frames received with a good CRC.
    pub rxok: Option<u32>,
    /// Frames forwarded.
    pub rxfw: Option<u32>,
    /// Share of PUSH_DATA acknowledged, percent.
    pub ackr: Option<f64>,
    /// Downlink datagrams received.
    pub dwnb: Option<u32>,
    /// Frames sent.
    pub txnb: Option<u32>,
    /// Concentrator temperature, °C.
    pub temp: Option<f64>,
    /// CPU use, percent (Tektelic).
    pub cpur: Option<f64>,
    /// Memory use, percent (Tektelic).
    pub memr: Option<f64>,
    /// Pulses per second lost (Kerlink).
    pub lpps: Option<u32>,
    /// Boot time: µs since 1970 UTC (Kerlink).
    pub boot: Option<i64>,
    /// HAL version.
    pub hal: Option<String>,
    /// FPGA version.
    pub fpga: Option<u32>,
    /// DSP version.
    pub dsp: Option<u32>,
    /// Platform, at most 64 characters.
    pub pfrm: Option<String>,
    /// Contact, at most 64 characters.
    pub mail: Option<String>,
    /// Description, at most 64 characters.
    pub desc: Option<String>,
}
