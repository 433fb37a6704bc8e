//! A session: what a device and the network agreed on at a join, or at the factory.

mod channels;
mod params;

use std::sync::Arc;

use lns_lorawan::{DevAddr, FCntDown, FCntUp, MacVersion, SessionKeys};
use serde::{Deserialize, Serialize};

pub use channels::{Channels, DeviceChannel, Slot};
pub use params::{
    AdrAck, MacParams, PingChannel, PingSlot, Place, RejoinPeriod, RxParams, TxParams,
};

/// How many counters a durable ceiling is raised ahead.
pub const CEILING_AHEAD: u32 = 16;

/// The next FCntDown to use, under a ceiling that is durable.
///
/// The record on disk carries only the ceiling. A counter below it may be used without waiting for
/// the disk; after a crash counting goes on at the ceiling, so that a counter may be skipped but is
/// never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownCounter {
    /// Next to use.
    pub next: FCntDown,
    /// No counter at or above this may be used before a higher ceiling is durable.
    pub ceiling: FCntDown,
}

/// Frames at the start of a session whose tags are remembered: a device that has forgotten its
/// counters sends other frames under the same ones.
const FIRST: usize = 8;

/// Newest frames of a session whose tags are remembered.
const NEWEST: usize = 16;

/// Tags of accepted frames: what tells a replay (the same frame) from a reset (another frame under
/// the same counter). In memory only; without it a reset is noticed a few frames later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// By counter; 0 where none was accepted.
    first: [u16; FIRST],
    /// By counter modulo their number; 0 where none was accepted.
    newest: [u16; NEWEST],
}

/// What is known of the frame that was accepted under a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// It was this frame.
    Same,
    /// It was another frame.
    Other,
    /// None was accepted, or it is forgotten.
    Nothing,
}

/// What a device and the network share from one activation to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The address.
    pub dev_addr: DevAddr,
    /// The keys.
    pub keys: SessionKeys,
    /// The version that the session was made under.
    pub mac_version: MacVersion,
    /// Last accepted FCntUp; `None` before the first frame.
    pub f_cnt_up: Option<FCntUp>,
    /// Lowest FCntUp accepted as the first frame.
    pub f_cnt_up_start: FCntUp,
    /// Digest of the last accepted frame's bytes; meaningless while `f_cnt_up` is `None`.
    pub last_digest: u64,
    /// Tags of earlier frames.
    pub history: History,
    /// FCntDown of 1.0.x, NFCntDown of 1.1.
    pub n_f_cnt_down: DownCounter,
    /// AFCntDown of 1.1 (LoRaWAN 1.1 §4.3.1.5); unused in 1.0.x.
    pub a_f_cnt_down: DownCounter,
    /// Counter of the last confirmed downlink, which an uplink's ACK refers to (LoRaWAN 1.1
    /// §4.4.2).
    pub confirmed_f_cnt_down: Option<FCntDown>,
    /// What the device's MAC does, as far as we know.
    pub current: Arc<MacParams>,
}

impl Session {
    /// A session in which nothing was sent yet.
    pub fn new(
        dev_addr: DevAddr,
        keys: SessionKeys,
        mac_version: MacVersion,
        current: MacParams,
    ) -> Self {
        Session {
            dev_addr,
            keys,
            mac_version,
            f_cnt_up: None,
            f_cnt_up_start: FCntUp(0),
            last_digest: 0,
            history: History::default(),
            n_f_cnt_down: DownCounter::default(),
            a_f_cnt_down: DownCounter::default(),
            confirmed_f_cnt_down: None,
            current: Arc::new(current),
        }
    }

    /// What the device's MAC does, to be changed.
    pub fn current_mut(&mut self) -> &mut MacParams {
        Arc::make_mut(&mut self.current)
    }

    /// The lowest counter that a new frame may have; `None` when the counters are used up.
    pub fn next_f_cnt_up(&self) -> Option<FCntUp> {
        match self.f_cnt_up {
            Some(last) => last.next(),
            None => Some(self.f_cnt_up_start),
        }
    }

    /// A new frame has been accepted.
    pub fn advance(&mut self, f_cnt_up: FCntUp, digest: u64) {
        self.history.push(self.f_cnt_up, f_cnt_up, digest);
        self.f_cnt_up = Some(f_cnt_up);
        self.last_digest = digest;
    }
}

impl DownCounter {
    /// Takes the next counter; with it, whether the record must be durable before the counter is
    /// used. `None` when all are used up: a counter used twice is a keystream used twice.
    pub fn take(&mut self) -> Option<(FCntDown, bool)> {
        let taken = self.next;
        let next = taken.next()?;
        let above = taken >= self.ceiling;
        self.next = next;
        if above {
            self.raise_ceiling();
        }
        Some((taken, above))
    }

    /// Raises the ceiling as far ahead as it may be. The record must be written afterwards.
    pub fn raise_ceiling(&mut self) {
        self.ceiling = FCntDown(self.next.0.saturating_add(CEILING_AHEAD)).max(self.ceiling);
    }

    /// The counter after a crash, from its durable ceiling.
    pub fn after_crash(ceiling: FCntDown) -> Self {
        DownCounter { next: ceiling, ceiling }
    }
}

impl History {
    /// What is known of the frame that was accepted under a counter not above the last one.
    pub fn recall(&self, f_cnt_up: FCntUp, last: FCntUp, digest: u64) -> Remembered {
        if f_cnt_up > last {
            return Remembered::Nothing;
        }
        let behind = usize::try_from(last.0 - f_cnt_up.0).unwrap_or(usize::MAX);
        let index = usize::try_from(f_cnt_up.0).unwrap_or(usize::MAX);
        let kept =
            if behind < NEWEST { self.newest.get(index % NEWEST) } else { self.first.get(index) };
        match kept {
            None | Some(0) => Remembered::Nothing,
            Some(kept) if *kept == tag(digest) => Remembered::Same,
            Some(_) => Remembered::Other,
        }
    }

    fn push(&mut self, last: Option<FCntUp>, f_cnt_up: FCntUp, digest: u64) {
        // What the ring still has from sixteen counters ago must not stand for a skipped counter.
        let newest = u32::try_from(NEWEST).unwrap_or(u32::MAX);
        let after_last = last.map_or(0, |last| last.0.saturating_add(1));
        for skipped in after_last.max(f_cnt_up.0.saturating_sub(newest))..f_cnt_up.0 {
            self.set(skipped, 0);
        }
        self.set(f_cnt_up.0, tag(digest));
    }

    fn set(&mut self, f_cnt_up: u32, tag: u16) {
        let index = usize::try_from(f_cnt_up).unwrap_or(usize::MAX);
        if let Some(place) = self.newest.get_mut(index % NEWEST) {
            *place = tag;
        }
        if let Some(place) = self.first.get_mut(index) {
            *place = tag;
        }
    }
}

/// Sixteen bits of a digest, never 0.
fn tag(digest: u64) -> u16 {
    let [low, high, ..] = digest.to_le_bytes();
    u16::from_le_bytes([low, high]).max(1)
}
