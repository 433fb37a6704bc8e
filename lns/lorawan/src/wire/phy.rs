//! PHYPayload: the first byte decides what the rest is. LoRaWAN 1.0.3 §4.2.1, 1.1 §4.2.1 (which
//! adds FType 6); Major: TS001-1.0.4 §4.2.2.

use super::data::{SealedDownlink, SealedUplink};
use super::error::WireError;
use super::join::{EncryptedJoinAccept, JoinRequest};
use super::rejoin::RejoinRequest;

/// The longest PHYPayload: MHDR, 250 bytes of MACPayload, MIC.
pub(crate) const MAX_PHY_PAYLOAD: usize = 255;

/// What arrives from the air. A name for its parser; it holds nothing.
#[derive(Debug)]
pub enum PhyPayload {}

/// A frame whose sender has not been verified.
#[derive(Debug, Clone, Copy)]
pub enum Frame<'a> {
    /// FType 0.
    JoinRequest(JoinRequest),
    /// FType 1.
    JoinAccept(EncryptedJoinAccept<'a>),
    /// FType 6 (1.1).
    Rejoin(RejoinRequest),
    /// FType 2 and 4.
    Up(SealedUplink<'a>),
    /// FType 3 and 5.
    Down(SealedDownlink<'a>),
    /// FType 7: everything after MHDR.
    Proprietary(&'a [u8]),
}

impl PhyPayload {
    /// Sorts a frame by its MHDR. Total: any bytes give a frame or say why not. Allocates nothing.
    ///
    /// MHDR's three reserved bits are ignored, as a receiver should.
    pub fn parse(bytes: &[u8]) -> Result<Frame<'_>, WireError> {
        let (mhdr, rest) = bytes.split_first().ok_or(WireError::Empty)?;
        if bytes.len() > MAX_PHY_PAYLOAD {
            return Err(WireError::TooLong { length: bytes.len() });
        }
        if mhdr & 0b11 != 0 {
            return Err(WireError::Major { major: mhdr & 0b11 });
        }
        match mhdr >> 5 {
            0 => JoinRequest::parse(bytes).map(Frame::JoinRequest),
            1 => EncryptedJoinAccept::parse(bytes).map(Frame::JoinAccept),
            2 => SealedUplink::parse(bytes, false).map(Frame::Up),
            3 => SealedDownlink::parse(bytes, false).map(Frame::Down),
            4 => SealedUplink::parse(bytes, true).map(Frame::Up),
            5 => SealedDownlink::parse(bytes, true).map(Frame::Down),
            6 => RejoinRequest::parse(bytes).map(Frame::Rejoin),
            _ => Ok(Frame::Proprietary(rest)),
        }
    }
}
