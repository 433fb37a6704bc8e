//! Whose frame is it? A DevAddr is shared by many; only the MIC tells.
//!
//! Candidates are *ordered* by how far the frame's counter lies ahead of theirs and by the data rate
//! that they used last, never excluded: each is tried with the one full counter that it makes of the
//! sixteen bits on the air. When none verifies, more computations tell a replay, a device that
//! forgot its counters and a stranger apart. Strangers can send as much as they like, so that all
//! this has a budget (`flood.rs`).

mod contexts;
mod flood;
mod key_cache;
mod row;
mod verdict;

use lns_lorawan::{
    DataRateIndex, FCntUp, Frequency, Modulation, OpenedUplink, Region, SealedUplink, Timestamp,
};

use super::{Behind, Device};
use crate::event::{Freshness, Under};
use crate::mac::channel_plan;
use crate::reject::Reject;

pub use self::key_cache::KeyCache;
pub use self::row::Row;
pub use crate::dedup::digest;

use contexts::Received;
use flood::Floods;
use row::Signs;
use verdict::Judge;

/// How many candidates are tried whatever it has cost before: a device whose counter goes on is
/// among them, but for a fleet that counts in step.
pub const NEAREST: usize = 32;

/// What matching must know of a frame besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct OnAir {
    /// Now, for the budget of misses.
    pub now: Timestamp,
    /// The frame's digest.
    pub digest: u64,
    /// The region of the gateway that heard it.
    pub region: Region,
    /// As received.
    pub modulation: Modulation,
    /// As received.
    pub frequency: Frequency,
}

/// A verdict on a frame.
#[derive(Debug)]
pub enum Match<K> {
    /// A session verifies it.
    Verified(Verified<K>),
    /// None does, or one does and must not.
    Refused {
        /// Why.
        reject: Reject,
        /// The device whose frame it is or was, where that is known, and what is to be put into its
        /// [`Device::behind`].
        whose: Option<(K, Option<Behind>)>,
    },
}

/// A frame and the session that verifies it.
#[derive(Debug)]
pub struct Verified<K> {
    /// The candidate.
    pub key: K,
    /// Which of its sessions.
    pub under: Under,
    /// The frame in clear.
    pub opened: OpenedUplink,
    /// New, or the last frame again.
    pub freshness: Freshness,
    /// Index in the region's uplink table.
    pub data_rate: DataRateIndex,
    /// The device's channel with this frequency, if it has one.
    pub channel: Option<u8>,
}

/// Matches frames to sessions.
#[derive(Debug)]
pub struct Matcher {
    keys: KeyCache,
    floods: Floods,
    /// MIC computations spent on telling why one frame does not verify.
    curiosity: u32,
    /// Places in the order of trying and indices of candidates; kept for its memory.
    order: Vec<(u32, u32)>,
}

/// The candidates of one frame, and what it is to be tried with.
struct Search<'a, K, F> {
    sealed: &'a SealedUplink<'a>,
    on_air: &'a OnAir,
    data_rate: DataRateIndex,
    rows: &'a [(K, Row)],
    device: F,
}

impl Matcher {
    /// Keeps up to `sessions` sessions' keys expanded and spends up to `curiosity` MIC computations
    /// on telling why a frame does not verify.
    pub fn new(sessions: usize, curiosity: u32) -> Self {
        let keys = KeyCache::new(sessions);
        Matcher { keys, floods: Floods::default(), curiosity, order: Vec::new() }
    }

    /// Finds the session whose frame this is among those with its address: `rows` of them, and the
    /// devices by their keys.
    pub fn match_uplink<'a, K: Copy>(
        &mut self,
        sealed: &SealedUplink<'_>,
        on_air: &OnAir,
        rows: &[(K, Row)],
        device: impl Fn(K) -> Option<&'a Device>,
    ) -> Match<K> {
        let refused = |reject| Match::Refused { reject, whose: None };
        if rows.is_empty() {
            return refused(Reject::UnknownDevAddr);
        }
        let Some(data_rate) = channel_plan::uplink_data_rate(on_air.region, on_air.modulation)
        else {
            return refused(Reject::NotADataRate);
        };
        let search = Search { sealed, on_air, data_rate, rows, device };
        let mut order = std::mem::take(&mut self.order);
        search.candidates(&mut order);
        let verdict = if order.is_empty() {
            refused(Reject::OtherRegion)
        } else {
            self.search(&search, &mut order)
        };
        self.order = order;
        verdict
    }

    /// The nearest candidates, then the others, then why none verifies.
    fn search<'a, K: Copy, F: Fn(K) -> Option<&'a Device>>(
        &mut self,
        search: &Search<'_, K, F>,
        order: &mut [(u32, u32)],
    ) -> Match<K> {
        let (dev_addr, now) = (search.sealed.dev_addr(), search.on_air.now);
        let is_crowded = order.len() > NEAREST;
        if is_crowded {
            order.select_nth_unstable(NEAREST);
        }
        let (nearest, others) = order.split_at_mut(NEAREST.min(order.len()));
        nearest.sort_unstable();
        if let Some(verdict) = search.among(nearest, &mut self.keys) {
            return verdict;
        }
        if self.floods.is_spent(dev_addr, now) {
            return Match::Refused { reject: Reject::AddressFlooded, whose: None };
        }
        others.sort_unstable();
        if let Some(verdict) = search.among(others, &mut self.keys) {
            return verdict;
        }
        let (verdict, curiosity) = search.explain(order, &mut self.keys, self.curiosity);
        if matches!(verdict, Match::Refused { whose: None, .. }) {
            let tried = u32::try_from(order.len()).unwrap_or(u32::MAX);
            self.floods.charge(dev_addr, tried.saturating_add(curiosity), now);
        }
        verdict
    }
}

impl<'a, K: Copy, F: Fn(K) -> Option<&'a Device>> Search<'_, K, F> {
    /// The candidates of the frame's region with their places in the order of trying.
    fn candidates(&self, order: &mut Vec<(u32, u32)>) {
        let f_cnt = self.sealed.wire_f_cnt();
        let signs = Signs { f_cnt, digest: self.on_air.digest, data_rate: self.data_rate };
        order.clear();
        let rows = (0u32..).zip(self.rows);
        let ours = rows.filter(|(_, (_, row))| row.region == self.on_air.region);
        order.extend(ours.map(|(index, (_, row))| (row.place(&signs), index)));
    }

    /// The verdict of the first of these that verifies the frame with its inferred counter.
    fn among(&self, order: &[(u32, u32)], keys: &mut KeyCache) -> Option<Match<K>> {
        let f_cnt = self.sealed.wire_f_cnt();
        order.iter().find_map(|(_, index)| {
            let (key, row) = self.rows.get(*index as usize)?;
            let f_cnt_up = row.infer(f_cnt)?;
            let (opened, channel, judge) = self.open((*key, row), f_cnt_up, keys)?;
            Some(judge.judge(opened, self.on_air.digest, (self.data_rate, channel)))
        })
    }

    /// Why no candidate verifies the frame: within the budget, whether one did earlier. And what
    /// that has cost.
    ///
    /// From the end of the order: what is furthest ahead may as well be a little behind.
    fn explain(&self, order: &[(u32, u32)], keys: &mut KeyCache, budget: u32) -> (Match<K>, u32) {
        let f_cnt = self.sealed.wire_f_cnt();
        let mut cost = 0;
        for (_, index) in order.iter().rev() {
            let Some((key, row)) = self.rows.get(*index as usize) else { continue };
            for f_cnt_up in row.earlier(f_cnt) {
                if cost >= budget {
                    return (Match::Refused { reject: Reject::MicMismatch, whose: None }, cost);
                }
                cost += 1;
                if let Some((opened, channel, judge)) = self.open((*key, row), f_cnt_up, keys) {
                    let on = (self.data_rate, channel);
                    return (judge.behind(opened, self.on_air.digest, on), cost);
                }
            }
        }
        (Match::Refused { reject: Reject::MicMismatch, whose: None }, cost)
    }

    /// The frame in clear, if the candidate's session verifies it with this counter.
    fn open(
        &self,
        (key, row): (K, &Row),
        f_cnt_up: FCntUp,
        keys: &mut KeyCache,
    ) -> Option<(OpenedUplink, Option<u8>, Judge<'a, K>)> {
        let signed = row.signed(f_cnt_up);
        let first_look = keys.first_look(&row.f_nwk_s_int_key);
        if !self.sealed.may_verify(first_look, row.scheme, signed) {
            return None;
        }
        let device = (self.device)(key)?;
        let under = row.under;
        let session = device.session_under(under)?;
        let schedules = keys.schedules(&session.keys);
        let received = Received {
            frequency: self.on_air.frequency,
            data_rate: self.data_rate,
            ack: self.sealed.f_ctrl().ack,
        };
        for (context, channel) in contexts::contexts(device, session, received) {
            if let Ok(mut opened) = self.sealed.open(schedules, signed, context) {
                opened.f_cnt_up = f_cnt_up;
                return Some((opened, channel, Judge { key, device, session, under }));
            }
        }
        None
    }
}
