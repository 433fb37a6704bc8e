//! sendDownlink: queues a downlink for a device. The task's id is its CorrelationId, so that a task
//! that is repeated queues nothing twice.

use std::sync::Arc;

use async_trait::async_trait;
use lns_core::event::QueueItem;
use lns_lorawan::DevEui;

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::{Deed, Downlink};
use super::super::task::Task;
use crate::api::{CodecRefusal, Codecs, DeviceError, Devices, Encoding};
use crate::clock::Clock;
use crate::message::downlink_id;
use crate::registry::{Id, Registry, WirelessDevice};
use crate::sink::downlink_request::MAX_PAYLOAD;

pub(super) struct SendDownlink {
    pub registry: Arc<Registry>,
    pub devices: Arc<dyn Devices>,
    pub codecs: Arc<dyn Codecs>,
    pub clock: Clock,
}

#[async_trait]
impl Client for SendDownlink {
    fn appetite(&self) -> Appetite {
        Appetite::of(16)
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for task in tasks {
            let done = self.send(task).await;
            outcomes.push(done.map_or_else(|outcome| outcome, |()| Outcome::Done));
        }
        outcomes
    }
}

impl SendDownlink {
    async fn send(&self, task: &Task) -> Result<(), Outcome> {
        let Deed::SendDownlink { device, f_port, confirmed, payload } = &task.deed else {
            return Err(Outcome::Refused("not a downlink".to_owned()));
        };
        let dev_eui = self.find(device).ok_or_else(|| {
            Outcome::Refused(format!("there is no device with the DevEUI or id {device:?}"))
        })?;
        let (bytes, f_port) = match payload {
            Downlink::Bytes(bytes) => (bytes.clone(), *f_port),
            Downlink::Object(object) => self.encode(dev_eui, object, *f_port).await?,
        };
        let f_port = f_port.filter(|port| (1..=223).contains(port)).ok_or_else(|| {
            Outcome::Refused(
                "neither the action nor a codec names an FPort from 1 to 223".to_owned(),
            )
        })?;
        if bytes.len() > MAX_PAYLOAD {
            let size = bytes.len();
            return Err(Outcome::Refused(format!("{size} bytes; at most {MAX_PAYLOAD} fit")));
        }
        let mark = task.id.to_string();
        let item = QueueItem {
            id: downlink_id(dev_eui, Some(&mark)),
            f_port,
            payload: bytes.into(),
            confirmed: *confirmed,
            correlation_id: Some(mark.into()),
            queued_at: self.clock.now(),
            expires_at: None,
        };
        match self.devices.enqueue(dev_eui, item).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refused(&error)),
            Err(_) => Err(Outcome::Away(DeviceError::Gone.to_string())),
        }
    }

    fn find(&self, label: &str) -> Option<DevEui> {
        if let Ok(dev_eui) = label.parse::<DevEui>() {
            return Some(dev_eui);
        }
        let id = Id::parse(label)?;
        Some(self.registry.find::<WirelessDevice>(&id)?.dev_eui)
    }

    async fn encode(
        &self,
        dev_eui: DevEui,
        object: &str,
        f_port: Option<u8>,
    ) -> Result<(Vec<u8>, Option<u8>), Outcome> {
        let route = self
            .registry
            .route(dev_eui)
            .ok_or_else(|| Outcome::Refused(format!("there is no device {dev_eui}")))?;
        let object = serde_json::from_str(object)
            .map_err(|error| Outcome::Refused(format!("the payload is no JSON: {error}")))?;
        let variables = route.device.variables.clone();
        let wanted = Encoding { codec: route.codec, object, f_port, variables };
        match self.codecs.encode(wanted).await {
            Ok(Ok(encoded)) => Ok((encoded.bytes, encoded.f_port)),
            Ok(Err(CodecRefusal(why))) => Err(Outcome::Refused(why)),
            Err(_) => Err(Outcome::Away("the codecs are stopping".to_owned())),
        }
    }
}

fn refused(error: &DeviceError) -> Outcome {
    let why = error.to_string();
    match error {
        DeviceError::Busy | DeviceError::Gone => Outcome::Away(why),
        DeviceError::QueueFull { .. } | DeviceError::Failed(_) => Outcome::Retry(why),
        DeviceError::Unknown(_) | DeviceError::Refused(_) => Outcome::Refused(why),
    }
}
