//! CFList: the channels that a Join-Accept may add or select.

use super::error::{BuildError, WireError};
use super::reader::Reader;
use crate::units::{Frequency, FrequencyStep};

/// The last sixteen bytes of a long Join-Accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum CfList {
    /// Type 0, dynamic plans: the frequencies of the channels after the default ones. `None` (0 on
    /// air) leaves a channel unused. RP002-1.0.5 §3.3.1.
    Frequencies([Option<Frequency>; 5]),
    /// Type 1, fixed plans, from LoRaWAN 1.0.3: which channels are on, sixteen to a mask, channel 0
    /// in the lowest bit of the first. The sixth mask is reserved where there are 72 channels.
    Masks([u16; 6]),
}

impl CfList {
    pub(crate) fn parse(bytes: [u8; 16], step: FrequencyStep) -> Result<Self, WireError> {
        let [.., cf_list_type] = bytes;
        let mut reader = Reader::new(&bytes).in_steps_of(step);
        match cf_list_type {
            0 => Ok(Self::Frequencies(core::array::from_fn(|_| {
                reader.frequency().filter(|frequency| frequency.hz() != 0)
            }))),
            1 => Ok(Self::Masks(core::array::from_fn(|_| {
                u16::from_le_bytes(reader.array().unwrap_or_default())
            }))),
            _ => Err(WireError::CfListType { cf_list_type }),
        }
    }

    pub(crate) fn to_wire(self) -> Result<[u8; 16], BuildError> {
        let mut bytes = [0u8; 16];
        match self {
            Self::Frequencies(frequencies) => {
                let (slots, _) = bytes.as_chunks_mut::<3>();
                for (slot, frequency) in slots.iter_mut().zip(frequencies) {
                    let Some(frequency) = frequency else { continue };
                    *slot =
                        frequency.to_wire().ok_or(BuildError::Frequency { hz: frequency.hz() })?;
                }
            }
            Self::Masks(masks) => {
                let (slots, _) = bytes.as_chunks_mut::<2>();
                slots.iter_mut().zip(masks).for_each(|(slot, mask)| *slot = mask.to_le_bytes());
                let [.., cf_list_type] = &mut bytes;
                *cf_list_type = 1;
            }
        }
        Ok(bytes)
    }
}
