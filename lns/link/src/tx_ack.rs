//! What became of a downlink.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::GatewayEui;

/// The bridge's one and final answer to a [`Downlink`](crate::Downlink).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxAck {
    /// Who was to send it.
    pub gateway_eui: GatewayEui,
    /// The downlink's id.
    pub id: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Index of the item that was accepted, or of the last one tried.
    pub item: u8,
    /// Every refusal on the way, with the index of its item, in order. At most 32.
    pub refusals: Vec<(u8, Refusal)>,
    /// EIRP in hundredths of dBm, where it differs from what was asked for.
    pub power: Option<i16>,
    /// µs between hand-over to the gateway and the planned start of the frame, where known.
    pub lead_us: Option<i64>,
}

/// What became of a downlink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The gateway has queued it. Not: it has been sent.
    Accepted,
    /// Queued, with a change the gateway tells of (usually a lower power).
    AcceptedWithWarning(Refusal),
    /// No item was accepted; this is the last refusal.
    Refused(Refusal),
    /// Handed over, and the gateway did not answer. It may have been sent.
    Unknown,
    /// Not handed over: the deadline had passed, or the gateway has restarted since.
    Expired,
    /// Not handed over: no gateway of this EUI is connected.
    NotConnected,
}

/// Why a gateway does not send a frame, in the words of the Semtech protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The window is past, or too near to be programmed.
    TooLate,
    /// The window is too far ahead. The reference forwarders say so of windows in the past, too.
    TooEarly,
    /// The air is promised to another frame, or a queue is full: the gateway's, or the bridge's.
    CollisionPacket,
    /// The air is promised to a beacon.
    CollisionBeacon,
    /// Outside the radio's range.
    TxFreq,
    /// No such power in the gateway's table.
    TxPower,
    /// No satellite time.
    GpsUnlocked,
    /// Anything else, at most 64 characters.
    Other(String),
}

impl Refusal {
    /// A metric label. Other gateways' inventions share one.
    pub fn label(&self) -> &'static str {
        match self {
            Self::TooLate => "TOO_LATE",
            Self::TooEarly => "TOO_EARLY",
            Self::CollisionPacket => "COLLISION_PACKET",
            Self::CollisionBeacon => "COLLISION_BEACON",
            Self::TxFreq => "TX_FREQ",
            Self::TxPower => "TX_POWER",
            Self::GpsUnlocked => "GPS_UNLOCKED",
            Self::Other(_) => "OTHER",
        }
    }
}

impl From<&str> for Refusal {
    fn from(text: &str) -> Self {
        match text {
            "TOO_LATE" => Self::TooLate,
            "TOO_EARLY" => Self::TooEarly,
            "COLLISION_PACKET" => Self::CollisionPacket,
            "COLLISION_BEACON" => Self::CollisionBeacon,
            "TX_FREQ" => Self::TxFreq,
            "TX_POWER" => Self::TxPower,
            "GPS_UNLOCKED" => Self::GpsUnlocked,
            other => Self::Other(other.chars().take(64).collect()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(text) => f.write_str(text),
            Self::TooLate
            | Self::TooEarly
            | Self::CollisionPacket
            | Self::CollisionBeacon
            | Self::TxFreq
            | Self::TxPower
            | Self::GpsUnlocked => f.write_str(self.label()),
        }
    }
}
