//! RXParamSetup — RX1's offset, RX2's data rate and frequency. TS001-1.0.4 §5.4.
//!
//! The answer is **sticky**: the device repeats it in every uplink until it hears a class A
//! downlink, so that one lost frame cannot leave the two ends with different windows.

use super::codec::Layout;
use crate::units::{DataRateIndex, Frequency};
use crate::wire::{BuildError, DlSettings, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RxParamSetupReq {
    /// 0 to 7.
    pub rx1_dr_offset: u8,
    /// RX2's data rate.
    pub rx2_data_rate: DataRateIndex,
    /// RX2's frequency.
    pub frequency: Frequency,
}

/// The device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RxParamSetupAns {
    /// The frequency is usable.
    pub channel_ack: bool,
    /// The data rate is usable.
    pub rx2_data_rate_ack: bool,
    /// The offset is in the allowed range.
    pub rx1_dr_offset_ack: bool,
}

impl RxParamSetupAns {
    /// Only if all three are, the device has changed anything.
    pub const fn accepted(self) -> bool {
        self.channel_ack && self.rx2_data_rate_ack && self.rx1_dr_offset_ack
    }
}

impl Layout for RxParamSetupReq {
    const LENGTH: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let settings = DlSettings::from_byte(reader.byte()?);
        Some(Self {
            rx1_dr_offset: settings.rx1_dr_offset,
            rx2_data_rate: settings.rx2_data_rate,
            frequency: reader.frequency()?,
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        let Self { rx1_dr_offset, rx2_data_rate, frequency } = *self;
        out.push(DlSettings { opt_neg: false, rx1_dr_offset, rx2_data_rate }.to_byte());
        frequency.write(out)
    }
}

impl Layout for RxParamSetupAns {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let status = reader.byte()?;
        Some(Self {
            channel_ack: status & 0b001 != 0,
            rx2_data_rate_ack: status & 0b010 != 0,
            rx1_dr_offset_ack: status & 0b100 != 0,
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(
            u8::from(self.channel_ack)
                | u8::from(self.rx2_data_rate_ack) << 1
                | u8::from(self.rx1_dr_offset_ack) << 2,
        );
        Ok(())
    }
}
