//! Where a device's messages go.

use lns_lorawan::DevEui;
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Fingerprint, Kind, Registry, RegistryError, Tags, WirelessDevice};

/// The name of the destination that every server has.
pub const DEFAULT_DESTINATION: &str = "default";

/// What stands for the device's DevEUI in a topic.
const DEV_EUI: &str = "{DevEUI}";

/// The longest topic, in bytes, with the DevEUI filled in. MQTT's own limit is 65,535.
const MAX_TOPIC: usize = 2048;

/// What a destination leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expression {
    /// A topic of the broker; `{DevEUI}` in it stands for the device's.
    #[serde(rename = "topic")]
    Topic(String),
    /// A topic rule, by name. It gets every message, whatever its FROM says.
    #[serde(rename = "rule")]
    Rule(String),
}

/// A topic of the broker or a rule, under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Destination {
    /// Its name: letters, digits, `-` and `_`, at most 128.
    pub name: String,
    /// What it leads to.
    #[serde(flatten)]
    pub expression: Expression,
    /// A description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// AWS's role, as given: kept and shown, of no effect.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
    /// The request that made it.
    #[serde(default)]
    pub made_by: Option<Fingerprint>,
}

impl Destination {
    /// The destination `default`, which publishes to `lorawan/{DevEUI}/up`.
    pub fn built_in() -> Self {
        Self {
            name: DEFAULT_DESTINATION.to_owned(),
            expression: Expression::Topic("lorawan/{DevEUI}/up".to_owned()),
            description: Some("built in".to_owned()),
            role_arn: None,
            tags: Tags::new(),
            made_by: None,
        }
    }

    /// The topic for one device. A rule is reached by basic ingest: on a topic that is for it alone,
    /// and that it takes for what stands behind its name.
    pub fn topic_of(&self, dev_eui: DevEui) -> String {
        match &self.expression {
            Expression::Topic(topic) => topic.replace(DEV_EUI, &dev_eui.to_string()),
            Expression::Rule(rule) => format!("$aws/rules/{rule}/lorawan/{dev_eui}/up"),
        }
    }
}

impl Expression {
    fn check(&self) -> Result<(), String> {
        match self {
            Expression::Topic(topic) => check_topic(topic),
            Expression::Rule(rule) => {
                let named = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
                if !rule.is_empty() && rule.len() <= 128 && rule.bytes().all(named) {
                    return Ok(());
                }
                Err(format!(
                    "Expression {rule:?}: a rule's name has 1 to 128 letters, digits and '_'"
                ))
            }
        }
    }
}

fn check_topic(template: &str) -> Result<(), String> {
    let topic = template.replace(DEV_EUI, &DevEui::new(0).to_string());
    let around = template.replace(DEV_EUI, "");
    let levels: Vec<&str> = topic.split('/').collect();
    let problem = if topic.is_empty() || topic.len() > MAX_TOPIC {
        format!("a topic has 1 to {MAX_TOPIC} bytes")
    } else if topic.contains(['+', '#']) || topic.contains(char::is_control) {
        "a topic to publish to has no '+', '#' or control characters".to_owned()
    } else if topic.starts_with('$') {
        "topics that begin with '$' are the broker's own".to_owned()
    } else if around.contains(['{', '}']) {
        format!("{DEV_EUI} is the only placeholder")
    } else if matches!(levels.as_slice(), ["lorawan", _, "down"] | ["lns", ..]) {
        "the server itself listens there, and speaks with its bridges below lns".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("Expression {template:?}: {problem}"))
}

impl Kept for Destination {
    type Key = String;
    const KIND: Kind = Kind::Destination;
    const TABLE: Table = Table::Destinations;
    const LIMIT: usize = 10_000;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn made_by(&self) -> Option<Fingerprint> {
        self.made_by
    }

    fn is_built_in(key: &String) -> bool {
        key == DEFAULT_DESTINATION
    }

    fn check(&self, _registry: &Registry) -> Result<(), RegistryError> {
        self.expression.check().map_err(RegistryError::Unfit)
    }

    fn user(&self, registry: &Registry) -> Option<(Kind, String)> {
        let device = registry.first(|device: &WirelessDevice| *device.destination == *self.name)?;
        Some((Kind::WirelessDevice, device.id.to_string()))
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.destinations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_topic(topic: &str) -> Result<(), String> {
        Expression::Topic(topic.to_owned()).check()
    }

    #[test]
    fn the_placeholder_is_filled_in() {
        let dev_eui = DevEui::new(0x70b3_d57e_d000_00ab);
        assert_eq!(Destination::built_in().topic_of(dev_eui), "lorawan/70b3d57ed00000ab/up");
    }

    #[test]
    fn a_topic_that_nobody_could_publish_to_is_refused() {
        let listened_to =
            ["lorawan/{DevEUI}/down", "lns", "lns/v1/gateway", "lns/v1/bridge/b/state"];
        let impossible = ["", "a/+", "a/#", "$SYS/x", "a/{DevAddr}", "a\0", "a\n"];
        for topic in impossible.into_iter().chain(listened_to) {
            assert!(with_topic(topic).is_err(), "{topic}");
        }
        for topic in
            ["a", "a/{DevEUI}/b", "{DevEUI}/{DevEUI}", "lorawan/{DevEUI}/down/x", "lnsx/a", "ä/ö"]
        {
            assert_eq!(with_topic(topic), Ok(()), "{topic}");
        }
    }

    #[test]
    fn a_rule_is_reached_on_a_topic_of_its_own() {
        let to = |rule: &str| Expression::Rule(rule.to_owned());
        let destination = Destination { expression: to("soil_1"), ..Destination::built_in() };
        let dev_eui = DevEui::new(0x70b3_d57e_d000_00ab);
        assert_eq!(destination.topic_of(dev_eui), "$aws/rules/soil_1/lorawan/70b3d57ed00000ab/up");
        assert_eq!(to("soil_1").check(), Ok(()));
        for name in ["", "a b", "a/b", "a-b", &"x".repeat(129)] {
            assert!(to(name).check().is_err(), "{name}");
        }
        let stored = serde_json::to_value(&destination).unwrap();
        assert_eq!(stored["rule"], "soil_1");
        assert_eq!(serde_json::from_value::<Destination>(stored).unwrap(), destination);
    }
}
