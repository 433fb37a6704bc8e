//! What a world is made of.

use std::sync::Arc;

use lns_core::adr::Policy;
use lns_core::multicast::GroupAbout;
use lns_core::{Activation, Description, Profile};
use lns_lorawan::{
    AppKey, DevEui, DevNonce, Frequency, JoinEui, MacVersion, NwkKey, RegParamsRevision, Region,
    SessionKeys, TimeDelta, Timestamp,
};
use sim::device::Activation as SimActivation;
use sim::random::Random;
use sim::{AirSpec, DeviceSpec, GatewaySpec};

use super::weather::Weather;
use crate::checkers::Root;

/// When every world begins: 2026-01-01 00:00 UTC.
pub const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// Whom all simulated devices ask to join.
pub const JOIN_EUI: JoinEui = JoinEui::new(0x70b3_d57e_d000_0000);

/// A world before it begins.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The same seed gives the same world.
    pub seed: u64,
    /// Where it is.
    pub region: Region,
    /// US915, AU915: the network's sub-band, 1 to 8.
    pub sub_band: Option<u8>,
    /// EU868: the CFList's channels.
    pub extra_channels: Vec<Frequency>,
    /// Its devices.
    pub nodes: Vec<Node>,
    /// Its multicast groups.
    pub groups: Vec<GroupAbout>,
    /// Its gateways.
    pub gateways: Vec<GatewaySpec>,
    /// What is between them.
    pub air: AirSpec,
    /// What goes wrong.
    pub weather: Weather,
    /// What the application answers to every uplink, and how long after it.
    pub answer: Option<Answer>,
    /// How many partitions the devices are spread over.
    pub partitions: u16,
}

/// What an application answers to every uplink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// From the event's arrival at the application to the queued downlink.
    pub after: TimeDelta,
    /// FRMPayload, on FPort 42.
    pub payload: Vec<u8>,
    /// Must the device acknowledge it?
    pub confirmed: bool,
}

/// A device, and what the server is told of it.
#[derive(Clone, Debug)]
pub struct Node {
    /// The device.
    pub spec: DeviceSpec,
    /// Its make, as the server knows it.
    pub profile: Profile,
}

impl Node {
    /// What an administrator says of it.
    pub fn description(&self) -> Description {
        let spec = &self.spec;
        let activation = match &spec.activation {
            SimActivation::Otaa { join_eui, app_key, .. } => {
                Activation::Otaa10 { join_eui: Some(*join_eui), app_key: app_key.clone() }
            }
            SimActivation::Abp { dev_addr, nwk_s_key, app_s_key } => Activation::Abp {
                dev_addr: *dev_addr,
                keys: SessionKeys::v1_0(nwk_s_key, app_s_key.clone()),
                f_cnt_start: lns_lorawan::FCntUp(0),
            },
            SimActivation::Otaa11 { join_eui, nwk_key, app_key, .. } => Activation::Otaa11 {
                join_eui: Some(*join_eui),
                nwk_key: nwk_key.clone(),
                app_key: app_key.clone(),
            },
            SimActivation::Abp11 { dev_addr, keys } => Activation::Abp {
                dev_addr: *dev_addr,
                keys: keys.clone(),
                f_cnt_start: lns_lorawan::FCntUp(0),
            },
        };
        Description {
            dev_eui: spec.dev_eui,
            name: spec.name.clone(),
            activation,
            profile: Arc::new(self.profile.clone()),
            adr: Policy::default(),
        }
    }

    /// What Join-Accepts are made with.
    pub fn root(&self) -> Root<'_> {
        match &self.spec.activation {
            SimActivation::Otaa { app_key, .. } => Root::V1_0(app_key),
            SimActivation::Otaa11 { join_eui, nwk_key, .. } => Root::V1_1(nwk_key, *join_eui),
            SimActivation::Abp { .. } => Root::None { is_1_1: false },
            SimActivation::Abp11 { .. } => Root::None { is_1_1: true },
        }
    }

    /// Makes it a device of 1.1, with a NwkKey besides the key that it has.
    pub fn of_1_1(&mut self, nwk_key: NwkKey) {
        if let SimActivation::Otaa { join_eui, app_key, .. } = &self.spec.activation {
            let (join_eui, app_key) = (*join_eui, app_key.clone());
            let dev_nonce = DevNonce(0);
            self.spec.activation = SimActivation::Otaa11 { join_eui, nwk_key, app_key, dev_nonce };
            self.spec.mac_version = MacVersion::V1_1_0;
        }
    }
}

impl Setup {
    /// Fine weather and near gateways, nobody there yet.
    pub fn new(seed: u64, region: Region) -> Self {
        Setup {
            seed,
            region,
            sub_band: matches!(region, Region::Us915 | Region::Au915).then_some(2),
            extra_channels: Vec::new(),
            nodes: Vec::new(),
            groups: Vec::new(),
            gateways: Vec::new(),
            air: AirSpec { seed, ..AirSpec::default() },
            weather: Weather::fine(),
            answer: None,
            partitions: 2,
        }
    }

    /// With so many gateways more.
    pub fn gateways(mut self, count: u64) -> Self {
        for _ in 0..count {
            let eui = 0x0016_c001_ff10_0000 + self.gateways.len() as u64;
            let mut random = Random::of(self.seed, eui);
            let tmst_offset = u32::from_le_bytes(random.bytes());
            let eui = gateway_link::GatewayEui(eui.to_be_bytes());
            self.gateways.push(GatewaySpec { tmst_offset, ..GatewaySpec::new(eui, self.region) });
        }
        self
    }

    /// The same, and all gateways so far have satellite time and send beacons.
    pub fn beaconing(mut self) -> Self {
        let beaconing = |spec: GatewaySpec| spec.beaconing(self.region);
        self.gateways = self.gateways.into_iter().map(beaconing).collect();
        self
    }

    /// With an OTAA device more, as `shape` makes it from a common one: on the region's plan, one
    /// uplink a minute, switched on a second after the start.
    pub fn node(mut self, shape: impl FnOnce(&mut Node)) -> Self {
        let number = self.nodes.len() as u64 + 1;
        let dev_eui = DevEui::new(0x70b3_d57e_d001_0000 + number);
        let app_key = AppKey::from_bytes(Random::of(!self.seed, number).bytes());
        let mut spec = DeviceSpec::otaa(&format!("node-{number}"), dev_eui, JOIN_EUI, app_key);
        spec = DeviceSpec { sub_band: self.sub_band, ..spec.in_region(self.region) };
        spec.switched_on = START + TimeDelta::from_secs(1);
        let revision = RegParamsRevision::Rp002_1_0_5;
        let profile = Profile::new(self.region, spec.mac_version, revision);
        let mut node = Node { spec, profile };
        shape(&mut node);
        node.profile.mac_version = node.spec.mac_version;
        self.nodes.push(node);
        self
    }
}
