//! The homes of multicast groups as far as the API can tell: real decisions, and nobody sends.

use std::collections::BTreeMap;
use std::sync::Arc;

use lns::api::{DeviceError, GroupSeen, Groups, Reply, Which};
use lns_core::multicast::{
    Group, GroupAbout, GroupCommand, GroupEffect, GroupEvent, GroupId, GroupItem, GroupStage, step,
};
use lns_core::{Env, Network};
use lns_lorawan::NetId;

use super::{Fake, NOW, reply};

/// The groups, by id.
pub type Homes = BTreeMap<GroupId, Group>;

impl Fake {
    fn decide(&self, id: GroupId, command: GroupCommand) -> Result<(), DeviceError> {
        let network = Network {
            net_id: NetId::new(0).unwrap(),
            sub_band: None,
            extra_channels: Vec::new(),
            queue_limit: super::QUEUE_LIMIT,
        };
        let mut groups = self.groups.lock();
        let unknown = || DeviceError::Refused("no such group".into());
        let group = groups.get_mut(&id).ok_or_else(unknown)?;
        let env = Env { now: NOW, network: &network, random: 1 };
        let decided = step(group, GroupEvent::Command(command), &env);
        *group = decided.group;
        let refused = decided.effects.into_iter().find_map(|effect| match effect {
            GroupEffect::Publish(news) => match news.stage {
                GroupStage::Impossible(reason) => Some(reason),
                _ => None,
            },
            _ => None,
        });
        refused.map_or(Ok(()), |reason| Err(DeviceError::Refused(reason.into())))
    }
}

impl Groups for Fake {
    fn describe(&self, about: Arc<GroupAbout>) -> Reply<()> {
        let id = about.id;
        self.groups.lock().entry(id).or_insert_with(|| Group::new(Arc::clone(&about)));
        reply(self.decide(id, GroupCommand::Describe(about)))
    }

    fn forget(&self, group: GroupId) -> Reply<()> {
        self.groups.lock().remove(&group);
        reply(Ok(()))
    }

    fn enqueue(&self, group: GroupId, item: GroupItem) -> Reply<u64> {
        let id = item.id;
        reply(self.decide(group, GroupCommand::Enqueue(item)).map(|()| id))
    }

    fn seen(&self, group: GroupId) -> Reply<GroupSeen> {
        let groups = self.groups.lock();
        reply(Ok(groups.get(&group).map_or_else(GroupSeen::default, |group| GroupSeen {
            f_cnt_down: group.f_cnt_down.map(|next| next.0),
            queue: group.waiting(NOW).into_iter().map(|(i, w)| (i.clone(), w)).collect(),
        })))
    }

    fn drop_items(&self, group: GroupId, which: Which) -> Reply<usize> {
        let before = self.groups.lock().get(&group).map_or(0, |group| group.queue.len());
        let command = match which {
            Which::All => GroupCommand::Clear,
            Which::One(id) => GroupCommand::Drop(id),
        };
        reply(
            self.decide(group, command).map(|()| {
                before - self.groups.lock().get(&group).map_or(0, |group| group.queue.len())
            }),
        )
    }
}
