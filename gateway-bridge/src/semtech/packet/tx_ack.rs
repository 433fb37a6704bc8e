//! TX_ACK — a gateway's answer to a PULL_RESP. PROTOCOL.TXT, chapter 5.5.
//!
//! Success is twelve bare bytes in the reference forwarders; others append a NUL byte, an empty
//! object, or the error `NONE`. A `warn` means that the frame *is* queued, with a change. Success
//! means queued, not sent.

use gateway_link::{GatewayEui, Refusal};
use serde::Deserialize;
use serde_json::json;

use super::PacketError;
use super::field::Field;
use super::header::{DatagramToken, Kind, Version, build as datagram};

/// What the gateway says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Queued.
    Accepted,
    /// Queued, with a change.
    Warned {
        /// What about.
        reason: Refusal,
        /// For a power: the one it will use, dBm.
        value: Option<i32>,
    },
    /// Not queued.
    Refused {
        /// Why.
        reason: Refusal,
        /// For a power: one it would take, dBm.
        value: Option<i32>,
    },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    txpk_ack: Option<RawAck<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawAck<'a> {
    #[serde(borrow)]
    error: Field<'a>,
    warn: Field<'a>,
    value: Field<'a>,
}

impl Verdict {
    /// Reads what follows the EUI.
    pub fn parse(body: &[u8]) -> Result<Self, PacketError> {
        let body = super::trim(body);
        if body.is_empty() {
            return Ok(Self::Accepted);
        }
        let body: Body<'_> =
            serde_json::from_slice(body).map_err(|error| PacketError::from_json(&error))?;
        let ack = body.txpk_ack.unwrap_or_default();
        let value = ack.value.number().map(|dbm| dbm.round() as i32);
        Ok(match (reason(&ack.error), reason(&ack.warn)) {
            (Some(reason), _) => Self::Refused { reason, value },
            (None, Some(reason)) => Self::Warned { reason, value },
            (None, None) => Self::Accepted,
        })
    }

    /// A whole datagram, for a gateway to send.
    pub fn build(&self, token: DatagramToken, gateway_eui: GatewayEui) -> Vec<u8> {
        let object = |key: &str, reason: &Refusal, value: &Option<i32>| {
            let mut ack = json!({ key: reason.to_string() });
            if let Some(value) = value {
                ack["value"] = json!(value);
            }
            json!({ "txpk_ack": ack }).to_string()
        };
        let json = match self {
            Self::Accepted => String::new(),
            Self::Warned { reason, value } => object("warn", reason, value),
            Self::Refused { reason, value } => object("error", reason, value),
        };
        datagram(Version::V2, token, Kind::TxAck, &[&gateway_eui.0, json.as_bytes()])
    }
}

fn reason(field: &Field<'_>) -> Option<Refusal> {
    match field {
        Field::Missing => None,
        Field::Text(text) if text.is_empty() || text.eq_ignore_ascii_case("NONE") => None,
        Field::Text(text) => Some(Refusal::from(text.as_ref())),
        Field::Bool(_) | Field::Unsigned(_) | Field::Signed(_) | Field::Float(_) | Field::Other => {
            Some(Refusal::Other(field.excerpt()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_say_yes_or_no_is_read() {
        let refused = |reason, value| Verdict::Refused { reason, value };
        let table: [(&[u8], Verdict); 11] = [
            (b"", Verdict::Accepted),
            (b"\0", Verdict::Accepted),
            (b"{}", Verdict::Accepted),
            (br#"{"txpk_ack":{}}"#, Verdict::Accepted),
            (br#"{"txpk_ack":{"error":""}}"#, Verdict::Accepted),
            (br#"{"txpk_ack":{"error":"NONE","tmst":1234}}"#, Verdict::Accepted),
            (br#"{"txpk_ack":{"error":"TOO_LATE"}}"#, refused(Refusal::TooLate, None)),
            (
                br#"{"txpk_ack":{"error":"TX_POWER","value":27}}"#,
                refused(Refusal::TxPower, Some(27)),
            ),
            (br#"{"txpk_ack":{"error":"SHY"}}"#, refused(Refusal::Other("SHY".into()), None)),
            (br#"{"txpk_ack":{"error":7}}"#, refused(Refusal::Other("7".into()), None)),
            (
                b"{\"txpk_ack\":{\"warn\":\"TX_POWER\",\"value\":20}}\0",
                Verdict::Warned { reason: Refusal::TxPower, value: Some(20) },
            ),
        ];
        for (body, expected) in table {
            assert_eq!(Verdict::parse(body), Ok(expected), "{}", String::from_utf8_lossy(body));
        }
        assert_eq!(Verdict::parse(b"{\"txpk").unwrap_err().label(), "json_truncated");
    }
}
