//! What happens in a simulation, for those who look on. Printed, it is a line of a transcript.

use std::fmt;
use std::sync::Arc;

use gateway_bridge::semtech::packet::GatewayEui;
use lns_lorawan::{Timestamp, Window};

use crate::device::{Heard, HeardData, Received, Sent, SentData, Transmission, Unheard, What};
use crate::gateway::Told;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A device has begun to send.
    Sent {
        /// Index in the scenario.
        device: usize,
        /// Its name.
        name: Arc<str>,
        /// The frame.
        transmission: Arc<Transmission>,
        /// How many gateways it reaches.
        heard_by: usize,
    },
    /// A device has received a downlink.
    Heard {
        /// Index in the scenario.
        device: usize,
        /// Its name.
        name: Arc<str>,
        /// When the downlink began.
        at: Timestamp,
        /// The downlink.
        received: Received,
    },
    /// A downlink was in the air and nobody received it.
    Missed {
        /// Who came nearest to receiving it: index and name.
        device: Option<(usize, Arc<str>)>,
        /// Who sent it.
        gateway: GatewayEui,
        /// When the downlink began.
        at: Timestamp,
        /// Why.
        reason: Unheard,
    },
    /// A gateway has something to tell.
    Gateway {
        /// Who.
        gateway: GatewayEui,
        /// When.
        at: Timestamp,
        /// What.
        told: Told,
    },
}

impl Event {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Sent { transmission, .. } => transmission.starts,
            Self::Heard { at, .. } | Self::Missed { at, .. } | Self::Gateway { at, .. } => *at,
        }
    }
}

/// Without the time.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent { name, transmission, heard_by, .. } => {
                let Transmission { modulation, frequency, sent, .. } = transmission.as_ref();
                write!(f, "▲ {name:<14} {sent}  {modulation} {frequency} MHz")?;
                match heard_by {
                    0 => f.write_str("  heard by none"),
                    count => write!(f, "  heard by {count}"),
                }
            }
            Self::Heard { name, received, .. } => {
                let Received { window, offset, what } = received;
                let window = match window {
                    Window::Rx1 => "RX1",
                    Window::Rx2 => "RX2",
                    Window::Ping => "ping slot",
                    Window::Rxc => "RXC",
                };
                write!(f, "▼ {name:<14} {what}  in {window}, {:+} µs", offset.micros())
            }
            Self::Missed { device, gateway, reason, .. } => {
                let name = device.as_ref().map_or("nobody", |(_, name)| name);
                write!(f, "✗ {name:<14} downlink of {gateway} not heard: {reason}")
            }
            Self::Gateway { gateway, told, .. } => write!(f, "● {gateway} {told}"),
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JoinRequest { dev_nonce } => {
                write!(f, "Join-Request DevNonce {:04x}", dev_nonce.0)
            }
            Self::Data(data) => data.fmt(f),
            Self::Rejoin(fields) => {
                let kind = fields.join_req_type().value();
                write!(f, "Rejoin-Request type {kind} RJcount {}", fields.rj_count())
            }
            Self::Replay => f.write_str("replay of its first frame"),
            Self::Proprietary => f.write_str("proprietary frame"),
        }
    }
}

impl fmt::Display for SentData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.confirmed { "confirmed uplink" } else { "uplink" };
        write!(f, "{kind} FCnt {}", self.f_cnt_up)?;
        if self.repeat > 0 {
            write!(f, " (repeat {})", self.repeat)?;
        }
        if let Some(f_port) = self.f_port {
            write!(f, " FPort {f_port} {}", Hex(&self.payload))?;
        }
        if !self.f_opts.is_empty() {
            write!(f, " FOpts {}", Hex(&self.f_opts))?;
        }
        let flags = [(self.ack, " ACK"), (self.adr_ack_req, " ADRACKReq")];
        flags.iter().filter(|(on, _)| *on).try_for_each(|(_, flag)| f.write_str(flag))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JoinAccept(fields) => write!(f, "joined, DevAddr {}", fields.dev_addr),
            Self::Data(data) => data.fmt(f),
            Self::Multicast { group, data } => write!(f, "to group {group}: {data}"),
        }
    }
}

impl fmt::Display for HeardData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.confirmed { "confirmed downlink" } else { "downlink" };
        write!(f, "{kind} FCnt {}", self.f_cnt_down)?;
        if let Some(f_port) = self.f_port {
            write!(f, " FPort {f_port} {}", Hex(&self.payload))?;
        }
        if !self.mac.is_empty() {
            write!(f, " {} MAC commands", self.mac.len())?;
        }
        let flags = [(self.ack, " ACK"), (self.f_pending, " FPending")];
        flags.iter().filter(|(on, _)| *on).try_for_each(|(_, flag)| f.write_str(flag))
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received(received) => received.what.fmt(f),
            Self::Not(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use gateway_bridge::semtech::packet::Verdict;
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Disconnected => f.write_str("hears nothing from the server any more"),
            Self::Judged { verdict: Verdict::Accepted, .. } => f.write_str("will send a downlink"),
            Self::Judged { verdict: Verdict::Warned { reason, .. }, .. } => {
                write!(f, "will send a downlink, with a change: {reason}")
            }
            Self::Judged { verdict: Verdict::Refused { reason, .. }, .. } => {
                write!(f, "will not send a downlink: {reason}")
            }
            Self::Unreadable(why) => write!(f, "cannot read a datagram: {why}"),
        }
    }
}

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
