//! The clients of the actions, one a file, and what they share.

mod downlink;
mod file;
mod hosts;
mod http;
mod influx;
mod kafka;
mod postgres;
mod republish;
mod shadow;
mod web;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::client::{Client, Outcome};
use super::deed::Target;
use super::task::ActionId;
use crate::api::{Codecs, Devices};
use crate::broker::Broker;
use crate::clock::Clock;
use crate::registry::Registry;

pub use hosts::Hosts;
pub use web::Web;
pub(super) use web::outcome;

/// What becomes of an update of a shadow.
pub type Updated = oneshot::Receiver<Outcome>;

/// The shadows, as actions see them.
pub trait Shadows: Send + Sync {
    /// Updates a thing's shadow (`None`: the classic one) with a document.
    ///
    /// `hops`: how many rules have made what this is from.
    fn update(&self, shadow: (&str, Option<&str>), document: Vec<u8>, hops: u8) -> Updated;
}

/// The world around the actions.
pub struct Clients {
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// Devices, by id; and destinations that have confirmed.
    pub registry: Arc<Registry>,
    /// Devices' queues.
    pub devices: Arc<dyn Devices>,
    /// Payload codecs.
    pub codecs: Arc<dyn Codecs>,
    /// Shadows.
    pub shadows: Arc<dyn Shadows>,
    /// The way to HTTP endpoints.
    pub web: Web,
    /// The folder that files are written below.
    pub files: PathBuf,
    /// The clock.
    pub clock: Clock,
    /// The server's address in the web, where endpoints confirm that they want messages; `None`:
    /// nobody is asked.
    pub confirm_at: Option<String>,
}

impl Clients {
    /// Whether an action can be done here at all; else why not.
    pub(super) fn check(&self, action: &ActionId, target: &Target) -> Result<(), String> {
        match target {
            Target::Kafka(target) => {
                kafka::Kafka::new(action, target.clone(), self.web.hosts().clone()).check()
            }
            Target::Republish
            | Target::Http(_)
            | Target::Postgres(_)
            | Target::Influx(_)
            | Target::File(_)
            | Target::SendDownlink
            | Target::SetShadow => Ok(()),
        }
    }

    /// The client of an action.
    pub(super) fn client(&self, action: &ActionId, target: &Target) -> Box<dyn Client> {
        match target {
            Target::Republish => Box::new(republish::Republish::new(Arc::clone(&self.broker))),
            Target::Http(target) => {
                let registry = Arc::clone(&self.registry);
                Box::new(http::Http::new(self.web.clone(), registry, target.clone()))
            }
            Target::Postgres(target) => {
                Box::new(postgres::Postgres::new(target.clone(), self.web.hosts().clone()))
            }
            Target::Influx(target) => {
                Box::new(influx::Influx::new(self.web.clone(), target.clone()))
            }
            Target::Kafka(target) => {
                Box::new(kafka::Kafka::new(action, target.clone(), self.web.hosts().clone()))
            }
            Target::File(target) => {
                let (root, clock) = (self.files.clone(), self.clock.clone());
                Box::new(file::Files::new(root, target.clone(), clock))
            }
            Target::SendDownlink => Box::new(downlink::SendDownlink {
                registry: Arc::clone(&self.registry),
                devices: Arc::clone(&self.devices),
                codecs: Arc::clone(&self.codecs),
                clock: self.clock.clone(),
            }),
            Target::SetShadow => Box::new(shadow::SetShadow { shadows: Arc::clone(&self.shadows) }),
        }
    }
}
