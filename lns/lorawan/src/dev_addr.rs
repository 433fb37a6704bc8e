//! DevAddr and NetID: who a session is on the air, and whose network it belongs to.
//!
//! LoRaWAN Backend Interfaces 1.0 §14 with the errata on the NwkID length of types 3 and 4; LoRaWAN
//! 1.1 §6.1.2.1. A DevAddr is not unique: only a MIC tells whose frame it is.

use core::fmt;
use core::str::FromStr;

use crate::hex_text::{self, HexError};

/// A session's 32-bit address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DevAddr(u32);

impl DevAddr {
    /// From the number that the text form writes.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The number that the text form writes.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// From the order on air: least significant byte first.
    pub const fn from_wire(bytes: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }

    /// In the order on air: least significant byte first.
    pub const fn to_wire(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// The address numbered `nwk_addr` within the block of `net_id`.
    ///
    /// Bits of `nwk_addr` beyond [`NetId::nwk_addr_bits`] are dropped.
    pub const fn from_net_id(net_id: NetId, nwk_addr: u32) -> Self {
        let bits = net_id.nwk_addr_bits();
        Self(net_id.prefix().dev_addr.0 | (nwk_addr & ((1 << bits) - 1)))
    }

    /// How many low bits a network with this NetID may assign: 25 for type 0 down to 7 for type 7.
    pub const fn nwk_addr_bits(net_id: NetId) -> u32 {
        net_id.nwk_addr_bits()
    }

    /// The NetID type that the leading one bits stand for; `None` for the unassigned `ff……`.
    pub const fn net_id_type(self) -> Option<u8> {
        match self.0.leading_ones() {
            0 => Some(0),
            1 => Some(1),
            2 => Some(2),
            3 => Some(3),
            4 => Some(4),
            5 => Some(5),
            6 => Some(6),
            7 => Some(7),
            _ => None,
        }
    }
}

/// The addresses whose first `length` bits are those of `dev_addr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DevAddrPrefix {
    /// The block's first address.
    pub dev_addr: DevAddr,
    /// How many leading bits count, 0 to 32.
    pub length: u32,
}

impl DevAddrPrefix {
    /// Is the address in the block?
    pub const fn contains(self, dev_addr: DevAddr) -> bool {
        match u32::MAX.checked_shr(self.length) {
            Some(free) => (dev_addr.0 ^ self.dev_addr.0) & !free == 0,
            None => dev_addr.0 == self.dev_addr.0,
        }
    }
}

/// A network's 24-bit identifier. 000000 and 000001 are for private networks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetId(u32);

impl NetId {
    /// `None` beyond 24 bits.
    pub const fn new(value: u32) -> Option<Self> {
        if value <= 0xff_ffff { Some(Self(value)) } else { None }
    }

    /// The number that the text form writes.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// From the order on air: least significant byte first.
    pub const fn from_wire(bytes: [u8; 3]) -> Self {
        let [low, middle, high] = bytes;
        Self(u32::from_le_bytes([low, middle, high, 0]))
    }

    /// In the order on air: least significant byte first.
    pub const fn to_wire(self) -> [u8; 3] {
        let [low, middle, high, _] = self.0.to_le_bytes();
        [low, middle, high]
    }

    /// The top three bits: 0 for the largest networks, 7 for the smallest.
    pub const fn net_id_type(self) -> u8 {
        let [_, _, high, _] = self.0.to_le_bytes();
        high >> 5
    }

    /// The part of the NetID that stands in a DevAddr: its low 6 to 17 bits, by type.
    pub const fn nwk_id(self) -> u32 {
        self.0 & ((1 << self.nwk_id_bits()) - 1)
    }

    /// Bits of NwkAddr: what this network may assign freely.
    pub const fn nwk_addr_bits(self) -> u32 {
        32 - self.prefix_length()
    }

    /// The block of addresses of this network.
    pub const fn prefix(self) -> DevAddrPrefix {
        // As many ones as the type says, then a zero, then the NwkID.
        let ones = !(u32::MAX >> self.net_id_type());
        let addr = ones | (self.nwk_id() << self.nwk_addr_bits());
        DevAddrPrefix { dev_addr: DevAddr(addr), length: self.prefix_length() }
    }

    /// Does this address lie in this network's block? Says nothing about who uses it.
    pub const fn contains(self, dev_addr: DevAddr) -> bool {
        self.prefix().contains(dev_addr)
    }

    const fn nwk_id_bits(self) -> u32 {
        match self.net_id_type() {
            0 | 1 => 6,
            2 => 9,
            3 => 11,
            4 => 12,
            5 => 13,
            6 => 15,
            _ => 17,
        }
    }

    const fn prefix_length(self) -> u32 {
        self.net_id_type() as u32 + 1 + self.nwk_id_bits()
    }
}

impl fmt::Display for DevAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Display for NetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0)
    }
}

impl fmt::Display for DevAddrPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.dev_addr, self.length)
    }
}

/// Eight digits in either case, most significant first.
impl FromStr for DevAddr {
    type Err = HexError;
    fn from_str(text: &str) -> Result<Self, HexError> {
        hex_text::parse("a DevAddr", text).map(|bytes| Self(u32::from_be_bytes(bytes)))
    }
}

/// An address and how many of its bits count: `fc014c00/28`. The others are zero.
impl FromStr for DevAddrPrefix {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no block of addresses; write it like \"fc014c00/28\"");
        let (dev_addr, length) = text.split_once('/').ok_or_else(wrong)?;
        let dev_addr: DevAddr = dev_addr.parse().map_err(|_| wrong())?;
        let length: u32 = length.parse().map_err(|_| wrong())?;
        if length > 32 {
            return Err(format!("a DevAddr has 32 bits, not {length}"));
        }
        let free = u32::MAX.checked_shr(length).unwrap_or(0);
        if dev_addr.0 & free != 0 {
            return Err(format!("{dev_addr} has ones beyond its first {length} bits"));
        }
        Ok(Self { dev_addr, length })
    }
}

/// Six digits in either case, most significant first.
impl FromStr for NetId {
    type Err = HexError;
    fn from_str(text: &str) -> Result<Self, HexError> {
        let [high, middle, low] = hex_text::parse("a NetID", text)?;
        Ok(Self(u32::from_be_bytes([0, high, middle, low])))
    }
}

macro_rules! text_or_number {
    ($name:ident, $from:expr) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        /// Text where people read it, a number where they do not.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_u32(self.0)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    return hex_text::deserialize(deserializer);
                }
                let value = <u32 as serde::Deserialize>::deserialize(deserializer)?;
                $from(value).ok_or_else(|| {
                    serde::de::Error::custom(HexError::Range { what: stringify!($name) })
                })
            }
        }
    };
}

text_or_number!(DevAddr, |value| Some(DevAddr::new(value)));
text_or_number!(NetId, NetId::new);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Type, NetID, first address of its block, NwkAddr bits.
    const BLOCKS: [(u8, u32, u32, u32); 8] = [
        (0, 0x00_0013, 0x2600_0000, 25),
        (1, 0x20_0001, 0x8100_0000, 24),
        (2, 0x40_0001, 0xc010_0000, 20),
        (3, 0x60_002d, 0xe05a_0000, 17),
        (4, 0x80_0001, 0xf000_8000, 15),
        (5, 0xa0_0001, 0xf800_2000, 13),
        (6, 0xc0_0053, 0xfc01_4c00, 10),
        (7, 0xe0_0001, 0xfe00_0080, 7),
    ];

    #[test]
    fn every_net_id_type_has_its_block() {
        for (net_id_type, net_id, first, bits) in BLOCKS {
            let net_id = NetId::new(net_id).unwrap();
            assert_eq!(net_id.net_id_type(), net_id_type);
            assert_eq!(net_id.nwk_addr_bits(), bits, "type {net_id_type}");
            assert_eq!(DevAddr::from_net_id(net_id, 0), DevAddr::new(first), "type {net_id_type}");
            let last = DevAddr::from_net_id(net_id, u32::MAX);
            assert_eq!(last.value(), first + ((1 << bits) - 1));
            assert!(net_id.contains(last));
            assert!(!net_id.contains(DevAddr::new(last.value().wrapping_add(1))));
            assert_eq!(last.net_id_type(), Some(net_id_type));
        }
        assert_eq!(DevAddr::new(0xff00_0000).net_id_type(), None);
    }

    proptest! {
        #[test]
        fn an_address_lies_in_the_block_it_was_taken_from(
            net_id in 0u32..0x100_0000, nwk_addr: u32
        ) {
            let net_id = NetId::new(net_id).unwrap();
            let dev_addr = DevAddr::from_net_id(net_id, nwk_addr);
            prop_assert!(net_id.contains(dev_addr));
            prop_assert_eq!(dev_addr.net_id_type(), Some(net_id.net_id_type()));
        }
    }

    /// The NwkID is the low end of the NetID: what stands above it is not in the address.
    #[test]
    fn net_ids_that_differ_only_above_the_nwk_id_have_one_block() {
        for (a, b) in [(0x00_0013, 0x00_0053), (0x20_0001, 0x20_0041), (0x60_002d, 0x60_082d)] {
            let block = |value| NetId::new(value).unwrap().prefix();
            assert_eq!(block(a), block(b), "{a:06x} {b:06x}");
        }
        let block = |value| NetId::new(value).unwrap().prefix();
        assert_ne!(block(0xe0_0001), block(0xe1_0001), "seventeen bits count in type 7");
    }

    #[test]
    fn text_and_air_differ_in_order() {
        let dev_addr: DevAddr = "27001A2B".parse().unwrap();
        assert_eq!(dev_addr.to_wire(), [0x2b, 0x1a, 0x00, 0x27]);
        assert_eq!(dev_addr.to_string(), "27001a2b");
        assert_eq!(serde_json::to_string(&dev_addr).unwrap(), "\"27001a2b\"");
        let block: DevAddrPrefix = "fc014c00/28".parse().unwrap();
        assert_eq!(block.to_string(), "fc014c00/28");
        assert!("fc014c01/28".parse::<DevAddrPrefix>().is_err());
        assert!("fc014c00/33".parse::<DevAddrPrefix>().is_err());
        assert!("fc014c00".parse::<DevAddrPrefix>().is_err());
        assert_eq!("fc014c01/32".parse::<DevAddrPrefix>().unwrap().length, 32);
        let net_id: NetId = "000013".parse().unwrap();
        assert_eq!(net_id.to_wire(), [0x13, 0, 0]);
        assert_eq!(NetId::from_wire([0x13, 0, 0]), net_id);
    }
}
