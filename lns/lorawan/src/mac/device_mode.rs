//! DeviceMode — a 1.1 device changes between class A and C. LoRaWAN 1.1 §18.1.
//!
//! The device repeats DeviceModeInd until it hears DeviceModeConf.

use super::codec::Layout;
use crate::wire::{BuildError, Reader};

/// The class that is announced or confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceMode {
    /// 0.
    ClassA,
    /// 2.
    ClassC,
    /// Anything else is reserved.
    Reserved(u8),
}

impl Layout for DeviceMode {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(match reader.byte()? {
            0 => Self::ClassA,
            2 => Self::ClassC,
            other => Self::Reserved(other),
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(match self {
            Self::ClassA => 0,
            Self::ClassC => 2,
            Self::Reserved(other) => *other,
        });
        Ok(())
    }
}
