//! One type per key. None prints itself, all are wiped when dropped and compared in constant time.

use core::fmt;
use core::str::FromStr;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::hex_text::{self, HexError};

macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 16]);

        impl $name {
            /// From its bytes, in the order of the text form.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its bytes. They are the secret: do not let them reach a log or a message.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}

        /// Thirty-two digits in either case.
        impl FromStr for $name {
            type Err = HexError;
            fn from_str(text: &str) -> Result<Self, HexError> {
                hex_text::parse($what, text).map(Self)
            }
        }

        /// Writes the secret: text in JSON, sixteen bytes in a binary record.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(&hex_text::Lower(&self.0))
                } else {
                    serde::Serialize::serialize(&self.0, serializer)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    hex_text::deserialize(deserializer)
                } else {
                    <[u8; 16] as serde::Deserialize>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

key!(
    /// Root key: the only one of a 1.0.x device, the application's of a 1.1 device (LoRaWAN 1.1
    /// §6.1.1.3).
    AppKey,
    "an AppKey"
);
key!(
    /// Root key of a 1.1 device for the network.
    NwkKey,
    "a NwkKey"
);
key!(
    /// Session key for an application's FRMPayload (LoRaWAN 1.1 §6.1.2.5).
    AppSKey,
    "an AppSKey"
);
key!(
    /// The one network session key of 1.0.x.
    NwkSKey,
    "a NwkSKey"
);
key!(
    /// 1.1: the uplink MIC of the forwarding network (LoRaWAN 1.1 §6.1.2.2).
    FNwkSIntKey,
    "an FNwkSIntKey"
);
key!(
    /// 1.1: the MIC of the serving network, uplink and downlink (LoRaWAN 1.1 §6.1.2.3).
    SNwkSIntKey,
    "an SNwkSIntKey"
);
key!(
    /// 1.1: encrypts MAC commands in FOpts and on FPort 0 (LoRaWAN 1.1 §6.1.2.4).
    NwkSEncKey,
    "a NwkSEncKey"
);
key!(
    /// 1.1: encrypts a Join-Accept that answers a Rejoin-Request (LoRaWAN 1.1 §6.1.1.4).
    JsEncKey,
    "a JSEncKey"
);
key!(
    /// 1.1: the MIC of a Rejoin-Request type 1 and of Join-Accepts (LoRaWAN 1.1 §6.1.1.4).
    JsIntKey,
    "a JSIntKey"
);
key!(
    /// Root key of a 1.0.x device for multicast.
    GenAppKey,
    "a GenAppKey"
);
key!(
    /// A multicast group's key, the same for all members (TS005-2.0.0 §4.3).
    McKey,
    "an McKey"
);
key!(
    /// Protects a group's key on its way to one device (TS005-2.0.0 §4.3).
    McKeKey,
    "an McKEKey"
);

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "2b7e151628aed2a6abf7158809cf4f3c";

    #[test]
    fn a_key_does_not_print_itself() {
        let key: AppSKey = TEXT.parse().unwrap();
        assert_eq!(format!("{key:?}"), "AppSKey(…)");
    }

    #[test]
    fn a_mistyped_key_is_not_repeated_in_the_error() {
        let error = "2b7e151628aed2a6".parse::<NwkKey>().unwrap_err().to_string();
        assert_eq!(error, "cannot read a NwkKey: it has 16 hexadecimal digits, give 32");
    }

    #[test]
    fn keys_compare_and_round_trip() {
        let key: AppKey = TEXT.to_uppercase().parse().unwrap();
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<AppKey>(&json).unwrap(), key);
        assert_ne!(key, AppKey::from_bytes([0; 16]));
    }
}
