//! A loopback address for each server, so that it has its ports again after a restart, whatever
//! other tests do meanwhile.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

/// Where one server listens: an address of 127.0.0.0/8 of its own, with the usual ports.
#[derive(Clone, Copy, Debug)]
pub struct Place(Ipv4Addr);

impl Place {
    /// A place that no other server of this process, and hardly one of another, has.
    pub fn free() -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        assert!(count < 255, "one process starts fewer than 255 servers");
        Self(Ipv4Addr::new(127, 64 | (high & 0x3f), low, count))
    }

    /// Semtech UDP.
    pub fn udp(self) -> SocketAddr {
        self.port(1700)
    }

    /// The embedded broker, or another broker that stands in for it.
    pub fn mqtt(self) -> SocketAddr {
        self.port(1883)
    }

    /// The HTTP API.
    pub fn http(self) -> SocketAddr {
        self.port(8080)
    }

    /// The address with any port.
    pub fn port(self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.0), port)
    }
}
