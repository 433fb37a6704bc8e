//! Start-up: everything that was durable is read back.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use lns_core::device::home_of;
use lns_core::multicast::{Group, GroupAbout, GroupId};
use lns_core::{AppEvent, Description, Device};
use lns_lorawan::{DevEui, DevNonce, Timestamp};

use crate::message::OutboundEvent;
use crate::message::{HOMES, Watermarks};
use crate::store::{Store, StoreError, Table};

/// Why the devices could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A group's record cannot be read.
    #[error(
        "the record of multicast group {group} cannot be read: {problem}. \
         Restore the data directory from an export, or delete and create this group"
    )]
    Group {
        /// Whose.
        group: GroupId,
        /// What is wrong with it.
        problem: String,
    },
    /// A record cannot be read.
    #[error(
        "the record of device {dev_eui} cannot be read: {problem}. \
         Restore the data directory from an export, or delete and create this device"
    )]
    Record {
        /// Whose.
        dev_eui: DevEui,
        /// What is wrong with it.
        problem: String,
    },
}

/// What one partition starts with.
pub struct Loaded {
    /// The devices that live in its homes.
    pub devices: Vec<Device>,
    /// The multicast groups that live there.
    pub groups: Vec<Group>,
    /// The last sequence used, by home.
    pub sequences: [u64; HOMES],
    /// Sequences of events that lie outside their device's record, by home.
    pub spilled: HashMap<u8, BTreeSet<u64>>,
}

impl Default for Loaded {
    fn default() -> Self {
        Loaded {
            devices: Vec::new(),
            groups: Vec::new(),
            sequences: [0; HOMES],
            spilled: HashMap::new(),
        }
    }
}

/// Reads all devices, one [`Loaded`] a partition, and the events that no sink has had, in order.
///
/// A device that is described and has no record yet (it was created just before a crash) starts
/// as new; a record without a description (deleted just before a crash) is left out.
pub fn load(
    store: &dyn Store,
    descriptions: impl Iterator<Item = Arc<Description>>,
    (partitions, now): (u16, Timestamp),
    delivered: &Watermarks,
) -> Result<(Vec<Loaded>, Vec<OutboundEvent>), LoadError> {
    let mut reading = Reading {
        now,
        loaded: (0..partitions).map(|_| Loaded::default()).collect(),
        events: Vec::new(),
        delivered: std::array::from_fn(|home| {
            delivered[home].load(std::sync::atomic::Ordering::Acquire)
        }),
    };
    let mut about_by_eui = HashMap::new();
    for about in descriptions {
        about_by_eui.insert(about.dev_eui, Arc::clone(&about));
        reading.device(store, about)?;
    }
    reading.spilled(store, &about_by_eui)?;
    for loaded in &mut reading.loaded {
        for (sequence, delivered) in loaded.sequences.iter_mut().zip(reading.delivered) {
            *sequence = (*sequence).max(delivered);
        }
    }
    reading.events.sort_by_key(|event| (event.home, event.event.sequence));
    reading.events.dedup_by_key(|event| (event.home, event.event.sequence));
    Ok((reading.loaded, reading.events))
}

/// Reads the multicast groups into what their partitions start with.
pub fn load_groups(
    store: &dyn Store,
    groups: impl Iterator<Item = Arc<GroupAbout>>,
    now: Timestamp,
    loaded: &mut [Loaded],
) -> Result<(), LoadError> {
    for about in groups {
        let id = about.id;
        let group = match store.load(Table::MulticastCounters, &id.0)? {
            Some(record) => Group::decode(&record, about, now)
                .map_err(|problem| LoadError::Group { group: id, problem: problem.to_string() })?,
            None => Group::new(about),
        };
        let at = usize::from(id.home()) % loaded.len();
        loaded[at].groups.push(group);
    }
    Ok(())
}

struct Reading {
    now: Timestamp,
    loaded: Vec<Loaded>,
    events: Vec<OutboundEvent>,
    delivered: [u64; HOMES],
}

impl Reading {
    fn device(&mut self, store: &dyn Store, about: Arc<Description>) -> Result<(), LoadError> {
        let dev_eui = about.dev_eui;
        let key = super::apply::key_of(dev_eui);
        let Some(record) = store.load(Table::DeviceState, &key)? else {
            self.put(Device::born(about, self.now));
            return Ok(());
        };
        let nonces = match store.load(Table::DevNonces, &key)? {
            Some(value) => lns_core::record::decode_dev_nonces(&value)
                .map_err(|problem| bad(dev_eui, &problem))?,
            None => Vec::<DevNonce>::new(),
        };
        let device = lns_core::record::decode(&record, about, nonces)
            .map_err(|problem| bad(dev_eui, &problem))?;
        self.put(device);
        Ok(())
    }

    fn put(&mut self, device: Device) {
        let home = home_of(device.about.dev_eui);
        for event in &device.events {
            self.event(home, &device.about, event.clone());
        }
        let at = usize::from(home) % self.loaded.len();
        self.loaded[at].devices.push(device);
    }

    fn event(&mut self, home: u8, about: &Arc<Description>, event: AppEvent) {
        let at = usize::from(home) % self.loaded.len();
        let last = &mut self.loaded[at].sequences[usize::from(home)];
        *last = (*last).max(event.sequence);
        if event.sequence > self.delivered[usize::from(home)] {
            self.events.push(OutboundEvent { home, about: Arc::clone(about), event });
        }
    }

    fn spilled(
        &mut self,
        store: &dyn Store,
        about_by_eui: &HashMap<DevEui, Arc<Description>>,
    ) -> Result<(), LoadError> {
        let mut problem = None;
        store.scan(Table::Events, &[], &mut |key, value| match lns_core::record::decode_event(
            value,
        ) {
            Ok((dev_eui, event)) => {
                let home = home_of(dev_eui);
                let at = usize::from(home) % self.loaded.len();
                self.loaded[at].spilled.entry(home).or_default().insert(event.sequence);
                if let Some(about) = about_by_eui.get(&dev_eui) {
                    self.event(home, about, event);
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                problem = Some(bad(DevEui::new(0), &format!("event {key:02x?}: {error}")));
                ControlFlow::Break(())
            }
        })?;
        problem.map_or(Ok(()), Err)
    }
}

fn bad(dev_eui: DevEui, problem: &dyn std::fmt::Display) -> LoadError {
    LoadError::Record { dev_eui, problem: problem.to_string() }
}
