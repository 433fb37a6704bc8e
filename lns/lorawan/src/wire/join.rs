//! Join-Request and Join-Accept. TS001-1.0.4 §6.2.5 and §6.2.6, LoRaWAN 1.1 §6.2.2 and §6.2.3.

use serde::{Deserialize, Serialize};

use super::cf_list::CfList;
use super::error::{BuildError, FrameKind, JoinAcceptError, WireError};
use super::reader::Reader;
use crate::crypto::{JoinReqType, Mic, MicMismatch, MicSchedule, decrypt_blocks, encrypt_blocks};
use crate::dev_addr::{DevAddr, NetId};
use crate::eui::{DevEui, JoinEui};
use crate::key::{AppKey, JsEncKey, JsIntKey, NwkKey};
use crate::nonce::{DevNonce, JoinNonce};
use crate::units::{DataRateIndex, FrequencyStep};

const MHDR_JOIN_REQUEST: u8 = 0x00;
const MHDR_JOIN_ACCEPT: u8 = 0x20;

/// A device that asks to join, 23 bytes. Nothing in it is secret, so only its MIC needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinRequest {
    /// Who knows the root keys.
    pub join_eui: JoinEui,
    /// Who asks.
    pub dev_eui: DevEui,
    /// Must be new.
    pub dev_nonce: DevNonce,
    mic: Mic,
    body: [u8; 19],
}

impl JoinRequest {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let length = WireError::Length { kind: FrameKind::JoinRequest, length: bytes.len() };
        let whole: [u8; 23] = bytes.try_into().map_err(|_| length)?;
        let read = |reader: &mut Reader<'_>| {
            let body = Reader::new(reader.rest()).array()?;
            reader.byte()?;
            Some(Self {
                join_eui: JoinEui::from_wire(reader.array()?),
                dev_eui: DevEui::from_wire(reader.array()?),
                dev_nonce: DevNonce::from_wire(reader.array()?),
                mic: Mic(reader.array()?),
                body,
            })
        };
        read(&mut Reader::new(&whole)).ok_or(length)
    }

    /// The code at its end.
    pub const fn mic(&self) -> Mic {
        self.mic
    }

    /// Did the holder of this root key send it? The AppKey for 1.0.x (TS001-1.0.4 §6.2.5).
    pub fn verify_1_0(&self, app_key: &AppKey) -> bool {
        MicSchedule::from(app_key).mic(&self.body) == self.mic
    }

    /// Did the holder of this root key send it? The NwkKey for 1.1 (LoRaWAN 1.1 §6.2.2).
    pub fn verify_1_1(&self, nwk_key: &NwkKey) -> bool {
        MicSchedule::from(nwk_key).mic(&self.body) == self.mic
    }

    /// The frame of a 1.0.x device.
    pub fn build_1_0(
        join_eui: JoinEui,
        dev_eui: DevEui,
        dev_nonce: DevNonce,
        app_key: &AppKey,
    ) -> [u8; 23] {
        Self::build((join_eui, dev_eui, dev_nonce), &MicSchedule::from(app_key))
    }

    /// The frame of a 1.1 device.
    pub fn build_1_1(
        join_eui: JoinEui,
        dev_eui: DevEui,
        dev_nonce: DevNonce,
        nwk_key: &NwkKey,
    ) -> [u8; 23] {
        Self::build((join_eui, dev_eui, dev_nonce), &MicSchedule::from(nwk_key))
    }

    fn build(
        (join_eui, dev_eui, dev_nonce): (JoinEui, DevEui, DevNonce),
        key: &MicSchedule,
    ) -> [u8; 23] {
        let [j0, j1, j2, j3, j4, j5, j6, j7] = join_eui.to_wire();
        let [d0, d1, d2, d3, d4, d5, d6, d7] = dev_eui.to_wire();
        let [n0, n1] = dev_nonce.to_wire();
        let body = [
            MHDR_JOIN_REQUEST,
            j0,
            j1,
            j2,
            j3,
            j4,
            j5,
            j6,
            j7,
            d0,
            d1,
            d2,
            d3,
            d4,
            d5,
            d6,
            d7,
            n0,
            n1,
        ];
        let Mic(mic) = key.mic(&body);
        let mut frame = [0u8; 23];
        frame.iter_mut().zip(body.iter().chain(&mic)).for_each(|(slot, byte)| *slot = *byte);
        frame
    }
}

/// DLSettings: how the network will answer. TS001-1.0.4 §6.2.6; OptNeg LoRaWAN 1.1 §6.2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DlSettings {
    /// The network speaks 1.1 and the keys are those of 1.1. Reserved, thus false, in 1.0.x.
    pub opt_neg: bool,
    /// 0 to 7: how much RX1 is slower than the uplink.
    pub rx1_dr_offset: u8,
    /// RX2's data rate.
    pub rx2_data_rate: DataRateIndex,
}

impl DlSettings {
    /// From its byte.
    pub const fn from_byte(byte: u8) -> Self {
        Self {
            opt_neg: byte & 0x80 != 0,
            rx1_dr_offset: byte >> 4 & 0b111,
            rx2_data_rate: DataRateIndex::from_low_bits(byte),
        }
    }

    /// To its byte.
    pub const fn to_byte(self) -> u8 {
        let opt_neg = if self.opt_neg { 0x80 } else { 0 };
        opt_neg | (self.rx1_dr_offset & 0b111) << 4 | self.rx2_data_rate.value()
    }
}

/// RXDelay as frames carry it: 0 and 1 both mean one second (TS001-1.0.4 §5.7), and are equal.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RxDelay(u8);

impl RxDelay {
    /// `None` beyond 15.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 15 { Some(Self(value)) } else { None }
    }

    /// The low four bits of a byte; the others are reserved.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte & 0x0f)
    }

    /// The number on air, 0 to 15.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// Seconds from the end of an uplink to RX1, 1 to 15. RX2 opens one second later.
    pub const fn seconds(self) -> u8 {
        if self.0 == 0 { 1 } else { self.0 }
    }
}

impl PartialEq for RxDelay {
    fn eq(&self, other: &Self) -> bool {
        self.seconds() == other.seconds()
    }
}

impl Eq for RxDelay {}

impl core::hash::Hash for RxDelay {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.seconds().hash(state);
    }
}

impl Default for RxDelay {
    /// One second.
    fn default() -> Self {
        Self(1)
    }
}

/// What a Join-Accept says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JoinAcceptFields {
    /// Must be greater than the last one for a 1.1 device (LoRaWAN 1.1 §6.2.3), and never come
    /// again for one of 1.0.4 (TS001-1.0.4 §6.2.6).
    pub join_nonce: JoinNonce,
    /// The network.
    pub net_id: NetId,
    /// The session's address.
    pub dev_addr: DevAddr,
    /// RX1 offset, RX2 data rate, OptNeg.
    pub dl_settings: DlSettings,
    /// When RX1 opens.
    pub rx_delay: RxDelay,
    /// Channels.
    pub cf_list: Option<CfList>,
}

/// The key that a 1.1 Join-Accept is encrypted with (LoRaWAN 1.1 §6.2.3).
#[derive(Debug, Clone, Copy)]
pub enum JoinAcceptCipher<'a> {
    /// In answer to a Join-Request.
    NwkKey(&'a NwkKey),
    /// In answer to a Rejoin-Request.
    JsEncKey(&'a JsEncKey),
}

/// What protects a Join-Accept.
#[derive(Debug, Clone, Copy)]
pub enum JoinAcceptKeys<'a> {
    /// 1.0.x, and a 1.1 device on a 1.0.x network (then [`NwkKey::as_app_key`]).
    V1_0 {
        /// Encrypts and signs.
        app_key: &'a AppKey,
    },
    /// 1.1 (OptNeg set).
    V1_1 {
        /// Encrypts.
        cipher: JoinAcceptCipher<'a>,
        /// Signs.
        js_int_key: &'a JsIntKey,
        /// Which request is answered: its type, JoinEUI and DevNonce (or RJcount).
        request: (JoinReqType, JoinEui, DevNonce),
    },
}

impl JoinAcceptKeys<'_> {
    fn cipher_key(&self) -> &[u8; 16] {
        match self {
            Self::V1_0 { app_key } => app_key.as_bytes(),
            Self::V1_1 { cipher: JoinAcceptCipher::NwkKey(key), .. } => key.as_bytes(),
            Self::V1_1 { cipher: JoinAcceptCipher::JsEncKey(key), .. } => key.as_bytes(),
        }
    }

    /// The code over MHDR and the plain body, after the request in 1.1.
    fn mic(&self, body: &[u8]) -> Mic {
        match self {
            Self::V1_0 { app_key } => {
                MicSchedule::from(*app_key).mic(&[&[MHDR_JOIN_ACCEPT], body].concat())
            }
            Self::V1_1 { js_int_key, request: (join_req_type, join_eui, dev_nonce), .. } => {
                let mut signed = vec![join_req_type.value()];
                signed.extend(join_eui.to_wire());
                signed.extend(dev_nonce.to_wire());
                signed.push(MHDR_JOIN_ACCEPT);
                signed.extend(body);
                MicSchedule::from(*js_int_key).mic(&signed)
            }
        }
    }
}

impl JoinAcceptFields {
    /// The frame: 17 bytes, or 33 with a CFList.
    ///
    /// The network *decrypts* to encrypt, so that a device needs only one direction of AES
    /// (TS001-1.0.4 §6.2.6).
    pub fn build(&self, keys: &JoinAcceptKeys<'_>) -> Result<Vec<u8>, BuildError> {
        let mut body = Vec::with_capacity(32);
        body.extend(self.join_nonce.to_wire());
        body.extend(self.net_id.to_wire());
        body.extend(self.dev_addr.to_wire());
        body.push(self.dl_settings.to_byte());
        body.push(self.rx_delay.value());
        if let Some(cf_list) = self.cf_list {
            body.extend(cf_list.to_wire()?);
        }
        body.extend(keys.mic(&body).0);
        decrypt_blocks(keys.cipher_key(), &mut body);
        body.insert(0, MHDR_JOIN_ACCEPT);
        Ok(body)
    }

    fn parse(body: &[u8], step: FrequencyStep) -> Result<Self, WireError> {
        let length = WireError::Length { kind: FrameKind::JoinAccept, length: body.len() + 5 };
        let mut reader = Reader::new(body);
        let mut read = || {
            Some(Self {
                join_nonce: JoinNonce::from_wire(reader.array()?),
                net_id: NetId::from_wire(reader.array()?),
                dev_addr: DevAddr::from_wire(reader.array()?),
                dl_settings: DlSettings::from_byte(reader.byte()?),
                rx_delay: RxDelay::from_byte(reader.byte()?),
                cf_list: None,
            })
        };
        let fields = read().ok_or(length)?;
        let cf_list = match reader.array() {
            Some(bytes) => Some(CfList::parse(bytes, step)?),
            None => None,
        };
        Ok(Self { cf_list, ..fields })
    }
}

/// A Join-Accept before its key is known.
#[derive(Debug, Clone, Copy)]
pub struct EncryptedJoinAccept<'a> {
    body: &'a [u8],
    step: FrequencyStep,
}

impl<'a> EncryptedJoinAccept<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        match bytes {
            [_, body @ ..] if matches!(body.len(), 16 | 32) => {
                Ok(Self { body, step: FrequencyStep::Hz100 })
            }
            _ => Err(WireError::Length { kind: FrameKind::JoinAccept, length: bytes.len() }),
        }
    }

    /// The same in a region whose frequencies are carried in these steps.
    pub const fn in_steps_of(self, step: FrequencyStep) -> Self {
        Self { step, ..self }
    }

    /// Does it carry a CFList?
    pub const fn has_cf_list(&self) -> bool {
        self.body.len() > 16
    }

    /// Decrypts, verifies, reads.
    ///
    /// A 1.1 device knows which keys to check only from OptNeg inside: it tries 1.1 and accepts
    /// the result with OptNeg set, else 1.0.
    pub fn open(&self, keys: &JoinAcceptKeys<'_>) -> Result<JoinAcceptFields, JoinAcceptError> {
        let mut plain = [0u8; 32];
        plain.iter_mut().zip(self.body).for_each(|(slot, byte)| *slot = *byte);
        encrypt_blocks(keys.cipher_key(), &mut plain);
        let mut reader = Reader::new(&plain);
        let mut reader = Reader::new(reader.slice(self.body.len()).unwrap_or_default());
        let mic = Mic(reader.last_array().ok_or(MicMismatch)?);
        if keys.mic(reader.rest()) != mic {
            return Err(MicMismatch.into());
        }
        Ok(JoinAcceptFields::parse(reader.rest(), self.step)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_of_zero_is_one_second() {
        let seconds: Vec<u8> = (0..=15).map(|n| RxDelay::new(n).unwrap().seconds()).collect();
        assert_eq!(seconds, [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(RxDelay::new(16), None);
    }

    #[test]
    fn dl_settings_round_trip() {
        for byte in 0..=u8::MAX {
            assert_eq!(DlSettings::from_byte(byte).to_byte(), byte);
        }
    }
}
