//! What of a device outlives a crash, as bytes.
//!
//! A record is one version byte and a compact encoding (postcard) of the structures in here, which
//! are apart from the ones we think in: those may change freely, these only together with the version.
//! Everything that may be lost is left out: which gateways heard the device, frames under way, open
//! occasions, what tells a reset from a replay. A frame that was planned is queued again, and
//! downlink counters go on at their ceilings.

mod event;
mod params;
mod session;
mod v1;

use std::sync::Arc;

use lns_lorawan::{DevEui, DevNonce, JoinNonce};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::device::{Device, ItemState, Paths, Queued, Recent, Rejoining, Unprompted};
use crate::effect::AppEvent;
use crate::profile::Description;

use event::EventV1;
use params::MacV2;
use session::SessionV2;
use v1::DeviceV1;

/// The version of devices' records. Version 1 is still read.
const VERSION: u8 = 2;

/// The version of the other records, which have not changed since.
const FIRST: u8 = 1;

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// No bytes.
    #[error("cannot read an empty record")]
    Empty,
    /// Written by a newer release.
    #[error(
        "cannot read a record of version {found}; this release reads up to {VERSION}: use a newer release"
    )]
    Version {
        /// Its version.
        found: u8,
    },
    /// Not what its version says.
    #[error("cannot read a {what} record of {length} bytes: {cause}; restore it from a backup")]
    Damaged {
        /// What kind of record.
        what: &'static str,
        /// Its length.
        length: usize,
        /// What the decoder says.
        cause: postcard::Error,
    },
}

/// A device's record.
#[derive(Serialize, Deserialize)]
struct DeviceV2 {
    session: Option<SessionV2>,
    pending: Option<SessionV2>,
    join_nonce: Option<JoinNonce>,
    last_dev_nonce: Option<DevNonce>,
    reset_allowed: bool,
    /// `None` where there is nothing to remember, as of every device up to 1.0.4.
    rejoin: Option<Box<Rejoining>>,
    device_class: Option<Class>,
    queue: Vec<Queued>,
    mac: MacV2,
    events: Vec<EventV1>,
    next_event: u64,
    recent: Recent,
    paths: Paths,
}

/// The record of a device: all that must survive, without its description and its used DevNonces.
pub fn encode(device: &Device) -> Vec<u8> {
    let record = DeviceV2 {
        session: device.session.as_ref().map(SessionV2::from),
        pending: device.pending.as_deref().map(SessionV2::from),
        join_nonce: device.join_nonce,
        last_dev_nonce: device.last_dev_nonce,
        reset_allowed: device.reset_allowed,
        rejoin: device.rejoin.clone(),
        device_class: device.device_class,
        queue: device.queue.iter().map(as_after_crash).collect(),
        mac: MacV2::from(&device.mac),
        events: device.events.iter().map(EventV1::from).collect(),
        next_event: device.next_event,
        recent: device.recent.clone(),
        paths: device.unprompted.as_deref().map(|state| state.paths.clone()).unwrap_or_default(),
    };
    write(VERSION, &record)
}

/// The device of a record, as it goes on after a crash.
pub fn decode(
    bytes: &[u8],
    about: Arc<Description>,
    used_dev_nonces: Vec<DevNonce>,
) -> Result<Device, RecordError> {
    let used_dev_nonces = Arc::new(used_dev_nonces);
    match bytes.first() {
        Some(&FIRST) => {
            let record = read((FIRST, "device"), bytes)?;
            Ok(Device { used_dev_nonces, ..of_version_1(record, about) })
        }
        Some(_) | None => {
            let record = read((VERSION, "device"), bytes)?;
            Ok(Device { used_dev_nonces, ..of_version_2(record, about) })
        }
    }
}

fn of_version_2(record: DeviceV2, about: Arc<Description>) -> Device {
    Device {
        session: record.session.map(Into::into),
        pending: record.pending.map(|session| Box::new(session.into())),
        unprompted: Unprompted::after_crash(&about.profile, record.paths),
        join_nonce: record.join_nonce,
        last_dev_nonce: record.last_dev_nonce,
        reset_allowed: record.reset_allowed,
        rejoin: record.rejoin,
        device_class: record.device_class,
        queue: Arc::new(record.queue),
        mac: record.mac.into(),
        events: record.events.into_iter().map(Into::into).collect(),
        next_event: record.next_event,
        recent: record.recent,
        ..Device::new(about)
    }
}

fn of_version_1(record: DeviceV1, about: Arc<Description>) -> Device {
    let profile = Arc::clone(&about.profile);
    let session = |session: v1::SessionV1, data_rate| session.into_session(&profile, data_rate);
    Device {
        session: record.session.map(|used| session(used, record.mac.data_rate)),
        pending: record.pending.map(|unused| Box::new(session(unused, None))),
        join_nonce: record.join_nonce,
        last_dev_nonce: record.last_dev_nonce,
        queue: Arc::new(record.queue),
        mac: record.mac.into(),
        events: record.events.into_iter().map(Into::into).collect(),
        next_event: record.next_event,
        recent: record.recent,
        ..Device::new(about)
    }
}

/// The record of a device's used DevNonces, oldest first.
pub fn encode_dev_nonces(used: &[DevNonce]) -> Vec<u8> {
    write(FIRST, &used)
}

/// Used DevNonces, oldest first.
pub fn decode_dev_nonces(bytes: &[u8]) -> Result<Vec<DevNonce>, RecordError> {
    read((FIRST, "DevNonce"), bytes)
}

/// The record of an event that is kept apart from its device.
pub fn encode_event(dev_eui: DevEui, event: &AppEvent) -> Vec<u8> {
    write(FIRST, &(dev_eui, EventV1::from(event)))
}

/// An event that was kept apart, and whose it is.
pub fn decode_event(bytes: &[u8]) -> Result<(DevEui, AppEvent), RecordError> {
    let (dev_eui, event): (DevEui, EventV1) = read((FIRST, "event"), bytes)?;
    Ok((dev_eui, event.into()))
}

/// An item in a frame under way waits again.
fn as_after_crash(queued: &Queued) -> Queued {
    let state = match queued.state {
        ItemState::Waiting | ItemState::Planned => ItemState::Waiting,
        ItemState::AwaitingAck { f_cnt_down } => ItemState::AwaitingAck { f_cnt_down },
    };
    Queued { state, ..queued.clone() }
}

pub(crate) fn write<T: Serialize>(version: u8, record: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(version);
    postcard::to_extend(record, bytes).expect("memory takes any bytes, and lengths are known")
}

pub(crate) fn read<T: DeserializeOwned>(
    (version, what): (u8, &'static str),
    bytes: &[u8],
) -> Result<T, RecordError> {
    let (found, rest) = bytes.split_first().ok_or(RecordError::Empty)?;
    if *found != version {
        return Err(RecordError::Version { found: *found });
    }
    let damaged = |cause| RecordError::Damaged { what, length: bytes.len(), cause };
    postcard::from_bytes(rest).map_err(damaged)
}
