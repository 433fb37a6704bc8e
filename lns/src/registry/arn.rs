//! How AWS names a resource of each kind.
//!
//! There is no account and no region behind this server, so both are fixed words.

use std::fmt::Display;

use super::Kind;

/// The account in ARNs and events.
pub const ACCOUNT: &str = "000000000000";

impl Kind {
    /// The ARN of a record.
    pub fn arn(self, id: &impl Display) -> String {
        let (service, word) = self.arn_words();
        format!("arn:aws:{service}:local:{ACCOUNT}:{word}/{id}")
    }

    /// The service in ARNs of this kind, and what stands before a record's name.
    pub const fn arn_words(self) -> (&'static str, &'static str) {
        match self {
            Kind::DeviceProfile
            | Kind::ServiceProfile
            | Kind::Destination
            | Kind::WirelessDevice
            | Kind::WirelessGateway
            | Kind::Codec
            | Kind::EventConfiguration
            | Kind::MulticastGroup
            | Kind::Principal => ("iotwireless", self.name()),
            Kind::Thing => ("iot", "thing"),
            Kind::ThingType => ("iot", "thingtype"),
            Kind::ThingGroup => ("iot", "thinggroup"),
            Kind::TopicRule => ("iot", "rule"),
            Kind::Policy => ("iot", "policy"),
            Kind::Certificate => ("iot", "cert"),
            Kind::CaCertificate => ("iot", "cacert"),
            Kind::MqttUser => ("iot", "user"),
            Kind::TopicRuleDestination => ("iot", "ruledestination/http"),
        }
    }

    /// Whether it is one of AWS's iot, whose words for refusals are others than iotwireless's.
    pub const fn is_of_iot(self) -> bool {
        matches!(self.arn_words().0.as_bytes(), b"iot")
    }
}
