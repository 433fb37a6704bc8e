//! What a device sends and hears, for those who look on.

use lns_lorawan::{
    Dbm, DevAddr, DevNonce, DownlinkMacCommand, FCntDown, FCntUp, Frequency, JoinAcceptFields,
    Modulation, RejoinFields, TimeDelta, Timestamp, Window,
};

use super::Unheard;
use crate::air::OnAir;

/// A frame that a device sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmission {
    /// When its preamble begins.
    pub starts: Timestamp,
    /// When its last symbol ends: what receive windows are counted from.
    pub ends: Timestamp,
    /// Its channel's centre.
    pub frequency: Frequency,
    /// How it is modulated.
    pub modulation: Modulation,
    /// Its channel's index.
    pub channel: u8,
    /// The index of its data rate.
    pub data_rate: u8,
    /// EIRP.
    pub power: Dbm,
    /// MHDR to MIC.
    pub phy_payload: Vec<u8>,
    /// What is in it.
    pub sent: Sent,
}

impl Transmission {
    /// As everybody hears it: polarity not inverted, with a payload CRC.
    pub fn on_air(&self) -> OnAir {
        OnAir {
            starts: self.starts,
            frequency: self.frequency,
            modulation: self.modulation,
            inverted: false,
            crc_on: true,
            power: self.power,
            phy_payload: self.phy_payload.clone(),
        }
    }
}

/// What a device has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A Join-Request.
    JoinRequest {
        /// Its nonce.
        dev_nonce: DevNonce,
    },
    /// A data frame.
    Data(SentData),
    /// A Rejoin-Request.
    Rejoin(RejoinFields),
    /// Mischief: the first frame again.
    Replay,
    /// Mischief: a frame that is nobody's.
    Proprietary,
}

/// A data frame, in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentData {
    /// In full.
    pub f_cnt_up: FCntUp,
    /// Does it ask for an acknowledgement?
    pub confirmed: bool,
    /// `None`: no port, no payload.
    pub f_port: Option<u8>,
    /// FRMPayload.
    pub payload: Vec<u8>,
    /// MAC commands.
    pub f_opts: Vec<u8>,
    /// Does it acknowledge a downlink?
    pub ack: bool,
    /// Does it ask for any downlink?
    pub adr_ack_req: bool,
    /// 0 for the first time, then 1, 2, … for the same bytes again.
    pub repeat: u8,
}

/// What has become of a frame at a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Received, verified, obeyed.
    Received(Received),
    /// Not received.
    Not(Unheard),
}

/// A downlink that a device has received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// In which window.
    pub window: Window,
    /// How much later than the window's nominal start it began; negative is earlier.
    pub offset: TimeDelta,
    /// What it says.
    pub what: What,
}

/// What a downlink says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The device has a session now.
    JoinAccept(JoinAcceptFields),
    /// A data frame.
    Data(HeardData),
    /// A data frame to a multicast group.
    Multicast {
        /// The group's address.
        group: DevAddr,
        /// What it says.
        data: HeardData,
    },
}

/// A data downlink, in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardData {
    /// In full.
    pub f_cnt_down: FCntDown,
    /// `None`: no port, no payload.
    pub f_port: Option<u8>,
    /// FRMPayload; with port 0, MAC commands.
    pub payload: Vec<u8>,
    /// Does the network want an acknowledgement?
    pub confirmed: bool,
    /// Its ACK flag.
    pub ack: bool,
    /// Did it acknowledge an uplink that was waiting for it?
    pub acked: bool,
    /// Is more waiting?
    pub f_pending: bool,
    /// MAC commands, wherever they stood.
    pub mac: Vec<DownlinkMacCommand>,
}
