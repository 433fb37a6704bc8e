//! Some homes: all their devices in memory, one mailbox, one turn at a time.
//!
//! A partition is the only writer of its devices. A turn takes what has arrived, decides it all,
//! and leaves a [`Batch`] whose writes are durable before any of its effects is released. There is
//! no thread, socket or clock here: the shell's threads and the simulated world are two drivers
//! over the same room.

mod apply;
mod devices;
mod groups;
mod hear;
mod load;
mod occasion;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use lns_core::dedup::{GatherId, Gatherings};
use lns_core::device::matching::Matcher;
use lns_core::effect::{Durable, Stage};
use lns_core::radio::shortage::Shortage;
use lns_core::{Device, Env, Event, EventKind, Network};
use lns_lorawan::{DevAddrPrefix, DevEui, RxDelay, TimeDelta, Timestamp};

use crate::committer::Batch;
use crate::dice::Dice;
use crate::gateways::Gateways;
use crate::message::{
    CommandError, HOMES, OccasionId, OutboundEvent, Release, Reply, Seen, ToLanes, ToPartition,
    Watermarks,
};

pub use crate::message::watermarks;
pub use devices::{Devices, Slot};
pub use groups::Groups;
pub use load::{LoadError, Loaded, load, load_groups};

use occasion::{Due, Occasions};

/// Sessions whose keys a partition keeps expanded; about 1.4 KB each.
const KEYS_EXPANDED: usize = 16_384;

/// MIC computations spent on telling why one frame does not verify.
const CURIOSITY: u32 = 512;

/// A device that is being gathered is woken at the earliest so much later.
const AFTER_GATHERING: TimeDelta = TimeDelta::from_millis(10);

/// What a partition is told once.
#[derive(Clone)]
pub struct Settings {
    /// Which partition this is.
    pub index: u16,
    /// The network's settings.
    pub network: Arc<Network>,
    /// The longest that copies are gathered.
    pub dedup_limit: TimeDelta,
    /// The block that addresses are given from.
    pub addresses: DevAddrPrefix,
    /// RxDelay to give at joins; `None`: chosen by the serving gateway's round trip.
    pub rx_delay: Option<RxDelay>,
    /// What is known of gateways.
    pub gateways: Arc<Gateways>,
    /// How far the sinks are.
    pub delivered: Watermarks,
}

/// What a turn leaves to be done.
#[derive(Default)]
pub struct Turn {
    /// To be committed, then released.
    pub batch: Batch,
    /// For the lanes at once: questions need no commit.
    pub lanes: Vec<ToLanes>,
    /// Frames that another partition may know.
    pub onward: Vec<crate::message::HeardFrame>,
    /// For partitions of these homes, this one among them.
    pub letters: Vec<(u8, ToPartition)>,
    /// What was seen.
    pub seen: Vec<Seen>,
}

/// Some homes and the devices that live there.
pub struct Partition {
    settings: Settings,
    devices: Devices,
    matcher: Matcher,
    gatherings: Gatherings<hear::Matched>,
    /// The transmission of a device that is being gathered.
    gathering: HashMap<Slot, GatherId>,
    occasions: Occasions,
    /// When devices want to be woken; an entry may be out of date, the device knows.
    wakes: BinaryHeap<Reverse<(Timestamp, Slot)>>,
    sequences: [u64; HOMES],
    spilled: HashMap<u8, BTreeSet<u64>>,
    dice: Dice,
    /// Rows whose record must be written at the end of the turn, in the order first touched.
    dirty: Vec<(Slot, DevEui)>,
    /// The same, to look up.
    is_dirty: HashSet<Slot>,
    /// Of these, the ones whose used DevNonces must be written first.
    dirty_nonces: Vec<Slot>,
    now: Timestamp,
    /// When the downlink of the gathering that is being closed may be decided.
    decide_at: Timestamp,
    /// For tests: called with each event inside the guard against panics.
    #[cfg(test)]
    sabotage: Option<fn(&Event)>,
    /// The occasion that a device is being asked about, until it has used it.
    speaking: Option<OccasionId>,
    groups: Groups,
}

impl Partition {
    /// A partition with the devices that were read at start-up.
    pub fn new(settings: Settings, mut dice: Dice, loaded: Loaded) -> Self {
        let gatherings = Gatherings::new(lns_core::dedup::Settings {
            limit: settings.dedup_limit,
            secret: dice.u64(),
            ..Default::default()
        });
        let mut devices = Devices::default();
        let mut wakes = BinaryHeap::new();
        for device in loaded.devices {
            let wake = device.next_wake();
            let slot = devices.insert(device);
            wakes.extend(wake.map(|at| Reverse((at, slot))));
        }
        Partition {
            settings,
            devices,
            matcher: Matcher::new(KEYS_EXPANDED, CURIOSITY),
            gatherings,
            occasions: Occasions::default(),
            wakes,
            sequences: loaded.sequences,
            spilled: loaded.spilled,
            dice,
            dirty: Vec::new(),
            is_dirty: HashSet::new(),
            gathering: HashMap::new(),
            dirty_nonces: Vec::new(),
            now: Timestamp::from_micros(0),
            decide_at: Timestamp::from_micros(0),
            speaking: None,
            groups: Groups::new(loaded.groups),
            #[cfg(test)]
            sabotage: None,
        }
    }

    /// The devices, for whoever looks at the partition from outside.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// Takes one message into the turn.
    pub fn handle(&mut self, now: Timestamp, message: ToPartition, turn: &mut Turn) {
        self.now = now;
        match message {
            ToPartition::Heard(frame) => self.hear(frame, turn),
            ToPartition::Offers { occasion, offers, shortage } => {
                self.offers(occasion, (offers, shortage), turn);
            }
            ToPartition::Outcome { dev_eui, outcome } => {
                if let Some(slot) = self.devices.find(dev_eui) {
                    self.apply(slot, Event::Outcome(outcome), turn);
                }
            }
            ToPartition::Command { dev_eui, command, reply } => {
                self.command(dev_eui, command, reply, turn);
            }
            ToPartition::Forget { dev_eui, reply } => self.forget(dev_eui, reply, turn),
            ToPartition::Look { dev_eui, view } => {
                view(self.devices.find(dev_eui).and_then(|slot| self.devices.device(slot)));
            }
            ToPartition::Group(group, message) => self.group_mail(group, message, turn),
            ToPartition::PathsOf { group, members } => self.paths_of(group, &members, turn),
            ToPartition::Stop => {}
        }
    }

    /// Does what has come due by `now`.
    pub fn wake(&mut self, now: Timestamp, turn: &mut Turn) {
        self.now = now;
        self.close_gatherings(turn);
        while let Some(due) = self.occasions.due(now) {
            match due {
                Due::Ask(number) => {
                    self.ask_if_something_to_say(number, turn);
                }
                Due::Passed(number) => self.occasion_passed(number, turn),
            }
        }
        self.wake_devices(turn);
        self.wake_groups(turn);
    }

    /// When [`Partition::wake`] is next needed.
    pub fn next_wake(&mut self) -> Option<Timestamp> {
        let device = self.wakes.peek().map(|Reverse((at, _))| *at);
        let gathering = self.gatherings.next_deadline();
        let group = self.groups.next_wake();
        [gathering, self.occasions.next_wake(), device, group].into_iter().flatten().min()
    }

    fn wake_devices(&mut self, turn: &mut Turn) {
        while let Some(&Reverse((at, slot))) = self.wakes.peek() {
            if at > self.now {
                return;
            }
            self.wakes.pop();
            match self.devices.device(slot).and_then(Device::next_wake) {
                Some(wanted) if wanted <= self.now && self.gathering.contains_key(&slot) => {
                    // It has just sent: what that means is decided first.
                    let closed = self.now + self.settings.dedup_limit.max(AFTER_GATHERING);
                    self.wakes.push(Reverse((closed, slot)));
                }
                Some(wanted) if wanted <= self.now => self.apply(slot, Event::Wake, turn),
                Some(wanted) => self.wakes.push(Reverse((wanted, slot))),
                None => {}
            }
        }
    }

    fn command(
        &mut self,
        dev_eui: DevEui,
        command: lns_core::Command,
        reply: Reply,
        turn: &mut Turn,
    ) {
        let slot = match (self.devices.find(dev_eui), &command) {
            (Some(slot), _) => slot,
            (None, lns_core::Command::Describe(about)) => {
                let device = Device::born(Arc::clone(about), self.now);
                self.admit(device, turn)
            }
            (None, _) => {
                turn.batch.releases.push(Release::Reply(reply, Err(CommandError::UnknownDevice)));
                return;
            }
        };
        let answer = self.carry_out(slot, command, turn);
        turn.batch.releases.push(Release::Reply(reply, answer));
        if let Some(number) = self.occasions.waiting(slot) {
            self.ask_if_something_to_say(number, turn);
        }
    }

    /// Lets a command happen to its device, and says what whoever gave it should know.
    fn carry_out(
        &mut self,
        slot: Slot,
        command: lns_core::Command,
        turn: &mut Turn,
    ) -> Result<(), CommandError> {
        if matches!(command, lns_core::Command::AllowReset)
            && self.devices.device(slot).is_some_and(|device| !device.is_personalized())
        {
            let reason =
                "the device joins over the air, which begins its counters anew: let it join";
            return Err(CommandError::Impossible(reason.into()));
        }
        let now = self.now;
        let limit = self.settings.network.queue_limit;
        let queued = self.devices.device(slot).map_or(0, |device| device.queue.len());
        let enqueued = match &command {
            lns_core::Command::Enqueue(item) if queued >= limit => {
                let known =
                    self.devices.device(slot).is_some_and(|device| device.knows(item.id, now));
                if !known {
                    return Err(CommandError::QueueFull { limit });
                }
                Some(item.id)
            }
            lns_core::Command::Enqueue(item) => Some(item.id),
            lns_core::Command::ForceRejoin(_)
                if !self.devices.device(slot).is_some_and(Device::can_rejoin) =>
            {
                let why = "the device is in no LoRaWAN 1.1 session that it has joined";
                return Err(CommandError::Impossible(why.into()));
            }
            lns_core::Command::Drop(_)
            | lns_core::Command::ForceRejoin(_)
            | lns_core::Command::Clear
            | lns_core::Command::AllowReset
            | lns_core::Command::Describe(_) => None,
        };
        let before = turn.batch.releases.len();
        self.apply(slot, Event::Command(command), turn);
        let refused = turn.batch.releases[before..].iter().find_map(|release| match release {
            Release::Publish(OutboundEvent { event, .. }) => match &event.kind {
                EventKind::Downlink { id, stage: Stage::Impossible(reason), .. }
                    if Some(*id) == enqueued =>
                {
                    Some(reason.clone())
                }
                _ => None,
            },
            Release::Addresses { .. }
            | Release::Transmit { .. }
            | Release::Tell(_)
            | Release::Reply(..) => None,
        });
        refused.map_or(Ok(()), |reason| Err(CommandError::Impossible(reason)))
    }

    /// A new device: its addresses are made known and its record is written.
    fn admit(&mut self, device: Device, turn: &mut Turn) -> Slot {
        let dev_eui = device.about.dev_eui;
        let now: Vec<_> =
            devices::addresses(&device).into_iter().flatten().map(|(addr, _)| addr).collect();
        let slot = self.devices.insert(device);
        if !now.is_empty() {
            let home = lns_core::device::home_of(dev_eui);
            turn.batch.releases.push(Release::Addresses { home, gone: Vec::new(), now });
        }
        self.become_durable(slot, dev_eui, Durable::Record);
        slot
    }

    fn forget(&mut self, dev_eui: DevEui, reply: Reply, turn: &mut Turn) {
        let Some(slot) = self.devices.find(dev_eui) else {
            turn.batch.releases.push(Release::Reply(reply, Err(CommandError::UnknownDevice)));
            return;
        };
        self.occasions.close_of(slot);
        if let Some(device) = self.devices.remove(slot) {
            let gone = devices::addresses(&device).into_iter().flatten().map(|(a, _)| a).collect();
            let home = lns_core::device::home_of(dev_eui);
            turn.batch.releases.push(Release::Addresses { home, gone, now: Vec::new() });
            self.erase(&device, turn);
        }
        turn.batch.releases.push(Release::Reply(reply, Ok(())));
    }

    /// Asks the lanes, once, if there is anything to ask for; says whether they have been asked.
    ///
    /// Whether it is too late is for the lanes to say: they know their gateways' ways better.
    fn ask_if_something_to_say(&mut self, number: u64, turn: &mut Turn) -> bool {
        let now = self.now;
        let partition = self.settings.index;
        let Some(open) = self.occasions.find(number) else { return false };
        let Some(device) = self.devices.device(open.slot) else { return false };
        if open.asked || !device.has_something_to_say(now) {
            return open.asked;
        }
        open.asked = true;
        turn.lanes.push(ToLanes::Ask {
            occasion: OccasionId { partition, number },
            opening: Box::new(open.opening.clone()),
        });
        true
    }

    fn offers(
        &mut self,
        occasion: OccasionId,
        (offers, shortage): (Vec<lns_core::Offer>, Option<Shortage>),
        turn: &mut Turn,
    ) {
        let (offers, shortage) = match self.offers_to_group(occasion, (offers, shortage), turn) {
            Ok(()) => return,
            Err(of_a_device) => of_a_device,
        };
        let Some(open) = self.occasions.close(occasion.number) else {
            turn.lanes.push(ToLanes::Withdraw(occasion));
            return;
        };
        let chance = lns_core::Occasion { purpose: open.opening.purpose, offers, shortage };
        self.speaking = Some(occasion);
        self.apply(open.slot, Event::Occasion(chance), turn);
        if self.speaking.take().is_some() {
            turn.lanes.push(ToLanes::Withdraw(occasion));
        }
    }

    /// The last call: what there is to say is asked for now or never. An occasion whose question is
    /// under way ends with its answer.
    fn occasion_passed(&mut self, number: u64, turn: &mut Turn) {
        if self.ask_if_something_to_say(number, turn) {
            return;
        }
        if let Some(open) = self.occasions.close(number) {
            self.apply(open.slot, Event::OccasionPassed, turn);
        }
    }

    fn env(&mut self) -> (Arc<Network>, u64) {
        (Arc::clone(&self.settings.network), self.dice.u64())
    }

    fn delivered(&self, home: u8) -> u64 {
        self.settings.delivered[usize::from(home)].load(Ordering::Acquire)
    }
}

/// What one step may know.
fn env_of(now: Timestamp, network: &Network, random: u64) -> Env<'_> {
    Env { now, network, random }
}
