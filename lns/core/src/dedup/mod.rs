//! Transmissions, copies and repeats.
//!
//! A *transmission* is one PHYPayload at one air time; every gateway in range delivers a *copy* of
//! it. The first copy is matched to its session at once, and the others gather under the verdict,
//! so that a MIC is computed once and nobody waits longer than there is somebody to wait for. The
//! same bytes later on air are another transmission: a *repeat*, to be answered but not delivered
//! again. Telling a repeat from a replay is the business of matching, which has the counters.

mod gatherings;
mod heard;
mod slots;

pub use gatherings::{Arrival, Closes, Closing, Counts, Gatherings, Settings, Wait};
pub use heard::{Expected, Heard};
pub use slots::GatherId;

/// A digest of a PHYPayload: the key of its gathering, and what a session remembers of its last
/// frame. Stable: it is stored.
///
/// Not a secret and not proof against forgery. A stranger's frame may collide, and then costs one
/// comparison of bytes; a session's own frames have a MIC.
pub fn digest(phy_payload: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let start = (phy_payload.len() as u64).wrapping_add(0x243f_6a88_85a3_08d3);
    phy_payload.chunks(8).fold(start, |state, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let mixed = state.wrapping_add(MULTIPLIER) ^ u64::from_le_bytes(word);
        let product = u128::from(mixed) * u128::from(MULTIPLIER | 1);
        // Both halves: the upper one carries what the lower one has lost.
        state.rotate_left(23) ^ (product as u64) ^ ((product >> 64) as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn a_digest_is_the_same_in_every_release() {
        let cases: [(&[u8], u64); 4] = [
            (&[], 0x243f_6a88_85a3_08d3),
            (&[0x40], 0xdb12_e100_2a3c_fca5),
            (&[0x40, 1, 2, 3, 4, 0, 1, 0], 0x37df_62cd_15f9_80b8),
            (&[0x40, 1, 2, 3, 4, 0, 1, 0, 0], 0xcee6_fd62_e85f_0b53),
        ];
        for (bytes, stored) in cases {
            assert_eq!(digest(bytes), stored, "{bytes:02x?}");
        }
    }

    #[test]
    fn frames_that_differ_in_one_bit_have_other_digests() {
        let frame = [0x40, 4, 3, 2, 1, 0x80, 1, 0, 1, 0xa6, 0x94, 0x64, 0x26, 0x15, 0xd6, 0xc3];
        let mut digests = std::collections::HashSet::from([digest(&frame)]);
        for bit in 0..frame.len() * 8 {
            let mut other = frame;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(digests.insert(digest(&other)), "bit {bit}");
        }
    }
}
