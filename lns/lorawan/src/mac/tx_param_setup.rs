//! TXParamSetup — dwell times and power where a region limits them. TS001-1.0.4 §5.8.
//!
//! From 1.0.4 the answer is **sticky**: the device repeats it in every uplink until it hears a
//! class A downlink.

use super::codec::Layout;
use crate::units::Dbm;
use crate::wire::{BuildError, Reader};

/// The network's wish. Devices of regions without dwell time ignore it and do not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TxParamSetupReq {
    /// Downlinks last at most 400 ms.
    pub downlink_dwell_time: bool,
    /// Uplinks last at most 400 ms.
    pub uplink_dwell_time: bool,
    /// A coded EIRP, 0 to 15.
    pub max_eirp: u8,
}

impl TxParamSetupReq {
    /// What `max_eirp` stands for.
    pub const fn max_eirp_dbm(self) -> Dbm {
        Dbm::from_whole(match self.max_eirp & 0x0f {
            0 => 8,
            1 => 10,
            2 => 12,
            3 => 13,
            4 => 14,
            5 => 16,
            6 => 18,
            7 => 20,
            8 => 21,
            9 => 24,
            10 => 26,
            11 => 27,
            12 => 29,
            13 => 30,
            14 => 33,
            _ => 36,
        })
    }
}

impl Layout for TxParamSetupReq {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let byte = reader.byte()?;
        Some(Self {
            downlink_dwell_time: byte & 0x20 != 0,
            uplink_dwell_time: byte & 0x10 != 0,
            max_eirp: byte & 0x0f,
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(
            u8::from(self.downlink_dwell_time) << 5
                | u8::from(self.uplink_dwell_time) << 4
                | self.max_eirp & 0x0f,
        );
        Ok(())
    }
}
