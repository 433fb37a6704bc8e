//! A gateway that somebody registered.

use lns_lorawan::GatewayEui;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Fingerprint, Id, Kind, Registry, RegistryError, Tags, describe, thing};

/// A registered gateway. Whether it is there, and when it was heard, its lane knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WirelessGateway {
    /// Its WirelessGatewayId.
    pub id: Id,
    /// Its EUI; never changes.
    pub gateway_eui: GatewayEui,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// A description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// The region that it serves, by name (`EU868`); `None`: the server's.
    #[serde(default)]
    pub region: Option<String>,
    /// The most that it may radiate, dBm EIRP.
    #[serde(default)]
    pub max_eirp: Option<f64>,
    /// Where its antenna stands; `None`: as it reports itself.
    #[serde(default)]
    pub location: Option<Location>,
    /// AWS's `JoinEuiFilters`, `NetIdFilters`, `SubBands`, `Beaconing`: kept and shown. Of no effect
    /// for a packet forwarder, but that a gateway made with `Beaconing` is one that beacons.
    #[serde(default)]
    pub basics: Basics,
    /// What its forwarder is like.
    #[serde(default)]
    pub radio: Radio,
    /// The name of the thing that it is associated with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing: Option<Box<str>>,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
    /// The request that made it.
    #[serde(default)]
    pub made_by: Option<Fingerprint>,
}

/// What a server must know of a packet forwarder to foresee what it will say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Radio {
    /// `sx1301` or `sx1302`; `None`: not known.
    pub forwarder: Option<String>,
    /// The antenna's gain, as the forwarder's configuration has it, dBi.
    pub antenna_gain: i8,
    /// Whether its configuration makes it send beacons.
    pub beaconing: bool,
}

/// What only a Basics Station is told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Basics {
    /// At most 3 pairs of JoinEUIs.
    pub join_eui_filters: Option<Value>,
    /// At most 10 NetIDs.
    pub net_id_filters: Option<Value>,
    /// At most 8 numbers from 1 to 8.
    pub sub_bands: Option<Value>,
    /// DataRate and Frequencies.
    pub beaconing: Option<Value>,
}

/// A place on earth, WGS 84.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north, −90 to 90.
    pub latitude: f64,
    /// Degrees east, −180 to 180.
    pub longitude: f64,
    /// Metres above the ellipsoid.
    #[serde(default)]
    pub altitude: Option<f64>,
}

impl Kept for WirelessGateway {
    type Key = Id;
    const KIND: Kind = Kind::WirelessGateway;
    const TABLE: Table = Table::Gateways;
    const LIMIT: usize = 100_000;

    fn key(&self) -> Id {
        self.id
    }

    fn stored_at(&self) -> Vec<u8> {
        self.gateway_eui.to_be_bytes().to_vec()
    }

    fn eui(&self) -> Option<u64> {
        Some(self.gateway_eui.value())
    }

    fn alias(&self) -> Option<&str> {
        self.thing.as_deref()
    }

    fn made_by(&self) -> Option<Fingerprint> {
        self.made_by
    }

    fn check(&self, registry: &Registry) -> Result<(), RegistryError> {
        thing::check_association(self, registry)?;
        match &self.region {
            Some(region) => describe::region(region).map(|_| ()),
            None => Ok(()),
        }
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.gateways
    }
}
