//! What can happen to a device.

use lns_lorawan::{
    DataRateIndex, Db, Dbm, DevAddr, DevEui, FCntUp, Frequency, GatewayEui, GpsTime, JoinRequest,
    Modulation, OpenedUplink, RejoinRequest, RxDelay, TimeDelta, Timestamp, Tmst, Window,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::mac::force_rejoin::ForceRejoin;
use crate::profile::Description;
use crate::radio::odds::Odds;
use crate::radio::shortage::Shortage;

/// One copy of a transmission, as one gateway received it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reception {
    /// Who heard it.
    pub gateway: GatewayEui,
    /// When it arrived at the bridge, on our clock.
    pub arrived: Timestamp,
    /// When it *ended* on air, on our clock: the gateway's tmst through its clock map, the arrival
    /// while the gateway has none.
    pub air_time: Timestamp,
    /// The concentrator's counter at the end of the uplink.
    pub tmst: Tmst,
    /// Counts the concentrator's restarts; a tmst means nothing across them.
    pub boot_epoch: u32,
    /// What the bridge needs to answer after this reception; opaque.
    pub token: Box<[u8]>,
    /// Centre frequency.
    pub frequency: Frequency,
    /// Modulation as received.
    pub modulation: Modulation,
    /// Coding rate, as text (`4/5`).
    pub coding_rate: Arc<str>,
    /// Strength.
    pub rssi: Dbm,
    /// Signal to noise.
    pub snr: Db,
    /// The concentrator's IF channel.
    pub channel: Option<u8>,
    /// The concentrator's radio.
    pub rf_chain: Option<u8>,
    /// The antenna.
    pub antenna: Option<u8>,
    /// The gateway's own time of reception (its `time`), where it has one.
    pub gateway_time: Option<Timestamp>,
    /// GPS time in ms since 1980-01-06 (its `tmms`), where it has one.
    pub tmms: Option<u64>,
}

/// Which of a device's sessions a frame verified under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Under {
    /// The session in use.
    Current,
    /// The session of the last Join-Accept, not yet used by the device.
    Pending,
}

/// Whether this transmission's frame has been accepted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// A counter above the last accepted one.
    New,
    /// The last accepted frame once more, byte for byte: NbTrans, or a confirmed uplink whose
    /// acknowledgement was not heard (TS001-1.0.4 §4.3.1.3). Answered again, not delivered again.
    Repeat,
    /// A counter that is not above the last accepted one, of a personalized device that counts from
    /// the start again and may: by its profile, or because somebody has allowed it once.
    Reset,
}

/// A transmission whose MIC has verified, with the copies gathered so far.
#[derive(Clone, Debug)]
pub struct UplinkHeard {
    /// The frame, decrypted.
    pub opened: OpenedUplink,
    /// Its bytes as received, kept for a bug report.
    pub phy_payload: Arc<[u8]>,
    /// A digest of its bytes.
    pub digest: u64,
    /// Which session it belongs to.
    pub under: Under,
    /// New, or the last frame again.
    pub freshness: Freshness,
    /// The copies, best first; never empty.
    pub receptions: Vec<Reception>,
    /// The uplink data rate by the region's uplink table.
    pub data_rate: DataRateIndex,
    /// The channel it came on, when the device's plan has one with this frequency.
    pub channel: Option<u8>,
    /// RxDelay that suits the serving gateway's round trip, given the one that the session has; `None`
    /// while no round trip was measured. See [`crate::radio::rx_delay`].
    pub suggested_rx_delay: Option<RxDelay>,
}

/// What a Join-Accept answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// A Join-Request.
    Join(JoinRequest),
    /// A Rejoin-Request of LoRaWAN 1.1.
    Rejoin(RejoinRequest),
}

impl Asking {
    /// Who asks.
    pub fn dev_eui(&self) -> DevEui {
        match self {
            Asking::Join(request) => request.dev_eui,
            Asking::Rejoin(request) => request.fields.dev_eui(),
        }
    }
}

impl From<JoinRequest> for Asking {
    fn from(request: JoinRequest) -> Self {
        Asking::Join(request)
    }
}

impl From<RejoinRequest> for Asking {
    fn from(request: RejoinRequest) -> Self {
        Asking::Rejoin(request)
    }
}

/// A Join-Request or Rejoin-Request with its copies.
#[derive(Clone, Debug)]
pub struct JoinHeard {
    /// The request; its MIC is checked by `step`, which has the keys.
    pub request: Asking,
    /// The bytes as received.
    pub bytes: Box<[u8]>,
    /// The copies, best first; never empty.
    pub receptions: Vec<Reception>,
    /// The uplink data rate by the region's uplink table.
    pub data_rate: DataRateIndex,
    /// The channel it came on, where the region has one with this frequency.
    pub channel: Option<u8>,
    /// RxDelay that suits the serving gateway's round trip, when the profile names none.
    pub suggested_rx_delay: RxDelay,
    /// An address of the network that few sessions have ([`crate::device::address::choose`]).
    pub dev_addr: DevAddr,
}

/// A way to a device that has not just been heard: a gateway that hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// The gateway.
    pub gateway: GatewayEui,
    /// How far the device's last frames were above what they needed there.
    pub margin: Db,
}

/// When an offered frame leaves, in the gateway's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// After a reception, by the gateway's own counter.
    After {
        /// The bridge's token of that reception.
        token: Box<[u8]>,
        /// From the end of the uplink to the start of the downlink.
        delay: TimeDelta,
    },
    /// When the concentrator's counter shows this.
    Tmst(Tmst),
    /// At a moment of the satellites' clock.
    Gps(GpsTime),
    /// As soon as it arrives: nothing ties the gateway's counter to our clock.
    Immediately,
}

/// A place on one gateway's air that its lane holds for us.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Names the offer to its lane.
    pub id: u64,
    /// The gateway.
    pub gateway: GatewayEui,
    /// The concentrator's restart count for which the offer holds.
    pub boot_epoch: u32,
    /// Which of the device's windows.
    pub window: Window,
    /// When the downlink leaves, as the gateway is told.
    pub when: When,
    /// When the downlink starts on air, on our clock.
    pub starts: Timestamp,
    /// Frequency.
    pub frequency: Frequency,
    /// Data rate in the downlink table.
    pub data_rate: DataRateIndex,
    /// The same as a modulation.
    pub modulation: Modulation,
    /// EIRP.
    pub power: Dbm,
    /// The largest PHYPayload that fits, bytes: by the data rate's limit, and by what the duty
    /// cycle and the lane's other promises leave.
    pub max_phy_payload: usize,
    /// How far the downlink is expected to be above what it needs, by what this gateway heard of the
    /// device.
    pub margin: Db,
    /// How likely the device is to hear the frame there, and at what cost.
    pub odds: Odds,
    /// After this the lane has given the place away.
    pub reserved_until: Timestamp,
}

/// An occasion to speak: the offers of the lanes, best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Occasion {
    /// What the occasion is for.
    pub purpose: Purpose,
    /// The offers in the order in which they should be tried; RX1 before RX2. May be empty: then no
    /// gateway can send in time.
    pub offers: Vec<Offer>,
    /// Why there are none, where there are none.
    pub shortage: Option<Shortage>,
}

/// What an occasion is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To answer a Join-Request or Rejoin-Request that `step` has judged good.
    JoinAccept,
    /// The class A windows after an uplink.
    ClassA,
    /// A ping slot.
    ClassB,
    /// RXC.
    ClassC,
}

/// What became of a frame after it was handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The plan's id.
    pub plan: u64,
    /// What the lane says.
    pub fate: Fate,
    /// The offer that was used, or last refused: its gateway and window.
    pub gateway: Option<GatewayEui>,
    /// The window that was used, or last refused.
    pub window: Option<Window>,
    /// How far the frame was expected to be above what it needs there.
    pub margin: Option<Db>,
    /// When the offer that was used starts on air; `None` where no single one is known.
    pub starts: Option<Timestamp>,
    /// Its modulation.
    pub modulation: Option<Modulation>,
    /// The gateway's own estimate of how early the frame was, µs, where known.
    pub lead_us: Option<i64>,
}

/// The end of a handed-over frame. Every one has exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// The gateway took it for sending (it does not say that it was sent).
    Accepted,
    /// Every offer was refused; the last cause.
    Refused(Box<str>),
    /// The gateway did not say.
    Unknown,
    /// It was not handed over in time.
    Expired,
}

/// An application's downlink, as queued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueItem {
    /// Our id of it (the API's MessageId).
    pub id: u64,
    /// FPort, 1 to 223 (224 for tests).
    pub f_port: u8,
    /// The plain payload.
    pub payload: Box<[u8]>,
    /// Whether the device must acknowledge.
    pub confirmed: bool,
    /// The application's own mark, echoed in every event about it.
    pub correlation_id: Option<Box<str>>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When it is no longer wanted.
    pub expires_at: Option<Timestamp>,
}

/// What somebody wants done with a device.
#[derive(Clone, Debug)]
pub enum Command {
    /// Queue a downlink.
    Enqueue(QueueItem),
    /// Take one downlink off the queue, by id.
    Drop(u64),
    /// Take all downlinks off the queue.
    Clear,
    /// A personalized device has forgotten its counters: its next frame may count from the start.
    AllowReset,
    /// Make the device rejoin (LoRaWAN 1.1 §5.13). Of no effect outside a 1.1 session from a join.
    ForceRejoin(ForceRejoin),
    /// The description has changed (or is new).
    Describe(Arc<Description>),
}

/// Something that happens to one device.
#[derive(Clone, Debug)]
pub enum Event {
    /// A verified data frame.
    Uplink(Box<UplinkHeard>),
    /// Another copy of the last transmission, after its gathering closed.
    LateCopy(Box<Reception>),
    /// A Join-Request or Rejoin-Request with this DevEUI.
    Join(Box<JoinHeard>),
    /// A chance to speak.
    Occasion(Occasion),
    /// The chance has passed with nothing said.
    OccasionPassed,
    /// What became of a handed-over frame.
    Outcome(Outcome),
    /// Somebody's wish.
    Command(Command),
    /// The device's frames show that it counts from the start again, and it may not.
    CountersForgotten {
        /// Counter of the frame that showed it.
        got: FCntUp,
        /// Last accepted one.
        last: FCntUp,
    },
    /// A deadline of the device itself (`Device::next_wake`) has come.
    Wake,
}
