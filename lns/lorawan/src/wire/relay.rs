//! What a relay forwards: an end-device's uplink inside its own, on FPort 226. TS011, chapter on
//! forwarded frames; checked against two public implementations.
//!
//! ```text
//! bits of the metadata, from the lowest: data rate 4 | SNR + 20, 5 | −RSSI − 15, 7 | WOR channel 2 | 0
//! metadata 3 | frequency 3, in 100 Hz | PHYPayload
//! ```

use super::reader::Reader;
use crate::units::{DataRateIndex, Frequency};

/// An uplink as a relay has heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardedUplink<'a> {
    /// Its data rate.
    pub data_rate: DataRateIndex,
    /// Signal to noise at the relay, −20 to 11 dB.
    pub snr: i16,
    /// Strength at the relay, −142 to −15 dBm.
    pub rssi: i16,
    /// Whether the device woke the relay on the second channel, and not on the default one.
    pub second_channel: bool,
    /// Its frequency.
    pub frequency: Frequency,
    /// The frame.
    pub phy_payload: &'a [u8],
}

/// A forwarded uplink that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// Shorter than what stands before the frame, or nothing behind that.
    #[error("a forwarded uplink has more than 6 bytes, not {length}")]
    TooShort {
        /// Its length.
        length: usize,
    },
    /// There are two WOR channels.
    #[error("a relay has WOR channels 0 and 1, not {channel}")]
    WorChannel {
        /// The channel named.
        channel: u8,
    },
}

impl<'a> ForwardedUplink<'a> {
    /// Reads ForwardUplinkReq.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RelayError> {
        let too_short = RelayError::TooShort { length: bytes.len() };
        let mut reader = Reader::new(bytes);
        let [m0, m1, m2] = reader.array().ok_or(too_short)?;
        let [f0, f1, f2] = reader.array().ok_or(too_short)?;
        let phy_payload = reader.rest();
        if phy_payload.is_empty() {
            return Err(too_short);
        }
        let snr = m0 >> 4 | (m1 & 1) << 4;
        let channel = m2 & 0b11;
        if channel > 1 {
            return Err(RelayError::WorChannel { channel });
        }
        Ok(Self {
            data_rate: DataRateIndex::new(m0 & 0x0f).unwrap_or(DataRateIndex::DR0),
            snr: i16::from(snr) - 20,
            rssi: -i16::from(m1 >> 1) - 15,
            second_channel: channel == 1,
            frequency: Frequency::from_hz(u32::from_le_bytes([f0, f1, f2, 0]) * 100),
            phy_payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of 0x01_aac5: channel 1, RSSI code 85, SNR code 12, data rate 5.
    #[test]
    fn a_forwarded_uplink_is_read_field_by_field() {
        let bytes = [0xc5, 0xaa, 0x01, 0x28, 0x76, 0x84, 0x40, 1, 2];
        let read = ForwardedUplink::parse(&bytes).unwrap();
        assert_eq!(read.data_rate, DataRateIndex::new(5).unwrap());
        assert_eq!((read.snr, read.rssi), (12 - 20, -85 - 15));
        assert!(read.second_channel);
        assert_eq!(read.frequency, Frequency::from_hz(868_100_000));
        assert_eq!(read.phy_payload, [0x40, 1, 2]);
    }

    #[test]
    fn the_ends_of_its_scales() {
        let read = |metadata: u32| {
            let [m0, m1, m2, _] = metadata.to_le_bytes();
            let bytes = [m0, m1, m2, 0, 0, 0, 0];
            ForwardedUplink::parse(&bytes).map(|read| (read.snr, read.rssi, read.second_channel))
        };
        assert_eq!(read(0), Ok((-20, -15, false)));
        assert_eq!(read(0x1f << 4 | 0x7f << 9), Ok((11, -142, false)));
        assert_eq!(read(2 << 16), Err(RelayError::WorChannel { channel: 2 }));
    }

    #[test]
    fn less_than_a_frame_is_refused() {
        for length in 0..=6 {
            let bytes = vec![0; length];
            assert_eq!(ForwardedUplink::parse(&bytes), Err(RelayError::TooShort { length }));
        }
    }
}
