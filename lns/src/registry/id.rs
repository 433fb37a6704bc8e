//! How records are named: a UUID, as AWS has them, and the kind of thing that it names.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What kinds of record there are, in AWS's words where AWS has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What devices of one make have in common.
    DeviceProfile,
    /// What a device may ask of the network.
    ServiceProfile,
    /// Where a device's messages go.
    Destination,
    /// A device.
    WirelessDevice,
    /// A gateway that somebody registered.
    WirelessGateway,
    /// A payload codec's script.
    Codec,
    /// A thing of iot.
    Thing,
    /// What things of one make have in common.
    ThingType,
    /// Things under one name.
    ThingGroup,
    /// A rule that messages meet.
    TopicRule,
    /// Where rules may send HTTP requests.
    TopicRuleDestination,
    /// Which events are published.
    EventConfiguration,
    /// What somebody may do.
    Policy,
    /// A client's certificate.
    Certificate,
    /// The certificate of an authority that signs clients' certificates.
    CaCertificate,
    /// Somebody with a password or a token.
    MqttUser,
    /// What is attached to somebody who can be told apart.
    Principal,
    /// Devices that hear the same frames.
    MulticastGroup,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 18] = [
        Kind::DeviceProfile,
        Kind::ServiceProfile,
        Kind::Destination,
        Kind::WirelessDevice,
        Kind::WirelessGateway,
        Kind::Codec,
        Kind::Thing,
        Kind::ThingType,
        Kind::ThingGroup,
        Kind::TopicRule,
        Kind::TopicRuleDestination,
        Kind::EventConfiguration,
        Kind::Policy,
        Kind::Certificate,
        Kind::CaCertificate,
        Kind::MqttUser,
        Kind::Principal,
        Kind::MulticastGroup,
    ];

    /// The word in ARNs, errors and `ResourceType`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::DeviceProfile => "DeviceProfile",
            Kind::ServiceProfile => "ServiceProfile",
            Kind::Destination => "Destination",
            Kind::WirelessDevice => "WirelessDevice",
            Kind::WirelessGateway => "WirelessGateway",
            Kind::Codec => "Codec",
            Kind::Thing => "Thing",
            Kind::ThingType => "ThingType",
            Kind::ThingGroup => "ThingGroup",
            Kind::TopicRule => "TopicRule",
            Kind::TopicRuleDestination => "TopicRuleDestination",
            Kind::EventConfiguration => "EventConfiguration",
            Kind::Policy => "Policy",
            Kind::Certificate => "Certificate",
            Kind::CaCertificate => "CACertificate",
            Kind::MqttUser => "MqttUser",
            Kind::Principal => "Principal",
            Kind::MulticastGroup => "MulticastGroup",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A record's identifier: a UUID, written with hyphens in lower case.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(Uuid);

/// The namespace of identifiers that follow from a ClientRequestToken.
const TOKENS: Uuid = Uuid::from_u128(0x6c6e_732d_746f_6b65_8e1d_0f6a_2b5c_9d41);

impl Id {
    /// A new one.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The identifier that a ClientRequestToken stands for.
    ///
    /// It follows from the token, so a request that is repeated after a crash finds what the first
    /// one made without any table of tokens.
    pub fn from_token(kind: Kind, token: &str) -> Self {
        Self(Uuid::new_v5(&TOKENS, format!("{kind}/{token}").as_bytes()))
    }

    /// Reads the text form, in either case and with or without hyphens.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// Its sixteen bytes, most significant first: the key of a stored record.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

/// A request's fingerprint: tells the repetition of a request from another one with its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(Uuid);

impl Fingerprint {
    /// Of a request's token and body.
    pub fn of(token: &str, body: &[u8]) -> Self {
        Self(Uuid::new_v5(&Uuid::new_v5(&TOKENS, token.as_bytes()), body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_follows_from_kind_and_token() {
        let device = Id::from_token(Kind::WirelessDevice, "t-1");
        assert_eq!(device, Id::from_token(Kind::WirelessDevice, "t-1"));
        assert_ne!(device, Id::from_token(Kind::WirelessGateway, "t-1"));
        assert_ne!(device, Id::from_token(Kind::WirelessDevice, "t-2"));
        assert_eq!(Id::parse(&device.to_string().to_uppercase()), Some(device));
        assert_eq!(Id::parse("not-a-uuid"), None);
    }
}
