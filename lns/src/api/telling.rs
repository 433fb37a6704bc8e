//! Telling a device's owner what the registry has come to say.
//!
//! The registry commits first, so two changes of one device could reach its owner in the other
//! order. Hence nobody hands over what he wrote: he takes the device's turn, reads what the
//! registry says *now*, and hands that over. The last to do so hands over the last word.

use std::sync::Arc;
use std::time::Duration;

use lns_lorawan::DevEui;
use tokio::sync::Mutex;

use crate::registry::WirelessDevice;

use super::running::Reply;
use super::{ApiError, ApiState, DeviceError, ErrorType};

/// How many groups of devices take turns.
const TURNS: u64 = 64;

/// How long an owner may take. It answers within milliseconds, and slower only with a dying disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many devices of a changed profile are told at once, so that a mailbox is not filled.
const AT_ONCE: usize = 64;

pub(super) fn turns() -> Box<[Mutex<()>]> {
    (0..TURNS).map(|_| Mutex::new(())).collect()
}

/// Waits for an owner's answer.
pub(super) async fn answer<T, E: Into<ApiError>>(reply: Reply<T, E>) -> Result<T, ApiError> {
    match tokio::time::timeout(PATIENCE, reply).await {
        Ok(Ok(outcome)) => outcome.map_err(Into::into),
        Ok(Err(_)) => Err(DeviceError::Gone.into()),
        Err(_) => Err(ApiError::new(
            ErrorType::Internal,
            format!(
                "the server has not answered within {} s; look again later",
                PATIENCE.as_secs()
            ),
        )),
    }
}

impl ApiState {
    /// Tells the owner of a device what the registry says of it.
    pub(super) async fn tell(&self, dev_eui: DevEui) -> Result<(), ApiError> {
        // The low bits differ most among devices of one make.
        let _turn = self.turn_of(dev_eui.value()).lock().await;
        let devices = &self.surroundings.devices;
        match self.registry.device(dev_eui) {
            Some(device) => {
                answer(devices.describe(self.registry.description(&device)?)).await?;
                // Its profile may keep wishes away from now on, or not any more.
                self.bound([device.thing.clone(), None]);
                Ok(())
            }
            None => answer(devices.forget(dev_eui)).await,
        }
    }

    /// The turn of whatever has this number.
    pub(super) fn turn_of(&self, number: u64) -> &Mutex<()> {
        &self.turns[usize::try_from(number % TURNS).expect("a small number")]
    }

    /// Tells the owners of all devices that a change is about.
    pub(super) async fn tell_all(
        self: &Arc<Self>,
        wanted: impl Fn(&WirelessDevice) -> bool + Send,
    ) -> Result<(), ApiError> {
        let mut after = None;
        loop {
            let mut some: Vec<Arc<WirelessDevice>> = Vec::new();
            self.registry.walk(after.as_ref(), &mut |device: &Arc<WirelessDevice>| {
                if wanted(device) {
                    some.push(Arc::clone(device));
                }
                some.len() < AT_ONCE
            });
            let Some(last) = some.last() else { return Ok(()) };
            after = Some(last.id);
            let mut telling = tokio::task::JoinSet::new();
            for device in some {
                let state = Arc::clone(self);
                telling.spawn(async move { state.tell(device.dev_eui).await });
            }
            while let Some(told) = telling.join_next().await {
                told.map_err(|_| ApiError::from(DeviceError::Gone))??;
            }
        }
    }
}
