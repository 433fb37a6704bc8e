//! AES-128 with its key schedule kept: expanding a key costs more than encrypting a block.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128Dec, Aes128Enc};

use crate::key::{AppSKey, NwkSEncKey};

/// An expanded key for encryption, 176 bytes, wiped when dropped.
#[derive(Clone)]
pub struct Aes128Schedule(Aes128Enc);

impl Aes128Schedule {
    /// Expands a key.
    pub fn new(key: &[u8; 16]) -> Self {
        Self(Aes128Enc::new(&Array(*key)))
    }

    pub(crate) fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Array(block);
        self.0.encrypt_block(&mut block);
        block.0
    }

    pub(crate) fn encrypt_number(&self, block: u128) -> u128 {
        u128::from_be_bytes(self.encrypt(block.to_be_bytes()))
    }
}

impl core::fmt::Debug for Aes128Schedule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Aes128Schedule(…)")
    }
}

impl From<&AppSKey> for Aes128Schedule {
    fn from(key: &AppSKey) -> Self {
        Self::new(key.as_bytes())
    }
}

impl From<&NwkSEncKey> for Aes128Schedule {
    fn from(key: &NwkSEncKey) -> Self {
        Self::new(key.as_bytes())
    }
}

/// Encrypts whole blocks in ECB; what is beyond the last whole block stays as it is.
pub(crate) fn encrypt_blocks(key: &[u8; 16], bytes: &mut [u8]) {
    let cipher = Aes128Enc::new(&Array(*key));
    for block in bytes.as_chunks_mut::<16>().0 {
        let mut whole = Array(*block);
        cipher.encrypt_block(&mut whole);
        *block = whole.0;
    }
}

/// Decrypts whole blocks in ECB; what is beyond the last whole block stays as it is.
pub(crate) fn decrypt_blocks(key: &[u8; 16], bytes: &mut [u8]) {
    let cipher = Aes128Dec::new(&Array(*key));
    for block in bytes.as_chunks_mut::<16>().0 {
        let mut whole = Array(*block);
        cipher.decrypt_block(&mut whole);
        *block = whole.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendix B.
    #[test]
    fn the_standards_example_agrees() {
        let key = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
        let plain = 0x3243_f6a8_885a_308d_3131_98a2_e037_0734_u128;
        let cipher = 0x3925_841d_02dc_09fb_dc11_8597_196a_0b32_u128;
        assert_eq!(Aes128Schedule::new(&key).encrypt_number(plain), cipher);
        let mut block = cipher.to_be_bytes();
        decrypt_blocks(&key, &mut block);
        assert_eq!(u128::from_be_bytes(block), plain);
        encrypt_blocks(&key, &mut block);
        assert_eq!(u128::from_be_bytes(block), cipher);
    }
}
