//! Who is subscribed to what.

use std::collections::HashMap;
use std::sync::Arc;

use lns_pipeline::topic::{TopicFilter, Trie};

use crate::config::Limits;
use crate::packet::SubscriptionOptions;
use crate::turn::Slot;

/// All subscriptions, found by topic name.
///
/// The trie knows each filter once, as the number of a leaf; who is subscribed stands in the leaf.
/// So one filter of many thousand clients is one look-up, and a client that comes or goes changes
/// one list.
#[derive(Debug, Default)]
pub(crate) struct Table {
    trie: Trie<(), u32>,
    leaves: Vec<Leaf>,
    free: Vec<u32>,
    by_filter: HashMap<TopicFilter, u32>,
    /// How many groups there are in all leaves.
    groups: usize,
}

/// Everybody who is subscribed to one filter.
#[derive(Debug)]
pub(crate) struct Leaf {
    filter: TopicFilter,
    /// Ordered by session.
    pub plain: Vec<Subscriber>,
    pub groups: Vec<Group>,
    /// The server itself wants to hear it.
    pub is_heard: bool,
}

/// One session's subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscriber {
    pub slot: Slot,
    pub options: SubscriptionOptions,
    pub identifier: Option<u32>,
}

/// The sessions that share one subscription (MQTT 5.0 §4.8.2).
#[derive(Debug)]
pub(crate) struct Group {
    /// `$share/{group}/{filter}`.
    pub name: Arc<str>,
    pub members: Vec<Subscriber>,
    /// Whose turn it is.
    pub next: usize,
}

/// A filter as a client writes it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// All of it.
    pub text: Arc<str>,
    /// What topic names have to meet.
    pub filter: TopicFilter,
    pub is_shared: bool,
}

impl Wanted {
    /// `None` when it is not allowed: MQTT 5.0 §4.7.1 and §4.8.2.
    pub fn parse(text: &str) -> Option<Self> {
        let (plain, is_shared) = match text.strip_prefix("$share/") {
            Some(shared) => {
                let (group, filter) = shared.split_once('/')?;
                if group.is_empty() || group.contains(['+', '#']) {
                    return None;
                }
                (filter, true)
            }
            None => (text, false),
        };
        let filter = TopicFilter::parse(plain).ok()?;
        (plain != "$share").then(|| Self { text: text.into(), filter, is_shared })
    }
}

impl Table {
    /// Puts a subscription in place. `true` when this session had none of this filter.
    pub fn insert(&mut self, wanted: &Wanted, subscriber: Subscriber) -> (u32, bool) {
        let at = self.leaf_of(&wanted.filter);
        let leaf = &mut self.leaves[at as usize];
        let is_new = if wanted.is_shared {
            let before = leaf.groups.len();
            let is_new = leaf.share(&wanted.text, subscriber);
            self.groups += leaf.groups.len() - before;
            is_new
        } else {
            leaf.put(subscriber)
        };
        (at, is_new)
    }

    /// Whether one more session may share this subscription.
    pub fn may_share(&self, wanted: &Wanted, limits: &Limits) -> bool {
        let leaf = self.by_filter.get(&wanted.filter).map(|at| self.leaf(*at));
        let group = leaf.and_then(|leaf| leaf.groups.iter().find(|one| one.name == wanted.text));
        let (there, most) = match group {
            Some(group) => (group.members.len(), limits.shared_subscription_members),
            None => (self.groups, limits.shared_subscriptions),
        };
        most.is_none_or(|most| there < most)
    }

    /// Takes a subscription away.
    pub fn remove(&mut self, text: &str, at: u32, slot: Slot) {
        let leaf = &mut self.leaves[at as usize];
        if text.starts_with("$share/") {
            for group in leaf.groups.iter_mut().filter(|group| &*group.name == text) {
                group.members.retain(|member| member.slot != slot);
            }
            let before = leaf.groups.len();
            leaf.groups.retain(|group| !group.members.is_empty());
            self.groups -= before - leaf.groups.len();
        } else if let Ok(place) = leaf.plain.binary_search_by_key(&slot, |one| one.slot) {
            leaf.plain.remove(place);
        }
        self.prune(at);
    }

    /// What the server itself wants to hear: these and nothing else.
    pub fn listen(&mut self, filters: &[TopicFilter]) {
        let heard = |leaf: &Leaf| leaf.is_heard;
        let before: Vec<u32> =
            (0..).zip(&self.leaves).filter(|(_, leaf)| heard(leaf)).map(|(at, _)| at).collect();
        for at in &before {
            self.leaves[*at as usize].is_heard = false;
        }
        for filter in filters {
            let at = self.leaf_of(filter);
            self.leaves[at as usize].is_heard = true;
        }
        before.into_iter().for_each(|at| self.prune(at));
    }

    /// The leaves of all filters that the topic name meets.
    pub fn find(&self, topic: &str, found: &mut Vec<u32>) {
        self.trie.for_each_match(topic, |(), at| found.push(*at));
    }

    pub fn leaf(&self, at: u32) -> &Leaf {
        &self.leaves[at as usize]
    }

    pub fn leaf_mut(&mut self, at: u32) -> &mut Leaf {
        &mut self.leaves[at as usize]
    }

    /// The members of a shared subscription, if it has any.
    pub fn group(&mut self, name: &str) -> Option<(u32, usize)> {
        let wanted = Wanted::parse(name)?;
        let at = *self.by_filter.get(&wanted.filter)?;
        let groups = &self.leaves[at as usize].groups;
        groups.iter().position(|group| &*group.name == name).map(|group| (at, group))
    }

    fn leaf_of(&mut self, filter: &TopicFilter) -> u32 {
        if let Some(at) = self.by_filter.get(filter) {
            return *at;
        }
        let leaf =
            Leaf { filter: filter.clone(), plain: Vec::new(), groups: Vec::new(), is_heard: false };
        let at = match self.free.pop() {
            Some(at) => {
                self.leaves[at as usize] = leaf;
                at
            }
            None => {
                self.leaves.push(leaf);
                (self.leaves.len() - 1) as u32
            }
        };
        self.by_filter.insert(filter.clone(), at);
        self.trie.insert(filter, (), at);
        at
    }

    /// Forgets a filter that nobody wants.
    fn prune(&mut self, at: u32) {
        let leaf = &self.leaves[at as usize];
        let is_wanted = leaf.is_heard || !leaf.plain.is_empty() || !leaf.groups.is_empty();
        if !is_wanted && self.by_filter.remove(&leaf.filter).is_some() {
            self.trie.remove(&leaf.filter, &());
            self.free.push(at);
        }
    }
}

impl Leaf {
    fn put(&mut self, subscriber: Subscriber) -> bool {
        match self.plain.binary_search_by_key(&subscriber.slot, |one| one.slot) {
            Ok(at) => self.plain[at] = subscriber,
            Err(at) => {
                self.plain.insert(at, subscriber);
                return true;
            }
        }
        false
    }

    fn share(&mut self, name: &Arc<str>, subscriber: Subscriber) -> bool {
        let Some(group) = self.groups.iter_mut().find(|group| group.name == *name) else {
            self.groups.push(Group { name: name.clone(), members: vec![subscriber], next: 0 });
            return true;
        };
        match group.members.iter_mut().find(|member| member.slot == subscriber.slot) {
            Some(member) => *member = subscriber,
            None => {
                group.members.push(subscriber);
                return true;
            }
        }
        false
    }
}

impl Group {
    /// Whose turn it is: the next member that is fit, then the next after it.
    pub fn choose(&mut self, mut fit: impl FnMut(&Subscriber) -> bool) -> Option<Subscriber> {
        let count = self.members.len();
        let at =
            (0..count).map(|step| (self.next + step) % count).find(|at| fit(&self.members[*at]))?;
        self.next = at + 1;
        Some(self.members[at])
    }
}
