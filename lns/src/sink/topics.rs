//! Topics: built once per device or gateway, parsed when something comes in.

use lns_core::multicast::GroupId;
use lns_lorawan::{DevEui, GatewayEui};

/// The topics of one device or one gateway.
///
/// Uplinks go wherever the device's destination says; everything else stays under `lorawan/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topics {
    /// `lorawan/{DevEUI}/join`
    Join(DevEui),
    /// `lorawan/{DevEUI}/ack`
    Ack(DevEui),
    /// `lorawan/{DevEUI}/txack`
    TxAck(DevEui),
    /// `lorawan/{DevEUI}/error`
    Error(DevEui),
    /// `lorawan/{DevEUI}/counters`
    Counters(DevEui),
    /// `lorawan/{DevEUI}/relayed`
    Relayed(DevEui),
    /// `lorawan/{DevEUI}/mac`
    Mac(DevEui),
    /// `lorawan/proprietary`
    Proprietary,
    /// `lorawan/multicast/{group}/ack`
    GroupAck(GroupId),
    /// `lorawan/multicast/{group}/txack`
    GroupTxAck(GroupId),
    /// `lorawan/multicast/{group}/error`
    GroupError(GroupId),
    /// `lorawan/gateways/{GatewayEUI}/stat`
    GatewayStat(GatewayEui),
    /// `lorawan/gateways/{GatewayEUI}/connected`
    GatewayConnected(GatewayEui),
    /// `lorawan/gateways/{GatewayEUI}/disconnected`
    GatewayDisconnected(GatewayEui),
}

impl Topics {
    /// The topic as text, EUIs in lower case.
    pub fn topic(self) -> String {
        match self {
            Self::Join(device) => format!("lorawan/{device}/join"),
            Self::Ack(device) => format!("lorawan/{device}/ack"),
            Self::TxAck(device) => format!("lorawan/{device}/txack"),
            Self::Error(device) => format!("lorawan/{device}/error"),
            Self::Counters(device) => format!("lorawan/{device}/counters"),
            Self::Relayed(device) => format!("lorawan/{device}/relayed"),
            Self::Mac(device) => format!("lorawan/{device}/mac"),
            Self::Proprietary => "lorawan/proprietary".to_owned(),
            Self::GroupAck(group) => format!("lorawan/multicast/{group}/ack"),
            Self::GroupTxAck(group) => format!("lorawan/multicast/{group}/txack"),
            Self::GroupError(group) => format!("lorawan/multicast/{group}/error"),
            Self::GatewayStat(gateway) => format!("lorawan/gateways/{gateway}/stat"),
            Self::GatewayConnected(gateway) => format!("lorawan/gateways/{gateway}/connected"),
            Self::GatewayDisconnected(gateway) => {
                format!("lorawan/gateways/{gateway}/disconnected")
            }
        }
    }
}

/// What stands in the place of the DevEUI in `lorawan/{DevEUI}/down`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownTopic {
    /// A request for this device.
    Device(DevEui),
    /// A request for something that is not a DevEUI; the text as given.
    NotADevEui(String),
}

impl DownTopic {
    /// `None` when the topic is not one of downlink requests. The DevEUI is 16 hex digits in
    /// either case; unlike elsewhere nothing may stand between them, so that a topic has one
    /// spelling but for case.
    pub fn parse(topic: &str) -> Option<Self> {
        let name = topic.strip_prefix("lorawan/")?.strip_suffix("/down")?;
        if name.contains('/') {
            return None;
        }
        let digits = name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parsed = if digits { name.parse().ok() } else { None };
        Some(parsed.map_or_else(|| Self::NotADevEui(name.to_owned()), Self::Device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DevEui = DevEui::new(0x70b3_d57e_d005_a1b2);
    const GATEWAY: GatewayEui = GatewayEui::new(0x0016_c001_ff10_d446);

    #[test]
    fn topics_are_spelled_as_documented() {
        for (topic, expected) in [
            (Topics::Join(DEVICE), "lorawan/70b3d57ed005a1b2/join"),
            (Topics::Ack(DEVICE), "lorawan/70b3d57ed005a1b2/ack"),
            (Topics::TxAck(DEVICE), "lorawan/70b3d57ed005a1b2/txack"),
            (Topics::Error(DEVICE), "lorawan/70b3d57ed005a1b2/error"),
            (Topics::Counters(DEVICE), "lorawan/70b3d57ed005a1b2/counters"),
            (Topics::Relayed(DEVICE), "lorawan/70b3d57ed005a1b2/relayed"),
            (Topics::Proprietary, "lorawan/proprietary"),
            (Topics::GatewayStat(GATEWAY), "lorawan/gateways/0016c001ff10d446/stat"),
            (Topics::GatewayConnected(GATEWAY), "lorawan/gateways/0016c001ff10d446/connected"),
            (
                Topics::GatewayDisconnected(GATEWAY),
                "lorawan/gateways/0016c001ff10d446/disconnected",
            ),
        ] {
            assert_eq!(topic.topic(), expected);
        }
    }

    #[test]
    fn a_request_names_its_device_in_either_case() {
        let device = |topic| DownTopic::parse(topic);
        assert_eq!(device("lorawan/70b3d57ed005a1b2/down"), Some(DownTopic::Device(DEVICE)));
        assert_eq!(device("lorawan/70B3D57ED005A1B2/down"), Some(DownTopic::Device(DEVICE)));
        let strange = |text: &str| Some(DownTopic::NotADevEui(text.into()));
        assert_eq!(device("lorawan/70b3d57ed005a1b/down"), strange("70b3d57ed005a1b"));
        assert_eq!(
            device("lorawan/70-b3-d5-7e-d0-05-a1-b2/down"),
            strange("70-b3-d5-7e-d0-05-a1-b2")
        );
        assert_eq!(device("lorawan//down"), strange(""));
        for topic in ["lorawan/down", "lorawan/70b3d57ed005a1b2/up", "lorawan/a/b/down", "down"] {
            assert_eq!(device(topic), None, "{topic}");
        }
    }
}
