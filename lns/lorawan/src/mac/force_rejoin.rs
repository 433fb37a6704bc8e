//! ForceRejoin — the network wants a Rejoin-Request at once. LoRaWAN 1.1 §5.13.
//!
//! DEPARTURE LoRaWAN 1.1 §5.13 — the payload is one number of sixteen bits, and numbers are sent with
//! the low byte first. Semtech's reference device and another network server read and write the high
//! byte first (period and retries, then type and data rate); so do we, since a device that reads
//! otherwise does something else than it was told.

use super::codec::Layout;
use crate::units::DataRateIndex;
use crate::wire::{BuildError, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ForceRejoinReq {
    /// Repetitions are 32 · 2ⁿ s apart, plus up to 32 s, 0 to 7.
    pub period: u8,
    /// How often to repeat, 0 to 7.
    pub max_retries: u8,
    /// 0 or 1 for type 0, 2 for type 2.
    pub rejoin_type: u8,
    /// At which data rate.
    pub data_rate: DataRateIndex,
}

impl Layout for ForceRejoinReq {
    const LENGTH: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let [high, low] = reader.array()?;
        Some(Self {
            period: high >> 3 & 0b111,
            max_retries: high & 0b111,
            rejoin_type: low >> 4 & 0b111,
            data_rate: DataRateIndex::from_low_bits(low),
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push((self.period & 0b111) << 3 | self.max_retries & 0b111);
        out.push((self.rejoin_type & 0b111) << 4 | self.data_rate.value());
        Ok(())
    }
}
