//! What a join must not repeat: the device's DevNonce and the server's JoinNonce.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The device's number for a Join-Request.
///
/// Random until 1.0.3 (LoRaWAN 1.0.3 §6.2), a counter from 0 that never repeats for a JoinEUI from
/// 1.0.4 (TS001-1.0.4 §6.2.5) and in 1.1 (LoRaWAN 1.1 §6.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DevNonce(pub u16);

impl DevNonce {
    /// From the order on air: least significant byte first.
    pub const fn from_wire(bytes: [u8; 2]) -> Self {
        Self(u16::from_le_bytes(bytes))
    }

    /// In the order on air: least significant byte first.
    pub const fn to_wire(self) -> [u8; 2] {
        self.0.to_le_bytes()
    }
}

/// The server's number for a Join-Accept (AppNonce before 1.0.4): 24 bits, counting up. It need
/// only not repeat in 1.0.4 (TS001-1.0.4 §6.2.6); a 1.1 device wants it to grow (LoRaWAN 1.1
/// §6.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct JoinNonce(u32);

impl JoinNonce {
    /// `None` beyond 24 bits.
    pub const fn new(value: u32) -> Option<Self> {
        if value <= 0xff_ffff { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// The nonce of the next Join-Accept; `None` when the counter is used up and the device needs
    /// a new root key.
    pub const fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }

    /// From the order on air: least significant byte first.
    pub const fn from_wire(bytes: [u8; 3]) -> Self {
        let [low, middle, high] = bytes;
        Self(u32::from_le_bytes([low, middle, high, 0]))
    }

    /// In the order on air: least significant byte first.
    pub const fn to_wire(self) -> [u8; 3] {
        let [low, middle, high, _] = self.0.to_le_bytes();
        [low, middle, high]
    }
}

/// Four hexadecimal digits.
impl fmt::Display for DevNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

/// Six hexadecimal digits.
impl fmt::Display for JoinNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0)
    }
}

impl From<JoinNonce> for u32 {
    fn from(nonce: JoinNonce) -> u32 {
        nonce.0
    }
}

/// The number has more than 24 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot use {0} as a JoinNonce: it has 24 bits, at most 16777215")]
pub struct JoinNonceTooLarge(u32);

impl TryFrom<u32> for JoinNonce {
    type Error = JoinNonceTooLarge;
    fn try_from(value: u32) -> Result<Self, JoinNonceTooLarge> {
        Self::new(value).ok_or(JoinNonceTooLarge(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_nonce_counts_to_its_end_and_stops() {
        let last = JoinNonce::new(0xff_ffff).unwrap();
        assert_eq!(last.next(), None);
        assert_eq!(JoinNonce::new(0x0100_0000), None);
        assert_eq!(JoinNonce::new(7).unwrap().next(), JoinNonce::new(8));
        assert_eq!(JoinNonce::from_wire([3, 2, 1]).to_string(), "010203");
        assert_eq!(DevNonce::from_wire([2, 1]).to_string(), "0102");
        assert!(serde_json::from_str::<JoinNonce>("16777216").is_err());
    }
}
