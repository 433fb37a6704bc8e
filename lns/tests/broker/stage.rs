//! Where the interoperability cases are played: a broker of ours, or another to see it beside ours.

use std::net::SocketAddr;

use lns::broker::{Embedded, EmbeddedConfig};

use crate::packets::{Mqtt, Packet, Props};
use crate::support::{Taken, loopback};
use crate::talker::{Hello, Talker, Will};

/// Names another broker that the cases are put to, `host:port`. Cases share its topics: run them with
/// `--test-threads=1`.
const OTHER: &str = "LNS_INTEROPERABILITY";

/// A broker, and names of this case's own.
pub struct Stage {
    pub address: SocketAddr,
    mqtt: Mqtt,
    case: &'static str,
    _ours: Option<Embedded>,
}

impl Stage {
    pub fn new(mqtt: Mqtt, case: &'static str) -> Self {
        Self::with(mqtt, case, loopback())
    }

    /// With a configuration, which another broker has to be given by other means.
    pub fn with(mqtt: Mqtt, case: &'static str, config: EmbeddedConfig) -> Self {
        if let Ok(other) = std::env::var(OTHER) {
            let address = other.parse().expect("LNS_INTEROPERABILITY is an address and a port");
            return Self { address, mqtt, case, _ours: None };
        }
        let ours = Embedded::start(config, Taken::default().intake()).expect("a free port");
        Self { address: ours.address(), mqtt, case, _ours: Some(ours) }
    }

    pub fn topic(&self, topic: &str) -> String {
        format!("{}/{topic}", self.case)
    }

    pub fn hello(&self, client: &str) -> Hello {
        Hello::new(self.mqtt, &format!("{}-{client}", self.case))
    }

    pub fn connect(&self, hello: &Hello) -> (Talker, Packet) {
        Talker::connect(self.address, hello)
    }

    pub fn client(&self, client: &str) -> Talker {
        self.connect(&self.hello(client)).0
    }

    /// A last will on this topic, without properties.
    pub fn will(&self, topic: &str, body: &'static str) -> Will {
        Will { topic: self.topic(topic), body, qos: 2, props: Props::default() }
    }
}
