//! What the API asks of the running server: its partitions, its gateways' lanes, its codecs.
//!
//! Everything that changes a device is a command in its owner's mailbox, answered after the
//! commit; so every such verb returns a [`Reply`]. What is only looked at is returned at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use lns_core::Description;
use lns_core::adr::{Policy, Why};
use lns_core::device::Listening;
use lns_core::device::Waits;
use lns_core::event::QueueItem;
use lns_core::mac::Account;
use lns_core::mac::force_rejoin::ForceRejoin;
use lns_core::multicast::{GroupAbout, GroupId, GroupItem, GroupWaits};
use lns_lorawan::{DataRateIndex, Db, Dbm, DevEui, Frequency, GatewayEui, Timestamp, TxPowerIndex};
use lns_pipeline::codec::CodecSpec;
use lns_pipeline::shadow::{Answer, ShadowId, Verb};
use serde_json::Value;
use tokio::sync::oneshot;

/// An answer that comes after the commit. A sender that is dropped means [`DeviceError::Gone`].
pub type Reply<T, E = DeviceError> = oneshot::Receiver<Result<T, E>>;

/// The device shadows, as the API sees them.
pub trait Shadows: Send + Sync + 'static {
    /// Asks something of a shadow; the answer comes after the commit. A sender that is dropped means
    /// that the server is stopping.
    fn ask(&self, id: ShadowId, verb: Verb, payload: Bytes) -> oneshot::Receiver<Answer>;

    /// The named shadows of a thing behind the name `after`, at most `limit`, and whether there are
    /// more. Reads the store: call it where that is allowed. The error is for people.
    fn named(
        &self,
        thing: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<String>, bool), String>;

    /// The thing stands for another device from now on, or for none. Whoever keeps shadows alone need
    /// not know.
    fn bound(&self, _thing: &str) {}
}

/// The devices, as the API sees them.
pub trait Devices: Send + Sync + 'static {
    /// The device is described so from now on; it may be new.
    fn describe(&self, description: Arc<Description>) -> Reply<()>;

    /// The device is no longer ours: its session, counters and queue go. No error when unknown.
    fn forget(&self, dev_eui: DevEui) -> Reply<()>;

    /// Queues a downlink.
    fn enqueue(&self, dev_eui: DevEui, item: QueueItem) -> Reply<Queued>;

    /// The downlinks that have not come to their end, in the order of their sending.
    fn queue(&self, dev_eui: DevEui) -> Reply<Vec<QueuedItem>>;

    /// What the device's MAC does, should do and was asked; `None` while it has no session.
    fn mac(&self, dev_eui: DevEui) -> Reply<Option<Account>>;

    /// What ADR makes of the device.
    fn adr(&self, dev_eui: DevEui) -> Reply<AdrSeen>;

    /// Takes downlinks off the queue; how many there were. One in flight may still be heard.
    fn drop_items(&self, dev_eui: DevEui, which: Which) -> Reply<usize>;

    /// Where the device's counters stand.
    fn counters(&self, dev_eui: DevEui) -> Reply<Counters>;

    /// The device has forgotten its counters: its next frame may count from the start, once.
    fn reset_counters(&self, dev_eui: DevEui) -> Reply<()>;
    /// Makes a 1.1 device rejoin: it is told so after its next uplinks, until it does.
    fn force_rejoin(&self, dev_eui: DevEui, wish: ForceRejoin) -> Reply<()>;

    /// The device's last uplink; `None` before the first.
    fn statistics(&self, dev_eui: DevEui) -> Option<DeviceStatistics>;

    /// The gateways that were heard, registered or not, by EUI. Bounded by the server.
    fn gateways(&self) -> Vec<GatewaySeen>;

    /// One gateway, when it was heard.
    fn gateway(&self, gateway_eui: GatewayEui) -> Option<GatewaySeen>;

    /// When and by which gateways the device can be spoken to.
    fn listening(&self, dev_eui: DevEui) -> Reply<Listening>;
}

/// The multicast groups, as the API sees them.
pub trait Groups: Send + Sync + 'static {
    /// The group is described so from now on; it may be new.
    fn describe(&self, about: Arc<GroupAbout>) -> Reply<()>;

    /// The group is no more: its counter and queue go. No error when unknown.
    fn forget(&self, group: GroupId) -> Reply<()>;

    /// Queues a payload; answers its id.
    fn enqueue(&self, group: GroupId, item: GroupItem) -> Reply<u64>;

    /// Its next counter, and what is queued, in the order of sending.
    fn seen(&self, group: GroupId) -> Reply<GroupSeen>;

    /// Takes payloads off the queue; how many there were.
    fn drop_items(&self, group: GroupId, which: Which) -> Reply<usize>;
}

/// What a group's home knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupSeen {
    /// The next FCntDown; `None` when they are used up.
    pub f_cnt_down: Option<u32>,
    /// What is queued, in the order of sending, and what each waits for.
    pub queue: Vec<(GroupItem, GroupWaits)>,
}

/// The codec workers, as the API sees them.
pub trait Codecs: Send + Sync + 'static {
    /// Turns an application's object into bytes.
    fn encode(&self, wanted: Encoding) -> Reply<Encoded, CodecRefusal>;
}

/// Why a codec gave no bytes, for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("payload: {0}")]
pub struct CodecRefusal(pub String);

/// An object to be encoded.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// By which codec.
    pub codec: CodecSpec,
    /// The application's object.
    pub object: Value,
    /// FPort, when the application named one.
    pub f_port: Option<u8>,
    /// What the script may read about the device.
    pub variables: BTreeMap<String, String>,
}

/// An encoded object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The application's bytes.
    pub bytes: Vec<u8>,
    /// The FPort that the script chose, else the one that was asked for.
    pub f_port: Option<u8>,
}

/// A downlink was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its id; that of the first when its CorrelationId was queued before.
    pub id: u64,
}

/// A downlink in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedItem {
    /// What was queued.
    pub item: QueueItem,
    /// Whether it has been given a counter and is on its way.
    pub in_flight: bool,
    /// How often it has been sent.
    pub attempts: u8,
    /// What it waits for.
    pub waits: Waits,
}

/// Where a device's counters stand; nothing but `false` without a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The last accepted FCntUp.
    pub f_cnt_up: Option<u32>,
    /// The next FCntDown; NFCntDown in 1.1.
    pub n_f_cnt_down: Option<u32>,
    /// The next AFCntDown; only in 1.1.
    pub a_f_cnt_down: Option<u32>,
    /// The device counts from the start again, and is refused.
    pub forgotten: bool,
    /// Its next frame may count from the start.
    pub reset_allowed: bool,
    /// Whether a device that has forgotten its counters can hear our next downlink.
    pub heard_from_zero: bool,
}

/// What ADR makes of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct AdrSeen {
    /// What its profiles want.
    pub policy: Policy,
    /// The ADR bit of its last uplink.
    pub adr_bit: bool,
    /// Data rate, power and NbTrans, as far as they are known.
    pub current: (Option<DataRateIndex>, Option<TxPowerIndex>, Option<u8>),
    /// The last decision; `None` before the first uplink.
    pub why: Option<Why>,
    /// The frames that it rests on, newest first.
    pub samples: Vec<AdrSample>,
}

/// A frame: its SNR, by how many gateways it was heard, data rate and power.
pub type AdrSample = (Option<Db>, u8, DataRateIndex, TxPowerIndex);

/// Which downlinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// The one with this id.
    One(u64),
}

/// Why a device's owner did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The mailbox is full.
    #[error("the server is busy; try again in a moment")]
    Busy,
    /// The owner has stopped.
    #[error("the server is shutting down; try again when it is back")]
    Gone,
    /// No device with this DevEUI is described.
    #[error("there is no device {0}")]
    Unknown(DevEui),
    /// The queue is as long as it may be.
    #[error("the device's queue holds {limit} downlinks, which is the limit; delete some of them")]
    QueueFull {
        /// How many.
        limit: usize,
    },
    /// The device could never be sent this.
    #[error("{0}")]
    Refused(String),
    /// The store failed; nothing has happened.
    #[error("cannot store the change: {0}")]
    Failed(String),
}

/// A device's last uplink.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceStatistics {
    /// When it was received.
    pub last_uplink_at: Timestamp,
    /// Its FPort.
    pub f_port: Option<u8>,
    /// Its data rate.
    pub data_rate: DataRateIndex,
    /// Its frequency.
    pub frequency: Frequency,
    /// Who heard it, best first.
    pub gateways: Vec<Heard>,
}

/// One gateway's measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// The gateway.
    pub gateway: GatewayEui,
    /// Strength.
    pub rssi: Dbm,
    /// Signal to noise.
    pub snr: Db,
}

/// A gateway, as its lane knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewaySeen {
    /// Its EUI.
    pub gateway: GatewayEui,
    /// Whether it is there.
    pub connected: bool,
    /// When it last said anything.
    pub last_seen_at: Timestamp,
    /// When it last heard a device.
    pub last_uplink_at: Option<Timestamp>,
    /// Where its datagrams come from; `None` behind a bridge of its own.
    pub address: Option<SocketAddr>,
}
