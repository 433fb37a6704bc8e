//! What was heard of one device: its newest twenty frames.
//!
//! In memory only. After a crash a device goes on as it is until twenty frames are there again.

use lns_lorawan::{DataRateIndex, Db, FCntUp, TxPowerIndex};

use super::limits::{Limits, Refused};
use super::{Current, NbTrans};
use crate::event::Reception;

/// How many frames are remembered, as Semtech's algorithm has it.
pub const WINDOW: u8 = 20;

/// The same, as a length.
const FRAMES: usize = WINDOW as usize;

/// No SNR: a modulation without one, or too few gateways.
const NO_SNR: i16 = i16::MIN;

/// How often a saving that had to be taken back is remembered. Each time makes the next one harder.
const MOST_CAUTION: u8 = 3;

/// A frame as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its counter.
    pub f_cnt_up: FCntUp,
    /// By how many gateways.
    pub gateways: u8,
    /// The SNR at the best of them, or at the last of those that must hear the device; `None`
    /// without SNR, or when fewer did.
    pub snr: Option<Db>,
    /// Its data rate.
    pub data_rate: DataRateIndex,
    /// Its ADRACKReq.
    pub adr_ack_req: bool,
    /// Its ADR bit.
    pub adr: bool,
}

impl Sample {
    /// The SNR that counts where `min_gateways` must hear the device: that of the last of them.
    pub fn snr_of(receptions: &[Reception], min_gateways: u8) -> Option<Db> {
        let mut all: Vec<Db> = receptions
            .iter()
            .filter(|copy| copy.modulation.required_snr().is_some())
            .map(|copy| copy.snr)
            .collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.get(usize::from(min_gateways.max(1)) - 1).copied()
    }
}

/// What a device has undone on its own, because it heard nothing for long (TS001-1.0.4 §4.3.1.1).
/// Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackedOff {
    /// It sends with full power.
    Power,
    /// It has chosen a slower data rate.
    DataRate,
    /// There was no slower one: it has all default channels on and sends once.
    Everything,
}

/// The newest frames of a session; 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Hundredths of a dB.
    snrs: [i16; FRAMES],
    /// Counters skipped before each frame.
    lost: [u8; FRAMES],
    gateways: [u8; FRAMES],
    /// Data rate in the high half, TXPower in the low one.
    sent_at: [u8; FRAMES],
    /// Where the next frame goes.
    next: u8,
    len: u8,
    /// Frames since the power was last changed, up to 255.
    at_this_power: u8,
    /// Frames since NbTrans was last changed or the device was away, up to 255.
    at_this_nb_trans: u8,
    /// How often less power had to be taken back, or the device slowed itself down.
    caution: u8,
    /// How often NbTrans had to be raised.
    nb_trans_raised: u8,
    /// The device slowed itself down, and has not been heard twenty times since.
    backed_off: bool,
    tx_power: TxPowerIndex,
    nb_trans: NbTrans,
    last: Option<FCntUp>,
    /// The last frame without ADRACKReq.
    last_content: FCntUp,
    /// What the device has refused.
    pub refused: Refused,
}

impl Default for History {
    fn default() -> Self {
        History {
            snrs: [NO_SNR; FRAMES],
            lost: [0; FRAMES],
            gateways: [0; FRAMES],
            sent_at: [0; FRAMES],
            next: 0,
            len: 0,
            at_this_power: 0,
            at_this_nb_trans: 0,
            caution: 0,
            nb_trans_raised: 0,
            backed_off: false,
            tx_power: TxPowerIndex::MAX_POWER,
            nb_trans: NbTrans::ONCE,
            last: None,
            last_content: FCntUp(0),
            refused: Refused::default(),
        }
    }
}

impl History {
    /// Takes a new frame in. `before` is what the device was last known to do, its answers in this
    /// very frame included: a device changes as soon as it has heard us, so that the frame which
    /// confirms a change is the first one after it.
    ///
    /// Says what the device has undone on its own, where the frame shows it.
    pub fn record(
        &mut self,
        sample: &Sample,
        before: &Current,
        adr_ack_delay: u32,
    ) -> Option<BackedOff> {
        let backed_off = self.notice(sample, before, adr_ack_delay);
        if backed_off.is_some() && sample.data_rate < before.data_rate {
            // What was heard before says nothing of why it did so.
            self.len = 0;
            self.backed_off = true;
        }
        let tx_power = if backed_off.is_some() { TxPowerIndex::MAX_POWER } else { before.tx_power };
        self.follow_power(tx_power);
        let nb_trans =
            if backed_off == Some(BackedOff::Everything) { NbTrans::ONCE } else { before.nb_trans };
        self.follow_nb_trans(nb_trans);
        let lost = self.skipped(sample.f_cnt_up);
        self.push(sample, (lost, tx_power));
        backed_off
    }

    /// Another gateway's copy of the newest frame. Where several gateways must hear the device, it
    /// counts as one more of them and leaves the SNR, since it does not tell the order.
    pub fn improve(&mut self, snr: Option<Db>, min_gateways: u8) {
        let newest = self.place(0);
        if self.len == 0 {
            return;
        }
        self.gateways[newest] = self.gateways[newest].saturating_add(1);
        if let Some(snr) = snr
            && min_gateways <= 1
        {
            self.snrs[newest] = self.snrs[newest].max(snr.hundredths());
        }
    }

    /// The power that the newest frame was reckoned with.
    pub fn tx_power(&self) -> TxPowerIndex {
        self.tx_power
    }

    /// How many frames are remembered.
    pub fn len(&self) -> u8 {
        self.len
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The frames, newest first: SNR, gateways, data rate and power.
    pub fn frames(
        &self,
    ) -> impl Iterator<Item = (Option<Db>, u8, DataRateIndex, TxPowerIndex)> + '_ {
        (0..self.len).map(|back| {
            let place = self.place(back);
            let snr = self.snrs[place];
            let snr = (snr != NO_SNR).then_some(Db::from_hundredths(snr));
            let (data_rate, tx_power) = self.sent_at(place);
            (snr, self.gateways[place], data_rate, tx_power)
        })
    }

    /// The best SNR as it would be at full power in 125 kHz, hundredths of a dB.
    pub(super) fn best(&self, limits: &Limits) -> Option<i32> {
        let normal = |back| {
            let place = self.place(back);
            let snr = self.snrs[place];
            (snr != NO_SNR).then(|| limits.normal(snr, self.sent_at(place))).flatten()
        };
        (0..self.len).filter_map(normal).max()
    }

    /// The best SNR as it would be now.
    pub(super) fn best_snr(&self, limits: &Limits, current: Current) -> Option<Db> {
        limits.denormal(self.best(limits)?, current)
    }

    /// Frames lost since NbTrans was last changed, and frames that were to come.
    pub fn lost(&self) -> (u16, u16) {
        let frames = self.len.min(self.at_this_nb_trans);
        // What was lost before the oldest frame was lost under what was before.
        let lost: u16 =
            (0..frames.saturating_sub(1)).map(|back| u16::from(self.lost[self.place(back)])).sum();
        (lost, lost + u16::from(frames))
    }

    /// Whether power may be judged: twenty frames, all at this power.
    pub(super) fn is_full(&self, now: Current) -> bool {
        let same = now.tx_power == self.tx_power;
        same && self.len == WINDOW && self.at_this_power >= WINDOW
    }

    /// Whether loss may be judged.
    pub(super) fn tells_loss(&self, now: Current) -> bool {
        let same = now.nb_trans == self.nb_trans;
        same && self.len == WINDOW && self.at_this_nb_trans >= WINDOW
    }

    /// Whether loss has been low for long enough to send less often: longer each time it was a
    /// mistake.
    pub(super) fn is_calm(&self, now: Current) -> bool {
        self.tells_loss(now) && self.at_this_nb_trans >= WINDOW << self.nb_trans_raised
    }

    /// The device slowed itself down a few frames ago.
    pub(super) fn is_backed_off(&self) -> bool {
        self.backed_off
    }

    /// How often a saving went wrong.
    pub(super) fn caution(&self) -> u8 {
        self.caution
    }

    /// A device asks by ADRACKReq whether we hear it, and after ADR_ACK_DELAY more frames without
    /// an answer begins to back off. Frames with the bit that we missed count too.
    fn notice(&mut self, sample: &Sample, before: &Current, delay: u32) -> Option<BackedOff> {
        let asking = sample.f_cnt_up.0.saturating_sub(self.last_content.0);
        if !sample.adr_ack_req {
            self.last_content = sample.f_cnt_up;
        }
        if !sample.adr || !before.adr {
            return None;
        }
        let long = |delays: u32| sample.adr_ack_req && asking >= delay.saturating_mul(delays);
        if long(2) && sample.data_rate == DataRateIndex::DR0 {
            return Some(BackedOff::Everything);
        }
        if sample.data_rate < before.data_rate {
            return Some(BackedOff::DataRate);
        }
        (long(1) && before.tx_power > TxPowerIndex::MAX_POWER).then_some(BackedOff::Power)
    }

    fn follow_power(&mut self, tx_power: TxPowerIndex) {
        if tx_power != self.tx_power {
            if tx_power < self.tx_power {
                self.caution = (self.caution + 1).min(MOST_CAUTION);
            }
            self.tx_power = tx_power;
            self.at_this_power = 0;
        }
        // A long time without trouble: what went wrong once may be tried again.
        if self.at_this_power == u8::MAX {
            self.caution = self.caution.saturating_sub(1);
            self.at_this_power = WINDOW;
        }
        self.at_this_power += 1;
    }

    fn follow_nb_trans(&mut self, nb_trans: NbTrans) {
        if nb_trans != self.nb_trans {
            if nb_trans > self.nb_trans {
                self.nb_trans_raised = (self.nb_trans_raised + 1).min(MOST_CAUTION);
            }
            self.nb_trans = nb_trans;
            self.at_this_nb_trans = 0;
        }
        self.at_this_nb_trans = self.at_this_nb_trans.saturating_add(1);
    }

    /// Counters skipped since the last frame. A gap as long as the window says nothing of the radio:
    /// the device, a gateway or we were away, and all devices of a gateway must not be told to
    /// repeat themselves after its outage.
    fn skipped(&mut self, f_cnt_up: FCntUp) -> u8 {
        let last = self.last.replace(f_cnt_up);
        let skipped = last.map_or(0, |last| f_cnt_up.0.saturating_sub(last.0).saturating_sub(1));
        match u8::try_from(skipped) {
            Ok(skipped) if skipped < WINDOW => skipped,
            Ok(_) | Err(_) => {
                self.at_this_nb_trans = 1;
                0
            }
        }
    }

    fn push(&mut self, sample: &Sample, (lost, tx_power): (u8, TxPowerIndex)) {
        let place = usize::from(self.next);
        self.snrs[place] = sample.snr.map_or(NO_SNR, Db::hundredths);
        self.lost[place] = lost;
        self.gateways[place] = sample.gateways;
        self.sent_at[place] = sample.data_rate.value() << 4 | tx_power.value();
        self.next = (self.next + 1) % WINDOW;
        self.len = (self.len + 1).min(WINDOW);
        if self.len == WINDOW {
            self.backed_off = false;
        }
    }

    /// Where the frame so many before the newest is.
    fn place(&self, back: u8) -> usize {
        usize::from((self.next + WINDOW - 1 - back % WINDOW) % WINDOW)
    }

    fn sent_at(&self, place: usize) -> (DataRateIndex, TxPowerIndex) {
        let both = self.sent_at[place];
        (DataRateIndex::from_low_bits(both >> 4), TxPowerIndex::from_low_bits(both))
    }
}
