//! Where gatherings lie: slots that are used again, found by digest and bytes.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};

use lns_lorawan::{GatewayEui, TimeDelta, Timestamp, Tmst};

use crate::event::Reception;
use crate::reject::Reject;

/// Names a gathering for as long as it is remembered; later the name is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatherId {
    slot: u32,
    generation: u32,
}

/// How many transmissions of the same digest are remembered. The bytes of one device recur every
/// two seconds or slower; more of them means that somebody makes them up.
const CHAIN: usize = 8;

/// A copy that has been counted, kept after its reception has left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub gateway: GatewayEui,
    pub tmst: Tmst,
    pub boot_epoch: u32,
    /// How long after the first copy it came.
    pub behind: TimeDelta,
}

/// How far a gathering has come.
#[derive(Debug)]
pub(super) enum State<K> {
    /// The first copy is being matched.
    Unmatched,
    /// Matched; copies of these gateways are missing, and are waited for until then.
    Open { key: K, missing: Vec<GatewayEui>, closes_at: Timestamp },
    /// Refused; so is every copy.
    Rejected(Reject),
    /// Delivered; every copy is late.
    Closed(K),
}

/// One transmission.
#[derive(Debug)]
pub(super) struct Slot<K> {
    generation: u32,
    digest: u64,
    bytes: Vec<u8>,
    /// The next older transmission of the same digest.
    older: Option<u32>,
    pub air_time: Timestamp,
    pub opened: Timestamp,
    pub seen: Vec<Seen>,
    pub receptions: Vec<Reception>,
    pub state: State<K>,
}

/// Spreads digests by a secret, so that nobody can send frames that all land in one place.
#[derive(Clone, Debug)]
struct Keyed(u64);

struct Spread(u64);

impl BuildHasher for Keyed {
    type Hasher = Spread;
    fn build_hasher(&self) -> Spread {
        Spread(self.0)
    }
}

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }
    fn write_u64(&mut self, digest: u64) {
        let product = u128::from(self.0 ^ digest) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

/// All gatherings, in the order in which they were opened.
#[derive(Debug)]
pub(super) struct Slots<K> {
    slots: Vec<Slot<K>>,
    free: Vec<u32>,
    newest: HashMap<u64, u32, Keyed>,
    by_age: VecDeque<GatherId>,
    used: usize,
}

impl<K> Slots<K> {
    /// Empty; `secret` is random where strangers can send.
    pub fn new(secret: u64) -> Self {
        Slots {
            slots: Vec::new(),
            free: Vec::new(),
            newest: HashMap::with_hasher(Keyed(secret)),
            by_age: VecDeque::new(),
            used: 0,
        }
    }

    /// How many transmissions are remembered.
    pub fn len(&self) -> usize {
        self.used
    }

    /// The gathering of these bytes whose air time is within `span` of this one.
    pub fn find(
        &self,
        (digest, bytes): (u64, &[u8]),
        air_time: Timestamp,
        span: TimeDelta,
    ) -> Option<GatherId> {
        let mut next = self.newest.get(&digest).copied();
        while let Some(index) = next {
            let slot = &self.slots[index as usize];
            if air_time.since(slot.air_time).abs() <= span && slot.bytes == bytes {
                return Some(GatherId { slot: index, generation: slot.generation });
            }
            next = slot.older;
        }
        None
    }

    /// A new gathering, without receptions yet.
    pub fn open(
        &mut self,
        (digest, bytes): (u64, &[u8]),
        air_time: Timestamp,
        now: Timestamp,
    ) -> GatherId {
        let older = self.newest.get(&digest).copied();
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                digest,
                bytes: Vec::new(),
                older: None,
                air_time,
                opened: now,
                seen: Vec::new(),
                receptions: Vec::new(),
                state: State::Unmatched,
            });
            u32::try_from(self.slots.len() - 1).expect("the capacity is far below 2^32")
        });
        let slot = &mut self.slots[index as usize];
        slot.digest = digest;
        slot.bytes.extend_from_slice(bytes);
        slot.older = older;
        slot.air_time = air_time;
        slot.opened = now;
        self.newest.insert(digest, index);
        self.used += 1;
        let id = GatherId { slot: index, generation: self.slots[index as usize].generation };
        self.by_age.push_back(id);
        id
    }

    /// The oldest transmission of a digest that already has as many as are remembered.
    pub fn crowded(&self, digest: u64) -> Option<GatherId> {
        let mut next = self.newest.get(&digest).copied();
        for _ in 1..CHAIN {
            next = self.slots[next? as usize].older;
        }
        let index = next?;
        Some(GatherId { slot: index, generation: self.slots[index as usize].generation })
    }

    pub fn slot(&self, id: GatherId) -> Option<&Slot<K>> {
        self.slots.get(id.slot as usize).filter(|slot| slot.generation == id.generation)
    }

    pub fn slot_mut(&mut self, id: GatherId) -> Option<&mut Slot<K>> {
        self.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation)
    }

    /// The one opened first.
    pub fn oldest(&mut self) -> Option<GatherId> {
        while let Some(id) = self.by_age.front().copied() {
            if self.slot(id).is_some() {
                return Some(id);
            }
            self.by_age.pop_front();
        }
        None
    }

    /// Forgets a gathering and says how far it had come. Its buffers serve the next one.
    pub fn forget(&mut self, id: GatherId) -> Option<State<K>> {
        let digest = self.slot(id)?.digest;
        self.unlink(digest, id.slot);
        let slot = &mut self.slots[id.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.bytes.clear();
        slot.seen.clear();
        slot.receptions.clear();
        self.free.push(id.slot);
        self.used -= 1;
        Some(core::mem::replace(&mut slot.state, State::Unmatched))
    }

    fn unlink(&mut self, digest: u64, index: u32) {
        let older = self.slots[index as usize].older.take();
        let Some(mut at) = self.newest.get(&digest).copied() else { return };
        if at == index {
            match older {
                Some(older) => self.newest.insert(digest, older),
                None => self.newest.remove(&digest),
            };
            return;
        }
        while let Some(next) = self.slots[at as usize].older {
            if next == index {
                self.slots[at as usize].older = older;
                return;
            }
            at = next;
        }
    }
}
