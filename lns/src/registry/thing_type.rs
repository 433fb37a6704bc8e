//! What things of one make have in common.

use lns_lorawan::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Id, Kind, Registry, Tags, Thing};

/// A thing type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThingType {
    /// Its name, made as a thing's.
    pub name: String,
    /// Its thingTypeId.
    pub id: Id,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Attributes that things of this type are searched by: at most three, kept and shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searchable_attributes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when no thing may be given this type any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_at: Option<Timestamp>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl Kept for ThingType {
    type Key = String;
    const KIND: Kind = Kind::ThingType;
    const TABLE: Table = Table::Things;
    const PREFIX: &'static str = "type/";
    const LIMIT: usize = 10_000;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn repeats(&self, there: &Self) -> bool {
        (&self.description, &self.searchable_attributes, &self.tags)
            == (&there.description, &there.searchable_attributes, &there.tags)
    }

    fn user(&self, registry: &Registry) -> Option<(Kind, String)> {
        let thing =
            registry.first(|thing: &Thing| thing.thing_type.as_ref() == Some(&self.name))?;
        Some((Kind::Thing, thing.name.clone()))
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.thing_types
    }
}
