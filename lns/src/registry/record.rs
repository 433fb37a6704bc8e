//! How a record lies in the store: one byte of version, then JSON.
//!
//! JSON, because these records are few and read once at start-up, and because a field that an
//! older release did not know reads as its default. The version is raised when that is not enough.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Kind, RegistryError};

/// The version that this release writes.
const VERSION: u8 = 1;

/// The bytes of a record.
pub(super) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, record)
        .expect("records have text keys and memory is no disk");
    bytes
}

/// The record in `bytes`, written by this release or an older one.
pub(super) fn decode<T: DeserializeOwned>(
    kind: Kind,
    key: &[u8],
    bytes: &[u8],
) -> Result<T, RegistryError> {
    let unreadable =
        |cause: String| RegistryError::Unreadable { kind, key: hex::encode(key), cause };
    match bytes.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|error| {
            unreadable(format!("{error}; restore the data directory from a backup"))
        }),
        Some((version, _)) => Err(unreadable(format!(
            "it is of version {version} and this release knows up to {VERSION}; run the newer release"
        ))),
        None => Err(unreadable("it is empty; restore the data directory from a backup".to_owned())),
    }
}
