//! ResetInd, ResetConf — a 1.1 ABP device has lost its MAC state. LoRaWAN 1.1 §5.1.

use super::codec::Layout;
use crate::wire::{BuildError, Reader};

/// The minor version that the sender speaks: 1 for LoRaWAN 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResetMinor {
    /// 0 to 15.
    pub minor: u8,
}

impl Layout for ResetMinor {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { minor: reader.byte()? & 0x0f })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(self.minor & 0x0f);
        Ok(())
    }
}
