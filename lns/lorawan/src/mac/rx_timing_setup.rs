//! RXTimingSetup — how long after its uplink a device opens RX1. TS001-1.0.4 §5.7.
//!
//! The answer is **sticky**: the device repeats it in every uplink until it hears a class A
//! downlink, so that one lost frame cannot leave the two ends with different windows.

use super::codec::Layout;
use crate::wire::{BuildError, Reader, RxDelay};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RxTimingSetupReq {
    /// RX1's delay; RX2 opens one second later.
    pub rx_delay: RxDelay,
}

impl Layout for RxTimingSetupReq {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { rx_delay: RxDelay::from_byte(reader.byte()?) })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(self.rx_delay.value());
        Ok(())
    }
}
