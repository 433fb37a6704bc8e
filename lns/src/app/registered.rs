//! Registered gateways, made known to the rooms.

use std::collections::HashSet;
use std::sync::Arc;

use gateway_bridge::{BridgeHandle, Policy};
use lns_core::radio::forwarder::ForwarderModel;
use lns_core::radio::lane::LaneSettings;
use lns_lorawan::{Dbm, GatewayEui};

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
            let lane = lane(gateway);
            gateways.register(gateway.gateway_eui, Registered { region, location, lane });
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

/// What a gateway's lane must know of it.
fn lane(gateway: &WirelessGateway) -> LaneSettings {
    let hundredths = |dbm: f64| Dbm::from_hundredths((dbm * 100.0) as i16);
    LaneSettings {
        forwarder: gateway
            .radio
            .forwarder
            .as_deref()
            .and_then(ForwarderModel::parse)
            .unwrap_or_default(),
        max_eirp: gateway.max_eirp.map(hundredths),
        antenna_gain: gateway.radio.antenna_gain,
        beaconing: gateway.radio.beaconing,
        ..LaneSettings::default()
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
