//! Liveness: once the weather has stopped, everything comes to its end within a bound.

use std::sync::Arc;

use lns::message::ToPartition;
use lns::partition::Turn;
use lns_core::device::Device as ServerDevice;
use lns_lorawan::{DevEui, TimeDelta};
use parking_lot::Mutex;

use super::application::WANTED;
use super::weather::Weather;
use super::{Failure, World};
use crate::checkers::{Verdict, against, ledger};

const NAME: &str = "liveness";

impl World {
    /// The weather stops, and the application asks for no more. Within `bound` devices are joined, every queued downlink has reached its
    /// end and every event its application.
    pub fn converge(&mut self, bound: TimeDelta) -> Result<(), Failure> {
        self.set_weather(Weather::fine());
        self.setup.answer = None;
        self.field.set_air_losses(0.0, 0.0);
        // A downlink may wait as long as it is wanted; so the bound begins when the last is over.
        self.run(WANTED + bound)?;
        let verdict = self.has_converged();
        self.judged(verdict)
    }

    fn has_converged(&mut self) -> Verdict {
        if self.rooms.is_none() {
            return against(NAME, "the server is not running");
        }
        self.outbox.finished()?;
        self.wishes_have_ended()?;
        (0..self.setup.nodes.len()).try_for_each(|device| self.agrees(device))
    }

    fn wishes_have_ended(&self) -> Verdict {
        let answers = self.application.answers.lock();
        for (id, known) in &self.application.wishes {
            let accepted = matches!(answers.get(id), Some(Ok(())));
            if accepted && !known.ended {
                let name = &self.setup.nodes[known.device].spec.name;
                let what = format!("downlink {id} to {name} was queued and has no end");
                return against(NAME, what);
            }
        }
        Ok(())
    }

    /// Do a device and the server have the same session, and the same idea of its parameters?
    fn agrees(&mut self, device: usize) -> Verdict {
        let spec = &self.setup.nodes[device].spec;
        let (name, dev_eui) = (spec.name.clone(), spec.dev_eui);
        if spec.mischief.wrong_key || spec.mischief.never_hears {
            return Ok(());
        }
        let at_device = self.field.devices()[device].session().map(|session| session.dev_addr);
        let Some(dev_addr) = at_device else {
            return against(NAME, format!("{name} has not joined"));
        };
        let known = self.look(dev_eui, |device| {
            (device.addresses(), device.session.clone(), device.mac.clone())
        });
        let Some((addresses, session, mac)) = known else {
            return against(NAME, format!("the server does not know {name}"));
        };
        if !addresses.contains(&dev_addr) {
            let what = format!("{name} has DevAddr {dev_addr}, the server knows {addresses:?}");
            return against(NAME, what);
        }
        let asking = mac.ledger.is_some_and(|ledger| !ledger.outstanding().is_empty());
        let at_device = &self.field.devices()[device];
        match session.filter(|session| session.dev_addr == dev_addr) {
            Some(session) if at_device.is_quiet() && !asking => {
                let profile = &self.setup.nodes[device].profile;
                let tables = profile.region.tables_for(profile.reg_params, None);
                ledger::agrees(&name, at_device.mac(), (&session.current, tables))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What the server remembers of a device.
    pub fn look<T: Send + 'static>(
        &mut self,
        dev_eui: DevEui,
        look: impl FnOnce(&ServerDevice) -> T + Send + 'static,
    ) -> Option<T> {
        let found: Arc<Mutex<Option<T>>> = Arc::default();
        let rooms = self.rooms.as_mut()?;
        let partition = usize::from(rooms.router.partition_of(dev_eui));
        let result = Arc::clone(&found);
        let view = Box::new(move |device: Option<&ServerDevice>| {
            *result.lock() = device.map(look);
        });
        let message = ToPartition::Look { dev_eui, view };
        // A look changes nothing, so there is nothing in the turn.
        rooms.partitions[partition].handle(self.now, message, &mut Turn::default());
        found.lock().take()
    }
}
