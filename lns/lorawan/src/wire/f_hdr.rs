//! The frame header's parts: FCtrl by direction, FOpts; and FRMPayload once it is in clear.
//! TS001-1.0.4 §4.3.1.

use core::ops::Deref;

use super::error::BuildError;

/// The most bytes that FOpts hold (TS001-1.0.4 §4.3.1.6).
const MAX_F_OPTS: usize = 15;

/// FCtrl of an uplink, without FOptsLen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FCtrlUp {
    /// The network may set the data rate (TS001-1.0.4 §4.3.1.1).
    pub adr: bool,
    /// The device has heard nothing for long and wants any downlink (§4.3.1.1).
    pub adr_ack_req: bool,
    /// The last confirmed downlink arrived (§4.3.1.2).
    pub ack: bool,
    /// The device opens ping slots (§4.3.1.7).
    pub class_b: bool,
}

impl FCtrlUp {
    pub(crate) const fn from_byte(byte: u8) -> Self {
        Self {
            adr: byte & 0x80 != 0,
            adr_ack_req: byte & 0x40 != 0,
            ack: byte & 0x20 != 0,
            class_b: byte & 0x10 != 0,
        }
    }

    pub(crate) fn to_byte(self) -> u8 {
        u8::from(self.adr) << 7
            | u8::from(self.adr_ack_req) << 6
            | u8::from(self.ack) << 5
            | u8::from(self.class_b) << 4
    }
}

/// FCtrl of a downlink, without FOptsLen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FCtrlDown {
    /// The network is going to set the data rate.
    pub adr: bool,
    /// The last confirmed uplink arrived (TS001-1.0.4 §4.3.1.2).
    pub ack: bool,
    /// More is waiting: the device should send again soon (§4.3.1.4).
    pub f_pending: bool,
}

impl FCtrlDown {
    pub(crate) const fn from_byte(byte: u8) -> Self {
        Self { adr: byte & 0x80 != 0, ack: byte & 0x20 != 0, f_pending: byte & 0x10 != 0 }
    }

    pub(crate) fn to_byte(self) -> u8 {
        u8::from(self.adr) << 7 | u8::from(self.ack) << 5 | u8::from(self.f_pending) << 4
    }
}

/// MAC commands that travel in the header: at most fifteen bytes, kept in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FOpts {
    bytes: [u8; MAX_F_OPTS],
    length: u8,
}

impl FOpts {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..usize::from(self.length)).unwrap_or_default()
    }
}

impl TryFrom<&[u8]> for FOpts {
    type Error = BuildError;
    fn try_from(from: &[u8]) -> Result<Self, BuildError> {
        let too_long = BuildError::FOptsTooLong { length: from.len() };
        if from.len() > MAX_F_OPTS {
            return Err(too_long);
        }
        let mut bytes = [0u8; MAX_F_OPTS];
        bytes.iter_mut().zip(from).for_each(|(slot, byte)| *slot = *byte);
        Ok(Self { bytes, length: u8::try_from(from.len()).map_err(|_| too_long)? })
    }
}

impl Deref for FOpts {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl core::fmt::Debug for FOpts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "FOpts({})", crate::hex_text::Lower(self.as_slice()))
    }
}

/// A frame's payload in clear. Only an opened frame gives one.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct FrmPayload(Box<[u8]>);

impl FrmPayload {
    pub(crate) fn from_clear(bytes: Box<[u8]>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to keep.
    pub fn into_boxed_slice(self) -> Box<[u8]> {
        self.0
    }
}

impl Deref for FrmPayload {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Says how long it is and not what: it is the customer's.
impl core::fmt::Debug for FrmPayload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "FrmPayload({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_ctrl_round_trips() {
        for byte in (0..=0xf0u8).step_by(16) {
            assert_eq!(FCtrlUp::from_byte(byte).to_byte(), byte);
            assert_eq!(FCtrlDown::from_byte(byte).to_byte(), byte & 0xb0);
        }
    }

    #[test]
    fn f_opts_hold_fifteen_bytes() {
        let bytes: Vec<u8> = (1..=16).collect();
        assert_eq!(FOpts::try_from(&bytes[..15]).unwrap().as_slice(), &bytes[..15]);
        assert_eq!(FOpts::try_from(&bytes[..]), Err(BuildError::FOptsTooLong { length: 16 }));
    }
}
