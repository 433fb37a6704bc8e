//! What a decision asks of the world.

use lns_lorawan::{
    DataRateIndex, Db, Dbm, DevAddr, DevEui, FCntDown, FCntUp, Frequency, JoinEui, Mic, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::event::{Fate, Offer, Path, Reception};
use crate::multicast::GroupId;
use crate::note::Note;

/// What became of one event.
#[derive(Clone, Debug)]
pub struct Step {
    /// The device afterwards; unchanged when the event was refused.
    pub device: Device,
    /// What must be durable before the effects are released.
    pub durable: Durable,
    /// What the world should do, in order, once that is so.
    pub effects: Vec<Effect>,
    /// What was seen, for people and metrics; of no consequence.
    pub notes: Vec<Note>,
}

/// What a step needs written before its effects are released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durable {
    /// Nothing: memory alone changed, and it may be lost in a crash. The step's effects must still
    /// not overtake those of earlier steps of the same device: a counter that it uses may lie under a
    /// ceiling whose record is being written.
    Nothing,
    /// The device's record.
    Record,
    /// The device's record, and before it the ring of used DevNonces.
    RecordAndNonces,
}

/// Something the world should do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Tell the application. Part of the device's durable record until delivered.
    Publish(EventKind),
    /// Open an occasion: gather offers for these windows and come back with [`crate::Event::Occasion`].
    Open(Opening),
    /// Hand a frame to the lanes.
    Transmit(Box<TxPlan>),
}

/// Windows in which a device will listen, to be offered by the lanes.
#[derive(Clone, Debug)]
pub struct Opening {
    /// What for.
    pub purpose: crate::event::Purpose,
    /// The windows, in order of time.
    pub windows: Vec<crate::radio::plan::WindowPlan>,
    /// The gateways that can reach the device.
    pub reach: Reach,
    /// Whether the device already has something to say: then the occasion is held at most the
    /// profile's reply window, else until the last call.
    pub something_to_say: bool,
    /// How long something to say may be held, ms.
    pub reply_window_ms: u32,
}

/// How a device can be reached. Its windows must suit: [`crate::radio::plan::Start::After`] needs an
/// uplink to follow.
#[derive(Clone, Debug)]
pub enum Reach {
    /// By the gateways that heard the transmission which opens the windows: its copies, best first.
    Heard(Vec<Reception>),
    /// By gateways that heard it before: best first.
    Known(Vec<Path>),
}

/// For whom a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// One device.
    Device(DevEui),
    /// The members of a multicast group.
    Group(GroupId),
}

impl From<DevEui> for Recipient {
    fn from(dev_eui: DevEui) -> Self {
        Recipient::Device(dev_eui)
    }
}

/// A frame for the lanes: one byte string, one counter, offers in the order to be tried.
#[derive(Clone, Debug)]
pub struct TxPlan {
    /// Names the plan: unique per device and life of the process.
    pub id: u64,
    /// For whom.
    pub to: Recipient,
    /// The PHYPayload.
    pub phy_payload: Box<[u8]>,
    /// Its counter, where it has one (a Join-Accept has none).
    pub f_cnt_down: Option<FCntDown>,
    /// The offers that it fits, best first; never empty.
    pub offers: Vec<Offer>,
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq)]
pub struct AppEvent {
    /// The place in its home's sequence of events; the sinks' cursors count in it.
    pub sequence: u64,
    /// With the DevEUI, the event's stable name.
    pub number: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened, as an application should know it.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// A payload, still to be decoded by the profile's codec at delivery.
    Uplink(Box<UplinkEvent>),
    /// The device has joined.
    Joined {
        /// Whom it asked.
        join_eui: JoinEui,
        /// Its new address.
        dev_addr: DevAddr,
        /// The copies of the request.
        receptions: Vec<Reception>,
    },
    /// A queued downlink has moved.
    Downlink {
        /// The item's id.
        id: u64,
        /// The application's mark.
        correlation_id: Option<Box<str>>,
        /// FPort of the item.
        f_port: u8,
        /// Where it stands now.
        stage: Stage,
    },
    /// Something has become of the device's counters.
    Counters {
        /// Counter of the frame that showed it.
        got: FCntUp,
        /// The last accepted one before.
        last: FCntUp,
        /// What.
        recount: Recount,
    },
    /// The device is a relay and has forwarded a frame.
    Relayed(Box<RelayedUplink>),
    /// The device has sent MAC commands of its maker's (CID 0x80 and above; TS001-1.0.4 §5).
    ProprietaryMac {
        /// Counter of the frame.
        f_cnt_up: FCntUp,
        /// From the first such CID to the end: where one ends, only its maker knows.
        commands: Box<[u8]>,
    },
}

/// What has become of the counters of a personalized device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recount {
    /// It counts from the start again; its frames are refused until somebody allows it.
    Forgotten,
    /// It was taken at its word.
    Accepted {
        /// Whether it can hear us: our counters go on under the same keys, and a device that begins
        /// at 0 follows them only so far.
        hears_us: bool,
    },
}

/// An uplink of another device inside one of this device, which is a relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelayedUplink {
    /// Counter of the relay's own frame.
    pub f_cnt_up: FCntUp,
    /// Data rate at which the relay heard the device.
    pub data_rate: DataRateIndex,
    /// Where.
    pub frequency: Frequency,
    /// How strong.
    pub rssi: Dbm,
    /// Signal to noise.
    pub snr: Db,
    /// Whether the device woke the relay on its second channel.
    pub second_channel: bool,
    /// The frame as the relay heard it.
    pub phy_payload: Box<[u8]>,
    /// The address that it carries, a data frame.
    pub dev_addr: Option<DevAddr>,
    /// The device that it names, a Join-Request.
    pub dev_eui: Option<DevEui>,
}

/// Where a downlink stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// Durable in the queue.
    Queued,
    /// Handed over, and this became of that.
    Handed {
        /// What became of it.
        fate: Fate,
        /// The counter it carried.
        f_cnt_down: FCntDown,
        /// The gateway, where one is known.
        gateway: Option<lns_lorawan::GatewayEui>,
        /// The window, where one is known.
        window: Option<lns_lorawan::Window>,
        /// Whether it will be tried again.
        again: bool,
        /// How far above the device's sensitivity it should arrive, from what the gateway heard of
        /// the device. A record keeps it beside the stage.
        #[serde(skip)]
        margin: Option<Db>,
    },
    /// The device has acknowledged it.
    Acked {
        /// The counter that it carried.
        f_cnt_down: FCntDown,
        /// The uplink that acknowledged it.
        f_cnt_up: FCntUp,
    },
    /// It was sent as often as the profile allows and never acknowledged.
    Failed {
        /// How often it was sent.
        attempts: u8,
    },
    /// It waited past its expiry.
    Expired,
    /// It cannot be sent; the reason, for people.
    Impossible(Box<str>),
    /// Taken off the queue on request.
    Dropped,
}

/// An accepted data frame.
#[derive(Clone, Debug, PartialEq)]
pub struct UplinkEvent {
    /// Address it came under.
    pub dev_addr: DevAddr,
    /// Full counter.
    pub f_cnt_up: FCntUp,
    /// Whether it asked to be acknowledged.
    pub confirmed: bool,
    /// ADR bit.
    pub adr: bool,
    /// Class B bit.
    pub class_b: bool,
    /// ACK bit.
    pub ack: bool,
    /// Bytes of FOpts.
    pub f_opts_len: u8,
    /// Port; `None` when the frame had none.
    pub f_port: Option<u8>,
    /// Plain payload. Frames with FPort 0 are not published: their commands are not the
    /// application's.
    pub frm_payload: Box<[u8]>,
    /// The MIC as sent.
    pub mic: Mic,
    /// Data rate index by the region's uplink table.
    pub data_rate: DataRateIndex,
    /// Battery from the last DevStatusAns: 0 external, 1 to 254, 255 unknown.
    pub battery: Option<u8>,
    /// Margin from the last DevStatusAns, dB.
    pub margin: Option<i8>,
    /// The id of the confirmed downlink that this frame acknowledges.
    pub acked: Option<u64>,
    /// The copies, best first.
    pub receptions: Vec<Reception>,
}
