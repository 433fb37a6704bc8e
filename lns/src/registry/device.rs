//! A device as its owner describes it: name, keys, profile and destination.

use lns_lorawan::{
    AppKey, AppSKey, DevAddr, DevEui, FNwkSIntKey, GenAppKey, JoinEui, NwkKey, NwkSEncKey, NwkSKey,
    SNwkSIntKey,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{
    Destination, DeviceProfile, Fingerprint, Id, Kind, Registry, RegistryError, ServiceProfile,
    Tags, describe, thing,
};

/// A device. Its session, counters and queue are the partition's; this is what people say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WirelessDevice {
    /// Its WirelessDeviceId.
    pub id: Id,
    /// Its DevEUI; never changes.
    pub dev_eui: DevEui,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Box<str>>,
    /// The name of the destination that its messages go to.
    pub destination: Box<str>,
    /// Its make.
    pub device_profile_id: Id,
    /// What it may ask of the network; `None`: the server's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_profile_id: Option<Id>,
    /// How it comes by a session, with the secrets that takes.
    pub activation: Keys,
    /// AWS's `FPorts` as given: kept and shown, of no effect yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f_ports: Option<Box<Value>>,
    /// A codec for this device alone; `None`: its profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// The name of the thing that it is associated with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing: Option<Box<str>>,
    /// What a codec's script may read about this device.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub variables: Tags,
    /// Tags, without `lns:codec`, which is [`codec`](Self::codec).
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<Fingerprint>,
}

/// Keys and addresses, as AWS groups them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Keys {
    /// Over the air, LoRaWAN 1.0.x.
    #[serde(rename = "otaa_1_0")]
    Otaa10 {
        /// The root key.
        app_key: AppKey,
        /// Whom the device asks to join, under its name until 1.0.3.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app_eui: Option<JoinEui>,
        /// Whom the device asks to join, under its name since 1.0.4.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        join_eui: Option<JoinEui>,
        /// Root key for multicast; kept for later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gen_app_key: Option<GenAppKey>,
    },
    /// Over the air, LoRaWAN 1.1.
    #[serde(rename = "otaa_1_1")]
    Otaa11 {
        /// Root of the application key.
        app_key: AppKey,
        /// Root of the network keys.
        nwk_key: NwkKey,
        /// Whom the device asks to join.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        join_eui: Option<JoinEui>,
    },
    /// By personalization, LoRaWAN 1.0.x.
    #[serde(rename = "abp_1_0")]
    Abp10 {
        /// The address.
        dev_addr: DevAddr,
        /// The network session key.
        nwk_s_key: NwkSKey,
        /// The application session key.
        app_s_key: AppSKey,
        /// The lowest FCntUp to accept first.
        #[serde(default)]
        f_cnt_start: u32,
    },
    /// By personalization, LoRaWAN 1.1.
    #[serde(rename = "abp_1_1")]
    Abp11 {
        /// The address.
        dev_addr: DevAddr,
        /// FNwkSIntKey.
        f_nwk_s_int_key: FNwkSIntKey,
        /// SNwkSIntKey.
        s_nwk_s_int_key: SNwkSIntKey,
        /// NwkSEncKey.
        nwk_s_enc_key: NwkSEncKey,
        /// AppSKey.
        app_s_key: AppSKey,
        /// The lowest FCntUp to accept first.
        #[serde(default)]
        f_cnt_start: u32,
    },
}

impl Keys {
    /// AWS's word for the group.
    pub const fn name(&self) -> &'static str {
        match self {
            Keys::Otaa10 { .. } => "OtaaV1_0_x",
            Keys::Otaa11 { .. } => "OtaaV1_1",
            Keys::Abp10 { .. } => "AbpV1_0_x",
            Keys::Abp11 { .. } => "AbpV1_1",
        }
    }

    /// Whom the device asks to join, where that is known.
    pub fn join_eui(&self) -> Option<JoinEui> {
        match self {
            Keys::Otaa10 { app_eui, join_eui, .. } => join_eui.or(*app_eui),
            Keys::Otaa11 { join_eui, .. } => *join_eui,
            Keys::Abp10 { .. } | Keys::Abp11 { .. } => None,
        }
    }

    /// Whether the device joins over the air.
    pub const fn joins(&self) -> bool {
        match self {
            Keys::Otaa10 { .. } | Keys::Otaa11 { .. } => true,
            Keys::Abp10 { .. } | Keys::Abp11 { .. } => false,
        }
    }

    /// Whether these are the keys of LoRaWAN 1.1.
    pub const fn is_1_1(&self) -> bool {
        match self {
            Keys::Otaa11 { .. } | Keys::Abp11 { .. } => true,
            Keys::Otaa10 { .. } | Keys::Abp10 { .. } => false,
        }
    }
}

impl Kept for WirelessDevice {
    type Key = Id;
    const KIND: Kind = Kind::WirelessDevice;
    const TABLE: Table = Table::DeviceDescription;
    const LIMIT: usize = 10_000_000;

    fn key(&self) -> Id {
        self.id
    }

    /// The DevEUI, most significant byte first: what the partitions know a device by.
    fn stored_at(&self) -> Vec<u8> {
        self.dev_eui.to_be_bytes().to_vec()
    }

    fn eui(&self) -> Option<u64> {
        Some(self.dev_eui.value())
    }

    fn alias(&self) -> Option<&str> {
        self.thing.as_deref()
    }

    fn made_by(&self) -> Option<Fingerprint> {
        self.made_by
    }

    fn check(&self, registry: &Registry) -> Result<(), RegistryError> {
        let profile = registry.require::<DeviceProfile>(&self.device_profile_id)?;
        registry.require::<Destination>(&self.destination.to_string())?;
        if let Some(id) = &self.service_profile_id {
            registry.require::<ServiceProfile>(id)?;
        }
        if let Some(codec) = &self.codec {
            registry.require_codec(codec)?;
        }
        thing::check_association(self, registry)?;
        describe::fits(&self.activation, &profile)
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.devices
    }
}
