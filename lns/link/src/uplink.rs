//! One reception, on its way to the server.

use serde::{Deserialize, Serialize};

use crate::{CodingRate, GatewayEui, Modulation, Token};

/// One frame heard by one gateway with a good CRC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplink {
    /// Who heard it.
    pub gateway_eui: GatewayEui,
    /// The frame, MHDR to MIC: 1 to 255 bytes, not authenticated.
    pub phy_payload: Vec<u8>,
    /// Where the bridge will find this reception's windows.
    pub token: Token,
    /// The concentrator's counter at the end of the frame: µs since power-on, modulo 2³².
    pub tmst: u32,
    /// Which run of the concentrator `tmst` belongs to. Larger is later; see
    /// [`GatewayEvent::Rebooted`](crate::GatewayEvent::Rebooted).
    pub boot_epoch: u32,
    /// When the datagram reached the bridge: µs since 1970 UTC.
    pub received_at: i64,
    /// Hertz.
    pub frequency_hz: u32,
    /// Modulation and speed.
    pub modulation: Modulation,
    /// Forward error correction.
    pub coding_rate: CodingRate,
    /// Hundredths of dBm.
    pub rssi: i16,
    /// Hundredths of dB. Zero for FSK, which has none.
    pub snr: i16,
    /// The concentrator's IF channel.
    pub channel: Option<u8>,
    /// The concentrator's RF chain.
    pub rf_chain: Option<u8>,
    /// The antenna that heard it best, where the gateway has several.
    pub antenna: Option<u8>,
    /// When the gateway says it heard the frame: µs since 1970 UTC, of unknown accuracy.
    pub time: Option<i64>,
    /// The same on the satellites' clock: ms since 1980-01-06, no leap seconds.
    pub tmms: Option<u64>,
    /// Nanoseconds since the last pulse per second, where the gateway has a fine timestamp.
    pub fine_time_ns: Option<u32>,
}
