//! BeaconFreq — where beacons are. TS001-1.0.4 §12.2.

use super::codec::Layout;
use crate::units::Frequency;
use crate::wire::{BuildError, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BeaconFreqReq {
    /// 0 means the region's default, hopping where it hops.
    pub frequency: Frequency,
}

/// The device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BeaconFreqAns {
    /// The frequency is usable.
    pub beacon_frequency_ack: bool,
}

impl Layout for BeaconFreqReq {
    const LENGTH: usize = 3;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Frequency::read(reader).map(|frequency| Self { frequency })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        self.frequency.write(out)
    }
}

impl Layout for BeaconFreqAns {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { beacon_frequency_ack: reader.byte()? & 1 != 0 })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(u8::from(self.beacon_frequency_ack));
        Ok(())
    }
}

/// Three bytes, in the region's steps.
impl Layout for Frequency {
    const LENGTH: usize = 3;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.frequency()
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend(self.to_wire().ok_or(BuildError::Frequency { hz: self.hz() })?);
        Ok(())
    }
}
