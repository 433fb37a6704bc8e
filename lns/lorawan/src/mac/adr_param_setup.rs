//! ADRParamSetup — when a device doubts that it is heard. LoRaWAN 1.1 §5.11.

use super::codec::Layout;
use crate::wire::{BuildError, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AdrParamSetupReq {
    /// n for ADR_ACK_LIMIT = 2ⁿ uplinks, 0 to 15.
    pub limit_exp: u8,
    /// n for ADR_ACK_DELAY = 2ⁿ uplinks, 0 to 15.
    pub delay_exp: u8,
}

impl Layout for AdrParamSetupReq {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let byte = reader.byte()?;
        Some(Self { limit_exp: byte >> 4, delay_exp: byte & 0x0f })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push((self.limit_exp & 0x0f) << 4 | self.delay_exp & 0x0f);
        Ok(())
    }
}
