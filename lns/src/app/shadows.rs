//! The room of shadows, between the broker, the API and the devices.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::build::Common;
use crate::broker::Broker;
use crate::config::Config;
use crate::shadows::{REQUESTS, Shadows, Surroundings};

/// The name of the room at the broker.
const ROOM: &str = "shadows";

/// The room and its owner's thread.
pub(super) struct ShadowRoom {
    pub door: Arc<Shadows>,
    pub thread: JoinHandle<()>,
}

impl ShadowRoom {
    /// Starts the room; what it hears of MQTT comes through the intake.
    pub fn start(
        config: &Config,
        common: &Common,
        broker: &Arc<dyn Broker>,
    ) -> std::io::Result<Self> {
        let surroundings = Surroundings {
            store: Arc::clone(&common.store),
            broker: Arc::clone(broker),
            observer: Arc::clone(&common.observer),
            clock: common.clock.clone(),
            in_flight: config.shadow.in_flight as usize,
        };
        let (door, thread) = Shadows::start(surroundings)?;
        broker.listen(ROOM, REQUESTS.map(str::to_owned).to_vec());
        Ok(ShadowRoom { door: Arc::new(door), thread })
    }
}
