//! ForceRejoinReq: the network wants a Rejoin-Request at once. LoRaWAN 1.1 §5.13.
//!
//! There is no answer but the Rejoin-Request itself. It is asked again, ever less often, until one
//! comes, and no more than so many times.

use lns_lorawan::mac::{DownlinkMacCommand, ForceRejoinReq};
use lns_lorawan::{DataRateIndex, FCntUp};
use serde::{Deserialize, Serialize};

/// How often it is asked at most.
pub const MOST_TRIES: u8 = 6;

/// What somebody wants of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForceRejoin {
    /// 0 for a new session from the start, 2 for new keys.
    pub rejoin_type: RejoinType,
    /// At which data rate the device asks.
    pub data_rate: DataRateIndex,
    /// The device repeats its request after 32 · 2ⁿ s and up to 32 s more; n, 0 to 7.
    pub period: u8,
    /// How often it repeats it, 0 to 7.
    pub max_retries: u8,
}

/// Which Rejoin-Request a device can be made to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RejoinType {
    /// Type 0: begin anew.
    Anew,
    /// Type 2: new keys.
    Rekey,
}

/// A wish that has not come true yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forced {
    /// The wish.
    pub wish: ForceRejoin,
    /// How often it was put into a frame.
    pub tries: u8,
    /// Not to be asked again before an uplink with this counter.
    pub not_before: FCntUp,
}

impl Forced {
    /// Not asked yet.
    pub fn new(wish: ForceRejoin) -> Self {
        Forced { wish, tries: 0, not_before: FCntUp(0) }
    }

    /// Whether it may be asked in answer to this uplink.
    pub fn is_due(&self, f_cnt_up: FCntUp) -> bool {
        self.tries < MOST_TRIES && f_cnt_up >= self.not_before
    }

    /// Whether it was asked as often as it may be, and an uplink came after that.
    pub fn is_in_vain(&self, f_cnt_up: FCntUp) -> bool {
        self.tries >= MOST_TRIES && f_cnt_up >= self.not_before
    }

    /// A frame after this uplink asks for it. The device asks at once, but its duty cycle may let an
    /// uplink pass first.
    pub fn asked(&mut self, f_cnt_up: FCntUp) {
        self.tries = self.tries.saturating_add(1);
        self.not_before = FCntUp(f_cnt_up.0.saturating_add(1 << self.tries.min(MOST_TRIES)));
    }
}

/// As it is sent.
pub fn write(wish: ForceRejoin, commands: &mut Vec<u8>) {
    let ForceRejoin { rejoin_type, data_rate, period, max_retries } = wish;
    let rejoin_type = match rejoin_type {
        RejoinType::Anew => 0,
        RejoinType::Rekey => 2,
    };
    let request = ForceRejoinReq { period, max_retries, rejoin_type, data_rate };
    super::write(DownlinkMacCommand::ForceRejoinReq(request), commands);
}
