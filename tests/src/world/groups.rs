//! Multicast groups, and the application that speaks to them.

use std::sync::Arc;

use lns::message::{GroupTold, Reply, ToGroup, ToPartition};
use lns_core::multicast::{GroupCommand, GroupId, GroupItem, GroupStage};
use lns_lorawan::TimeDelta;

use super::application::WANTED;
use super::{Within, World};
use crate::checkers::Verdict;

/// From news to the broker's word that it has them.
const DELIVERY: TimeDelta = TimeDelta::from_millis(5);

/// A payload that an application wants sent to a group.
#[derive(Clone, Debug)]
pub struct GroupWish {
    /// To which group, by its place in the setup.
    pub group: usize,
    /// FRMPayload, on FPort 43.
    pub payload: Vec<u8>,
}

/// What became of the payloads for groups, as the application was told.
#[derive(Default)]
pub struct GroupsToldOf {
    /// Every piece of news once, by group and number.
    pub news: std::collections::BTreeMap<(GroupId, u64), GroupStage>,
}

impl World {
    /// Every stage that was told of groups.
    pub fn group_news(&self) -> impl Iterator<Item = &GroupStage> {
        self.groups_told_of.news.values()
    }

    pub(super) fn group_wish_now(&mut self, wish: GroupWish) -> Verdict {
        let Some(rooms) = &self.rooms else { return Ok(()) };
        let group = self.setup.groups[wish.group].id;
        let partition = rooms.router.partition_of_group(group);
        self.group_wishes += 1;
        let item = GroupItem {
            id: self.group_wishes,
            f_port: 43,
            payload: wish.payload.into(),
            correlation_id: None,
            queued_at: self.now,
            expires_at: Some(self.now + WANTED),
        };
        let message = ToGroup::Command(GroupCommand::Enqueue(item), Reply::nobody());
        let message = ToPartition::Group(group, message);
        self.put_within(self.now, Within::Mail { partition, message });
        Ok(())
    }

    /// News on their way to the broker.
    pub(super) fn tell(&mut self, told: GroupTold) {
        self.put_within(self.now + DELIVERY, Within::Told(told));
    }

    /// The broker has them, and the application.
    pub(super) fn told(&mut self, told: GroupTold) -> Verdict {
        let (group, number) = (told.about.id, told.news.number);
        let what = match &told.news.stage {
            GroupStage::Queued => "group queued",
            GroupStage::Handed { .. } => "group copy",
            GroupStage::Sent { .. } => "group sent",
            GroupStage::Expired => "group expired",
            GroupStage::Impossible(_) => "impossible",
            GroupStage::Dropped => "group dropped",
        };
        self.say('✓', "app", what, format!("{} {:?}", told.about.mc_addr, told.news.stage));
        self.groups_told_of.news.insert((group, number), told.news.stage);
        let Some(rooms) = &self.rooms else { return Ok(()) };
        let partition = rooms.router.partition_of_group(group);
        let message = ToPartition::Group(group, ToGroup::Told(number));
        self.put_within(self.now, Within::Mail { partition, message });
        Ok(())
    }

    /// After a restart: what the broker may not have.
    pub(super) fn tell_again(&mut self) {
        let Some(rooms) = &self.rooms else { return };
        let mut again = Vec::new();
        for about in &self.setup.groups {
            let partition = usize::from(rooms.router.partition_of_group(about.id));
            if let Some(group) = rooms.partitions[partition].group(about.id) {
                let told = |news: &_| GroupTold {
                    about: Arc::clone(&group.about),
                    news: Clone::clone(news),
                };
                again.extend(group.untold.iter().map(told));
            }
        }
        again.into_iter().for_each(|told| self.tell(told));
    }
}
