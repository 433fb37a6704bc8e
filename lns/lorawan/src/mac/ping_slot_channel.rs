//! PingSlotChannel — where and how fast a class B device listens. TS001-1.0.4 §12,
//! LoRaWAN 1.1 §14.3.
//!
//! From 1.0.4 the answer is **sticky**: the device repeats it in every uplink until it hears a
//! class A downlink.

use super::codec::Layout;
use crate::units::{DataRateIndex, Frequency};
use crate::wire::{BuildError, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PingSlotChannelReq {
    /// 0 means the region's default, hopping where it hops.
    pub frequency: Frequency,
    /// The data rate.
    pub data_rate: DataRateIndex,
}

/// The device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PingSlotChannelAns {
    /// The frequency is usable.
    pub channel_frequency_ack: bool,
    /// The data rate is usable.
    pub data_rate_ack: bool,
}

impl PingSlotChannelAns {
    /// Only if both are, the device has changed anything.
    pub const fn accepted(self) -> bool {
        self.channel_frequency_ack && self.data_rate_ack
    }
}

impl Layout for PingSlotChannelReq {
    const LENGTH: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let frequency = Frequency::read(reader)?;
        Some(Self { frequency, data_rate: DataRateIndex::from_low_bits(reader.byte()?) })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        self.frequency.write(out)?;
        out.push(self.data_rate.value());
        Ok(())
    }
}

impl Layout for PingSlotChannelAns {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let status = reader.byte()?;
        Some(Self { channel_frequency_ack: status & 0b01 != 0, data_rate_ack: status & 0b10 != 0 })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(u8::from(self.channel_frequency_ack) | u8::from(self.data_rate_ack) << 1);
        Ok(())
    }
}
