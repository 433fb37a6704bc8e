//! What a device's MAC does: everything that MAC commands can change.

use lns_lorawan::region::Cn470JoinChannel;
use lns_lorawan::{ChMask, DataRateIndex, Frequency, RxDelay, TxPowerIndex};
use serde::{Deserialize, Serialize};

use super::channels::Channels;
use crate::class::b::Periodicity;

/// When and how the device listens after an uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RxParams {
    /// RX1 opens this long after the end of the uplink; RX2 one second later.
    pub rx_delay: RxDelay,
    /// RX1DROffset.
    pub rx1_dr_offset: u8,
    /// RX2 data rate, in the downlink table.
    pub rx2_data_rate: DataRateIndex,
    /// RX2 frequency.
    pub rx2_frequency: Frequency,
}

/// What one device's MAC does, or should do.
///
/// Of a session it is what we *know*: what the device started with, changed by what it has
/// confirmed. `None` where a request was not answered, so that the device may do the one or the
/// other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacParams {
    /// How it listens after an uplink. Always known: the answers to requests that change it are
    /// repeated until the device has heard us.
    pub rx: RxParams,
    /// The channels it has.
    pub channels: Channels,
    /// The channels in use, one bit each.
    pub ch_mask: Option<ChMask>,
    /// The data rate that LinkADRReq last set, or that the device has fallen back to since.
    pub data_rate: Option<DataRateIndex>,
    /// Its power.
    pub tx_power: Option<TxPowerIndex>,
    /// How often it sends an uplink.
    pub nb_trans: Option<u8>,
    /// n for an aggregated duty cycle of 1/2ⁿ; 0: no limit.
    pub max_duty_cycle: Option<u8>,
    /// Dwell times and power limit, in regions that have TXParamSetupReq.
    pub tx_params: Option<TxParams>,
    /// When it doubts that it is heard.
    pub adr_ack: Option<AdrAck>,
    /// How often it sends Rejoin-Requests of type 0 (LoRaWAN 1.1 §5.14).
    pub rejoin: Option<RejoinPeriod>,
    /// Its ping slots, in class B.
    pub ping_slot: PingSlot,
    /// Where it looks for beacons, in class B.
    pub beacon: Option<Place>,
    /// The channel of the Join-Request, which chose the channel plan in CN470 since RP002. Nothing
    /// but a join changes it.
    pub joined_on: Option<Cn470JoinChannel>,
}

/// What TXParamSetupReq sets (TS001-1.0.4 §5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxParams {
    /// Downlinks last at most 400 ms.
    pub downlink_dwell_time: bool,
    /// Uplinks last at most 400 ms.
    pub uplink_dwell_time: bool,
    /// A coded EIRP, 0 to 15.
    pub max_eirp: u8,
}

/// What ADRParamSetupReq sets (LoRaWAN 1.1 §5.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdrAck {
    /// n for ADR_ACK_LIMIT = 2ⁿ uplinks.
    pub limit_exp: u8,
    /// n for ADR_ACK_DELAY = 2ⁿ uplinks.
    pub delay_exp: u8,
}

impl AdrAck {
    /// What devices start with: 64 and 32 uplinks (TS001-1.0.4 §4.3.1.1).
    pub const DEFAULT: Self = AdrAck { limit_exp: 6, delay_exp: 5 };
}

/// What RejoinParamSetupReq sets (LoRaWAN 1.1 §5.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejoinPeriod {
    /// At least every 2ⁿ⁺¹⁰ s.
    pub max_time_n: u8,
    /// At least every 2ⁿ⁺⁴ uplinks.
    pub max_count_n: u8,
}

/// When and where a class B device listens between its uplinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingSlot {
    /// How often, as the device says in PingSlotInfoReq; `None` before.
    pub periodicity: Option<Periodicity>,
    /// Where and how fast, as PingSlotChannelReq has it.
    pub channel: Option<PingChannel>,
}

/// What PingSlotChannelReq sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingChannel {
    /// Where.
    pub place: Place,
    /// How fast; `None`: the region's default.
    pub data_rate: Option<DataRateIndex>,
}

/// A frequency, or that of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Where the region has it, hopping where it hops. Frequency 0 on the air.
    Default,
    /// Here.
    At(Frequency),
}

impl Place {
    /// As it is written in a request: 0 for the region's own (TS001-1.0.4 §12).
    pub fn on_air(self) -> Frequency {
        match self {
            Place::Default => Frequency::from_hz(0),
            Place::At(frequency) => frequency,
        }
    }
}

impl MacParams {
    /// What a device does at the start of a session, before anybody has told it anything else
    /// (RP002, default settings of each region): full power, one transmission, no limit of its
    /// duty cycle.
    ///
    /// `ch_mask` is `None` where nothing has selected the channels of a fixed plan yet and
    /// something should.
    pub fn at_start(rx: RxParams, channels: Channels, ch_mask: Option<ChMask>) -> Self {
        MacParams {
            rx,
            channels,
            ch_mask,
            data_rate: None,
            tx_power: Some(TxPowerIndex::MAX_POWER),
            nb_trans: Some(1),
            max_duty_cycle: Some(0),
            tx_params: None,
            adr_ack: Some(AdrAck::DEFAULT),
            rejoin: None,
            ping_slot: PingSlot {
                periodicity: None,
                channel: Some(PingChannel { place: Place::Default, data_rate: None }),
            },
            beacon: Some(Place::Default),
            joined_on: None,
        }
    }
}
