//! Registered gateways, made known to the rooms.

use std::collections::HashSet;
use std::sync::Arc;

use gateway_bridge::{BridgeHandle, Policy};
use lns_lorawan::GatewayEui;

use crate::gateways::{Gateways, Location, Registered};
use crate::registry::{Registry, WirelessGateway};
use crate::treaty;

/// Keeps the rooms' knowledge of gateways in step with the registry.
#[derive(Default)]
pub struct Registrations {
    /// The registry's version that was last made known.
    version: u64,
    known: HashSet<GatewayEui>,
}

impl Registrations {
    /// Makes changes known, if there are any.
    pub fn sync(
        &mut self,
        registry: &Registry,
        gateways: &Gateways,
        bridge: Option<&BridgeHandle>,
        require_registered: bool,
    ) {
        let version = registry.version();
        if version == self.version {
            return;
        }
        self.version = version;
        let mut now = HashSet::new();
        registry.walk(None, &mut |gateway: &Arc<WirelessGateway>| {
            let region = registry.gateway_region(gateway.gateway_eui);
            let location = gateway.location.map(|place| Location {
                latitude: place.latitude,
                longitude: place.longitude,
                altitude: place.altitude,
            });
            gateways.register(gateway.gateway_eui, Registered { region, location });
            now.insert(gateway.gateway_eui)
        });
        for gone in self.known.difference(&now) {
            gateways.unregister(*gone);
        }
        if let Some(bridge) = bridge
            && now != self.known
        {
            bridge.set_policy(Policy { require_registered, registered: euis(registry) });
        }
        self.known = now;
    }
}

/// The registered gateways, in the bridge's words.
pub fn euis(registry: &Registry) -> HashSet<gateway_link::GatewayEui> {
    let mut euis = HashSet::new();
    registry.walk(None, &mut |gateway: &Arc<WirelessGateway>| {
        euis.insert(treaty::link_eui(gateway.gateway_eui))
    });
    euis
}
