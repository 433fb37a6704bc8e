//! The 64-bit identifiers: DevEUI, JoinEUI (AppEUI before 1.0.4) and the gateway's EUI.

use core::fmt;
use core::str::FromStr;

use crate::hex_text::{self, HexError};

macro_rules! eui {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// From the number that the text form writes: most significant byte first.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The number that the text form writes.
            pub const fn value(self) -> u64 {
                self.0
            }

            /// From the order in which a LoRaWAN frame carries it: least significant byte first.
            pub const fn from_wire(bytes: [u8; 8]) -> Self {
                Self(u64::from_le_bytes(bytes))
            }

            /// In the order in which a LoRaWAN frame carries it: least significant byte first.
            pub const fn to_wire(self) -> [u8; 8] {
                self.0.to_le_bytes()
            }

            /// From the order of the text form: most significant byte first.
            pub const fn from_be_bytes(bytes: [u8; 8]) -> Self {
                Self(u64::from_be_bytes(bytes))
            }

            /// In the order of the text form: most significant byte first.
            pub const fn to_be_bytes(self) -> [u8; 8] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        /// Sixteen digits in either case, `-`, `:` and spaces allowed between them.
        impl FromStr for $name {
            type Err = HexError;
            fn from_str(text: &str) -> Result<Self, HexError> {
                hex_text::parse($what, text).map(Self::from_be_bytes)
            }
        }

        /// Text where people read it, a number where they do not.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_u64(self.0)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    hex_text::deserialize(deserializer)
                } else {
                    <u64 as serde::Deserialize>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

eui!(
    /// An end device's global identifier.
    DevEui,
    "a DevEUI"
);
eui!(
    /// The identifier of the join server that holds the device's root keys.
    JoinEui,
    "a JoinEUI"
);
eui!(
    /// A gateway's identifier. Its own protocols write it most significant byte first.
    GatewayEui,
    "a gateway EUI"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_most_significant_byte_first_and_the_air_is_not() {
        let eui: DevEui = "0102030405060708".parse().unwrap();
        assert_eq!(eui.to_wire(), [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(DevEui::from_wire(eui.to_wire()), eui);
        assert_eq!(eui.to_string(), "0102030405060708");
        assert_eq!(format!("{eui:?}"), "DevEui(0102030405060708)");
    }

    #[test]
    fn separators_and_either_case_are_accepted() {
        let plain: GatewayEui = "aa555a0000000101".parse().unwrap();
        for text in ["AA-55-5A-00-00-00-01-01", "aa:55:5A:00:00:00:01:01", "AA 55 5a 00 0000 0101"]
        {
            assert_eq!(text.parse::<GatewayEui>(), Ok(plain));
        }
    }

    #[test]
    fn what_is_wrong_with_a_text_is_said() {
        let length = HexError::Length { what: "a DevEUI", expected: 16, found: 4 };
        assert_eq!("0102".parse::<DevEui>(), Err(length));
        let digit = HexError::NotHex { what: "a DevEUI", position: 2 };
        assert_eq!("0x02030405060708".parse::<DevEui>(), Err(digit));
        assert!("010203040506070809".parse::<DevEui>().is_err());
        assert!("".parse::<DevEui>().is_err());
    }

    #[test]
    fn serde_writes_text_for_people() {
        let eui = JoinEui::new(0x70b3_d57e_d000_0001);
        assert_eq!(serde_json::to_string(&eui).unwrap(), "\"70b3d57ed0000001\"");
        assert_eq!(serde_json::from_str::<JoinEui>("\"70B3D57ED0000001\"").unwrap(), eui);
        assert_eq!(serde_json::from_value::<JoinEui>("70b3d57ed0000001".into()).unwrap(), eui);
    }
}
