//! What the rooms say to each other. No room imports another; they all import this.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use lns_core::effect::Opening;
use lns_core::event::{Command, Outcome};
use lns_core::multicast::{Group, GroupAbout, GroupCommand, GroupId, GroupNews, MemberPaths};
use lns_core::radio::shortage::Shortage;
use lns_core::{AppEvent, Description, Note, Offer, Reception, Reject, TxPlan};
use lns_lorawan::{DevAddr, DevEui, GatewayEui, Region, Timestamp};

use crate::registry::{Thing, ThingGroup, ThingType};

/// How many homes there are; a device lives in the home of its DevEUI.
pub const HOMES: usize = 64;

/// Up to which sequence the sinks have delivered the events of each home.
pub type Watermarks = Arc<[AtomicU64; HOMES]>;

/// Watermarks at zero.
pub fn watermarks() -> Watermarks {
    Arc::new(std::array::from_fn(|_| AtomicU64::new(0)))
}

/// One copy of a frame on its way to the partitions that may know its device.
#[derive(Clone, Debug)]
pub struct HeardFrame {
    /// The PHYPayload as received.
    pub bytes: Arc<[u8]>,
    /// Its digest, by [`lns_core::device::matching::digest`].
    pub digest: u64,
    /// Where and how it was heard.
    pub reception: Reception,
    /// The region that its gateway works in.
    pub region: Region,
    /// Partitions still to be asked after this one, one bit each.
    pub then: u64,
}

/// Names an occasion within its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OccasionId {
    /// The partition that asked.
    pub partition: u16,
    /// Its running number there.
    pub number: u64,
}

/// To a partition.
pub enum ToPartition {
    /// A frame was heard.
    Heard(HeardFrame),
    /// The lanes' answer to an [`ToLanes::Ask`].
    Offers {
        /// Whose.
        occasion: OccasionId,
        /// Best first; may be empty.
        offers: Vec<Offer>,
        /// Why there are none, where there are none.
        shortage: Option<Shortage>,
    },
    /// What became of a frame that was handed over.
    Outcome {
        /// For whom it was.
        dev_eui: DevEui,
        /// What became of it.
        outcome: Outcome,
    },
    /// Somebody's wish, answered after the commit.
    Command {
        /// Whose device.
        dev_eui: DevEui,
        /// What is wanted.
        command: Command,
        /// Where the answer goes.
        reply: Reply,
    },
    /// A device is no longer registered.
    Forget {
        /// Which.
        dev_eui: DevEui,
        /// Where the answer goes.
        reply: Reply,
    },
    /// A look at a device, as it is now.
    Look {
        /// Which.
        dev_eui: DevEui,
        /// What to do with it; called in the partition's thread.
        view: View,
    },
    /// Something for a multicast group.
    Group(GroupId, ToGroup),
    /// By which gateways can these devices be reached? Answered to the group.
    PathsOf {
        /// Who asks.
        group: GroupId,
        /// Which devices; all of them live here.
        members: Vec<DevEui>,
    },
    /// Finish the turn and stop.
    Stop,
}

/// To a multicast group, in the partition of its home.
pub enum ToGroup {
    /// Somebody's wish, answered after the commit. A description of a group that is not there makes
    /// it.
    Command(GroupCommand, Reply),
    /// The group is no more.
    Forget(Reply),
    /// A look at it, as it is now; `None` when there is none.
    Look(GroupView),
    /// By which gateways some of its members can be reached.
    Learned(Vec<MemberPaths>),
    /// What became of a copy that was handed over.
    Outcome(Outcome),
    /// News of this number have reached the broker.
    Told(u64),
}

/// Looks at a device; `None` when there is none.
pub type View = Box<dyn FnOnce(Option<&lns_core::Device>) + Send>;

/// Looks at a multicast group; `None` when there is none.
pub type GroupView = Box<dyn FnOnce(Option<&Group>) + Send>;

/// What is done with the answer to a command.
type Answered = Box<dyn FnOnce(Result<(), CommandError>) + Send>;

/// Called once with the answer to a command, after what it changed is durable.
pub struct Reply(Option<Answered>);

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The queue is as long as it may be; nothing was queued.
    #[error("the device's queue holds {limit} downlinks, which is the limit")]
    QueueFull {
        /// How many.
        limit: usize,
    },
    /// The device can never be sent this; the reason, for people.
    #[error("{0}")]
    Impossible(Box<str>),
    /// No such device.
    #[error("no device with this DevEUI is registered")]
    UnknownDevice,
    /// No such multicast group.
    #[error("no multicast group of this id is registered")]
    UnknownGroup,
    /// The partition is full of work or stopping.
    #[error("the server is overloaded or stopping; try again")]
    Overload,
}

impl Reply {
    /// Calls `done` with the answer.
    pub fn new(done: impl FnOnce(Result<(), CommandError>) + Send + 'static) -> Self {
        Reply(Some(Box::new(done)))
    }

    /// Nobody waits for the answer.
    pub fn nobody() -> Self {
        Reply(None)
    }

    /// Gives the answer.
    pub fn give(mut self, answer: Result<(), CommandError>) {
        if let Some(done) = self.0.take() {
            done(answer);
        }
    }
}

impl Drop for Reply {
    /// Whoever waits is told even when the work was dropped on the way.
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(CommandError::Overload));
        }
    }
}

/// To the lanes.
pub enum ToLanes {
    /// Gather offers for these windows.
    Ask {
        /// Comes back with the offers.
        occasion: OccasionId,
        /// The windows and who heard the uplink.
        opening: Box<Opening>,
    },
    /// A filled frame, its counter durable.
    HandOver {
        /// The occasion whose offers it uses.
        occasion: OccasionId,
        /// The frame.
        plan: Box<TxPlan>,
    },
    /// The offers of this occasion will not be used.
    Withdraw(OccasionId),
    /// A gateway's word on a frame.
    TxAck(gateway_link::TxAck),
    /// Something happened to a gateway.
    Gateway {
        /// Which.
        gateway: GatewayEui,
        /// What.
        event: gateway_link::GatewayEvent,
    },
    /// Stop.
    Stop,
}

/// What waits for a commit, in order.
pub enum Release {
    /// The device answers to these addresses: the router must know before a Join-Accept leaves.
    Addresses {
        /// Its home.
        home: u8,
        /// Addresses it no longer has.
        gone: Vec<DevAddr>,
        /// Addresses it has from now on.
        now: Vec<DevAddr>,
    },
    /// A frame for the lanes.
    Transmit {
        /// The occasion whose offers it uses.
        occasion: OccasionId,
        /// The frame.
        plan: Box<TxPlan>,
    },
    /// An event for the sinks.
    Publish(OutboundEvent),
    /// Where a group's payload stands, for the broker.
    Tell(GroupTold),
    /// An answer to whoever gave a command.
    Reply(Reply, Result<(), CommandError>),
}

/// Durable news of a multicast group.
#[derive(Clone, Debug)]
pub struct GroupTold {
    /// The group, as it was described then.
    pub about: Arc<GroupAbout>,
    /// The news.
    pub news: GroupNews,
}

/// A durable event on its way to the sinks.
#[derive(Clone, Debug)]
pub struct OutboundEvent {
    /// The home in whose sequence it is.
    pub home: u8,
    /// The device, as it was described when the event was decided.
    pub about: Arc<Description>,
    /// The event.
    pub event: AppEvent,
}

/// What was done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Created,
    /// It has changed.
    Updated,
    /// It is gone.
    Deleted,
}

/// What has become of things, for whoever has asked to be told.
#[derive(Clone, Debug)]
pub enum RegistryEvent {
    /// Of a thing.
    Thing(Operation, Arc<Thing>),
    /// Of a type.
    ThingType(Operation, Arc<ThingType>),
    /// A thing was given a type, or lost it.
    TypeAssociation {
        /// Whether it was given.
        added: bool,
        /// The thing.
        thing: Arc<Thing>,
        /// The type.
        thing_type: String,
    },
    /// Of a group.
    ThingGroup(Operation, Arc<ThingGroup>),
    /// A group came into another, or left it.
    Hierarchy {
        /// Whether it came.
        added: bool,
        /// The group above.
        parent: Arc<ThingGroup>,
        /// The group that came or left.
        child: Arc<ThingGroup>,
    },
    /// A thing came into a group, or left it.
    Membership {
        /// Whether it came.
        added: bool,
        /// The thing.
        thing: Arc<Thing>,
        /// The group.
        group: Arc<ThingGroup>,
    },
}

/// Something seen, for metrics, logs and the live view.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// Of which device; `None` when nobody knows.
    pub dev_eui: Option<DevEui>,
    /// The address on the frame, where there was one.
    pub dev_addr: Option<DevAddr>,
    /// What.
    pub note: Note,
}

impl Seen {
    /// A frame that was refused before its device was known.
    pub fn refused(at: Timestamp, dev_addr: Option<DevAddr>, reject: Reject) -> Self {
        Seen { at, dev_eui: None, dev_addr, note: Note::Rejected(reject) }
    }
}

/// The id of a downlink: made of its device and its CorrelationId, so that a repeated request has
/// the same one, or drawn at random, so that neither a restart nor another door repeats it.
pub fn downlink_id(dev_eui: DevEui, correlation_id: Option<&str>) -> u64 {
    match correlation_id {
        Some(mark) => {
            let mut named = dev_eui.value().to_be_bytes().to_vec();
            named.extend(mark.as_bytes());
            lns_core::dedup::digest(&named)
        }
        None => crate::entropy::u64(),
    }
}
