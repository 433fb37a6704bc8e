//! What all kinds of record have in common.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::Table;

use super::shelf::Shelf;
use super::{Fingerprint, Kind, Registry, RegistryError};

/// A record's tags, by key.
pub type Tags = BTreeMap<String, String>;

/// A kind of record that the registry keeps.
pub trait Kept: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What names a record of this kind.
    type Key: Ord + Clone + Display + Send + Sync;

    /// The kind.
    const KIND: Kind;

    /// Where it lies in the store.
    const TABLE: Table;

    /// With what the keys of this kind begin, where it shares its table with others.
    const PREFIX: &'static str = "";

    /// How many of them we keep.
    const LIMIT: usize;

    /// Its name.
    fn key(&self) -> Self::Key;

    /// Its key in the store: where it shares its table or not, its name as text.
    fn stored_at(&self) -> Vec<u8> {
        format!("{}{}", Self::PREFIX, self.key()).into_bytes()
    }

    /// The EUI by which it is also found.
    fn eui(&self) -> Option<u64> {
        None
    }

    /// Another name by which it is also found; no two of a kind have the same.
    fn alias(&self) -> Option<&str> {
        None
    }

    /// What it refers to, by which those that refer to something are found.
    fn links(&self) -> Vec<String> {
        Vec::new()
    }

    /// The request that made it, when that had a ClientRequestToken.
    fn made_by(&self) -> Option<Fingerprint> {
        None
    }

    /// Whether it asks for what is there: then its creation changes nothing and succeeds.
    fn repeats(&self, _there: &Self) -> bool {
        false
    }

    /// Whether it comes with the server.
    fn is_built_in(_key: &Self::Key) -> bool {
        false
    }

    /// Refuses what contradicts itself or refers to nothing. `registry` does not change meanwhile.
    fn check(&self, _registry: &Registry) -> Result<(), RegistryError> {
        Ok(())
    }

    /// One that refers to it, when there is one. `registry` does not change meanwhile.
    fn user(&self, _registry: &Registry) -> Option<(Kind, String)> {
        None
    }

    /// Where the registry keeps it in memory. Only the registry can look at it.
    fn shelf(registry: &Registry) -> &Shelf<Self>;
}
