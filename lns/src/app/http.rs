//! The administrators' and applications' door: HTTP, and MQTT over WebSocket.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Extension;
use axum::extract::WebSocketUpgrade;
use axum::http::HeaderMap;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::build::Common;
use crate::api::{self, ClientAddress};
use crate::broker::{Broker, Transport};
use crate::config::Config;
use crate::events::Events;
use crate::service::Service;
use crate::shadows::Shadows;

/// The open door.
#[derive(Default)]
pub(super) struct HttpDoor {
    pub thread: Option<JoinHandle<()>>,
    pub address: Option<SocketAddr>,
}

/// What the API speaks to.
#[derive(Clone, Copy)]
pub(super) struct Rooms<'a> {
    pub rules: &'a super::rules::RuleRooms,
    pub service: &'a Arc<Service>,
    pub broker: &'a Arc<dyn Broker>,
    pub shadows: &'a Arc<Shadows>,
    pub events: &'a Arc<Events>,
}

/// The port, bound before any room runs, so that all of them can know its number; nobody is
/// answered before the door is [opened](Self::open).
pub(super) struct Sockets {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
}

impl Sockets {
    /// Binds the port; `None`: the API is off.
    pub fn bind(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(address) = config.http.listen.address() else { return Ok(None) };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("http")
            .enable_all()
            .build()?;
        let listener = runtime.block_on(api::bind(address))?;
        let address = listener.local_addr()?;
        Ok(Some(Self { runtime, listener, address }))
    }

    /// The server's address in the web, without a slash at its end: the one configured, else that
    /// of the port.
    pub fn url(&self, config: &Config) -> String {
        match &config.http.public_url {
            Some(url) => url.to_string(),
            None => format!("http://{}", reached_at(self.address)),
        }
    }

    /// Answers from now on.
    pub fn open(
        self,
        config: &Config,
        common: &Common,
        rooms: Rooms<'_>,
        mut stop: watch::Receiver<bool>,
    ) -> anyhow::Result<HttpDoor> {
        let Self { runtime, listener, address } = self;
        let (line, open) = api::greeting(address);
        if open {
            tracing::warn!("{line}");
        } else {
            tracing::info!("{line}");
        }
        let embedded = rooms.broker.embedded();
        let mut router = api::router(state(config, common, rooms, address));
        if let Some(embedded) = embedded {
            let door = embedded.websocket();
            let enter = move |Extension(ClientAddress(from)): Extension<ClientAddress>,
                              headers: HeaderMap,
                              upgrade: WebSocketUpgrade| async move {
                door.enter(upgrade, &headers, (from, Transport::WebSocket))
            };
            router = router.route("/mqtt", get(enter));
        }
        let thread = std::thread::Builder::new().name("http-door".into()).spawn(move || {
            runtime.block_on(async move {
                let told = async move {
                    let _ = stop.wait_for(|stop| *stop).await;
                };
                api::serve(listener, router, told).await;
            });
        })?;
        Ok(HttpDoor { thread: Some(thread), address: Some(address) })
    }
}

/// Where others find what listens on `address`: a listener on every address of this machine is
/// found at the one that the machine has towards the rest of the world.
fn reached_at(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    // A listener on every IPv6 address has the IPv4 ones, too.
    let known = outward(IPV4_ELSEWHERE).or_else(|| match address {
        SocketAddr::V4(_) => None,
        SocketAddr::V6(_) => outward(IPV6_ELSEWHERE),
    });
    SocketAddr::new(known.unwrap_or(Ipv4Addr::LOCALHOST.into()), address.port())
}

/// Addresses that are nobody's (RFC 5737, RFC 3849), for the question which way leads out.
const IPV4_ELSEWHERE: &str = "192.0.2.1:9";
const IPV6_ELSEWHERE: &str = "[2001:db8::1]:9";

/// The address that this machine sends from; `None`: no way leads there. Nothing is sent.
fn outward(to: &str) -> Option<IpAddr> {
    let to: SocketAddr = to.parse().ok()?;
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn state(
    config: &Config,
    common: &Common,
    Rooms { service, broker, shadows, rules, events }: Rooms<'_>,
    address: SocketAddr,
) -> api::ApiState {
    let (observer, gateways) = (Arc::clone(&common.observer), Arc::clone(&common.gateways));
    let events = Arc::clone(events);
    let broker = Arc::clone(broker);
    let clock = common.clock.clone();
    let surroundings = api::Surroundings {
        devices: Arc::clone(service) as Arc<dyn api::Devices>,
        groups: Arc::clone(service) as Arc<dyn api::Groups>,
        codecs: Arc::clone(service) as Arc<dyn api::Codecs>,
        shadows: Arc::clone(shadows) as Arc<dyn api::Shadows>,
        rules: Arc::new(rules.clone()),
        authority: {
            let identity = Arc::clone(&common.identity);
            Arc::new(move || identity.authority())
        },
        broker: Arc::clone(&broker),
        metrics: Arc::new(move || observer.scrape(&gateways)),
        problems: Arc::new(move || {
            let away = !broker.status().connected;
            away.then(|| "the MQTT broker cannot be reached".to_owned()).into_iter().collect()
        }),
        registry_events: Arc::new(move |event| events.registry(&event)),
        now: Arc::new(move || clock.now()),
    };
    let settings = api::Settings {
        loopback: address.ip().is_loopback(),
        hosts: config.http.public_url.iter().map(|url| url.host().to_owned()).collect(),
        public_authority: config.http.public_url.as_ref().map(|url| url.authority().to_owned()),
        gateway_endpoint: format!("udp://{}", config.gateway.semtech_udp),
    };
    api::ApiState::new(Arc::clone(&common.registry), surroundings, settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let env = [("LNS_HTTP__LISTEN", text), ("LNS_HTTP__PUBLIC_URL", "")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::load(None, env, crate::config::Overrides::default()).expect("it is right")
    }

    #[test]
    fn the_url_is_the_ports_where_none_is_configured() {
        let mut config = config("127.0.0.1:0");
        let sockets = Sockets::bind(&config).expect("a port").expect("it is on");
        let port = sockets.address.port();
        assert_ne!(port, 0);
        assert_eq!(sockets.url(&config), format!("http://127.0.0.1:{port}"));
        config.http.public_url = "https://lns.example/iot/".parse().ok();
        assert_eq!(sockets.url(&config), "https://lns.example/iot");
    }

    #[test]
    fn who_listens_everywhere_is_found_somewhere() {
        for any in ["0.0.0.0:80", "[::]:80"] {
            let found = reached_at(any.parse().expect("an address"));
            assert!(!found.ip().is_unspecified() && found.port() == 80, "{found}");
        }
        let here = "10.0.0.7:80".parse().expect("an address");
        assert_eq!(reached_at(here), here);
        assert!(Sockets::bind(&config("off")).expect("no port").is_none());
    }
}
