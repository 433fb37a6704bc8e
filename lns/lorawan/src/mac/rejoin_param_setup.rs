//! RejoinParamSetup — how often a device sends Rejoin-Requests of type 0. LoRaWAN 1.1
//! §5.14.

use super::codec::Layout;
use crate::wire::{BuildError, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RejoinParamSetupReq {
    /// At least every 2ⁿ⁺¹⁰ s, 0 to 15.
    pub max_time_n: u8,
    /// At least every 2ⁿ⁺⁴ uplinks, 0 to 15.
    pub max_count_n: u8,
}

/// The device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RejoinParamSetupAns {
    /// It keeps the time limit too; the count is kept in any case.
    pub time_ok: bool,
}

impl Layout for RejoinParamSetupReq {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let byte = reader.byte()?;
        Some(Self { max_time_n: byte >> 4, max_count_n: byte & 0x0f })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push((self.max_time_n & 0x0f) << 4 | self.max_count_n & 0x0f);
        Ok(())
    }
}

impl Layout for RejoinParamSetupAns {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { time_ok: reader.byte()? & 1 != 0 })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(u8::from(self.time_ok));
        Ok(())
    }
}
