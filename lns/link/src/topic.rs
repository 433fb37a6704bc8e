//! The topics that carry the messages between processes: `lns/v1/gateway/{eui}/{up,down,ack,stat}`
//! and `lns/v1/bridge/{client id}/state`.

use std::fmt;

use crate::GatewayEui;

/// What the server subscribes to, per direction of traffic.
pub const SERVER_FILTERS: [&str; 4] = [
    "lns/v1/gateway/+/up",
    "lns/v1/gateway/+/ack",
    "lns/v1/gateway/+/stat",
    "lns/v1/bridge/+/state",
];

/// What a bridge subscribes to.
pub const BRIDGE_FILTER: &str = "lns/v1/gateway/+/down";

/// What a gateway topic carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Uplink`](crate::Uplink), bridge to server.
    Up,
    /// [`Downlink`](crate::Downlink), server to bridge.
    Down,
    /// [`TxAck`](crate::TxAck), bridge to server.
    Ack,
    /// [`GatewayEvent`](crate::GatewayEvent), bridge to server.
    Stat,
}

impl Kind {
    /// The topic's last level.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Ack => "ack",
            Self::Stat => "stat",
        }
    }
}

/// A topic of ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// `lns/v1/gateway/{eui}/{kind}`.
    Gateway {
        /// Whose.
        gateway_eui: GatewayEui,
        /// What it carries.
        kind: Kind,
    },
    /// `lns/v1/bridge/{client id}/state`, a [`BridgeState`](crate::BridgeState), retained.
    Bridge {
        /// The bridge's MQTT client id.
        client_id: String,
    },
}

impl Topic {
    /// A gateway's topic.
    pub fn gateway(gateway_eui: GatewayEui, kind: Kind) -> Self {
        Self::Gateway { gateway_eui, kind }
    }

    /// `None` when the topic is not one of ours.
    pub fn parse(topic: &str) -> Option<Self> {
        let mut levels = topic.strip_prefix("lns/v1/")?.split('/');
        let parsed = match (levels.next()?, levels.next()?, levels.next()?) {
            ("gateway", eui, kind) => {
                let kind = match kind {
                    "up" => Kind::Up,
                    "down" => Kind::Down,
                    "ack" => Kind::Ack,
                    "stat" => Kind::Stat,
                    _ => return None,
                };
                Self::gateway(eui.parse().ok()?, kind)
            }
            ("bridge", id, "state") if !id.is_empty() => Self::Bridge { client_id: id.into() },
            _ => return None,
        };
        levels.next().is_none().then_some(parsed)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway { gateway_eui, kind } => {
                write!(f, "lns/v1/gateway/{gateway_eui}/{}", kind.as_str())
            }
            Self::Bridge { client_id } => write!(f, "lns/v1/bridge/{client_id}/state"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_parses_to_what_it_was_built_from() {
        let gateway_eui = GatewayEui([0, 0x16, 0xc0, 1, 0xff, 0x10, 0xd4, 0x46]);
        for kind in [Kind::Up, Kind::Down, Kind::Ack, Kind::Stat] {
            let topic = Topic::gateway(gateway_eui, kind);
            assert_eq!(Topic::parse(&topic.to_string()), Some(topic));
        }
        let bridge = Topic::Bridge { client_id: "attic".into() };
        assert_eq!(bridge.to_string(), "lns/v1/bridge/attic/state");
        assert_eq!(Topic::parse("lns/v1/bridge/attic/state"), Some(bridge));
        assert_eq!(
            Topic::gateway(gateway_eui, Kind::Up).to_string(),
            "lns/v1/gateway/0016c001ff10d446/up"
        );
    }

    #[test]
    fn other_topics_are_not_ours() {
        for topic in [
            "",
            "lns/v1/gateway/0016c001ff10d446",
            "lns/v1/gateway/0016c001ff10d446/up/",
            "lns/v1/gateway/0016c001ff10d446/sideways",
            "lns/v1/gateway/x/up",
            "lns/v2/gateway/0016c001ff10d446/up",
            "lns/v1/bridge//state",
        ] {
            assert_eq!(Topic::parse(topic), None, "{topic}");
        }
    }
}
