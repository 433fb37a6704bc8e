//! What a gateway bridge and a network server say to each other.
//!
//! A bridge speaks a gateway's own protocol on one side and these five messages on the other:
//! [`Uplink`], [`TxAck`] and [`GatewayEvent`] towards the server, [`Downlink`] towards the gateway,
//! and [`BridgeState`], which is also the bridge's last will. Inside one process they are passed as
//! values; between processes they travel through an MQTT broker on the topics of [`topic`].
//!
//! On the wire a message is one version byte and then `postcard`. The version is raised whenever a
//! field changes, and a reader refuses what it does not know by name ([`LinkError::Version`])
//! instead of guessing.
#![forbid(unsafe_code)]

pub mod topic;

mod downlink;
mod event;
mod gateway_eui;
mod modulation;
mod stats;
mod token;
mod tx_ack;
mod uplink;
mod wire;

pub use downlink::{Downlink, DownlinkItem, When};
pub use event::{BridgeState, GatewayEvent};
pub use gateway_eui::{GatewayEui, ParseGatewayEuiError};
pub use modulation::{CodingRate, Modulation, UnknownCodingRate};
pub use stats::Stats;
pub use token::{Token, TokenTooLong};
pub use tx_ack::{Outcome, Refusal, TxAck};
pub use uplink::Uplink;
pub use wire::{LinkError, VERSION};

/// The longest PHYPayload a LoRa or LR-FHSS radio can carry, in bytes: its length field is one byte.
pub const MAX_PHY_PAYLOAD: usize = 255;
