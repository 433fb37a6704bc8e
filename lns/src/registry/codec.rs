//! A payload codec's script, under the name by which profiles and devices ask for it.

use lns_pipeline::codec::CodecSpec;
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{DeviceProfile, Kind, Registry, RegistryError, WirelessDevice};

/// The name of the built-in Cayenne LPP codec.
pub const CAYENNE_LPP: &str = "cayenne-lpp";

/// A script of the operator's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Codec {
    /// Its name: letters, digits, `-`, `_` and `.`, at most 128.
    pub name: String,
    /// The script, hashed once.
    spec: CodecSpec,
    script: std::sync::Arc<str>,
}

/// A codec as it lies in the store.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    name: String,
    script: String,
}

impl Codec {
    /// A codec with this script, which is not looked at.
    pub fn new(name: impl Into<String>, script: &str) -> Self {
        let script: std::sync::Arc<str> = script.into();
        let spec = CodecSpec::javascript(std::sync::Arc::clone(&script));
        Self { name: name.into(), spec, script }
    }

    /// The script's text.
    pub fn script(&self) -> &str {
        &self.script
    }

    /// What a codec worker takes. A clone is cheap.
    pub fn spec(&self) -> &CodecSpec {
        &self.spec
    }
}

impl From<Stored> for Codec {
    fn from(stored: Stored) -> Self {
        Self::new(stored.name, &stored.script)
    }
}

impl From<Codec> for Stored {
    fn from(codec: Codec) -> Self {
        Self { script: codec.script.to_string(), name: codec.name }
    }
}

impl Kept for Codec {
    type Key = String;
    const KIND: Kind = Kind::Codec;
    const TABLE: Table = Table::Codecs;
    const LIMIT: usize = 1_000;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn check(&self, _registry: &Registry) -> Result<(), RegistryError> {
        if self.name == CAYENNE_LPP {
            return Err(RegistryError::BuiltIn { kind: Kind::Codec, key: self.name.clone() });
        }
        Ok(())
    }

    fn user(&self, registry: &Registry) -> Option<(Kind, String)> {
        let profile = registry
            .first(|profile: &DeviceProfile| profile.codec.as_deref() == Some(&*self.name))
            .map(|profile| (Kind::DeviceProfile, profile.id.to_string()));
        profile.or_else(|| {
            let device = registry
                .first(|device: &WirelessDevice| device.codec.as_deref() == Some(&*self.name))?;
            Some((Kind::WirelessDevice, device.id.to_string()))
        })
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.codecs
    }
}
