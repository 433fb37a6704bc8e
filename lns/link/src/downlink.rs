//! One frame, on its way to a device.

use serde::{Deserialize, Serialize};

use crate::{CodingRate, GatewayEui, Modulation, Token};

/// A frame for a gateway, with the windows it may use in the order they are to be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downlink {
    /// Who shall send it.
    pub gateway_eui: GatewayEui,
    /// The server's name for it; comes back in [`TxAck::id`](crate::TxAck::id).
    pub id: u64,
    /// The run of the concentrator the server reckoned with. When the gateway has restarted since,
    /// items bound to its counter ([`When::After`], [`When::Tmst`]) are not sent.
    pub boot_epoch: u32,
    /// µs since 1970 UTC: what has not been handed to the gateway by then is dropped.
    pub deadline: i64,
    /// At least one, at most [`Downlink::MAX_ITEMS`]: the first that the gateway accepts is the
    /// only one sent.
    pub items: Vec<DownlinkItem>,
}

impl Downlink {
    /// How many windows one downlink may name: two antennas' RX1 and RX2, and as many again.
    pub const MAX_ITEMS: usize = 8;
}

/// One way of sending the frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownlinkItem {
    /// The frame, MHDR to MIC: 1 to 255 bytes.
    pub phy_payload: Vec<u8>,
    /// When its first symbol leaves.
    pub when: When,
    /// Hertz.
    pub frequency_hz: u32,
    /// Modulation and speed.
    pub modulation: Modulation,
    /// Forward error correction.
    pub coding_rate: CodingRate,
    /// EIRP in hundredths of dBm. The bridge rounds down to what the gateway can do.
    pub power: i16,
    /// Inverted IQ: true for what devices listen to, false for beacons and proprietary frames.
    pub invert_polarity: bool,
    /// No payload CRC: true for LoRaWAN downlinks.
    pub no_crc: bool,
    /// Preamble in symbols (LoRa) or bytes (FSK); the gateway's default when absent.
    pub preamble: Option<u16>,
}

/// When a frame leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// So long after the end of the reception that the token names.
    After {
        /// The token of the [`Uplink`](crate::Uplink).
        token: Token,
        /// µs.
        delay_us: u32,
    },
    /// When the concentrator's counter shows this, modulo 2³².
    Tmst(u32),
    /// On the satellites' clock.
    Gps {
        /// ms since 1980-01-06, no leap seconds.
        tmms: u64,
    },
    /// As soon as the gateway can. Some forwarders add up to one second.
    Immediately,
}
