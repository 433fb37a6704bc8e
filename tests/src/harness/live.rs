//! A server in this process.

use std::sync::Arc;

use lns::app::Server;
use lns::config::{Config, Listen};
use lns_lorawan::Region;

use super::{Application, Gateway, Http, Place, Provision};

/// A running server with a folder of its own, both gone when it is dropped.
pub struct Live {
    server: Option<Server>,
    config: Config,
    place: Place,
    /// Removed last.
    _folder: tempfile::TempDir,
}

impl Live {
    /// A server for this region. RxDelay at join is what `config` says.
    pub fn start(region: Region) -> Self {
        let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
        let listen = |address: std::net::SocketAddr| {
            address.to_string().parse::<Listen>().expect("an address")
        };
        let mut config = Config::default();
        config.server.data_dir = folder.path().join("data");
        config.server.region = region;
        config.gateway.semtech_udp = listen(place.udp());
        config.mqtt.listen = listen(place.mqtt());
        config.http.listen = listen(place.http());
        let server = Server::start(&config).expect("the server starts");
        Self { server: Some(server), config, place, _folder: folder }
    }

    /// Stops the server, and starts it on the same folder.
    pub fn restart(&mut self) {
        self.stop();
        self.server = Some(Server::start(&self.config).expect("the server starts again"));
    }

    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().expect("everything is durable");
        }
    }

    /// Its API.
    pub fn http(&self) -> Http {
        Http(self.place.http())
    }

    /// Provisions it.
    pub fn provision(&self) -> Provision {
        Provision(self.http())
    }

    /// An application at its broker.
    pub fn application(&self) -> Application {
        Application::connect(self.place.mqtt(), "application")
    }

    /// A gateway that is connected to it, with a clock that stands there.
    pub fn gateway(&self, eui: u64, tmst: u32) -> Arc<Gateway> {
        let gateway = Gateway::start(eui, self.place.udp(), tmst);
        gateway.connect();
        gateway
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.stop();
    }
}
