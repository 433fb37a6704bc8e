//! A session at the device's end: keys and counters. 1.0.x has one downlink counter, 1.1 two.

use lns_lorawan::{
    DevAddr, FCntDown, FCntUp, NetId, OpenedDownlink, SealedDownlink, SessionKeys, SessionSchedules,
};

use super::Unheard;

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its address.
    pub dev_addr: DevAddr,
    /// Its keys, as derived from the Join-Accept or personalized.
    pub keys: SessionKeys,
    /// The network that it belongs to, as Rejoin-Requests name it.
    pub net_id: NetId,
    /// Of the next uplink.
    pub f_cnt_up: FCntUp,
    /// Of the last downlink; in 1.1 of the last one without payload for the application (NFCntDown).
    pub f_cnt_down: Option<FCntDown>,
    /// 1.1: of the last downlink with a payload for the application (AFCntDown).
    pub a_f_cnt_down: Option<FCntDown>,
    /// The low half of the counter of the last confirmed uplink, which an ACK from the network
    /// covers in 1.1.
    pub(super) confirmed_up: u16,
    /// The low half of the counter of the last confirmed downlink, which an ACK of ours covers in
    /// 1.1; and that of the last downlink of any kind.
    pub(super) confirmed_down: u16,
    pub(super) last_down: u16,
    pub(super) schedules: SessionSchedules,
}

impl Session {
    pub(super) fn new(dev_addr: DevAddr, keys: SessionKeys, first_f_cnt_up: u32) -> Self {
        Self {
            dev_addr,
            net_id: NetId::from_wire([0; 3]),
            f_cnt_up: FCntUp(first_f_cnt_up),
            f_cnt_down: None,
            a_f_cnt_down: None,
            confirmed_up: 0,
            confirmed_down: 0,
            last_down: 0,
            schedules: keys.schedules(),
            keys,
        }
    }

    /// Does it protect its frames by the rules of 1.1?
    pub fn is_1_1(&self) -> bool {
        self.keys.scheme.is_1_1()
    }

    /// The counter that a frame on this port is counted with (LoRaWAN 1.1 §4.3.1.5).
    fn counter(&mut self, f_port: Option<u8>) -> &mut Option<FCntDown> {
        if self.is_1_1() && f_port.is_some_and(|f_port| f_port > 0) {
            &mut self.a_f_cnt_down
        } else {
            &mut self.f_cnt_down
        }
    }

    /// Opens a downlink to this session and counts it (TS001-1.0.4 §4.3.1.5).
    pub(super) fn open(&mut self, sealed: &SealedDownlink<'_>) -> Result<OpenedDownlink, Unheard> {
        if sealed.dev_addr() != self.dev_addr {
            return Err(Unheard::ForAnother);
        }
        let last = *self.counter(sealed.f_port());
        let next = match last {
            None => Some(FCntDown(0)),
            Some(last) => last.next(),
        };
        let full = next.and_then(|next| next.carry(sealed.wire_f_cnt()));
        let acked = self.confirmed_up;
        let opened = full.and_then(|full| sealed.open(&self.schedules, full, acked).ok());
        let Some(opened) = opened else {
            let again = last.is_some_and(|last| self.is_replay(sealed, last));
            return Err(if again { Unheard::FCntReplayed } else { Unheard::MicFailed });
        };
        *self.counter(sealed.f_port()) = Some(opened.f_cnt_down);
        self.last_down = opened.f_cnt_down.wire().0;
        if opened.confirmed {
            self.confirmed_down = self.last_down;
        }
        Ok(opened)
    }

    /// Is it the last counter or one before it, in the same round of 16 bits?
    fn is_replay(&self, sealed: &SealedDownlink<'_>, last: FCntDown) -> bool {
        let same_round = FCntDown(last.0 & 0xffff_0000 | u32::from(sealed.wire_f_cnt().0));
        same_round <= last && sealed.verify(&self.schedules, same_round, self.confirmed_up)
    }
}
