//! NewChannel — create, change or remove a channel of a dynamic plan. TS001-1.0.4 §5.6.
//!
//! Devices of a fixed plan do not know it.

use super::codec::Layout;
use crate::units::{DataRateIndex, Frequency};
use crate::wire::{BuildError, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NewChannelReq {
    /// Which channel. The default channels cannot be changed.
    pub ch_index: u8,
    /// Its frequency; 0 removes the channel.
    pub frequency: Frequency,
    /// Its greatest data rate. Less than `min_data_rate` encodes a set, from RP002-1.0.5:
    /// [`DataRateSet::from_new_channel`](crate::region::DataRateSet::from_new_channel).
    pub max_data_rate: DataRateIndex,
    /// Its least data rate.
    pub min_data_rate: DataRateIndex,
}

/// The device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NewChannelAns {
    /// The frequency is usable.
    pub channel_frequency_ack: bool,
    /// The range is usable.
    pub data_rate_range_ack: bool,
}

impl NewChannelAns {
    /// Only if both are, the device has changed anything.
    pub const fn accepted(self) -> bool {
        self.channel_frequency_ack && self.data_rate_range_ack
    }
}

impl Layout for NewChannelReq {
    const LENGTH: usize = 5;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let ch_index = reader.byte()?;
        let frequency = Frequency::read(reader)?;
        let range = reader.byte()?;
        Some(Self {
            ch_index,
            frequency,
            max_data_rate: DataRateIndex::from_low_bits(range >> 4),
            min_data_rate: DataRateIndex::from_low_bits(range),
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(self.ch_index);
        self.frequency.write(out)?;
        out.push(self.max_data_rate.value() << 4 | self.min_data_rate.value());
        Ok(())
    }
}

impl Layout for NewChannelAns {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let status = reader.byte()?;
        Some(Self {
            channel_frequency_ack: status & 0b01 != 0,
            data_rate_range_ack: status & 0b10 != 0,
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(u8::from(self.channel_frequency_ack) | u8::from(self.data_rate_range_ack) << 1);
        Ok(())
    }
}
