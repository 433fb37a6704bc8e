//! Proprietary frames (MType 7): another protocol's, and yet heard by our gateways. They are told on
//! `lorawan/proprietary`, one message a reception, and go no further.

use lns_lorawan::{Frame, PhyPayload, Timestamp};
use parking_lot::Mutex;

/// How many receptions of proprietary frames are published in a second. Anybody can send them.
const A_SECOND: u32 = 50;

/// Whether a PHYPayload is a proprietary frame.
pub fn is_proprietary(phy_payload: &[u8]) -> bool {
    matches!(PhyPayload::parse(phy_payload), Ok(Frame::Proprietary(_)))
}

/// How many were published in the present second.
#[derive(Default)]
pub struct Limit(Mutex<(i64, u32)>);

impl Limit {
    /// Whether another one may be published.
    pub fn allows(&self, now: Timestamp) -> bool {
        let mut count = self.0.lock();
        if count.0 != now.secs() {
            *count = (now.secs(), 0);
        }
        count.1 += 1;
        count.1 <= A_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_second_are_published_and_then_again() {
        let limit = Limit::default();
        let allowed = |at| (0..200).filter(|_| limit.allows(Timestamp::from_secs(at))).count();
        assert_eq!(allowed(7), 50);
        assert_eq!(allowed(8), 50);
    }

    #[test]
    fn m_type_7_with_major_0_is_proprietary() {
        for (mhdr, is) in [(0xe0, true), (0xfc, true), (0xe1, false), (0x40, false)] {
            assert_eq!(is_proprietary(&[mhdr, 1, 2, 3]), is, "{mhdr:02x}");
        }
        assert!(!is_proprietary(&[]));
    }
}
