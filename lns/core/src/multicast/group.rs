//! One group: what it remembers, what happens to it, what it wants done.

use std::sync::Arc;

use lns_lorawan::{FCntDown, GatewayEui, TimeDelta, Timestamp, Window};
use serde::{Deserialize, Serialize};

use super::about::GroupAbout;
use super::copies::Message;
use super::cover::MemberPaths;
use super::{queue, speaking};
use crate::device::Missed;
use crate::effect::{Opening, TxPlan};
use crate::env::Env;
use crate::event::{Fate, Offer, Outcome};
use crate::note::Note;
use crate::radio::shortage::Shortage;

/// A payload for a group, as queued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupItem {
    /// Our id of it (the API's MessageId).
    pub id: u64,
    /// FPort, 1 to 223.
    pub f_port: u8,
    /// The plain payload.
    pub payload: Box<[u8]>,
    /// The application's own mark, echoed in every event about it.
    pub correlation_id: Option<Box<str>>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When it is no longer wanted.
    pub expires_at: Option<Timestamp>,
}

/// A multicast group's memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What people say of it.
    pub about: Arc<GroupAbout>,
    /// The next counter to use; `None`: they are used up.
    pub f_cnt_down: Option<FCntDown>,
    /// What waits, in order.
    pub queue: Vec<GroupItem>,
    /// What is being sent.
    pub message: Option<Message>,
    /// The number of the next piece of news.
    pub next_news: u64,
    /// News that nobody has confirmed yet, at most `UNTOLD`.
    pub untold: Vec<GroupNews>,
    /// Whose gateways are being asked for.
    pub(super) learning: Option<Learning>,
    /// Nothing is sent before.
    pub(super) quiet_until: Timestamp,
    /// Occasions in a row that came to nothing, before a message was begun.
    pub(super) in_vain: u8,
    /// Why nothing was begun, where that was tried.
    pub(super) missed: Option<Missed>,
    pub(super) wake: Option<Timestamp>,
}

/// Members' gateways on their way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Learning {
    /// What has come.
    pub learned: Vec<MemberPaths>,
    /// Until when more is awaited.
    pub until: Timestamp,
}

/// What somebody wants done with a group.
#[derive(Clone, Debug)]
pub enum GroupCommand {
    /// Queue a payload.
    Enqueue(GroupItem),
    /// Take one payload off the queue, by id.
    Drop(u64),
    /// Take all payloads off the queue.
    Clear,
    /// The description has changed.
    Describe(Arc<GroupAbout>),
}

/// Something that happens to one group.
#[derive(Clone, Debug)]
pub enum GroupEvent {
    /// Somebody's wish.
    Command(GroupCommand),
    /// Its own deadline has come.
    Wake,
    /// By which gateways some of its members can be reached.
    Learned(Vec<MemberPaths>),
    /// What one gateway's lane offers.
    Offers {
        /// Which gateway was asked.
        gateway: GatewayEui,
        /// Its offers.
        offers: Vec<Offer>,
        /// Why there are none, where there are none.
        shortage: Option<Shortage>,
    },
    /// What became of a copy that was handed over.
    Outcome(Outcome),
    /// The news of this number have reached the broker.
    Told(u64),
}

/// Something the world should do.
#[derive(Clone, Debug)]
pub enum GroupEffect {
    /// Come back with [`GroupEvent::Learned`].
    Learn,
    /// Ask one gateway's lane, and come back with [`GroupEvent::Offers`].
    Open {
        /// Which.
        gateway: GatewayEui,
        /// When, where, how much.
        opening: Box<Opening>,
    },
    /// Hand a copy to the lanes.
    Transmit(Box<TxPlan>),
    /// Tell whoever listens.
    Publish(GroupNews),
}

/// Where a payload stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupNews {
    /// With the group's id, the news' stable name.
    pub number: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// The item's id.
    pub id: u64,
    /// The application's mark.
    pub correlation_id: Option<Box<str>>,
    /// FPort of the item.
    pub f_port: u8,
    /// Where it stands now.
    pub stage: GroupStage,
}

/// The stages of a payload for a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum GroupStage {
    /// Durable in the queue.
    Queued,
    /// A copy was handed over, and this became of that; or it was given up.
    Handed {
        /// What became of it.
        fate: Fate,
        /// The counter of all copies.
        f_cnt_down: FCntDown,
        /// The gateway.
        gateway: GatewayEui,
        /// The window, where one is known.
        window: Option<Window>,
        /// Whether this gateway will be tried again.
        again: bool,
    },
    /// Every copy has its end.
    Sent {
        /// The counter of all copies.
        f_cnt_down: FCntDown,
        /// Gateways that took their copy.
        accepted: usize,
        /// Gateways that did not, or did not say.
        missing: usize,
        /// Members that no gateway was known to reach.
        unreached: usize,
    },
    /// It waited past its expiry, or its session was over, before any gateway took it.
    Expired,
    /// It cannot be sent; the reason, for people.
    Impossible(Box<str>),
    /// Taken off the queue on request.
    Dropped,
}

/// What became of one event.
#[derive(Clone, Debug)]
pub struct GroupStep {
    /// The group afterwards.
    pub group: Group,
    /// Whether its record must be written before the effects are released.
    pub durable: bool,
    /// What the world should do, in order, once that is so.
    pub effects: Vec<GroupEffect>,
    /// What was seen.
    pub notes: Vec<Note>,
}

/// A group under decision.
pub(super) struct Draft<'a> {
    pub group: Group,
    pub env: &'a Env<'a>,
    pub durable: bool,
    pub effects: Vec<GroupEffect>,
    pub notes: Vec<Note>,
}

impl Group {
    /// A group that has never sent.
    pub fn new(about: Arc<GroupAbout>) -> Self {
        Group {
            f_cnt_down: Some(about.f_cnt_at_least),
            about,
            queue: Vec::new(),
            message: None,
            next_news: 0,
            untold: Vec::new(),
            learning: None,
            quiet_until: Timestamp::default(),
            in_vain: 0,
            missed: None,
            wake: None,
        }
    }

    /// When something must be looked at.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.wake
    }
}

/// One event happens to one group. What becomes of it, and what should the world do about it?
pub fn step(group: &Group, event: GroupEvent, env: &Env<'_>) -> GroupStep {
    let mut draft =
        Draft { group: group.clone(), env, durable: false, effects: Vec::new(), notes: Vec::new() };
    match event {
        GroupEvent::Command(command) => queue::command(&mut draft, command),
        GroupEvent::Wake => speaking::wake(&mut draft),
        GroupEvent::Learned(paths) => speaking::learned(&mut draft, paths),
        GroupEvent::Offers { gateway, offers, shortage } => {
            speaking::offered(&mut draft, gateway, (offers, shortage));
        }
        GroupEvent::Outcome(outcome) => speaking::settle(&mut draft, &outcome),
        GroupEvent::Told(number) => draft.group.untold.retain(|news| news.number != number),
    }
    draft.group.wake = speaking::when(&draft.group, env.now);
    let Draft { group, durable, effects, notes, .. } = draft;
    GroupStep { group, durable, effects, notes }
}

impl Draft<'_> {
    /// Tells where an item stands.
    pub fn publish(&mut self, item: &GroupItem, stage: GroupStage) {
        let news = GroupNews {
            number: self.group.next_news,
            at: self.env.now,
            id: item.id,
            correlation_id: item.correlation_id.clone(),
            f_port: item.f_port,
            stage,
        };
        self.group.next_news += 1;
        self.durable = true;
        if self.group.untold.len() == UNTOLD {
            self.group.untold.remove(0);
        }
        self.group.untold.push(news.clone());
        self.effects.push(GroupEffect::Publish(news));
    }

    /// The pause after so many occasions that came to nothing, spread so that groups which a
    /// gateway's return sets free do not all come at once.
    pub fn pause(&self, in_vain: u8) -> TimeDelta {
        let pause = FIRST_PAUSE.times(1 << in_vain.min(DOUBLINGS));
        let [spread, ..] = self.env.random.to_le_bytes();
        pause + TimeDelta::from_micros(pause.micros() / 1024 * i64::from(spread))
    }
}

/// How many pieces of news are told again after a crash: a broker that is away for longer misses the
/// oldest of a group that goes on sending.
pub const UNTOLD: usize = 256;

/// The pause after the first occasion that came to nothing; it doubles each time.
const FIRST_PAUSE: TimeDelta = TimeDelta::from_millis(500);

/// How often it doubles: up to 64 s.
const DOUBLINGS: u8 = 7;
