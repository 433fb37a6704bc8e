//! LinkCheck — a device asks how well it is heard. TS001-1.0.4 §5.1.

use super::codec::Layout;
use crate::wire::{BuildError, Reader};

/// The network's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkCheckAns {
    /// dB above what the best gateway needed to demodulate the asking uplink, 0 to 254.
    pub margin: u8,
    /// How many gateways heard it.
    pub gw_cnt: u8,
}

impl Layout for LinkCheckAns {
    const LENGTH: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { margin: reader.byte()?, gw_cnt: reader.byte()? })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend([self.margin, self.gw_cnt]);
        Ok(())
    }
}
