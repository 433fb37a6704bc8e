//! What matching scans of a session.
//!
//! A device's memory is hundreds of bytes behind pointers; of a thousand sessions of one address
//! all but one are looked at only to be passed over. So what tells their order, and the key that a
//! first look takes, lie side by side under the address.

use lns_lorawan::{DataRateIndex, FCntUp, FNwkSIntKey, Region, Scheme, WireFCnt};

use crate::device::Device;
use crate::event::Under;

/// The part of a session that matching scans.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub(super) f_nwk_s_int_key: FNwkSIntKey,
    last_digest: u64,
    /// The last accepted counter, or the lowest that is accepted first.
    from: FCntUp,
    data_rate: Option<DataRateIndex>,
    pub(super) region: Region,
    pub(super) scheme: Scheme,
    pub(super) under: Under,
    /// Whether `from` was accepted.
    is_used: bool,
    counts_in_16_bits: bool,
}

/// What order is made of: the sixteen bits of the counter, the digest and the data rate of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    pub f_cnt: WireFCnt,
    pub digest: u64,
    pub data_rate: DataRateIndex,
}

/// Comes after all that are likelier: another frame under the last accepted counter can only be
/// refused.
const REFUSED_ANYWAY: u32 = u32::MAX - 1;

/// Comes last: the session's counters are used up.
const USED_UP: u32 = u32::MAX;

impl Row {
    /// The row of one of a device's sessions, if it has that.
    pub fn of(device: &Device, under: Under) -> Option<Row> {
        let session = device.session_under(under)?;
        Some(Row {
            f_nwk_s_int_key: session.keys.f_nwk_s_int_key.clone(),
            last_digest: session.last_digest,
            from: session.f_cnt_up.unwrap_or(session.f_cnt_up_start),
            data_rate: session.current.data_rate,
            region: device.about.profile.region,
            scheme: session.keys.scheme,
            under,
            is_used: session.f_cnt_up.is_some(),
            counts_in_16_bits: device.about.profile.f_cnt_16_bit,
        })
    }

    /// Which session of its device this is of.
    pub fn under(&self) -> Under {
        self.under
    }

    /// The full counter that continues the session: the last one for a repeat, else one above it
    /// (TS001-1.0.4 §4.3.1.5). `None`: its counters are used up.
    pub(super) fn infer(&self, f_cnt: WireFCnt) -> Option<FCntUp> {
        self.from.carry(f_cnt)
    }

    /// The counter that the device has put into B0, if this is the full one.
    pub(super) fn signed(&self, f_cnt_up: FCntUp) -> FCntUp {
        if self.counts_in_16_bits { FCntUp(f_cnt_up.0 & 0xffff) } else { f_cnt_up }
    }

    /// The place in the order of trying, smallest first.
    ///
    /// First the exact repeat of the last frame, then by how far the counter lies ahead: within
    /// each doubling of the distance, those that used this data rate last before the others. In a
    /// fleet that counts in step, the data rate says more than a difference of a few frames.
    pub(super) fn place(&self, signs: &Signs) -> u32 {
        let Some(f_cnt_up) = self.infer(signs.f_cnt) else { return USED_UP };
        let ahead = f_cnt_up.0 - self.from.0;
        if ahead == 0 && self.is_used {
            return if signs.digest == self.last_digest { 0 } else { REFUSED_ANYWAY };
        }
        let doublings = u32::BITS - ahead.leading_zeros();
        let other_data_rate = u32::from(self.data_rate != Some(signs.data_rate));
        1 + (doublings << 18 | other_data_rate << 17 | ahead)
    }

    /// Counters not above the last accepted one that the frame may have been made with: in the same
    /// roll-over, in the one before, and as after a reset.
    pub(super) fn earlier(&self, f_cnt: WireFCnt) -> impl Iterator<Item = FCntUp> + use<> {
        let upper = if self.is_used { self.from.0 & 0xffff_0000 } else { 0 };
        let low = u32::from(f_cnt.0);
        let same = Some(upper | low);
        let before = upper.checked_sub(0x1_0000).map(|upper| upper | low);
        let reset = Some(low).filter(|_| upper > 0x1_0000);
        // Below the first counter of a session nothing was accepted, and yet it may be the device's.
        let highest = if self.is_used { self.from } else { FCntUp(self.from.0.saturating_sub(1)) };
        [same, before, reset].into_iter().flatten().map(FCntUp).filter(move |f| *f <= highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_and_its_devices_number_lie_in_48_bytes() {
        assert!(size_of::<(u32, Row)>() <= 48, "{}", size_of::<(u32, Row)>());
    }
}
