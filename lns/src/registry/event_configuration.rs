//! Which events are published: of all things or devices, and of single ones.

use std::collections::BTreeSet;

use lns_lorawan::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Kind, Registry};

/// What is switched on for one subject. What is not named is off, as is all of a subject that has no
/// record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventConfiguration {
    /// Whose events: `iot` (the registry's), `iotwireless` (all devices and gateways), or
    /// `WirelessDevice/{Id}` and `WirelessGateway/{Id}`.
    pub subject: String,
    /// What is on, by name.
    pub enabled: BTreeSet<String>,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When it was last set.
    pub modified_at: Timestamp,
}

impl Kept for EventConfiguration {
    type Key = String;
    const KIND: Kind = Kind::EventConfiguration;
    const TABLE: Table = Table::Meta;
    const PREFIX: &'static str = "events/";
    const LIMIT: usize = 100_000;

    fn key(&self) -> String {
        self.subject.clone()
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.event_configurations
    }
}
