//! A gateway's EUI-64, as PROTOCOL.TXT of the Semtech packet forwarder writes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A gateway's EUI-64, most significant byte first, which is how gateways send it.
///
/// As text it is sixteen lower-case hexadecimal digits; any case and the separators `-` and `:`
/// are accepted. In JSON it is that text, in the binary messages eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayEui(pub [u8; 8]);

/// The text is not sixteen hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("gateway EUI {0:?} is not 16 hexadecimal digits; write it like 0016c001ff10d446")]
pub struct ParseGatewayEuiError(String);

impl fmt::Display for GatewayEui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for GatewayEui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayEui({self})")
    }
}

impl FromStr for GatewayEui {
    type Err = ParseGatewayEuiError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseGatewayEuiError(text.chars().take(40).collect());
        let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':')).collect();
        if digits.len() != 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        u64::from_str_radix(&digits, 16).map(|n| Self(n.to_be_bytes())).map_err(|_| refuse())
    }
}

impl Serialize for GatewayEui {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for GatewayEui {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            <[u8; 8]>::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_lower_case_and_any_case_is_accepted() {
        let eui = GatewayEui([0x00, 0x16, 0xc0, 0x01, 0xff, 0x10, 0xd4, 0x46]);
        assert_eq!(eui.to_string(), "0016c001ff10d446");
        for text in ["0016c001ff10d446", "0016C001FF10D446", "00-16-C0-01-FF-10-D4-46"] {
            assert_eq!(text.parse(), Ok(eui));
        }
        assert_eq!(serde_json::to_string(&eui).unwrap(), "\"0016c001ff10d446\"");
        assert_eq!(serde_json::from_str::<GatewayEui>("\"0016C001FF10D446\"").unwrap(), eui);
    }

    #[test]
    fn anything_else_is_refused_with_the_text() {
        for text in ["", "0016c001ff10d44", "0016c001ff10d4466", "+016c001ff10d446", "zz"] {
            let error = text.parse::<GatewayEui>().unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
