//! What a device may ask of the network.

use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Fingerprint, Id, Kind, Registry, RegistryError, Tags, WirelessDevice};

/// A service profile. Of no effect yet: what is said of roaming.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceProfile {
    /// Its id.
    pub id: Id,
    /// A name for people.
    pub name: Option<String>,
    /// Whether uplink messages carry what each gateway measured; `None`: they do.
    pub add_gw_metadata: Option<bool>,
    /// Lowest data rate for ADR.
    pub dr_min: Option<u32>,
    /// Highest data rate for ADR.
    pub dr_max: Option<u32>,
    /// Passive roaming.
    pub pr_allowed: Option<bool>,
    /// Roaming activation.
    pub ra_allowed: Option<bool>,
    /// Lowest TXPower index for ADR.
    pub tx_power_index_min: Option<u32>,
    /// Highest TXPower index for ADR.
    pub tx_power_index_max: Option<u32>,
    /// Fewest transmissions of an uplink for ADR.
    pub nb_trans_min: Option<u32>,
    /// Most transmissions of an uplink for ADR.
    pub nb_trans_max: Option<u32>,
    /// The share of frames that may be lost, in percent; `None` or 0: 10.
    pub target_per: Option<u32>,
    /// By how many gateways ADR keeps the device heard; `None`: 1.
    pub min_gw_diversity: Option<u32>,
    /// What ADR leaves a link to spare, dB; `None`: as the device profile says.
    pub adr_margin_db: Option<u32>,
    /// Tags.
    pub tags: Tags,
    /// The request that made it.
    pub made_by: Option<Fingerprint>,
}

impl Kept for ServiceProfile {
    type Key = Id;
    const KIND: Kind = Kind::ServiceProfile;
    const TABLE: Table = Table::ServiceProfiles;
    const LIMIT: usize = 10_000;

    fn key(&self) -> Id {
        self.id
    }

    fn stored_at(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn made_by(&self) -> Option<Fingerprint> {
        self.made_by
    }

    fn check(&self, _registry: &Registry) -> Result<(), RegistryError> {
        let ranges = [
            ("DrMin", self.dr_min, "DrMax", self.dr_max),
            (
                "TxPowerIndexMin",
                self.tx_power_index_min,
                "TxPowerIndexMax",
                self.tx_power_index_max,
            ),
            ("NbTransMin", self.nb_trans_min, "NbTransMax", self.nb_trans_max),
        ];
        for (low_name, low, high_name, high) in ranges {
            if let (Some(low), Some(high)) = (low, high)
                && low > high
            {
                let what = format!("{low_name} {low} is above {high_name} {high}");
                return Err(RegistryError::Unfit(what));
            }
        }
        Ok(())
    }

    fn user(&self, registry: &Registry) -> Option<(Kind, String)> {
        let device =
            registry.first(|device: &WirelessDevice| device.service_profile_id == Some(self.id))?;
        Some((Kind::WirelessDevice, device.id.to_string()))
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.service_profiles
    }
}
