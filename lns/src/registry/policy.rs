//! Policies: documents that say who may do what, in versions.

use std::sync::{Arc, OnceLock};

use lns_lorawan::Timestamp;
use lns_pipeline::policy;
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Kind, Principal, Registry, RegistryError, Tags};

/// How many versions a policy has, as AWS has it.
pub const MAX_VERSIONS: usize = 5;

/// A policy under a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Its versions, the oldest first; never empty.
    pub versions: Vec<PolicyVersion>,
    /// The number of the version that counts.
    pub default_version: u32,
    /// The number of the newest version that there ever was.
    #[serde(default)]
    last_version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
    /// The version that counts, read once.
    #[serde(skip)]
    read: OnceLock<Arc<policy::Policy>>,
}

/// One version of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Its number: 1, 2, 3 …, never used twice.
    pub id: u32,
    /// The document, as it was given.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Policy {
    /// A policy with one version.
    pub fn new(name: String, document: String, now: Timestamp) -> Self {
        Self {
            name,
            versions: vec![PolicyVersion { id: 1, document, created_at: now }],
            default_version: 1,
            last_version: 1,
            created_at: now,
            changed_at: now,
            tags: Tags::new(),
            read: OnceLock::new(),
        }
    }

    /// A version by its number.
    pub fn version(&self, id: u32) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The version that counts.
    pub fn default_document(&self) -> &str {
        self.version(self.default_version).map_or("", |version| &version.document)
    }

    /// A number that is another one after each change.
    pub fn generation(&self) -> i64 {
        self.changed_at.micros()
    }

    /// The version that counts, read. `None` when it cannot be read any more: it grants nothing.
    pub fn read(&self) -> Option<&policy::Policy> {
        if self.read.get().is_none() {
            let read = policy::Policy::parse(self.default_document()).ok()?;
            let _ = self.read.set(Arc::new(read));
        }
        self.read.get().map(|read| &**read)
    }

    /// Adds a version; its number.
    pub fn add_version(&mut self, document: String, now: Timestamp) -> u32 {
        self.last_version += 1;
        let id = self.last_version;
        self.versions.push(PolicyVersion { id, document, created_at: now });
        self.changed_at = now;
        id
    }

    /// Makes another version the one that counts.
    pub fn choose(&mut self, id: u32, now: Timestamp) {
        self.default_version = id;
        self.changed_at = now;
        self.read = OnceLock::new();
    }
}

impl Kept for Policy {
    type Key = String;
    const KIND: Kind = Kind::Policy;
    const TABLE: Table = Table::Policies;
    const PREFIX: &'static str = "policy/";
    const LIMIT: usize = 100_000;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn check(&self, _registry: &Registry) -> Result<(), RegistryError> {
        let there = self.version(self.default_version).is_some();
        if there && self.versions.len() <= MAX_VERSIONS {
            return Ok(());
        }
        let (name, count, default) = (&self.name, self.versions.len(), self.default_version);
        Err(RegistryError::Unfit(format!(
            "policy {name} has {count} versions of at most {MAX_VERSIONS}, and the default {default}"
        )))
    }

    /// One that it is attached to.
    fn user(&self, registry: &Registry) -> Option<(Kind, String)> {
        let attached = registry.linked::<Principal>(&Principal::link_to_policy(&self.name));
        attached.first().map(|principal| (Kind::Principal, principal.name.to_string()))
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.policies
    }
}
