//! What a device does wrong on purpose.

use lns_lorawan::DevNonce;

/// A device's bad habits. None by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mischief {
    /// Instead of every n-th frame, sends its first one again.
    pub replay_every: Option<u32>,
    /// Forgets its counters once, after so many uplinks, and goes on in the same session.
    pub reset_after: Option<u32>,
    /// Joins with the same DevNonce each time.
    pub stuck_dev_nonce: Option<DevNonce>,
    /// Has another root key, or other session keys, than it says.
    pub wrong_key: bool,
    /// Misses every n-th downlink that it should hear.
    pub lose_every: Option<u32>,
    /// Hears nothing at all.
    pub never_hears: bool,
}

impl Mischief {
    /// Is this the n-th time, counted from 1?
    pub(super) const fn is_nth(every: Option<u32>, count: u64) -> bool {
        match every {
            Some(every) if every > 0 => count > 0 && count.is_multiple_of(every as u64),
            Some(_) | None => false,
        }
    }

    /// The key that it has instead.
    pub(super) fn bend(&self, key: [u8; 16]) -> [u8; 16] {
        if self.wrong_key { key.map(|byte| !byte) } else { key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_is_every_third() {
        let hit: Vec<u64> = (0..8).filter(|n| Mischief::is_nth(Some(3), *n)).collect();
        assert_eq!(hit, [3, 6]);
        assert!(!Mischief::is_nth(Some(0), 5) && !Mischief::is_nth(None, 5));
    }

    #[test]
    fn a_wrong_key_is_another_key() {
        let wrong = Mischief { wrong_key: true, ..Mischief::default() };
        assert_ne!(wrong.bend([7; 16]), [7; 16]);
        assert_eq!(Mischief::default().bend([7; 16]), [7; 16]);
    }
}
