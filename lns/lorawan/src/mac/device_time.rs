//! DeviceTime — a device asks for the time. TS001-1.0.4 §5.9, LoRaWAN 1.0.3 §5.9, 1.1 §5.12.
//!
//! The answer is the time at the *end of the uplink that asked*, in GPS time. It has to be right
//! within 100 ms (LoRaWAN 1.0.3 §5.9).

use super::codec::Layout;
use crate::time::GpsTime;
use crate::wire::{BuildError, Reader};

/// The network's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceTimeAns {
    /// Seconds since 1980-01-06, modulo 2³².
    pub seconds: u32,
    /// In 1/256 s.
    pub fraction: u8,
}

impl From<GpsTime> for DeviceTimeAns {
    fn from(time: GpsTime) -> Self {
        Self { seconds: time.seconds(), fraction: time.fraction_256() }
    }
}

impl Layout for DeviceTimeAns {
    const LENGTH: usize = 5;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { seconds: u32::from_le_bytes(reader.array()?), fraction: reader.byte()? })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend(self.seconds.to_le_bytes());
        out.push(self.fraction);
        Ok(())
    }
}
