//! DlChannel — another RX1 frequency for an uplink channel. TS001-1.0.4 §5.6.
//!
//! The answer is **sticky**: the device repeats it in every uplink until it hears a class A
//! downlink.

use super::codec::Layout;
use crate::units::Frequency;
use crate::wire::{BuildError, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DlChannelReq {
    /// The uplink channel.
    pub ch_index: u8,
    /// Where its RX1 is to be.
    pub frequency: Frequency,
}

/// The device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DlChannelAns {
    /// The frequency is usable.
    pub channel_frequency_ack: bool,
    /// The uplink channel exists.
    pub uplink_frequency_exists: bool,
}

impl DlChannelAns {
    /// Only if both are, the device has changed anything.
    pub const fn accepted(self) -> bool {
        self.channel_frequency_ack && self.uplink_frequency_exists
    }
}

impl Layout for DlChannelReq {
    const LENGTH: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { ch_index: reader.byte()?, frequency: Frequency::read(reader)? })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(self.ch_index);
        self.frequency.write(out)
    }
}

impl Layout for DlChannelAns {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let status = reader.byte()?;
        Some(Self {
            channel_frequency_ack: status & 0b01 != 0,
            uplink_frequency_exists: status & 0b10 != 0,
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(
            u8::from(self.channel_frequency_ack) | u8::from(self.uplink_frequency_exists) << 1,
        );
        Ok(())
    }
}
