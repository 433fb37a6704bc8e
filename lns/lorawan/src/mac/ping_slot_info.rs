//! PingSlotInfo — how often a class B device listens. TS001-1.0.4 §12.1.

use super::codec::Layout;
use crate::wire::{BuildError, Reader};

/// The device's announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PingSlotInfoReq {
    /// n for 2⁷⁻ⁿ slots in a beacon period, 0 to 7: a slot about every 2ⁿ s.
    pub periodicity: u8,
}

impl Layout for PingSlotInfoReq {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { periodicity: reader.byte()? & 0b111 })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(self.periodicity & 0b111);
        Ok(())
    }
}
