//! Everything slow: profiles, destinations, devices' descriptions, gateways, codecs, things, rules,
//! and who may do what.
//!
//! One owner commits, one change at a time; readers take an immutable `Arc` of the record they
//! want and keep it as long as they like. A change is visible only once it is durable. There is
//! no snapshot of the whole: with a hundred thousand devices it would have to be copied, or made a
//! persistent tree, for every device that is created. What must agree when several records are
//! read together is read together, by [`Registry::route`]. [`Registry::version`] grows with every
//! change, for readers that keep something worked out from records.
//!
//! Verbs that change something block until the store has it: call them where that is allowed.

mod adr;
mod arn;
mod certificate;
mod codec;
mod describe;
mod destination;
mod device;
mod device_profile;
mod error;
mod event_configuration;
mod gateway;
mod id;
mod kept;
mod mqtt_user;
mod multicast;
mod policy;
mod principal;
mod record;
mod route;
mod service_profile;
mod shelf;
#[cfg(test)]
pub(crate) mod tests;
mod thing;
mod thing_group;
mod thing_type;
mod topic_rule;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lns_core::Description;
use lns_lorawan::{DataRateIndex, DevAddrPrefix, DevEui, Frequency, GatewayEui, NetId, Region};
use parking_lot::Mutex;

use crate::store::{Store, StoreError, Write};

pub use adr::MODES as ADR_MODES;
pub use arn::ACCOUNT;
pub use certificate::{CaCertificate, Certificate, CertificateMode, CertificateStatus};
pub use codec::{CAYENNE_LPP, Codec};
pub use destination::{DEFAULT_DESTINATION, Destination, Expression};
pub use device::{Keys, WirelessDevice};
pub use device_profile::{DeviceProfile, ShadowMode};
pub use error::RegistryError;
pub use event_configuration::EventConfiguration;
pub use gateway::{Basics, Location, Radio, WirelessGateway};
pub use id::{Fingerprint, Id, Kind};
pub use kept::{Kept, Tags};
pub use mqtt_user::{MqttToken, MqttUser};
pub use multicast::{DlClass, MEMBERS, McKeys, McPlace, McSession, MulticastGroup};
pub use policy::{MAX_VERSIONS, Policy, PolicyVersion};
pub use principal::{MAX_POLICIES, Principal, PrincipalName};
pub use route::Route;
pub use service_profile::ServiceProfile;
pub use thing::{Attributes, Thing};
pub use thing_group::ThingGroup;
pub use thing_type::ThingType;
pub use topic_rule::{RuleDestination, RuleDestinationStatus, TopicRule};

use shelf::Shelf;

/// What a record means that leaves something open.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// The region of profiles and gateways that name none.
    pub region: Region,
    /// How often a confirmed downlink is sent where the profile does not say.
    pub confirmed_attempts: u8,
    /// How long a reply is held for the application's where the profile does not say, ms.
    pub reply_window_ms: u32,
    /// What the network has in its regions; a region that is missing has nothing of its own.
    pub regions: Vec<RegionDefaults>,
    /// The block that multicast groups' addresses are drawn from.
    pub addresses: DevAddrPrefix,
}

/// What the network has in one region, where a profile does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionDefaults {
    /// Which region.
    pub region: Region,
    /// The sub-band of a fixed plan; `None`: all channels.
    pub sub_band: Option<u8>,
    /// RX2's frequency of devices that join; `None`: the region's.
    pub rx2_frequency: Option<Frequency>,
    /// RX2's data rate of devices that join; `None`: the region's.
    pub rx2_data_rate: Option<DataRateIndex>,
}

impl Defaults {
    /// The usual ones, in a region.
    pub fn of(region: Region) -> Self {
        Defaults {
            region,
            confirmed_attempts: 3,
            reply_window_ms: 0,
            regions: Vec::new(),
            addresses: NetId::new(0).expect("0 has 24 bits").prefix(),
        }
    }
}

/// What became of a request to create something.
#[derive(Clone, Debug)]
pub enum Created<T> {
    /// It is new.
    New(Arc<T>),
    /// The same request made it before; nothing has changed.
    Repeated(Arc<T>),
}

impl<T> Created<T> {
    /// The record.
    pub fn record(&self) -> &Arc<T> {
        match self {
            Created::New(record) | Created::Repeated(record) => record,
        }
    }
}

/// The owner of everything slow.
pub struct Registry {
    store: Arc<dyn Store>,
    defaults: Defaults,
    /// Held from the checks of a change until it is visible.
    change: Mutex<()>,
    version: AtomicU64,
    device_profiles: Shelf<DeviceProfile>,
    service_profiles: Shelf<ServiceProfile>,
    destinations: Shelf<Destination>,
    devices: Shelf<WirelessDevice>,
    gateways: Shelf<WirelessGateway>,
    codecs: Shelf<Codec>,
    things: Shelf<Thing>,
    multicast_groups: Shelf<MulticastGroup>,
    thing_types: Shelf<ThingType>,
    thing_groups: Shelf<ThingGroup>,
    topic_rules: Shelf<TopicRule>,
    rule_destinations: Shelf<RuleDestination>,
    event_configurations: Shelf<EventConfiguration>,
    policies: Shelf<Policy>,
    certificates: Shelf<Certificate>,
    ca_certificates: Shelf<CaCertificate>,
    mqtt_users: Shelf<MqttUser>,
    principals: Shelf<Principal>,
}

impl Registry {
    /// Reads everything back. Fails when a record cannot be read, or means nothing any more.
    pub fn open(store: Arc<dyn Store>, defaults: Defaults) -> Result<Self, RegistryError> {
        let registry = Self {
            store,
            defaults,
            change: Mutex::new(()),
            version: AtomicU64::new(1),
            device_profiles: Shelf::default(),
            service_profiles: Shelf::default(),
            destinations: Shelf::default(),
            devices: Shelf::default(),
            gateways: Shelf::default(),
            codecs: Shelf::default(),
            things: Shelf::default(),
            multicast_groups: Shelf::default(),
            thing_types: Shelf::default(),
            thing_groups: Shelf::default(),
            topic_rules: Shelf::default(),
            rule_destinations: Shelf::default(),
            event_configurations: Shelf::default(),
            policies: Shelf::default(),
            certificates: Shelf::default(),
            ca_certificates: Shelf::default(),
            mqtt_users: Shelf::default(),
            principals: Shelf::default(),
        };
        registry.destinations.put(Arc::new(Destination::built_in()));
        registry.read_back::<Codec>()?;
        registry.read_back::<DeviceProfile>()?;
        registry.read_back::<ServiceProfile>()?;
        registry.read_back::<Destination>()?;
        registry.read_back::<ThingType>()?;
        registry.read_back::<ThingGroup>()?;
        registry.read_back::<Thing>()?;
        registry.read_back::<TopicRule>()?;
        registry.read_back::<RuleDestination>()?;
        registry.read_back::<EventConfiguration>()?;
        registry.read_back::<WirelessGateway>()?;
        registry.read_back::<WirelessDevice>()?;
        registry.read_back::<MulticastGroup>()?;
        registry.read_back::<Policy>()?;
        registry.read_back::<CaCertificate>()?;
        registry.read_back::<Certificate>()?;
        registry.read_back::<MqttUser>()?;
        registry.read_back::<Principal>()?;
        Ok(registry)
    }

    fn read_back<T: Kept>(&self) -> Result<(), RegistryError> {
        let mut outcome = Ok(());
        self.store.scan(T::TABLE, T::PREFIX.as_bytes(), &mut |key, value| {
            outcome = record::decode::<T>(T::KIND, key, value).and_then(|record| {
                // Its key tells a record of this kind from what else may lie in the table.
                if record.stored_at() == key {
                    record.check(self).map_err(|error| outdated(T::KIND, key, &error))?;
                    T::shelf(self).put(Arc::new(record));
                }
                Ok(())
            });
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome
    }

    /// What records that leave something open mean.
    pub fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    /// Grows with every change. Read it before what is worked out from records.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Grows with every change of a record of this kind, and with no other.
    pub fn version_of<T: Kept>(&self) -> u64 {
        T::shelf(self).version()
    }

    /// The record with this name.
    pub fn find<T: Kept>(&self, key: &T::Key) -> Option<Arc<T>> {
        T::shelf(self).read().find(key).map(Arc::clone)
    }

    /// The record with this name, or the refusal that says that there is none.
    pub fn require<T: Kept>(&self, key: &T::Key) -> Result<Arc<T>, RegistryError> {
        self.find(key)
            .ok_or_else(|| RegistryError::NotFound { kind: T::KIND, key: key.to_string() })
    }

    /// Refuses the name of a codec that is neither built in nor there.
    pub(crate) fn require_codec(&self, name: &str) -> Result<(), RegistryError> {
        if name != CAYENNE_LPP {
            self.require::<Codec>(&name.to_owned())?;
        }
        Ok(())
    }

    /// The device with this DevEUI.
    pub fn device(&self, dev_eui: DevEui) -> Option<Arc<WirelessDevice>> {
        self.devices.read().find_by_eui(dev_eui.value()).map(Arc::clone)
    }

    /// The record of this kind with this alias: the device or gateway that a thing stands for, by the
    /// thing's name; a thing group by its id; a rule's destination by its token.
    pub fn find_by_alias<T: Kept>(&self, alias: &str) -> Option<Arc<T>> {
        T::shelf(self).read().find_by_alias(alias).map(Arc::clone)
    }

    /// The registered gateway with this EUI.
    pub fn gateway(&self, gateway_eui: GatewayEui) -> Option<Arc<WirelessGateway>> {
        self.gateways.read().find_by_eui(gateway_eui.value()).map(Arc::clone)
    }

    /// The region of a gateway: its own when it is registered with one, else the server's.
    pub fn gateway_region(&self, gateway_eui: GatewayEui) -> Region {
        self.gateway(gateway_eui)
            .and_then(|gateway| describe::region(gateway.region.as_deref()?).ok())
            .unwrap_or(self.defaults.region)
    }

    /// The records of a kind that refer to something, in the order of their names.
    pub fn linked<T: Kept>(&self, link: &str) -> Vec<Arc<T>> {
        T::shelf(self).read().linked(link).map(Arc::clone).collect()
    }

    /// How many there are.
    pub fn count<T: Kept>(&self) -> usize {
        T::shelf(self).len()
    }

    /// Shows records in the order of their names, from behind `after` on, until `visit` says
    /// `false`. No lock is held while it looks, so it may look at the registry.
    pub fn walk<T: Kept>(&self, after: Option<&T::Key>, visit: &mut dyn FnMut(&Arc<T>) -> bool) {
        T::shelf(self).walk(after, visit);
    }

    /// One that `wanted` likes, when there is one.
    pub fn first<T: Kept>(&self, wanted: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let mut found = None;
        self.walk(None, &mut |record: &Arc<T>| {
            found = wanted(record).then(|| Arc::clone(record));
            found.is_none()
        });
        found
    }

    /// The device as the decisions see it. Devices of one profile share it.
    pub fn description(&self, device: &WirelessDevice) -> Result<Arc<Description>, RegistryError> {
        let profile = self.require::<DeviceProfile>(&device.device_profile_id)?;
        let service = device.service_profile_id;
        let service = service.map(|id| self.require::<ServiceProfile>(&id)).transpose()?;
        describe::device(device, (&profile, service.as_deref()), &self.defaults)
    }

    /// Makes a new record. Durable on return.
    pub fn create<T: Kept>(&self, record: T) -> Result<Created<T>, RegistryError> {
        let _change = self.change.lock();
        let key = record.key();
        if let Some(before) = self.find::<T>(&key) {
            if record.repeats(&before) {
                return Ok(Created::Repeated(before));
            }
            return repeated(before, &record);
        }
        if let Some(eui) = record.eui()
            && let Some(owner) = T::shelf(self).read().find_by_eui(eui)
        {
            return Err(RegistryError::Taken {
                what: format!("EUI {eui:016x}"),
                kind: T::KIND,
                key: owner.key().to_string(),
            });
        }
        if self.count::<T>() >= T::LIMIT {
            return Err(RegistryError::Full { kind: T::KIND, limit: T::LIMIT });
        }
        record.check(self)?;
        self.keep(record).map(Created::New)
    }

    /// Changes a record, which keeps its name and EUI. Durable on return.
    pub fn update<T: Kept, E: From<RegistryError>>(
        &self,
        key: &T::Key,
        change: impl FnOnce(&mut T) -> Result<(), E>,
    ) -> Result<Arc<T>, E> {
        let _change = self.change.lock();
        let mut record = T::clone(&*self.require::<T>(key)?);
        let stored_at = record.stored_at();
        change(&mut record)?;
        assert!(record.key() == *key && record.stored_at() == stored_at, "a name never changes");
        record.check(self)?;
        Ok(self.keep(record)?)
    }

    /// Makes a record, or replaces the one with its name. Durable on return.
    pub fn put<T: Kept>(&self, record: T) -> Result<Created<T>, RegistryError> {
        let _change = self.change.lock();
        let replaced = self.find::<T>(&record.key()).is_some();
        if !replaced && self.count::<T>() >= T::LIMIT {
            return Err(RegistryError::Full { kind: T::KIND, limit: T::LIMIT });
        }
        record.check(self)?;
        let record = self.keep(record)?;
        Ok(if replaced { Created::Repeated(record) } else { Created::New(record) })
    }

    /// Removes a record that nobody refers to. Durable on return.
    pub fn remove<T: Kept>(&self, key: &T::Key) -> Result<Arc<T>, RegistryError> {
        self.remove_when(key, |_| Ok(()))
    }

    /// Removes a record that nobody refers to and that `may` go. Durable on return.
    pub fn remove_when<T: Kept, E: From<RegistryError>>(
        &self,
        key: &T::Key,
        may: impl FnOnce(&T) -> Result<(), E>,
    ) -> Result<Arc<T>, E> {
        let _change = self.change.lock();
        let record = self.require::<T>(key)?;
        may(&record)?;
        if T::is_built_in(key) {
            return Err(RegistryError::BuiltIn { kind: T::KIND, key: key.to_string() }.into());
        }
        if let Some((user_kind, user)) = record.user(self) {
            let key = key.to_string();
            return Err(RegistryError::InUse { kind: T::KIND, key, user_kind, user }.into());
        }
        let write = Write::Delete { table: T::TABLE, key: record.stored_at() };
        self.commit::<T>(write, key).map_err(RegistryError::from)?;
        T::shelf(self).remove(key);
        self.version.fetch_add(1, Ordering::Release);
        Ok(record)
    }

    /// Commits a record, then shows it.
    fn keep<T: Kept>(&self, record: T) -> Result<Arc<T>, RegistryError> {
        let write =
            Write::Put { table: T::TABLE, key: record.stored_at(), value: record::encode(&record) };
        self.commit::<T>(write, &record.key())?;
        let record = Arc::new(record);
        T::shelf(self).put(Arc::clone(&record));
        self.version.fetch_add(1, Ordering::Release);
        Ok(record)
    }

    /// One write. A commit that fails may have happened all the same, so what is there is read.
    fn commit<T: Kept>(&self, write: Write, key: &T::Key) -> Result<(), StoreError> {
        let at = match &write {
            Write::Put { key, .. } | Write::Delete { key, .. } => key.clone(),
        };
        let Err(failed) = self.store.commit(&[write]) else { return Ok(()) };
        if let Ok(there) = self.store.load(T::TABLE, &at) {
            match there.and_then(|bytes| record::decode::<T>(T::KIND, &at, &bytes).ok()) {
                Some(record) => T::shelf(self).put(Arc::new(record)),
                None if !T::is_built_in(key) => T::shelf(self).remove(key),
                None => {}
            }
            self.version.fetch_add(1, Ordering::Release);
        }
        Err(failed)
    }
}

/// A record that made sense when it was written and does no longer, as a profile without a region
/// of its own after the server's has changed.
fn outdated(kind: Kind, key: &[u8], error: &RegistryError) -> RegistryError {
    let cause = format!(
        "{error}; start the server with the settings that it was written under and correct it there"
    );
    RegistryError::Unreadable { kind, key: hex::encode(key), cause }
}

/// A name that is there already: the same request again, or a refusal.
fn repeated<T: Kept>(before: Arc<T>, asked: &T) -> Result<Created<T>, RegistryError> {
    let key = before.key().to_string();
    match (before.made_by(), asked.made_by()) {
        (Some(first), Some(second)) if first == second => Ok(Created::Repeated(before)),
        (Some(_), Some(_)) if T::KIND != Kind::Destination => {
            Err(RegistryError::TokenReused { kind: T::KIND, key })
        }
        (Some(_) | None, Some(_) | None) => {
            Err(RegistryError::Taken { what: format!("the name {key}"), kind: T::KIND, key })
        }
    }
}
