//! What of a group outlives a crash, as bytes: version, then postcard.
//!
//! The next counter stands in the same record as the message that took the one before, and the record
//! is durable before a gateway has the first copy: so no counter is used for two messages. A copy
//! that was under way is sent again, the same bytes under the same counter, which receivers that have
//! heard it drop.

use std::sync::Arc;

use lns_lorawan::{Db, FCntDown, GatewayEui, TimeDelta, Timestamp};
use serde::{Deserialize, Serialize};

use super::about::GroupAbout;
use super::copies::{Copy, CopyState, Message, OnAir};
use super::group::{Group, GroupItem, GroupNews};
use crate::event::Fate;
use crate::record::{RecordError, read, write};

const VERSION: u8 = 1;

/// What a gateway may have in its queue from before a crash has left the air by then: two seconds
/// ahead, a second for one that starts at once, and the longest frame.
const AFTER_CRASH: TimeDelta = TimeDelta::from_secs(8);

#[derive(Serialize, Deserialize)]
struct GroupV1 {
    f_cnt_down: Option<FCntDown>,
    queue: Vec<GroupItem>,
    message: Option<MessageV1>,
    next_news: u64,
    untold: Vec<GroupNews>,
}

#[derive(Serialize, Deserialize)]
struct MessageV1 {
    item: GroupItem,
    f_cnt_down: FCntDown,
    phy_payload: Box<[u8]>,
    copies: Vec<CopyV1>,
    unreached: u32,
    is_dropped: bool,
}

#[derive(Serialize, Deserialize)]
struct CopyV1 {
    gateway: GatewayEui,
    margin: i16,
    near: Vec<GatewayEui>,
    ended: Option<(Fate, Option<OnAir>)>,
}

impl Group {
    /// The group's record: all that must survive, without its description.
    pub fn encode(&self) -> Vec<u8> {
        let message = self.message.as_ref().map(|message| MessageV1 {
            item: message.item.clone(),
            f_cnt_down: message.f_cnt_down,
            phy_payload: message.phy_payload.clone(),
            copies: message.copies.iter().map(CopyV1::from).collect(),
            unreached: u32::try_from(message.unreached).unwrap_or(u32::MAX),
            is_dropped: message.is_dropped,
        });
        let record = GroupV1 {
            f_cnt_down: self.f_cnt_down,
            queue: self.queue.clone(),
            message,
            next_news: self.next_news,
            untold: self.untold.clone(),
        };
        write(VERSION, &record)
    }

    /// The group of a record, as it goes on after a crash.
    pub fn decode(
        bytes: &[u8],
        about: Arc<GroupAbout>,
        now: Timestamp,
    ) -> Result<Self, RecordError> {
        let record: GroupV1 = read((VERSION, "multicast group"), bytes)?;
        let message = record.message.map(|message| Message {
            item: message.item,
            f_cnt_down: message.f_cnt_down,
            phy_payload: message.phy_payload,
            copies: message.copies.into_iter().map(Copy::from).collect(),
            unreached: message.unreached as usize,
            is_dropped: message.is_dropped,
        });
        let at_least = about.f_cnt_at_least;
        let mut group = Group {
            f_cnt_down: record.f_cnt_down.map(|next| next.max(at_least)),
            queue: record.queue,
            message,
            next_news: record.next_news,
            untold: record.untold,
            quiet_until: now + AFTER_CRASH,
            ..Group::new(about)
        };
        group.wake = Some(now);
        Ok(group)
    }
}

impl From<&Copy> for CopyV1 {
    fn from(copy: &Copy) -> Self {
        let ended = match &copy.state {
            CopyState::Waiting | CopyState::Asked { .. } | CopyState::Flying { .. } => None,
            CopyState::Ended { fate, on_air } => Some((fate.clone(), *on_air)),
        };
        let (gateway, near) = (copy.gateway, copy.near.clone());
        CopyV1 { gateway, margin: copy.margin.hundredths(), near, ended }
    }
}

impl From<CopyV1> for Copy {
    fn from(record: CopyV1) -> Self {
        let copy = Copy::new(record.gateway, Db::from_hundredths(record.margin), record.near);
        match record.ended {
            Some((fate, on_air)) => Copy { state: CopyState::Ended { fate, on_air }, ..copy },
            None => copy,
        }
    }
}
