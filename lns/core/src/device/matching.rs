//! Whose frame is it? A DevAddr is shared by many; only the MIC tells.
//!
//! Candidates are *ordered* by how far the frame's counter lies ahead of theirs, never excluded:
//! each is tried with the one full counter that it makes of the sixteen bits on the air. When none
//! verifies, a few more computations tell a replay, a device that forgot its counters and a
//! stranger apart; that curiosity has a budget, since strangers can send as much as they like.

use lns_lorawan::{
    DataRateIndex, FCntUp, Frequency, Modulation, OpenedUplink, Region, SealedUplink,
    SessionSchedules, Uplink11Ctx,
};

use super::{Behind, Device};
use crate::event::{Freshness, Under};
use crate::mac::channel_plan;
use crate::reject::Reject;
use crate::session::{Remembered, Session};

pub use super::key_cache::KeyCache;
pub use crate::dedup::digest;

/// How far the counter of a device that counts in 16 bits may jump: its frames of the last roll-over
/// verify too, so that what is far ahead is rather behind.
const MOST_AHEAD_16_BIT: u32 = 16_384;

/// So many frames in a row behind the last accepted one, each above the one before, are a device
/// that counts anew: whoever replays a recording has the frames that we know.
const SERIES: u8 = 3;

/// How far apart the frames of such a series may be.
const SERIES_GAP: u32 = 64;

/// What matching must know of a frame besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct OnAir {
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
    budget: u32,
}

/// One candidate and the counter that its session makes of the frame's.
struct Candidate<'a, K> {
    key: K,
    device: &'a Device,
    session: &'a Session,
    under: Under,
    /// `None`: its counters are used up.
    f_cnt_up: Option<FCntUp>,
}

impl Matcher {
    /// Keeps up to `sessions` sessions' keys expanded and spends up to `budget` MIC computations on
    /// telling why a frame does not verify.
    pub fn new(sessions: usize, budget: u32) -> Self {
        Matcher { keys: KeyCache::new(sessions), budget }
    }

    /// Finds the session whose frame this is among those with its address.
    pub fn match_uplink<'a, K: Copy>(
        &mut self,
        sealed: &SealedUplink<'_>,
        on_air: &OnAir,
        candidates: impl IntoIterator<Item = (K, &'a Device, Under)>,
    ) -> Match<K> {
        let refused = |reject| Match::Refused { reject, whose: None };
        let Some(data_rate) = channel_plan::uplink_data_rate(on_air.region, on_air.modulation)
        else {
            return refused(Reject::NotADataRate);
        };
        let mut of_another_region = false;
        let mut sorted = Vec::new();
        for (key, device, under) in candidates {
            let Some(session) = device.session_under(under) else { continue };
            if device.about.profile.region != on_air.region {
                of_another_region = true;
                continue;
            }
            let f_cnt_up = infer(session, sealed);
            sorted.push(Candidate { key, device, session, under, f_cnt_up });
        }
        if sorted.is_empty() {
            let other = of_another_region;
            return refused(if other { Reject::OtherRegion } else { Reject::UnknownDevAddr });
        }
        sorted.sort_by_key(Candidate::distance);
        for candidate in &sorted {
            let Some(f_cnt_up) = candidate.f_cnt_up else { continue };
            let found = self.open(sealed, candidate, f_cnt_up, (data_rate, on_air.frequency));
            if let Some((opened, channel)) = found {
                return candidate.judge(opened, on_air.digest, (data_rate, channel));
            }
        }
        self.explain(sealed, on_air, (&sorted, data_rate))
    }

    /// The frame in clear, if the candidate's session verifies it with this counter.
    fn open<K: Copy>(
        &mut self,
        sealed: &SealedUplink<'_>,
        candidate: &Candidate<'_, K>,
        f_cnt_up: FCntUp,
        (data_rate, frequency): (DataRateIndex, Frequency),
    ) -> Option<(OpenedUplink, Option<u8>)> {
        let keys = self.keys.schedules(&candidate.session.keys);
        let signed_with =
            if candidate.counts_in_16_bits() { FCntUp(f_cnt_up.0 & 0xffff) } else { f_cnt_up };
        let about = &candidate.device.about;
        let on = (frequency, data_rate);
        let channel = channel_plan::channel_of(&about.profile, candidate.session, on);
        for context in contexts(keys, candidate.session, (data_rate, channel)) {
            if let Ok(mut opened) = sealed.open(keys, signed_with, context) {
                opened.f_cnt_up = f_cnt_up;
                return Some((opened, channel));
            }
        }
        None
    }

    /// Why no candidate verifies the frame: within the budget, whether one did earlier.
    fn explain<K: Copy>(
        &mut self,
        sealed: &SealedUplink<'_>,
        on_air: &OnAir,
        (candidates, data_rate): (&[Candidate<'_, K>], DataRateIndex),
    ) -> Match<K> {
        let mut budget = self.budget;
        for candidate in candidates {
            for f_cnt_up in earlier(candidate.session, sealed) {
                if budget == 0 {
                    return Match::Refused { reject: Reject::MicMismatch, whose: None };
                }
                budget -= 1;
                let how = (data_rate, on_air.frequency);
                if self.open(sealed, candidate, f_cnt_up, how).is_some() {
                    return candidate.behind(f_cnt_up, on_air.digest);
                }
            }
        }
        Match::Refused { reject: Reject::MicMismatch, whose: None }
    }
}

impl<K: Copy> Candidate<'_, K> {
    /// How far the frame lies ahead of the session; used-up sessions come last.
    fn distance(&self) -> u32 {
        match (self.f_cnt_up, self.session.f_cnt_up) {
            (None, _) => u32::MAX,
            (Some(f_cnt_up), Some(last)) => f_cnt_up.0 - last.0,
            (Some(f_cnt_up), None) => f_cnt_up.0 - self.session.f_cnt_up_start.0,
        }
    }

    /// The frame verifies with the inferred counter. May it be accepted?
    fn judge(
        &self,
        opened: OpenedUplink,
        digest: u64,
        (data_rate, channel): (DataRateIndex, Option<u8>),
    ) -> Match<K> {
        let got = opened.f_cnt_up;
        let refused = |reject| Match::Refused { reject, whose: Some((self.key, None)) };
        let freshness = match self.session.f_cnt_up {
            Some(last) if got == last && digest == self.session.last_digest => Freshness::Repeat,
            Some(last) if got == last => return self.behind(got, digest),
            Some(last) if got.0 - last.0 > self.most_ahead() => {
                return refused(if self.counts_in_16_bits() {
                    // The upper half is not signed: this far ahead is rather behind.
                    Reject::FCntReplayed { got: got.0 & 0xffff, last: last.0 }
                } else {
                    Reject::FCntGap { got: got.0, last: last.0 }
                });
            }
            Some(_) => Freshness::New,
            None if self.under == Under::Pending && opened.f_ctrl.ack => {
                return refused(Reject::AckBeforeDownlink);
            }
            None => Freshness::New,
        };
        let (key, under) = (self.key, self.under);
        Match::Verified(Verified { key, under, opened, freshness, data_rate, channel })
    }

    /// The frame verifies with a counter that is not above the last accepted one.
    fn behind(&self, got: FCntUp, digest: u64) -> Match<K> {
        let last = self.session.f_cnt_up.unwrap_or_default();
        let exhausted = self.f_cnt_up.is_none();
        let remembered = match self.session.f_cnt_up {
            Some(last) if got == last && digest == self.session.last_digest => Remembered::Same,
            Some(last) if got == last => Remembered::Other,
            Some(last) => self.session.history.recall(got, last, digest),
            None => Remembered::Nothing,
        };
        let behind = match self.device.behind {
            Some(Behind { f_cnt_up, count })
                if got > f_cnt_up && got.0 - f_cnt_up.0 <= SERIES_GAP =>
            {
                Behind { f_cnt_up: got, count: count.saturating_add(1) }
            }
            Some(_) | None => Behind { f_cnt_up: got, count: 1 },
        };
        let reset = match remembered {
            Remembered::Same => false,
            Remembered::Other => true,
            Remembered::Nothing => behind.count >= SERIES,
        };
        let (got, last) = (got.0, last.0);
        let reject = match (exhausted, reset) {
            (true, _) => Reject::FCntExhausted,
            (false, true) => Reject::FCntReset { got, last },
            (false, false) => Reject::FCntReplayed { got, last },
        };
        // A frame that we know says nothing of the device's counter.
        let behind = if remembered == Remembered::Same { self.device.behind } else { Some(behind) };
        Match::Refused { reject, whose: Some((self.key, behind)) }
    }

    fn counts_in_16_bits(&self) -> bool {
        self.device.about.profile.f_cnt_16_bit
    }

    /// How far a counter may jump: MAX_FCNT_GAP (LoRaWAN 1.0.3 §4.3.1.5).
    fn most_ahead(&self) -> u32 {
        if self.counts_in_16_bits() {
            return MOST_AHEAD_16_BIT;
        }
        self.session.mac_version.max_f_cnt_gap().unwrap_or(u32::MAX)
    }
}

/// The full counter that continues the session: the last one for a repeat, else one above it
/// (TS001-1.0.4 §4.3.1.5).
fn infer(session: &Session, sealed: &SealedUplink<'_>) -> Option<FCntUp> {
    session.f_cnt_up.unwrap_or(session.f_cnt_up_start).carry(sealed.wire_f_cnt())
}

/// Counters not above the last accepted one that the frame may have been made with: in the same
/// roll-over, in the one before, and as after a reset.
fn earlier(session: &Session, sealed: &SealedUplink<'_>) -> impl Iterator<Item = FCntUp> {
    let last = session.f_cnt_up;
    let upper = last.map_or(0, |last| last.0 & 0xffff_0000);
    let low = u32::from(sealed.wire_f_cnt().0);
    let same = Some(upper | low);
    let before = upper.checked_sub(0x1_0000).map(|upper| upper | low);
    let reset = Some(low).filter(|_| upper > 0x1_0000);
    // Below the first counter of a session nothing was accepted, and yet it may be the device's.
    let highest = last.unwrap_or(FCntUp(session.f_cnt_up_start.0.saturating_sub(1)));
    [same, before, reset].into_iter().flatten().map(FCntUp).filter(move |f| *f <= highest)
}

/// What the MIC may cover besides the bytes. One context in 1.0.x, where it is ignored.
///
/// In 1.1 a frame with ACK covers the counter of the confirmed downlink that it acknowledges
/// (LoRaWAN 1.1 §4.4.2). Devices differ in which they take: that, or the last downlink of any kind.
fn contexts(
    keys: &SessionSchedules,
    session: &Session,
    (tx_dr, channel): (DataRateIndex, Option<u8>),
) -> impl Iterator<Item = Uplink11Ctx> {
    let tx_ch = channel.unwrap_or(0);
    let is_1_1 = keys.scheme().is_1_1();
    let before = |next: lns_lorawan::FCntDown| next.0.checked_sub(1).filter(|_| is_1_1);
    let counters = [
        Some(session.confirmed_f_cnt_down.map_or(0, |f_cnt| f_cnt.0)),
        before(session.a_f_cnt_down.next),
        before(session.n_f_cnt_down.next),
    ];
    counters.into_iter().flatten().map(move |f_cnt| {
        let conf_f_cnt = lns_lorawan::FCntDown(f_cnt).wire().0;
        Uplink11Ctx { conf_f_cnt, tx_dr, tx_ch }
    })
}
