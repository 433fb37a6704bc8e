//! The relay's commands. TS011-1.0.1. Most are kept as raw bytes of the right length.

use super::codec::Layout;
use crate::dev_addr::DevAddr;
use crate::wire::{BuildError, Reader};

/// FilterListReq: the one command whose length depends on what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FilterListReq {
    /// Index and action, and in the low five bits of the first byte the number of EUI bytes.
    head: [u8; 2],
    eui: [u8; 16],
}

impl FilterListReq {
    /// `None` for more than sixteen bytes of EUI. The low five bits of `head`'s first byte are
    /// overwritten by their number.
    pub fn new(head: [u8; 2], eui: &[u8]) -> Option<Self> {
        let [first, second] = head;
        let length = u8::try_from(eui.len()).ok().filter(|length| *length <= 16)?;
        let mut bytes = [0u8; 16];
        bytes.iter_mut().zip(eui).for_each(|(slot, byte)| *slot = *byte);
        Some(Self { head: [first & 0xe0 | length, second], eui: bytes })
    }

    /// The two bytes before the EUI bytes.
    pub const fn head(&self) -> [u8; 2] {
        self.head
    }

    /// JoinEUI and DevEUI, or the leading bytes of them.
    pub fn eui(&self) -> &[u8] {
        let [first, _] = self.head;
        self.eui.get(..usize::from(first & 0x1f)).unwrap_or_default()
    }
}

impl Layout for FilterListReq {
    const LENGTH: usize = 2;

    fn length(&self) -> usize {
        Self::LENGTH + self.eui().len()
    }
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let [first, second] = reader.array()?;
        let eui = reader.slice(usize::from(first & 0x1f))?;
        Self::new([first, second], eui)
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend(self.head);
        out.extend(self.eui());
        Ok(())
    }
}

/// NotifyNewEndDeviceReq: a relay has heard a device that it does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NotifyNewEndDeviceReq {
    /// The device's address, first on air.
    pub dev_addr: DevAddr,
    /// How it was heard: SNR and RSSI, packed.
    pub power_level: [u8; 2],
}

impl Layout for NotifyNewEndDeviceReq {
    const LENGTH: usize = 6;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let dev_addr = DevAddr::from_wire(reader.array()?);
        Some(Self { dev_addr, power_level: reader.array()? })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.extend(self.dev_addr.to_wire());
        out.extend(self.power_level);
        Ok(())
    }
}
