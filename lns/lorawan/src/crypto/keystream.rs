//! Payload encryption: the message XOR a keystream of encrypted counter blocks. LoRaWAN 1.1 §4.3.3
//! for FRMPayload, which 1.0.x encrypts in the same way; §4.3.1.6 for FOpts.

use super::aes::Aes128Schedule;
use super::session::Scheme;
use crate::dev_addr::DevAddr;
use crate::units::Direction;

/// What makes a keystream unique under its key. Used twice, it gives two plaintexts away.
#[derive(Clone, Copy)]
pub(crate) struct KeystreamId {
    pub(crate) direction: Direction,
    pub(crate) dev_addr: DevAddr,
    pub(crate) f_cnt: [u8; 4],
}

impl KeystreamId {
    fn block(self, usage: u8, last: u8) -> [u8; 16] {
        let [d0, d1, d2, d3] = self.dev_addr.to_wire();
        let [f0, f1, f2, f3] = self.f_cnt;
        let direction = self.direction.to_block();
        [1, 0, 0, 0, usage, direction, d0, d1, d2, d3, f0, f1, f2, f3, 0, last]
    }

    /// Encrypts or decrypts FRMPayload in place: block i is A with i in its last byte, from 1.
    pub(crate) fn apply_to_payload(self, key: &Aes128Schedule, payload: &mut [u8]) {
        for (chunk, number) in payload.chunks_mut(16).zip(1u8..) {
            let stream = key.encrypt(self.block(0, number));
            chunk.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
        }
    }

    /// Encrypts or decrypts FOpts in place (1.1 only; 1.0.x sends them in clear).
    pub(crate) fn apply_to_f_opts(
        self,
        key: &Aes128Schedule,
        scheme: Scheme,
        (counter, f_opts): (FOptsCounter, &mut [u8]),
    ) {
        let block = match scheme {
            Scheme::V1_0 => return,
            Scheme::V1_1 => self.block(counter.usage(), 1),
            Scheme::V1_1FirstText => self.block(0, 0),
        };
        let stream = key.encrypt(block);
        f_opts.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
    }
}

/// Which counter numbers the frame whose FOpts are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FOptsCounter {
    FCntUp,
    NFCntDown,
    AFCntDown,
}

impl FOptsCounter {
    /// 1.1: a downlink with an application's FPort counts in AFCntDown, any other in NFCntDown
    /// (LoRaWAN 1.1 §4.3.1.5).
    pub(crate) const fn of_downlink(f_port: Option<u8>) -> Self {
        match f_port {
            None | Some(0) => Self::NFCntDown,
            Some(_) => Self::AFCntDown,
        }
    }

    /// The fifth byte of A. The first text of 1.1 left it 0, which made NFCntDown and AFCntDown
    /// share keystreams; the errata "FOpts Encryption, Usage of FCntDwn" on LoRaWAN 1.1 §4.3.1.6
    /// tell them apart, and number the block 1.
    const fn usage(self) -> u8 {
        match self {
            Self::FCntUp | Self::NFCntDown => 1,
            Self::AFCntDown => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn twice_is_nothing(key: [u8; 16], f_cnt: [u8; 4], payload in proptest::collection::vec(any::<u8>(), 0..=242)) {
            let key = Aes128Schedule::new(&key);
            let id = KeystreamId { direction: Direction::Down, dev_addr: DevAddr::new(7), f_cnt };
            let mut bytes = payload.clone();
            id.apply_to_payload(&key, &mut bytes);
            id.apply_to_payload(&key, &mut bytes);
            prop_assert_eq!(bytes, payload);
        }
    }

    #[test]
    fn the_two_texts_of_1_1_differ_only_for_f_opts() {
        let key = Aes128Schedule::new(&[1; 16]);
        let id = KeystreamId {
            direction: Direction::Down,
            dev_addr: DevAddr::new(7),
            f_cnt: [1, 0, 0, 0],
        };
        let of = |scheme, counter| {
            let mut f_opts = [0u8; 3];
            id.apply_to_f_opts(&key, scheme, (counter, &mut f_opts));
            f_opts
        };
        assert_eq!(of(Scheme::V1_0, FOptsCounter::FCntUp), [0; 3]);
        assert_ne!(
            of(Scheme::V1_1, FOptsCounter::NFCntDown),
            of(Scheme::V1_1, FOptsCounter::AFCntDown)
        );
        let first = of(Scheme::V1_1FirstText, FOptsCounter::NFCntDown);
        assert_eq!(first, of(Scheme::V1_1FirstText, FOptsCounter::AFCntDown));
        assert_ne!(first, of(Scheme::V1_1, FOptsCounter::NFCntDown));
    }
}
