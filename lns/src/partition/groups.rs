//! The multicast groups of a partition: their memory, and what they want done.
//!
//! A group asks for its members' gateways by letter, since its members live in other partitions too,
//! and asks the lanes for each of its copies apart.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lns_core::Offer;
use lns_core::device::home_of;
use lns_core::effect::TxPlan;
use lns_core::event::Path;
use lns_core::multicast::{
    Group, GroupCommand, GroupEffect, GroupEvent, GroupId, GroupStage, MemberPaths,
};
use lns_core::radio::shortage::Shortage;
use lns_lorawan::{DevEui, GatewayEui, TimeDelta, Timestamp};

use super::{Partition, Turn, env_of};
use crate::message::{
    CommandError, GroupTold, OccasionId, Release, Reply, Seen, ToGroup, ToLanes, ToPartition,
};
use crate::store::{Table, Write};

/// Occasions of groups are numbered from here on, those of devices below.
const FIRST: u64 = 1 << 47;

/// A group that was woken is woken again at the earliest so much later.
const LEAST_SLEEP: TimeDelta = TimeDelta::from_millis(1);

/// What the lanes have to offer, or why nothing.
type Answer = (Vec<Offer>, Option<Shortage>);

/// The groups that live in a partition.
pub struct Groups {
    groups: HashMap<GroupId, Group>,
    /// When groups want to be woken; an entry may be out of date, the group knows.
    wakes: BinaryHeap<Reverse<(Timestamp, GroupId)>>,
    /// What the lanes have been asked, by its number.
    asked: HashMap<u64, (GroupId, GatewayEui)>,
    next: u64,
    dirty: BTreeSet<GroupId>,
}

impl Groups {
    /// The groups that were read at start-up.
    pub(super) fn new(loaded: Vec<Group>) -> Self {
        let wake = |group: &Group| Some(Reverse((group.next_wake()?, group.about.id)));
        Groups {
            wakes: loaded.iter().filter_map(wake).collect(),
            groups: loaded.into_iter().map(|group| (group.about.id, group)).collect(),
            asked: HashMap::new(),
            next: FIRST,
            dirty: BTreeSet::new(),
        }
    }

    /// When one of them wants to be woken.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        self.wakes.peek().map(|Reverse((at, _))| *at)
    }

    /// One that is due by `now`.
    fn due(&mut self, now: Timestamp) -> Option<GroupId> {
        while let Some(&Reverse((_, id))) = self.wakes.peek().filter(|Reverse((at, _))| *at <= now)
        {
            self.wakes.pop();
            match self.groups.get(&id).and_then(Group::next_wake) {
                Some(wanted) if wanted <= now => return Some(id),
                Some(wanted) => self.wakes.push(Reverse((wanted, id))),
                None => {}
            }
        }
        None
    }
}

impl Partition {
    /// The group of this id, for whoever looks at the partition from outside.
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.groups.get(&id)
    }

    /// Takes a message for a group into the turn.
    pub(super) fn group_mail(&mut self, id: GroupId, message: ToGroup, turn: &mut Turn) {
        match message {
            ToGroup::Command(command, reply) => self.group_command(id, command, reply, turn),
            ToGroup::Forget(reply) => self.forget_group(id, reply, turn),
            ToGroup::Look(view) => view(self.groups.groups.get(&id)),
            ToGroup::Learned(paths) => {
                self.apply_to_group(id, GroupEvent::Learned(paths), turn);
            }
            ToGroup::Outcome(outcome) => {
                self.apply_to_group(id, GroupEvent::Outcome(outcome), turn);
            }
            ToGroup::Told(number) => {
                self.apply_to_group(id, GroupEvent::Told(number), turn);
            }
        }
    }

    /// By which gateways devices of ours can be reached: those that are there, if any of them is.
    pub(super) fn paths_of(&mut self, group: GroupId, members: &[DevEui], turn: &mut Turn) {
        let gateways = &self.settings.gateways;
        let is_alive =
            |path: &Path| gateways.find(path.gateway).is_some_and(|gateway| gateway.is_alive());
        let paths_of = |dev_eui: &DevEui| {
            let slot = self.devices.find(*dev_eui)?;
            let paths = self.devices.device(slot)?.paths();
            let alive: Vec<Path> = paths.iter().copied().filter(is_alive).collect();
            Some(if alive.is_empty() { paths } else { alive })
        };
        let learned = members.iter().map(|dev_eui| MemberPaths {
            dev_eui: *dev_eui,
            paths: paths_of(dev_eui).unwrap_or_default(),
        });
        let message = ToPartition::Group(group, ToGroup::Learned(learned.collect()));
        turn.letters.push((group.home(), message));
    }

    /// Wakes the groups that are due.
    pub(super) fn wake_groups(&mut self, turn: &mut Turn) {
        while let Some(id) = self.groups.due(self.now) {
            self.apply_to_group(id, GroupEvent::Wake, turn);
        }
    }

    /// The lanes' answer, if a group has asked; else it is given back.
    pub(super) fn offers_to_group(
        &mut self,
        occasion: OccasionId,
        (offers, shortage): Answer,
        turn: &mut Turn,
    ) -> Result<(), Answer> {
        if occasion.number < FIRST {
            return Err((offers, shortage));
        }
        let Some((id, gateway)) = self.groups.asked.remove(&occasion.number) else {
            turn.lanes.push(ToLanes::Withdraw(occasion));
            return Ok(());
        };
        let event = GroupEvent::Offers { gateway, offers, shortage };
        match self.apply_to_group(id, event, turn) {
            Some(plan) => turn.batch.releases.push(Release::Transmit { occasion, plan }),
            None => turn.lanes.push(ToLanes::Withdraw(occasion)),
        }
        Ok(())
    }

    /// Writes what must be durable of groups.
    pub(super) fn write_groups(&mut self, turn: &mut Turn) {
        for id in std::mem::take(&mut self.groups.dirty) {
            let key = id.0.to_vec();
            let table = Table::MulticastCounters;
            turn.batch.writes.push(match self.groups.groups.get(&id) {
                Some(group) => Write::Put { table, key, value: group.encode() },
                None => Write::Delete { table, key },
            });
        }
    }

    fn group_command(&mut self, id: GroupId, command: GroupCommand, reply: Reply, turn: &mut Turn) {
        if let GroupCommand::Describe(about) = &command {
            self.groups.groups.entry(id).or_insert_with(|| Group::new(Arc::clone(about)));
        } else if !self.groups.groups.contains_key(&id) {
            turn.batch.releases.push(Release::Reply(reply, Err(CommandError::UnknownGroup)));
            return;
        }
        let enqueued = match &command {
            GroupCommand::Enqueue(item) => Some(item.id),
            GroupCommand::Drop(_) | GroupCommand::Clear | GroupCommand::Describe(_) => None,
        };
        let before = turn.batch.releases.len();
        self.apply_to_group(id, GroupEvent::Command(command), turn);
        let refused = turn.batch.releases[before..].iter().find_map(|release| match release {
            Release::Tell(told) if Some(told.news.id) == enqueued => match &told.news.stage {
                GroupStage::Impossible(reason) => Some(reason.clone()),
                GroupStage::Queued
                | GroupStage::Handed { .. }
                | GroupStage::Sent { .. }
                | GroupStage::Expired
                | GroupStage::Dropped => None,
            },
            Release::Tell(_)
            | Release::Addresses { .. }
            | Release::Transmit { .. }
            | Release::Publish(_)
            | Release::Reply(..) => None,
        });
        let answer = refused.map_or(Ok(()), |reason| Err(CommandError::Impossible(reason)));
        turn.batch.releases.push(Release::Reply(reply, answer));
    }

    fn forget_group(&mut self, id: GroupId, reply: Reply, turn: &mut Turn) {
        let there = self.groups.groups.contains_key(&id);
        if there {
            // Whoever waits for one of its payloads hears that it is gone.
            self.apply_to_group(id, GroupEvent::Command(GroupCommand::Clear), turn);
            self.groups.groups.remove(&id);
            self.groups.dirty.insert(id);
        }
        let answer = if there { Ok(()) } else { Err(CommandError::UnknownGroup) };
        turn.batch.releases.push(Release::Reply(reply, answer));
    }

    /// Lets an event happen to a group; answers the copy that it has filled.
    fn apply_to_group(
        &mut self,
        id: GroupId,
        event: GroupEvent,
        turn: &mut Turn,
    ) -> Option<Box<TxPlan>> {
        let now = self.now;
        let (network, random) = self.env();
        let was_woken = matches!(event, GroupEvent::Wake);
        let group = self.groups.groups.get(&id)?;
        let wake_before = group.next_wake();
        let decided = catch_unwind(AssertUnwindSafe(|| {
            lns_core::multicast::step(group, event, &env_of(now, &network, random))
        }));
        let Ok(step) = decided else {
            self.keep_bug(None, None, turn);
            return None;
        };
        for note in step.notes {
            turn.seen.push(Seen { at: now, dev_eui: None, dev_addr: None, note });
        }
        if step.durable {
            self.groups.dirty.insert(id);
        }
        let about = Arc::clone(&step.group.about);
        if let Some(at) = step.group.next_wake()
            && (was_woken || Some(at) != wake_before)
        {
            // One that wakes others in vain must not keep them from their turn.
            let at = if was_woken { at.max(now + LEAST_SLEEP) } else { at };
            self.groups.wakes.push(Reverse((at, id)));
        }
        self.groups.groups.insert(id, step.group);
        let mut filled = None;
        for effect in step.effects {
            match effect {
                GroupEffect::Learn => ask_for_paths(id, &about.members, turn),
                GroupEffect::Open { gateway, opening } => {
                    let occasion =
                        OccasionId { partition: self.settings.index, number: self.groups.next };
                    self.groups.next += 1;
                    self.groups.asked.insert(occasion.number, (id, gateway));
                    turn.lanes.push(ToLanes::Ask { occasion, opening });
                }
                GroupEffect::Transmit(plan) => filled = Some(plan),
                GroupEffect::Publish(news) => {
                    let told = GroupTold { about: Arc::clone(&about), news };
                    turn.batch.releases.push(Release::Tell(told));
                }
            }
        }
        filled
    }
}

/// Asks the homes of a group's members.
fn ask_for_paths(group: GroupId, members: &[DevEui], turn: &mut Turn) {
    let mut by_home: BTreeMap<u8, Vec<DevEui>> = BTreeMap::new();
    for dev_eui in members {
        by_home.entry(home_of(*dev_eui)).or_default().push(*dev_eui);
    }
    for (home, members) in by_home {
        turn.letters.push((home, ToPartition::PathsOf { group, members }));
    }
}
