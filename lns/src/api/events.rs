//! Switching events on and off, whoever asks for it.

use crate::registry::{EventConfiguration, Id, Kept as _, Kind, Registry, RegistryError};

use super::{ApiError, ApiState};

/// The subject of the switches for one device or gateway.
pub fn subject_of(kind: Kind, id: &Id) -> String {
    format!("{kind}/{id}")
}

/// Forgets the switches of a device or gateway that is gone.
pub fn forget(registry: &Registry, kind: Kind, id: &Id) -> Result<(), RegistryError> {
    match registry.remove::<EventConfiguration>(&subject_of(kind, id)) {
        Ok(_) | Err(RegistryError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Switches events of a subject on or off, by name; the others stay as they are.
pub async fn switch(
    state: &ApiState,
    subject: String,
    switches: Vec<(String, bool)>,
) -> Result<(), ApiError> {
    let now = (state.surroundings.now)();
    let change = move |registry: &Registry| -> Result<(), ApiError> {
        let mut record = match registry.find::<EventConfiguration>(&subject) {
            Some(record) => EventConfiguration::clone(&record),
            None => EventConfiguration {
                subject,
                enabled: Default::default(),
                created_at: now,
                modified_at: now,
            },
        };
        for (name, on) in switches {
            if on {
                record.enabled.insert(name);
            } else {
                record.enabled.remove(&name);
            }
        }
        record.modified_at = now;
        let is_of_one = record.subject.contains('/');
        if is_of_one && record.enabled.is_empty() {
            // A device or gateway of its own without anything on is as good as none.
            if registry.find::<EventConfiguration>(&record.key()).is_some() {
                registry.remove::<EventConfiguration>(&record.key())?;
            }
            return Ok(());
        }
        registry.put(record)?;
        Ok(())
    };
    // One at a time: what is read is what is changed.
    let _turn = state.event_switches.lock().await;
    state.change(change).await
}
