//! A thing of iot: a name with attributes, that a device or gateway may be associated with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{
    Id, Kind, Principal, Registry, RegistryError, ThingType, WirelessDevice, WirelessGateway,
};

/// Attributes of a thing or a group, by name.
pub type Attributes = BTreeMap<String, String>;

/// How many attributes a thing has: without a type, and with one.
const MAX_ATTRIBUTES: (usize, usize) = (3, 50);

/// The most that names and values of a thing's attributes take together, in bytes.
const MAX_BYTES: usize = 47 * 1024;

/// A thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    /// Its name: letters, digits, `:`, `_` and `-`, at most 128.
    pub name: String,
    /// Its thingId.
    pub id: Id,
    /// The name of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing_type: Option<String>,
    /// Its attributes.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// The ids of the groups that it was added to. A group that is gone counts for nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Grows with every change of type or attributes; 1 at first.
    pub version: u64,
}

impl Kept for Thing {
    type Key = String;
    const KIND: Kind = Kind::Thing;
    const TABLE: Table = Table::Things;
    const PREFIX: &'static str = "thing/";
    const LIMIT: usize = 10_000_000;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn repeats(&self, there: &Self) -> bool {
        (&self.thing_type, &self.attributes) == (&there.thing_type, &there.attributes)
    }

    fn check(&self, registry: &Registry) -> Result<(), RegistryError> {
        let (untyped, typed) = MAX_ATTRIBUTES;
        let most = if self.thing_type.is_some() { typed } else { untyped };
        let bytes: usize =
            self.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
        let problem = if self.attributes.len() > most {
            let count = self.attributes.len();
            format!("it would have {count} and may have {untyped}, or {typed} with a thing type")
        } else if bytes > MAX_BYTES {
            format!("they take {bytes} bytes and may take {MAX_BYTES}")
        } else {
            return match &self.thing_type {
                Some(name) => registry.require::<ThingType>(name).map(|_| ()),
                None => Ok(()),
            };
        };
        Err(RegistryError::Unfit(format!("attributes of thing {}: {problem}", self.name)))
    }

    /// The device or gateway that it stands for, or a principal that it is attached to: it stays
    /// until that is pointed elsewhere.
    fn user(&self, registry: &Registry) -> Option<(Kind, String)> {
        let device = registry.find_by_alias::<WirelessDevice>(&self.name);
        let device = device.map(|device| (Kind::WirelessDevice, device.id.to_string()));
        let gateway = || {
            let gateway = registry.find_by_alias::<WirelessGateway>(&self.name)?;
            Some((Kind::WirelessGateway, gateway.id.to_string()))
        };
        device.or_else(gateway).or_else(|| {
            let principals = registry.linked::<Principal>(&Principal::link_to_thing(&self.name));
            principals.first().map(|principal| (Kind::Principal, principal.name.to_string()))
        })
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.things
    }
}

/// Refuses an association with a thing that is not there, or that stands for another device or
/// gateway of this kind already: a thing names one.
pub(super) fn check_association<T: Kept>(
    record: &T,
    registry: &Registry,
) -> Result<(), RegistryError> {
    let Some(name) = record.alias() else { return Ok(()) };
    registry.require::<Thing>(&name.to_owned())?;
    match registry.find_by_alias::<T>(name) {
        Some(other) if other.key() != record.key() => Err(RegistryError::Taken {
            what: format!("thing {name}"),
            kind: T::KIND,
            key: other.key().to_string(),
        }),
        Some(_) | None => Ok(()),
    }
}
