//! Downlinks to whichever bridge reaches their gateway.

use std::collections::HashSet;
use std::sync::Arc;

use gateway_bridge::BridgeHandle;
use gateway_link::Downlink;
use gateway_link::topic::{Kind, Topic};
use lns_lorawan::GatewayEui;
use parking_lot::RwLock;

use super::ears::Via;
use crate::broker::{Broker, Message, Ticket};
use crate::transmit::Radio;
use crate::treaty;

/// The ways to gateways.
pub struct Radios {
    here: RwLock<Option<BridgeHandle>>,
    broker: Arc<dyn Broker>,
    through_broker: RwLock<HashSet<GatewayEui>>,
}

impl Radios {
    /// No bridge in this process yet; others through `broker`.
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        Radios { here: RwLock::default(), broker, through_broker: RwLock::default() }
    }

    /// The bridge in this process.
    pub fn set_here(&self, bridge: BridgeHandle) {
        let before = self.here.write().replace(bridge);
        assert!(before.is_none(), "there is one bridge in a process");
    }

    /// The bridge in this process has ended. Its handle holds what the bridge forwards to, which
    /// holds the radios: without this, neither would ever go.
    pub fn forget_here(&self) {
        *self.here.write() = None;
    }

    /// The gateways that were last reached through a bridge of its own process.
    pub fn through_broker(&self) -> Vec<GatewayEui> {
        self.through_broker.read().iter().copied().collect()
    }

    /// A gateway was last reached this way.
    pub fn reached(&self, gateway: GatewayEui, via: Via) {
        let known = self.through_broker.read().contains(&gateway);
        match via {
            Via::Broker if !known => {
                self.through_broker.write().insert(gateway);
            }
            Via::Here if known => {
                self.through_broker.write().remove(&gateway);
            }
            Via::Here | Via::Broker => {}
        }
    }
}

impl Radio for Radios {
    fn send(&self, downlink: Downlink) {
        let gateway = treaty::eui(downlink.gateway_eui);
        if !self.through_broker.read().contains(&gateway) {
            if let Some(bridge) = &*self.here.read() {
                bridge.send(downlink);
            }
            return;
        }
        let topic = Topic::gateway(downlink.gateway_eui, Kind::Down).to_string();
        // A broker that is busy now is a window missed: the lanes come to that end by themselves.
        if self.broker.publish(Message::new(topic, downlink.encode()), Ticket::nobody()).is_err() {
            tracing::warn!(%gateway, "the broker is busy: a downlink was not handed to its bridge");
        }
    }
}
