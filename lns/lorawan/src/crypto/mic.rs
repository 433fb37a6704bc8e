//! The message integrity code: the first four bytes of an AES-CMAC (RFC 4493). TS001-1.0.4 §4.4,
//! LoRaWAN 1.1 §4.4.

use subtle::ConstantTimeEq;

use super::aes::Aes128Schedule;
use crate::dev_addr::DevAddr;
use crate::key::{AppKey, FNwkSIntKey, JsIntKey, NwkKey, NwkSKey, SNwkSIntKey};
use crate::units::Direction;

/// The four bytes at the end of a frame.
#[derive(Clone, Copy, Eq)]
pub struct Mic(pub [u8; 4]);

impl PartialEq for Mic {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl core::fmt::Display for Mic {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::hex_text::Lower(&self.0).fmt(f)
    }
}

impl core::fmt::Debug for Mic {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Mic({self})")
    }
}

/// The frame was not made with this key, counter and context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot open the frame: its MIC does not verify with this key and counter")]
pub struct MicMismatch;

/// An expanded key with the two subkeys that CMAC needs. 208 bytes.
#[derive(Clone)]
pub struct MicSchedule {
    cipher: Aes128Schedule,
    whole: u128,
    padded: u128,
}

impl MicSchedule {
    /// Expands a key.
    pub fn new(key: &[u8; 16]) -> Self {
        let cipher = Aes128Schedule::new(key);
        let whole = double(cipher.encrypt_number(0));
        Self { cipher, whole, padded: double(whole) }
    }

    /// The CMAC of `message`.
    pub(crate) fn cmac(&self, message: &[u8]) -> [u8; 16] {
        self.finish(0, message)
    }

    /// The first four bytes of the CMAC of `message`.
    pub(crate) fn mic(&self, message: &[u8]) -> Mic {
        first_four(self.cmac(message))
    }

    /// The first four bytes of the CMAC of a block followed by `message`: what every data frame
    /// needs, without copying it.
    pub(crate) fn mic_after(&self, head: [u8; 16], message: &[u8]) -> Mic {
        if message.is_empty() {
            return self.mic(&head);
        }
        let state = self.cipher.encrypt_number(u128::from_be_bytes(head));
        first_four(self.finish(state, message))
    }

    /// From the state after whole blocks that are not the last.
    fn finish(&self, state: u128, message: &[u8]) -> [u8; 16] {
        let (blocks, tail) = message.as_chunks::<16>();
        let (blocks, last) = match blocks.split_last() {
            Some((last, blocks)) if tail.is_empty() => {
                (blocks, u128::from_be_bytes(*last) ^ self.whole)
            }
            _ => {
                let mut last = [0u8; 16];
                let padded = tail.iter().chain(&[0x80]);
                last.iter_mut().zip(padded).for_each(|(slot, byte)| *slot = *byte);
                (blocks, u128::from_be_bytes(last) ^ self.padded)
            }
        };
        let state = blocks.iter().fold(state, |state, block| {
            self.cipher.encrypt_number(state ^ u128::from_be_bytes(*block))
        });
        self.cipher.encrypt((state ^ last).to_be_bytes())
    }
}

const fn first_four([a, b, c, d, ..]: [u8; 16]) -> Mic {
    Mic([a, b, c, d])
}

impl core::fmt::Debug for MicSchedule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MicSchedule(…)")
    }
}

impl Drop for MicSchedule {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.whole);
        zeroize::Zeroize::zeroize(&mut self.padded);
    }
}

macro_rules! schedule_from {
    ($($key:ident)*) => {
        $(impl From<&$key> for MicSchedule {
            fn from(key: &$key) -> Self {
                Self::new(key.as_bytes())
            }
        })*
    };
}

schedule_from!(AppKey NwkKey NwkSKey FNwkSIntKey SNwkSIntKey JsIntKey);

/// Doubling in GF(2¹²⁸), RFC 4493 §2.3.
const fn double(value: u128) -> u128 {
    (value << 1) ^ (if value >> 127 == 1 { 0x87 } else { 0 })
}

/// What stands in front of a data frame when its MIC is computed.
#[derive(Clone, Copy)]
pub(crate) struct BlockHead {
    pub(crate) direction: Direction,
    pub(crate) dev_addr: DevAddr,
    pub(crate) f_cnt: [u8; 4],
    pub(crate) length: u8,
}

impl BlockHead {
    /// B0. `conf_f_cnt` is 0 in 1.0.x (TS001-1.0.4 §4.4), in uplinks, and without ACK (LoRaWAN 1.1
    /// §4.4.1 and §4.4.2).
    pub(crate) fn b0(self, conf_f_cnt: u16) -> [u8; 16] {
        self.block(conf_f_cnt, 0, 0)
    }

    /// B1, for the half of a 1.1 uplink's MIC that the serving network checks (LoRaWAN 1.1 §4.4.2).
    pub(crate) fn b1(self, conf_f_cnt: u16, tx_dr: u8, tx_ch: u8) -> [u8; 16] {
        self.block(conf_f_cnt, tx_dr, tx_ch)
    }

    fn block(self, conf_f_cnt: u16, tx_dr: u8, tx_ch: u8) -> [u8; 16] {
        let [c0, c1] = conf_f_cnt.to_le_bytes();
        let [d0, d1, d2, d3] = self.dev_addr.to_wire();
        let [f0, f1, f2, f3] = self.f_cnt;
        let direction = self.direction.to_block();
        [0x49, c0, c1, tx_dr, tx_ch, direction, d0, d1, d2, d3, f0, f1, f2, f3, 0, self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cmac::{Cmac as Reference, KeyInit, Mac};
    use proptest::prelude::*;

    /// RFC 4493 §4, examples 1 to 4.
    #[test]
    fn the_rfcs_examples_agree() {
        let key = MicSchedule::new(&0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes());
        let message = hex::decode(concat!(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
            "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
        ))
        .unwrap();
        let examples = [
            (0, 0xbb1d_6929_e959_3728_7fa3_7d12_9b75_6746_u128),
            (16, 0x070a_16b4_6b4d_4144_f79b_dd9d_d04a_287c),
            (40, 0xdfa6_6747_de9a_e630_30ca_3261_1497_c827),
            (64, 0x51f0_bebf_7e3b_9d92_fc49_7417_7936_3cfe),
        ];
        for (length, expected) in examples {
            let cmac = key.cmac(&message[..length]);
            assert_eq!(u128::from_be_bytes(cmac), expected, "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn ours_and_the_cmac_crate_agree(
            key: [u8; 16],
            head: [u8; 16],
            message in proptest::collection::vec(any::<u8>(), 0..260),
        ) {
            let ours = MicSchedule::new(&key);
            let mut reference = Reference::<aes::Aes128>::new(&key.into());
            reference.update(&message);
            let expected: [u8; 16] = reference.finalize().into_bytes().into();
            prop_assert_eq!(ours.cmac(&message), expected);

            let mut reference = Reference::<aes::Aes128>::new(&key.into());
            reference.update(&head);
            reference.update(&message);
            let expected: [u8; 16] = reference.finalize().into_bytes().into();
            prop_assert_eq!(ours.mic_after(head, &message), first_four(expected));
        }
    }
}
