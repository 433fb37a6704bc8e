//! Rejoin-Request: a 1.1 device that shows itself without giving its session up. LoRaWAN 1.1
//! §6.2.4.

use super::error::{FrameKind, WireError};
use super::reader::Reader;
use crate::crypto::{JoinReqType, Mic, MicSchedule};
use crate::dev_addr::NetId;
use crate::eui::{DevEui, JoinEui};
use crate::key::{JsIntKey, SNwkSIntKey};

const MHDR_REJOIN: u8 = 0xc0;

/// What a Rejoin-Request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejoinFields {
    /// Reset the device's context and radio parameters (§6.2.4.1).
    Type0 {
        /// The network of the session.
        net_id: NetId,
        /// Who asks.
        dev_eui: DevEui,
        /// Counts with type 2; reset at a join.
        rj_count0: u16,
    },
    /// As a Join-Request, to restore a lost session context (§6.2.4.2).
    Type1 {
        /// Who knows the root keys.
        join_eui: JoinEui,
        /// Who asks.
        dev_eui: DevEui,
        /// Never reset for a JoinEUI.
        rj_count1: u16,
    },
    /// Rekey, or change the address, and keep the radio parameters (§6.2.4.1).
    Type2 {
        /// The network of the session.
        net_id: NetId,
        /// Who asks.
        dev_eui: DevEui,
        /// Counts with type 0.
        rj_count0: u16,
    },
}

impl RejoinFields {
    /// Who asks.
    pub const fn dev_eui(&self) -> DevEui {
        match self {
            Self::Type0 { dev_eui, .. }
            | Self::Type1 { dev_eui, .. }
            | Self::Type2 { dev_eui, .. } => *dev_eui,
        }
    }

    /// The counter, which takes DevNonce's place in the answer.
    pub const fn rj_count(&self) -> u16 {
        match self {
            Self::Type0 { rj_count0: count, .. }
            | Self::Type1 { rj_count1: count, .. }
            | Self::Type2 { rj_count0: count, .. } => *count,
        }
    }

    /// Its type, as the answer's MIC covers it.
    pub const fn join_req_type(&self) -> JoinReqType {
        match self {
            Self::Type0 { .. } => JoinReqType::Rejoin0,
            Self::Type1 { .. } => JoinReqType::Rejoin1,
            Self::Type2 { .. } => JoinReqType::Rejoin2,
        }
    }

    fn body(&self, mhdr: u8) -> Vec<u8> {
        let mut body = vec![mhdr, self.join_req_type().value()];
        match self {
            Self::Type0 { net_id, .. } | Self::Type2 { net_id, .. } => {
                body.extend(net_id.to_wire());
            }
            Self::Type1 { join_eui, .. } => body.extend(join_eui.to_wire()),
        }
        body.extend(self.dev_eui().to_wire());
        body.extend(self.rj_count().to_le_bytes());
        body
    }

    fn seal(&self, key: &MicSchedule) -> Vec<u8> {
        let mut frame = self.body(MHDR_REJOIN);
        frame.extend(key.mic(&frame).0);
        frame
    }

    /// The frame of a type 0 or 2; `None` for type 1, which a session key does not sign.
    pub fn build_with_session(&self, key: &SNwkSIntKey) -> Option<Vec<u8>> {
        match self {
            Self::Type0 { .. } | Self::Type2 { .. } => Some(self.seal(&MicSchedule::from(key))),
            Self::Type1 { .. } => None,
        }
    }

    /// The frame of a type 1; `None` for types 0 and 2, which the session key signs.
    pub fn build_with_root(&self, key: &JsIntKey) -> Option<Vec<u8>> {
        match self {
            Self::Type0 { .. } | Self::Type2 { .. } => None,
            Self::Type1 { .. } => Some(self.seal(&MicSchedule::from(key))),
        }
    }
}

/// A Rejoin-Request as it arrived: 19 bytes, or 24 for type 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejoinRequest {
    /// What it says.
    pub fields: RejoinFields,
    mic: Mic,
    mhdr: u8,
}

impl RejoinRequest {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let length = WireError::Length { kind: FrameKind::RejoinRequest, length: bytes.len() };
        let mut reader = Reader::new(bytes);
        let mut head = || Some((reader.byte()?, reader.byte()?));
        let (mhdr, rejoin_type) = head().ok_or(length)?;
        let fields = match rejoin_type {
            0 | 2 if bytes.len() == 19 => Self::with_net_id(rejoin_type, &mut reader),
            1 if bytes.len() == 24 => Self::with_join_eui(&mut reader),
            0..=2 => None,
            _ => return Err(WireError::RejoinType { rejoin_type }),
        };
        let fields = fields.ok_or(length)?;
        Ok(Self { fields, mic: Mic(reader.array().ok_or(length)?), mhdr })
    }

    fn with_net_id(rejoin_type: u8, reader: &mut Reader<'_>) -> Option<RejoinFields> {
        let net_id = NetId::from_wire(reader.array()?);
        let dev_eui = DevEui::from_wire(reader.array()?);
        let rj_count0 = u16::from_le_bytes(reader.array()?);
        Some(match rejoin_type {
            0 => RejoinFields::Type0 { net_id, dev_eui, rj_count0 },
            _ => RejoinFields::Type2 { net_id, dev_eui, rj_count0 },
        })
    }

    fn with_join_eui(reader: &mut Reader<'_>) -> Option<RejoinFields> {
        Some(RejoinFields::Type1 {
            join_eui: JoinEui::from_wire(reader.array()?),
            dev_eui: DevEui::from_wire(reader.array()?),
            rj_count1: u16::from_le_bytes(reader.array()?),
        })
    }

    /// The code at its end.
    pub const fn mic(&self) -> Mic {
        self.mic
    }

    /// Types 0 and 2: did the holder of this session send it? Type 1 never verifies here.
    pub fn verify_with_session(&self, key: &SNwkSIntKey) -> bool {
        match self.fields {
            RejoinFields::Type0 { .. } | RejoinFields::Type2 { .. } => {
                self.verify(&MicSchedule::from(key))
            }
            RejoinFields::Type1 { .. } => false,
        }
    }

    /// Type 1: did the holder of the root key send it? Types 0 and 2 never verify here.
    pub fn verify_with_root(&self, key: &JsIntKey) -> bool {
        match self.fields {
            RejoinFields::Type0 { .. } | RejoinFields::Type2 { .. } => false,
            RejoinFields::Type1 { .. } => self.verify(&MicSchedule::from(key)),
        }
    }

    fn verify(&self, key: &MicSchedule) -> bool {
        key.mic(&self.fields.body(self.mhdr)) == self.mic
    }
}
