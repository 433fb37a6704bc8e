//! DevStatus — battery and margin of a device. TS001-1.0.4 §5.5.

use super::codec::Layout;
use crate::wire::{BuildError, Reader};

/// Where a device's power comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Battery {
    /// 0 on air.
    External,
    /// 1 (empty) to 254 (full).
    Level(u8),
    /// 255 on air: it could not measure.
    Unknown,
}

impl Battery {
    /// From its byte.
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::External,
            255 => Self::Unknown,
            level => Self::Level(level),
        }
    }

    /// To its byte.
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::External => 0,
            Self::Level(level) => level,
            Self::Unknown => 255,
        }
    }

    /// Thousandths of a full battery, where there is a measured one.
    pub fn permille(self) -> Option<u16> {
        match self {
            Self::Level(level) => {
                let scaled = (u32::from(level.saturating_sub(1)) * 1000 + 126) / 253;
                u16::try_from(scaled).ok()
            }
            Self::External | Self::Unknown => None,
        }
    }
}

/// The device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DevStatusAns {
    /// Its power.
    pub battery: Battery,
    /// SNR of the last DevStatusReq in dB, −32 to 31.
    pub margin: i8,
}

impl Layout for DevStatusAns {
    const LENGTH: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let [battery, margin] = reader.array()?;
        // Six bits with a sign: shift it to the top and back.
        let margin = (margin << 2).cast_signed() >> 2;
        Some(Self { battery: Battery::from_byte(battery), margin })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend([self.battery.to_byte(), self.margin.cast_unsigned() & 0b11_1111]);
        Ok(())
    }
}
