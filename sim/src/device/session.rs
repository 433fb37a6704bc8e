//! A 1.0.x session at the device's end: keys and counters.

use lns_lorawan::{
    DevAddr, FCntDown, FCntUp, OpenedDownlink, SealedDownlink, SessionKeys, SessionSchedules,
};

use super::Unheard;

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its address.
    pub dev_addr: DevAddr,
    /// Its keys, as derived from the Join-Accept or personalized.
    pub keys: SessionKeys,
    /// Of the next uplink.
    pub f_cnt_up: FCntUp,
    /// Of the last downlink.
    pub f_cnt_down: Option<FCntDown>,
    pub(super) schedules: SessionSchedules,
}

impl Session {
    pub(super) fn new(dev_addr: DevAddr, keys: SessionKeys, first_f_cnt_up: u32) -> Self {
        let schedules = keys.schedules();
        Self { dev_addr, keys, f_cnt_up: FCntUp(first_f_cnt_up), f_cnt_down: None, schedules }
    }

    /// Opens a downlink to this session and counts it (TS001-1.0.4 §4.3.1.5).
    pub(super) fn open(&mut self, sealed: &SealedDownlink<'_>) -> Result<OpenedDownlink, Unheard> {
        if sealed.dev_addr() != self.dev_addr {
            return Err(Unheard::ForAnother);
        }
        let next = match self.f_cnt_down {
            None => Some(FCntDown(0)),
            Some(last) => last.next(),
        };
        let full = next.and_then(|next| next.carry(sealed.wire_f_cnt()));
        let opened = full.and_then(|full| sealed.open(&self.schedules, full, 0).ok());
        let Some(opened) = opened else {
            let again = self.is_replay(sealed);
            return Err(if again { Unheard::FCntReplayed } else { Unheard::MicFailed });
        };
        self.f_cnt_down = Some(opened.f_cnt_down);
        Ok(opened)
    }

    /// Is it the last counter or one before it, in the same round of 16 bits?
    fn is_replay(&self, sealed: &SealedDownlink<'_>) -> bool {
        let Some(last) = self.f_cnt_down else { return false };
        let same_round = FCntDown(last.0 & 0xffff_0000 | u32::from(sealed.wire_f_cnt().0));
        same_round <= last && sealed.verify(&self.schedules, same_round, 0)
    }
}
