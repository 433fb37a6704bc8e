//! The transcript on the terminal: what the server sees, and what the devices hear.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use lns_lorawan::Timestamp;
use sim::Event;
use sim::run::OnEvent;

use crate::app::Server;
use crate::observe::LiveView;

/// Prints lines as they come, with the seconds since the first.
pub(super) struct Screen {
    began: OnceLock<Timestamp>,
}

impl Screen {
    /// Nothing printed yet.
    pub fn new() -> Self {
        Screen { began: OnceLock::new() }
    }

    /// Shows what happens in the server, devices under their names.
    pub fn name_devices_of(self: &Arc<Self>, server: &Server) {
        let registry = Arc::clone(server.registry());
        let namer = move |dev_eui| {
            let name = registry.device(dev_eui).and_then(|device| device.name.clone());
            name.map_or_else(|| format!("{dev_eui}"), Into::into)
        };
        server.observer().watch(Arc::clone(self) as Arc<dyn LiveView>, Box::new(namer));
    }

    /// Shows what happens on the air: what devices hear, and what they miss.
    pub fn on_event(self: Arc<Self>) -> OnEvent {
        Box::new(move |event| match event {
            // The server tells these better.
            Event::Sent { .. } | Event::Gateway { .. } => {}
            Event::Heard { .. } | Event::Missed { .. } => {
                self.print(event.at(), &format!("{event}"));
            }
        })
    }

    fn print(&self, at: Timestamp, line: &str) {
        let began = *self.began.get_or_init(|| at);
        let seconds = at.since(began).as_secs_f64();
        // A terminal that is gone ends the process soon enough.
        let _ = writeln!(std::io::stdout(), "t={seconds:8.3}  {line}");
    }
}

impl LiveView for Screen {
    fn line(&self, at: Timestamp, mark: char, who: &str, what: &str) {
        self.print(at, &format!("{mark} {who:<16} {what}"));
    }
}
