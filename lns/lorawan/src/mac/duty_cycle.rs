//! DutyCycle — a limit on the device's total airtime. TS001-1.0.4 §5.3.

use super::codec::Layout;
use crate::wire::{BuildError, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DutyCycleReq {
    /// n for a duty cycle of 1/2ⁿ, 0 to 15; 0 lifts the limit.
    pub max_duty_cycle: u8,
}

impl Layout for DutyCycleReq {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { max_duty_cycle: reader.byte()? & 0x0f })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(self.max_duty_cycle & 0x0f);
        Ok(())
    }
}
