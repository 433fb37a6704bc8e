//! A multicast group, as people describe it.

use std::collections::BTreeSet;
use std::sync::Arc;

use lns_core::class::b::Periodicity;
use lns_core::multicast::{GroupAbout, GroupClass, GroupId, Hours, Senders};
use lns_lorawan::{
    AppSKey, DataRateIndex, DevAddr, FCntDown, Frequency, McKey, NwkSKey, SessionKeys, TimeDelta,
    Timestamp, mc_session_keys,
};
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{
    Fingerprint, Id, Kind, Registry, RegistryError, Tags, WirelessDevice, WirelessGateway, describe,
};

/// How many members a group has at most: each message asks for the gateways of all of them.
pub const MEMBERS: usize = 10_000;

/// A multicast group. Its counter, queue and copies on air its home knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MulticastGroup {
    /// Its id.
    pub id: Id,
    /// A name for people.
    pub name: Option<String>,
    /// A description for people.
    pub description: Option<String>,
    /// Where its members are, by name (`EU868`).
    pub region: String,
    /// When they listen.
    pub class: DlClass,
    /// The gateways that send, in this order; empty: as few as reach every member.
    pub gateways: Vec<Id>,
    /// From the start of one gateway's transmission to that of the next, ms.
    pub transmission_interval_ms: u32,
    /// Its members.
    pub members: BTreeSet<Id>,
    /// When and where they listen; `None`: nothing can be sent.
    pub session: Option<McSession>,
    /// Where they listen in sessions that do not say it themselves.
    #[serde(default)]
    pub usual_place: McPlace,
    /// The address that they listen to.
    pub mc_addr: DevAddr,
    /// Its keys.
    pub keys: McKeys,
    /// Counters below this are not used.
    pub f_cnt_at_least: u32,
    /// When it was made, µs since 1970.
    pub created_at: i64,
    /// Tags.
    pub tags: Tags,
    /// The request that made it.
    pub made_by: Option<Fingerprint>,
}

/// The class of a group, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DlClass {
    /// Ping slots.
    ClassB,
    /// All the time.
    ClassC,
}

impl DlClass {
    /// AWS's word.
    pub const fn name(self) -> &'static str {
        match self {
            DlClass::ClassB => "ClassB",
            DlClass::ClassC => "ClassC",
        }
    }
}

/// When and where the members of a group listen for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct McSession {
    /// Data rate; `None`: the region's of RX2, or of ping slots.
    pub dl_dr: Option<u8>,
    /// Hertz; `None`: where the region has RX2, or the ping slots.
    pub dl_freq: Option<u32>,
    /// From when to when, µs since 1970; `None`: always.
    pub between: Option<(i64, i64)>,
    /// From ping slot to ping slot, in slots of 30 ms.
    pub ping_slot_period: Option<u32>,
}

/// Where the members of a group listen: AWS's default session parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct McPlace {
    /// Data rate.
    pub dl_dr: Option<u8>,
    /// Hertz.
    pub dl_freq: Option<u32>,
}

/// The keys of a group: the one from which the others follow (TS005-2.0.0 §4.3), or those.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum McKeys {
    /// McKey.
    Root(McKey),
    /// McNwkSKey and McAppSKey.
    Session(NwkSKey, AppSKey),
}

impl McKeys {
    /// The keys of the frames.
    pub fn session_keys(&self, mc_addr: DevAddr) -> SessionKeys {
        match self {
            McKeys::Root(mc_key) => mc_session_keys(mc_key, mc_addr),
            McKeys::Session(nwk_s_key, app_s_key) => {
                SessionKeys::v1_0(nwk_s_key, app_s_key.clone())
            }
        }
    }
}

impl Kept for MulticastGroup {
    type Key = Id;
    const KIND: Kind = Kind::MulticastGroup;
    const TABLE: Table = Table::MulticastGroups;
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

    /// Members and gateways that are gone are left out where the group is described.
    fn check(&self, registry: &Registry) -> Result<(), RegistryError> {
        if self.members.len() > MEMBERS {
            let count = self.members.len();
            let what = format!("a multicast group has {MEMBERS} members at most, not {count}");
            return Err(RegistryError::Unfit(what));
        }
        self.reaches(registry)?;
        let McPlace { dl_dr, dl_freq } = self.usual_place;
        let usual = McSession { dl_dr, dl_freq, ..McSession::default() };
        Self { session: Some(usual), ..self.clone() }.reaches(registry)
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.multicast_groups
    }
}

impl MulticastGroup {
    /// Refuses a session in which nothing can be sent.
    fn reaches(&self, registry: &Registry) -> Result<(), RegistryError> {
        if registry.group_description(self)?.largest_payload().is_some() {
            return Ok(());
        }
        let session = self.session.clone().unwrap_or_default();
        Err(RegistryError::Unfit(format!(
            "nothing can be sent in {} with DlDr {:?} and DlFreq {:?} Hz; name a downlink data rate \
             and a frequency of the region",
            self.region, session.dl_dr, session.dl_freq
        )))
    }

    /// As the decisions name it.
    pub fn group_id(&self) -> GroupId {
        GroupId(*self.id.as_bytes())
    }
}

impl Registry {
    /// A group as the decisions see it.
    pub fn group_description(
        &self,
        group: &MulticastGroup,
    ) -> Result<Arc<GroupAbout>, RegistryError> {
        let session = group.session.clone().unwrap_or_default();
        let periodicity = session
            .ping_slot_period
            .map_or(lns_core::class::b::DEFAULT_PERIODICITY, Periodicity::from_period);
        let data_rate = session.dl_dr.map(|index| {
            let unfit = || RegistryError::Unfit(format!("DlDr {index} is no data rate index"));
            DataRateIndex::new(index).ok_or_else(unfit)
        });
        let at = Timestamp::from_micros;
        let hours = match (&group.session, session.between) {
            (None, _) => Hours::Never,
            (Some(_), None) => Hours::Always,
            (Some(_), Some((begins, ends))) => {
                Hours::Between { begins: at(begins), ends: at(ends) }
            }
        };
        let gateways = group.gateways.iter().filter_map(|id| self.find::<WirelessGateway>(id));
        let members = group.members.iter().filter_map(|id| self.find::<WirelessDevice>(id));
        Ok(Arc::new(GroupAbout {
            id: group.group_id(),
            region: describe::region(&group.region)?,
            class: match group.class {
                DlClass::ClassB => GroupClass::B(periodicity),
                DlClass::ClassC => GroupClass::C,
            },
            mc_addr: group.mc_addr,
            keys: group.keys.session_keys(group.mc_addr),
            frequency: session.dl_freq.map(Frequency::from_hz),
            data_rate: data_rate.transpose()?,
            hours,
            senders: if group.gateways.is_empty() {
                Senders::Cover
            } else {
                Senders::Listed(gateways.map(|gateway| gateway.gateway_eui).collect())
            },
            interval: TimeDelta::from_millis(i64::from(group.transmission_interval_ms)),
            members: members.map(|device| device.dev_eui).collect(),
            f_cnt_at_least: FCntDown(group.f_cnt_at_least),
        }))
    }
}
