//! A session verifies a frame. May the frame be accepted?

use lns_lorawan::{DataRateIndex, OpenedUplink};

use super::{Match, Verified};
use crate::device::{Behind, Device};
use crate::event::{Freshness, Under};
use crate::reject::Reject;
use crate::session::{Remembered, Session};

/// How far the counter of a device that counts in 16 bits may jump: its frames of the last roll-over
/// verify too, so that what is far ahead is rather behind.
const MOST_AHEAD_16_BIT: u32 = 16_384;

/// So many frames in a row behind the last accepted one, each above the one before, are a device
/// that counts anew: whoever replays a recording has the frames that we know.
const SERIES: u8 = 3;

/// How far apart the frames of such a series may be.
const SERIES_GAP: u32 = 64;

/// The session that has verified a frame, and whose it is.
pub(super) struct Judge<'a, K> {
    pub key: K,
    pub device: &'a Device,
    pub session: &'a Session,
    pub under: Under,
}

impl<K> Judge<'_, K> {
    /// The frame verifies with the inferred counter.
    pub fn judge(
        self,
        opened: OpenedUplink,
        digest: u64,
        (data_rate, channel): (DataRateIndex, Option<u8>),
    ) -> Match<K> {
        let got = opened.f_cnt_up;
        let freshness = match self.session.f_cnt_up {
            Some(last) if got == last && digest == self.session.last_digest => Freshness::Repeat,
            Some(last) if got == last => {
                return self.behind(opened, digest, (data_rate, channel));
            }
            Some(last) if got.0 - last.0 > self.most_ahead() => {
                let reject = if self.counts_in_16_bits() {
                    // The upper half is not signed: this far ahead is rather behind.
                    Reject::FCntReplayed { got: got.0 & 0xffff, last: last.0 }
                } else {
                    Reject::FCntGap { got: got.0, last: last.0 }
                };
                return Match::Refused { reject, whose: Some((self.key, None)) };
            }
            Some(_) => Freshness::New,
            None if self.under == Under::Pending && opened.f_ctrl.ack => {
                let reject = Reject::AckBeforeDownlink;
                return Match::Refused { reject, whose: Some((self.key, None)) };
            }
            None => Freshness::New,
        };
        let (key, under) = (self.key, self.under);
        Match::Verified(Verified { key, under, opened, freshness, data_rate, channel })
    }

    /// The frame verifies with a counter that is not above the last accepted one.
    pub fn behind(
        self,
        opened: OpenedUplink,
        digest: u64,
        (data_rate, channel): (DataRateIndex, Option<u8>),
    ) -> Match<K> {
        let got = opened.f_cnt_up;
        let last = self.session.f_cnt_up.unwrap_or_default();
        let exhausted = last.next().is_none();
        let remembered = match self.session.f_cnt_up {
            Some(last) if got == last && digest == self.session.last_digest => Remembered::Same,
            Some(last) if got == last => Remembered::Other,
            Some(last) => self.session.history.recall(got, last, digest),
            None => Remembered::Nothing,
        };
        let behind = match self.device.behind {
            Some(Behind { f_cnt_up, count, is_reset })
                if got > f_cnt_up && got.0 - f_cnt_up.0 <= SERIES_GAP =>
            {
                Behind { f_cnt_up: got, count: count.saturating_add(1), is_reset }
            }
            before => {
                let is_reset = before.is_some_and(|behind| behind.is_reset);
                Behind { f_cnt_up: got, count: 1, is_reset }
            }
        };
        let reset = match remembered {
            Remembered::Same => false,
            Remembered::Other => true,
            Remembered::Nothing => behind.count >= SERIES,
        };
        // Whom somebody has vouched for is not asked to show it three times.
        let shown = reset || (self.device.reset_allowed && remembered != Remembered::Same);
        if shown && self.under == Under::Current && self.device.may_reset() {
            let (key, under, freshness) = (self.key, self.under, Freshness::Reset);
            let verified = Verified { key, under, opened, freshness, data_rate, channel };
            return Match::Verified(verified);
        }
        let behind = Behind { is_reset: behind.is_reset || reset, ..behind };
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
