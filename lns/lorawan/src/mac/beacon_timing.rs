//! BeaconTiming — when the next beacon comes. LoRaWAN 1.1 §14.4; deprecated in favour of
//! DeviceTime (TS001-1.0.4 §12).

use super::codec::Layout;
use crate::wire::{BuildError, Reader};

/// The network's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BeaconTimingAns {
    /// The next beacon starts between 30 · n and 30 · (n + 1) ms from the end of the downlink.
    pub delay: u16,
    /// Its channel, where beacons hop.
    pub channel: u8,
}

impl Layout for BeaconTimingAns {
    const LENGTH: usize = 3;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { delay: u16::from_le_bytes(reader.array()?), channel: reader.byte()? })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend(self.delay.to_le_bytes());
        out.push(self.channel);
        Ok(())
    }
}
