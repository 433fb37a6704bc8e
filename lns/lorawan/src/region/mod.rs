//! What a region allows: RP002's tables, laid out as RP002 lays them out.
//!
//! One file a region, one static table each; the questions are asked here. RP002-1.0.5 unless a
//! comment says otherwise.

mod as923;
mod au915;
mod beacon;
mod ch_mask;
mod ch_mask_cntl;
mod cn470;
mod cn779;
mod data_rate;
mod eu433;
mod eu868;
mod in865;
mod ism2400;
mod kr920;
mod plan;
mod ru864;
mod rx1;
mod sub_band;
mod tables;
mod us915;

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

pub use beacon::{BEACON_INTERVAL_SECS, Beacon, Places};
pub use ch_mask::ChMask;
pub use ch_mask_cntl::{ChMaskLayout, Judged, MaskRequest};
pub use cn470::{Cn470JoinChannel, Cn470Plan};
pub use data_rate::{DataRate, DataRateSet, MaxPayload, PayloadRules};
pub use plan::{Channel, ChannelGroup, ChannelPlan, DownlinkGrid};
pub use rx1::{Rx1, Rx1Rows};
pub use sub_band::SubBand;
pub use tables::{BootDwell, RegionTables, TxPowers};

use crate::time::TimeDelta;
use crate::units::Frequency;
use crate::version::RegParamsRevision;

/// From the end of an uplink to RX1, unless RXDelay says otherwise (TS001-1.0.4 §5.7).
pub const RECEIVE_DELAY1: TimeDelta = TimeDelta::from_secs(1);
/// From RX1 to RX2, always (TS001-1.0.4 §5.7).
pub const RECEIVE_DELAY2_AFTER_RX1: TimeDelta = TimeDelta::from_secs(1);
/// From the end of a Join-Request to RX1 (LoRaWAN 1.1 §6.2.3; the value: RP002).
pub const JOIN_ACCEPT_DELAY1: TimeDelta = TimeDelta::from_secs(5);
/// From the end of a Join-Request to RX2.
pub const JOIN_ACCEPT_DELAY2: TimeDelta = TimeDelta::from_secs(6);
/// Uplinks without a downlink after which a device asks for one (TS001-1.0.4 §4.3.1.1).
pub const ADR_ACK_LIMIT: u32 = 64;
/// Further uplinks after which it backs off (TS001-1.0.4 §4.3.1.1).
pub const ADR_ACK_DELAY: u32 = 32;

/// A region, by the name that RP002 and AWS give it. ISM2400 is in neither.
///
/// It is what a gateway hears in and a device is made for. The tables that hold for a *device* also
/// depend on the edition that it implements, and in China on the channel on which it joined: see
/// [`Region::tables_for`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(non_camel_case_types)]
pub enum Region {
    /// Europe, 863–870 MHz.
    #[serde(rename = "EU868")]
    Eu868,
    /// North America, 902–928 MHz.
    #[serde(rename = "US915")]
    Us915,
    /// Australia and South America, 915–928 MHz.
    #[serde(rename = "AU915")]
    Au915,
    /// Asia, 923 MHz: Japan, Singapore, Thailand and others.
    #[serde(rename = "AS923-1")]
    As923_1,
    /// Asia, 1.8 MHz lower: Indonesia, Vietnam.
    #[serde(rename = "AS923-2")]
    As923_2,
    /// 6.6 MHz lower: Cuba, the Philippines and others.
    #[serde(rename = "AS923-3")]
    As923_3,
    /// 5.9 MHz lower: Israel.
    #[serde(rename = "AS923-4")]
    As923_4,
    /// Europe, 433 MHz.
    #[serde(rename = "EU433")]
    Eu433,
    /// China, 470–510 MHz. Five channel plans: see [`Cn470Plan`].
    #[serde(rename = "CN470")]
    Cn470,
    /// China, 779–787 MHz; in no edition since RP002-1.0.4.
    #[serde(rename = "CN779")]
    Cn779,
    /// Russia, 864–870 MHz.
    #[serde(rename = "RU864")]
    Ru864,
    /// Korea, 920–923 MHz.
    #[serde(rename = "KR920")]
    Kr920,
    /// India, 865–867 MHz.
    #[serde(rename = "IN865")]
    In865,
    /// The world, 2.4 GHz: Semtech's proposal, in no edition of RP002.
    #[serde(rename = "ISM2400")]
    Ism2400,
}

impl Region {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Eu868,
        Self::Us915,
        Self::Au915,
        Self::As923_1,
        Self::As923_2,
        Self::As923_3,
        Self::As923_4,
        Self::Eu433,
        Self::Cn470,
        Self::Cn779,
        Self::Ru864,
        Self::Kr920,
        Self::In865,
        Self::Ism2400,
    ];

    /// The name that RP002 uses: `EU868`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eu868 => "EU868",
            Self::Us915 => "US915",
            Self::Au915 => "AU915",
            Self::As923_1 => "AS923-1",
            Self::As923_2 => "AS923-2",
            Self::As923_3 => "AS923-3",
            Self::As923_4 => "AS923-4",
            Self::Eu433 => "EU433",
            Self::Cn470 => "CN470",
            Self::Cn779 => "CN779",
            Self::Ru864 => "RU864",
            Self::Kr920 => "KR920",
            Self::In865 => "IN865",
            Self::Ism2400 => "ISM2400",
        }
    }

    /// Its tables, as the newest edition that has the region has them: what holds for a gateway.
    pub const fn tables(self) -> &'static RegionTables {
        match self {
            Self::Cn470 => &cn470::GATEWAY,
            Self::Eu868
            | Self::Us915
            | Self::Au915
            | Self::As923_1
            | Self::As923_2
            | Self::As923_3
            | Self::As923_4
            | Self::Eu433
            | Self::Cn779
            | Self::Ru864
            | Self::Kr920
            | Self::In865
            | Self::Ism2400 => self.tables_for(RegParamsRevision::Rp002_1_0_5, None),
        }
    }

    /// The tables for a device that implements this edition.
    ///
    /// An edition that only adds (data rates, powers) shares the newest tables: ask those with the
    /// revision. `joined_on` is [`Region::join_channel`] of the device's Join-Request; `None` in
    /// CN470 means the plan of devices that never joined.
    pub const fn tables_for(
        self,
        revision: RegParamsRevision,
        joined_on: Option<Cn470JoinChannel>,
    ) -> &'static RegionTables {
        match self {
            Self::Eu868 => &eu868::TABLES,
            Self::Us915 => &us915::TABLES,
            Self::Au915 => au915::tables(revision),
            Self::As923_1 => as923::group_1(revision),
            Self::As923_2 => as923::group_2(revision),
            Self::As923_3 => as923::group_3(revision),
            Self::As923_4 => as923::group_4(revision),
            Self::Eu433 => &eu433::TABLES,
            Self::Cn470 => cn470::tables(revision, joined_on),
            Self::Cn779 => &cn779::TABLES,
            Self::Ru864 => &ru864::TABLES,
            Self::Kr920 => kr920::tables(revision),
            Self::In865 => in865::tables(revision),
            Self::Ism2400 => &ism2400::TABLES,
        }
    }

    /// The common join channel that a Join-Request on this frequency was sent on. It chooses the
    /// channel plan of a CN470 device since RP002, for as long as the session lasts. `None`
    /// elsewhere, and on other frequencies.
    pub fn join_channel(
        self,
        revision: RegParamsRevision,
        frequency: Frequency,
    ) -> Option<Cn470JoinChannel> {
        match self {
            Self::Cn470 if revision.is_rp002() => Cn470JoinChannel::at(frequency),
            Self::Cn470
            | Self::Eu868
            | Self::Us915
            | Self::Au915
            | Self::As923_1
            | Self::As923_2
            | Self::As923_3
            | Self::As923_4
            | Self::Eu433
            | Self::Cn779
            | Self::Ru864
            | Self::Kr920
            | Self::In865
            | Self::Ism2400 => None,
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No region of ours has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot find region {name:?}: the regions are EU868, US915, AU915, AS923-1, AS923-2, AS923-3, \
     AS923-4, EU433, CN470, CN779, RU864, KR920, IN865 and ISM2400"
)]
pub struct UnknownRegion {
    /// What was written.
    pub name: String,
}

/// Either case: `EU868`, `us915`.
impl FromStr for Region {
    type Err = UnknownRegion;
    fn from_str(name: &str) -> Result<Self, UnknownRegion> {
        Self::ALL
            .into_iter()
            .find(|region| region.name().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| UnknownRegion { name: name.into() })
    }
}

#[cfg(test)]
mod tests;
