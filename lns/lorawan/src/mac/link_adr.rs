//! LinkADR — data rate, power, channels and repetitions. TS001-1.0.4 §5.2, LoRaWAN 1.1 §5.3.
//!
//! Consecutive requests are one block: with ADR on, a device takes all of it or nothing. Data rate
//! and power of 15 mean "keep" from 1.0.4 and in 1.1; earlier devices refuse them.

use super::codec::Layout;
use crate::units::{DataRateIndex, TxPowerIndex};
use crate::wire::{BuildError, Reader};

/// One request of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkAdrReq {
    /// Only the last request of a block counts.
    pub data_rate: DataRateIndex,
    /// Only the last request of a block counts.
    pub tx_power: TxPowerIndex,
    /// Sixteen channels, or what `ch_mask_cntl` makes of them; bit 0 is the first.
    pub ch_mask: u16,
    /// 0 to 7: what `ch_mask` applies to, by region.
    pub ch_mask_cntl: u8,
    /// How often an uplink is sent, 1 to 15. Unconfirmed ones only until 1.0.3 (LoRaWAN 1.0.3
    /// §5.2), confirmed ones too from 1.0.4 (TS001-1.0.4 §5.2) and in 1.1. 0 means 1 in 1.0.x and
    /// "keep" in 1.1 (LoRaWAN 1.1 §5.3).
    pub nb_trans: u8,
}

/// The device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkAdrAns {
    /// The mask is usable.
    pub channel_mask_ack: bool,
    /// The data rate is usable.
    pub data_rate_ack: bool,
    /// The power is usable.
    pub power_ack: bool,
}

impl LinkAdrAns {
    /// Only if all three are, the device has changed anything.
    pub const fn accepted(self) -> bool {
        self.channel_mask_ack && self.data_rate_ack && self.power_ack
    }
}

impl Layout for LinkAdrReq {
    const LENGTH: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let [rates, low, high, redundancy] = reader.array()?;
        Some(Self {
            data_rate: DataRateIndex::from_low_bits(rates >> 4),
            tx_power: TxPowerIndex::from_low_bits(rates),
            ch_mask: u16::from_le_bytes([low, high]),
            ch_mask_cntl: redundancy >> 4 & 0b111,
            nb_trans: redundancy & 0x0f,
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(self.data_rate.value() << 4 | self.tx_power.value());
        out.extend(self.ch_mask.to_le_bytes());
        out.push((self.ch_mask_cntl & 0b111) << 4 | self.nb_trans & 0x0f);
        Ok(())
    }
}

impl Layout for LinkAdrAns {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let status = reader.byte()?;
        Some(Self {
            channel_mask_ack: status & 0b001 != 0,
            data_rate_ack: status & 0b010 != 0,
            power_ack: status & 0b100 != 0,
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(
            u8::from(self.channel_mask_ack)
                | u8::from(self.data_rate_ack) << 1
                | u8::from(self.power_ack) << 2,
        );
        Ok(())
    }
}
