//! The room of shadows and the binding, between the broker, the API and the devices.

use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use lns_core::Command;
use lns_core::event::QueueItem;
use lns_lorawan::{DevEui, TimeDelta};
use lns_pipeline::shadow::{Answer, Shadow, ShadowId, Verb};
use tokio::sync::oneshot;

use super::build::Common;
use crate::api::{self, Encoding};
use crate::binding::{self, Binding, EncodeDone, QueueDone, Updated};
use crate::broker::Broker;
use crate::config::Config;
use crate::service::Service;
use crate::shadows::{REQUESTS, Shadows, Surroundings};
use crate::store::StoreError;

/// The name of the room at the broker.
const ROOM: &str = "shadows";

/// The room, the binding, and their threads.
pub(super) struct ShadowRoom {
    pub door: Arc<Shadows>,
    pub binding: Arc<Binding>,
    thread: JoinHandle<()>,
    desk: JoinHandle<()>,
}

impl ShadowRoom {
    /// Starts both; what the room hears of MQTT comes through the intake.
    pub fn start(
        config: &Config,
        common: &Common,
        (broker, service): (&Arc<dyn Broker>, &Arc<Service>),
    ) -> std::io::Result<Self> {
        let surroundings = Surroundings {
            store: Arc::clone(&common.store),
            broker: Arc::clone(broker),
            observer: Arc::clone(&common.observer),
            clock: common.clock.clone(),
            in_flight: config.shadow.in_flight as usize,
        };
        let (door, thread) = Shadows::start(surroundings)?;
        let door = Arc::new(door);
        let (binding, desk) = Binding::start(binding::Surroundings {
            registry: Arc::clone(&common.registry),
            shadows: Arc::clone(&door) as Arc<dyn binding::Shadows>,
            downlinks: Arc::clone(service) as Arc<dyn binding::Downlinks>,
            observer: Arc::clone(&common.observer),
            clock: common.clock.clone(),
        })?;
        let binding = Arc::new(binding);
        // Each holds the other; weakly, or neither would ever go.
        let told = Arc::downgrade(&binding);
        door.watch(Box::new(move |id, _| {
            if let Some(binding) = told.upgrade() {
                binding.shadow_changed(id);
            }
        }));
        broker.listen(ROOM, REQUESTS.map(str::to_owned).to_vec());
        Ok(ShadowRoom { door, binding, thread, desk })
    }

    /// The door for the API, which changes what things stand for.
    pub fn for_api(&self) -> Arc<dyn api::Shadows> {
        Arc::new(OfApi { door: Arc::clone(&self.door), binding: Arc::clone(&self.binding) })
    }

    /// Ends both when they have done what has come.
    pub fn stop(self) -> std::thread::Result<()> {
        self.binding.stop();
        self.desk.join()?;
        self.door.stop();
        self.thread.join()
    }
}

/// The shadows for the API.
struct OfApi {
    door: Arc<Shadows>,
    binding: Arc<Binding>,
}

impl api::Shadows for OfApi {
    fn ask(&self, id: ShadowId, verb: Verb, payload: Bytes) -> oneshot::Receiver<Answer> {
        api::Shadows::ask(&*self.door, id, verb, payload)
    }

    fn named(
        &self,
        thing: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<String>, bool), String> {
        api::Shadows::named(&*self.door, thing, after, limit)
    }

    fn bound(&self, thing: &str) {
        self.binding.bound(thing);
    }
}

impl binding::Shadows for Shadows {
    fn read(&self, id: &ShadowId) -> Result<Option<Shadow>, StoreError> {
        Shadows::read(self, id)
    }

    fn update(&self, id: ShadowId, body: Vec<u8>, done: Updated) {
        self.insist(id, body, done);
    }
}

impl binding::Downlinks for Service {
    fn encode(&self, wanted: Encoding, done: EncodeDone) {
        self.encoder.encode(wanted, done);
    }

    fn queue(&self, dev_eui: DevEui, item: QueueItem, done: QueueDone) {
        self.command(dev_eui, Command::Enqueue(item), done);
    }

    fn take_off(&self, dev_eui: DevEui, id: u64) {
        self.command(dev_eui, Command::Drop(id), |_| ());
    }

    fn expiry(&self) -> TimeDelta {
        self.expiry
    }
}
