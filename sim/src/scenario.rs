//! A fleet from a few numbers: devices of several kinds, gateways, air.

use gateway_bridge::semtech::packet::GatewayEui;
use lns_lorawan::{
    AppKey, AppSKey, DataRateIndex, DevAddr, DevEui, DevNonce, JoinEui, MacVersion, NwkKey,
    NwkSEncKey, NwkSKey, RegParamsRevision, Region, SNwkSIntKey, Scheme, SessionKeys, TimeDelta,
    Timestamp,
};

use crate::air::{Air, AirSpec};
use crate::device::plan::Antenna;
use crate::device::{Activation, Class, DevNonces, Device, DeviceSpec, Group, Mischief, Payload};
use crate::field::Field;
use crate::gateway::{Gateway, GatewaySpec, Model};
use crate::random::Random;

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The same seed gives the same fleet and the same behaviour.
    pub seed: u64,
    /// Where it is.
    pub region: Region,
    /// US915, AU915: the sub-band, 1 to 8; `None` for all channels.
    pub sub_band: Option<u8>,
    /// CN470 from RP002 on: which of its four plans.
    pub antenna: Antenna,
    /// When the devices listen.
    pub class: Class,
    /// The gateways send beacons.
    pub beacons: bool,
    /// The devices have their sessions from the start, rather than joining.
    pub personalized: bool,
    /// Multicast groups that the devices belong to.
    pub groups: Vec<Group>,
    /// What the gateways are built on.
    pub model: Model,
    /// US915, AU915: the gateways listen on this sub-band only, 1 to 8.
    pub gateway_sub_band: Option<u8>,
    /// How many gateways.
    pub gateways: usize,
    /// How many devices.
    pub devices: usize,
    /// From one uplink of a device to its next.
    pub interval: TimeDelta,
    /// The share of confirmed uplinks, 0 to 1.
    pub confirmed_share: f64,
    /// What the devices are, in turn.
    pub payloads: Vec<Payload>,
    /// What the devices were built to.
    pub mac_version: MacVersion,
    /// Which edition of the regional parameters that was; `None` for the first one that belongs to
    /// their version.
    pub reg_params: Option<RegParamsRevision>,
    /// The data rate that they begin with; `None` for the region's fastest of 125 kHz.
    pub data_rate: Option<DataRateIndex>,
    /// May the network set it?
    pub adr: bool,
    /// Do the devices obey the regulator's limits on their share of time?
    pub keeps_duty_cycle: bool,
    /// Their bad habits.
    pub mischief: Mischief,
    /// Of all devices.
    pub join_eui: JoinEui,
    /// Of all devices; `None` for one each, from the seed.
    pub app_key: Option<AppKey>,
    /// The first device's; the others follow.
    pub dev_eui_base: DevEui,
    /// The first gateway's; the others follow.
    pub gateway_eui_base: u64,
    /// What is between them.
    pub air: AirSpec,
    /// Devices of other kinds, on the same gateways; what they say of gateways and air does not
    /// count.
    pub fleets: Vec<Scenario>,
    /// The number in the first device's name.
    pub numbers_from: usize,
}

impl Default for Scenario {
    /// One gateway and three devices in EU868: a temperature sensor, a switch, a tracker.
    fn default() -> Self {
        Self {
            seed: 1,
            region: Region::Eu868,
            sub_band: None,
            antenna: Antenna::default(),
            class: Class::A,
            beacons: false,
            personalized: false,
            groups: Vec::new(),
            model: Model::Sx1302,
            gateway_sub_band: None,
            gateways: 1,
            devices: 3,
            interval: TimeDelta::from_secs(10),
            confirmed_share: 0.0,
            payloads: vec![Payload::Temperature, Payload::Switch, Payload::Tracker],
            mac_version: MacVersion::V1_0_3,
            reg_params: None,
            data_rate: None,
            adr: true,
            keeps_duty_cycle: false,
            mischief: Mischief::default(),
            join_eui: JoinEui::new(0x70b3_d57e_d000_0000),
            app_key: None,
            dev_eui_base: DevEui::new(0x70b3_d57e_d001_0000),
            gateway_eui_base: 0x0016_c001_ff10_0000,
            air: AirSpec::default(),
            fleets: Vec::new(),
            numbers_from: 1,
        }
    }
}

impl Scenario {
    /// The devices, switched on one after the other within an interval from `start` on; then those
    /// of the other fleets.
    pub fn device_specs(&self, start: Timestamp) -> Vec<DeviceSpec> {
        self.each().flat_map(|fleet| fleet.own_device_specs(start)).collect()
    }

    /// This and the other fleets.
    pub fn each(&self) -> impl Iterator<Item = &Self> {
        core::iter::once(self).chain(&self.fleets)
    }

    /// Without the other fleets.
    pub fn own_device_specs(&self, start: Timestamp) -> Vec<DeviceSpec> {
        (0..self.devices).map(|index| self.device_spec(index, start)).collect()
    }

    fn device_spec(&self, index: usize, start: Timestamp) -> DeviceSpec {
        let dev_eui = DevEui::new(self.dev_eui_base.value().wrapping_add(index as u64));
        let payload = match self.payloads.as_slice() {
            [] => Payload::default(),
            kinds => kinds[index % kinds.len()].clone(),
        };
        let kind = match &payload {
            Payload::Temperature => "thermometer",
            Payload::Switch => "switch",
            Payload::Tracker => "tracker",
            Payload::Fixed { .. } | Payload::Empty | Payload::Made(_) => "node",
        };
        let mut random = Random::of(self.seed, dev_eui.value());
        let name = format!("{kind}-{}", index + self.numbers_from);
        let mut spec = DeviceSpec::otaa(&name, dev_eui, self.join_eui, self.app_key_of(dev_eui));
        spec.activation = self.activation(dev_eui);
        spec = spec.in_region(self.region);
        (spec.sub_band, spec.antenna) = (self.sub_band, self.antenna);
        spec.reg_params = self.reg_params();
        (spec.class, spec.mischief) = (self.class, self.mischief.clone());
        spec.groups = self.groups.clone();
        spec.keeps_duty_cycle = self.keeps_duty_cycle;
        let spread = random.between(0, self.interval.micros().max(0));
        spec.switched_on = start + TimeDelta::from_micros(spread);
        spec.interval = self.interval;
        spec.confirmed_share = self.confirmed_share;
        spec.payload = payload;
        spec.mac_version = self.mac_version;
        spec.data_rate = self.data_rate.unwrap_or(spec.data_rate);
        spec.adr = self.adr;
        spec
    }

    fn activation(&self, dev_eui: DevEui) -> Activation {
        let (join_eui, app_key) = (self.join_eui, self.app_key_of(dev_eui));
        let dev_nonces = match self.mac_version.counts_dev_nonce() {
            true => DevNonces::Counting(DevNonce(0)),
            false => DevNonces::Random,
        };
        if self.personalized {
            return self.session(dev_eui);
        }
        if self.mac_version.is_1_1() {
            let nwk_key = self.nwk_key_of(dev_eui);
            return Activation::Otaa11 { join_eui, nwk_key, app_key, dev_nonce: DevNonce(0) };
        }
        Activation::Otaa { join_eui, app_key, dev_nonces }
    }

    /// A personalized device's address, in the block of NetID 000000, and keys.
    fn session(&self, dev_eui: DevEui) -> Activation {
        let mut random = Random::of(self.seed.rotate_left(16), dev_eui.value());
        let low = u32::from_le_bytes(random.bytes()) & 0x01ff_ffff;
        let dev_addr = DevAddr::new(low);
        let nwk_s_key = NwkSKey::from_bytes(random.bytes());
        let app_s_key = AppSKey::from_bytes(random.bytes());
        if !self.mac_version.is_1_1() {
            return Activation::Abp { dev_addr, nwk_s_key, app_s_key };
        }
        let keys = SessionKeys {
            scheme: Scheme::V1_1,
            s_nwk_s_int_key: SNwkSIntKey::from_bytes(random.bytes()),
            nwk_s_enc_key: NwkSEncKey::from_bytes(random.bytes()),
            ..SessionKeys::v1_0(&nwk_s_key, app_s_key)
        };
        Activation::Abp11 { dev_addr, keys }
    }

    /// What the devices were built to.
    pub fn reg_params(&self) -> RegParamsRevision {
        self.reg_params.unwrap_or(self.mac_version.default_reg_params())
    }

    /// A device's root key of the network keys, 1.1.
    pub fn nwk_key_of(&self, dev_eui: DevEui) -> NwkKey {
        let seed = self.seed.rotate_left(32);
        NwkKey::from_bytes(Random::of(!seed, !dev_eui.value()).bytes())
    }

    /// A device's root key; in 1.1, of the application key.
    pub fn app_key_of(&self, dev_eui: DevEui) -> AppKey {
        self.app_key.clone().unwrap_or_else(|| {
            // Another stream than the one that the device's behaviour is drawn from.
            AppKey::from_bytes(Random::of(!self.seed, dev_eui.value()).bytes())
        })
    }

    /// The gateways, with counters that begin anywhere.
    pub fn gateway_specs(&self) -> Vec<GatewaySpec> {
        let specs = (0..self.gateways as u64).map(|index| {
            let eui = self.gateway_eui_base.wrapping_add(index);
            let mut random = Random::of(self.seed, eui);
            let tmst_offset = u32::from_le_bytes(random.bytes());
            let eui = GatewayEui(eui.to_be_bytes());
            let spec = GatewaySpec::new(eui, self.region);
            let mut spec = GatewaySpec { tmst_offset, model: self.model, ..spec };
            if let Some(sub_band) = self.gateway_sub_band {
                spec = spec.on_sub_band(self.region, sub_band);
            }
            if self.beacons { spec.beaconing(self.region) } else { spec }
        });
        specs.collect()
    }

    /// Everything, switched on at `start`.
    pub fn build(&self, start: Timestamp) -> Field {
        let devices = self.device_specs(start);
        let devices = devices.into_iter().map(|spec| Device::new(spec, self.seed)).collect();
        let gateways = self.gateway_specs();
        let gateways = gateways.into_iter().map(|spec| Gateway::new(spec, start)).collect();
        let air = AirSpec { seed: self.seed, ..self.air.clone() };
        Field::new(devices, gateways, Air::new(air))
    }
}
