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
use super::parts;
use super::shadows::ShadowRoom;
use crate::api::{self, Peer, Port, Secure};
use crate::broker::{Broker, Embedded, Ends};
use crate::config::{Config, Listen};
use crate::events::Events;
use crate::service::Service;
use crate::tls;

/// The open door.
#[derive(Default)]
pub(super) struct HttpDoor {
    pub thread: Option<JoinHandle<()>>,
    pub address: Option<SocketAddr>,
    pub tls_address: Option<SocketAddr>,
}

/// What the API speaks to.
#[derive(Clone, Copy)]
pub(super) struct Rooms<'a> {
    pub rules: &'a super::rules::RuleRooms,
    pub service: &'a Arc<Service>,
    pub broker: &'a Arc<dyn Broker>,
    pub shadows: &'a ShadowRoom,
    pub events: &'a Arc<Events>,
}

/// The ports, bound before any room runs, so that all of them can know their numbers; nobody is
/// answered before the door is [opened](Self::open).
pub(super) struct Sockets {
    runtime: Runtime,
    plain: Option<Bound>,
    secure: Option<Bound>,
}

/// A port, and where it is.
struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Sockets {
    /// Binds the ports; `None`: the API is off.
    pub fn bind(config: &Config) -> anyhow::Result<Option<Self>> {
        let [plain, secure] = [config.http.listen, config.http.tls_listen].map(Listen::address);
        if plain.or(secure).is_none() {
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("http")
            .enable_all()
            .build()?;
        let bind = |address: Option<SocketAddr>, setting| -> anyhow::Result<Option<Bound>> {
            let Some(address) = address else { return Ok(None) };
            let listener = runtime.block_on(api::bind(address, setting))?;
            let address = listener.local_addr()?;
            Ok(Some(Bound { listener, address }))
        };
        let (plain, secure) = (bind(plain, "--http")?, bind(secure, "http.tls_listen")?);
        Ok(Some(Self { runtime, plain, secure }))
    }

    /// The server's address in the web, without a slash at its end: the one configured, else that
    /// of a port. Other machines reach the one with TLS if the other is for this machine only.
    pub fn url(&self, config: &Config) -> String {
        if let Some(url) = &config.http.public_url {
            return url.to_string();
        }
        let at = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.address);
        let is_local = |address: &SocketAddr| address.ip().is_loopback();
        match (at(&self.plain), at(&self.secure)) {
            (Some(plain), Some(secure)) if is_local(&plain) && !is_local(&secure) => {
                secure_url(config, secure)
            }
            (Some(plain), _) => format!("http://{}", reached_at(plain)),
            (None, Some(secure)) => secure_url(config, secure),
            (None, None) => unreachable!("there is none without a port"),
        }
    }

    /// Answers from now on.
    pub fn open(
        self,
        config: &Config,
        common: &Common,
        rooms: Rooms<'_>,
        stop: watch::Receiver<bool>,
    ) -> anyhow::Result<HttpDoor> {
        let Self { runtime, plain, secure } = self;
        let at = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.address);
        let (address, tls_address) = (at(&plain), at(&secure));
        greet(address, tls_address);
        let embedded = rooms.broker.embedded();
        let mut router = api::router(state(config, common, rooms, address));
        if let Some(embedded) = embedded {
            let door = embedded.websocket();
            let enter = move |Extension(peer): Extension<Peer>,
                              headers: HeaderMap,
                              upgrade: WebSocketUpgrade| async move {
                let shown = peer.tls.as_deref().cloned();
                let ends = Ends { client: peer.address, server: peer.entrance };
                door.enter(upgrade, &headers, (ends, shown))
            };
            router = router.route("/mqtt", get(enter));
        }
        let plain = plain.map(|bound| Port::from(bound.listener));
        let secure = match secure {
            Some(bound) => {
                let settings = parts::http_tls(config, &common.identity, common.clock.now())?;
                common.certificates.watch("http", &settings);
                let mqtt = embedded.map(Embedded::websocket);
                let acceptor = tls::acceptor(&settings, &protocols(mqtt.is_some()))?;
                Some(Port { listener: bound.listener, tls: Some(Secure { acceptor, mqtt }) })
            }
            None => None,
        };
        let thread = std::thread::Builder::new().name("http-door".into());
        let thread = thread.spawn(move || {
            let ports = plain.into_iter().chain(secure);
            let serve = ports.map(|port| {
                let mut stop = stop.clone();
                let told = async move {
                    let _ = stop.wait_for(|stop| *stop).await;
                };
                api::serve(port, router.clone(), told)
            });
            runtime.block_on(futures_util::future::join_all(serve));
        })?;
        Ok(HttpDoor { thread: Some(thread), address, tls_address })
    }
}

/// Says who is let in where.
fn greet(plain: Option<SocketAddr>, secure: Option<SocketAddr>) {
    if let Some((line, open)) = plain.map(api::greeting) {
        if open {
            tracing::warn!("{line}");
        } else {
            tracing::info!("{line}");
        }
    }
    if let Some(line) = secure.map(api::secure_greeting) {
        tracing::info!("{line}");
    }
}

/// What is spoken on the port with TLS; HTTP first, for clients that speak both.
fn protocols(mqtt: bool) -> Vec<&'static [u8]> {
    let mqtt = if mqtt { &tls::MQTT[..] } else { &[] };
    tls::HTTP.iter().chain(mqtt).copied().collect()
}

/// The address of the port with TLS, by a name that its certificate has.
fn secure_url(config: &Config, address: SocketAddr) -> String {
    let names = [&config.http.tls_name, &config.mqtt.tls_name];
    let mut names = names.into_iter().flat_map(|names| names.split([',', ' ']));
    match names.find(|name| !name.is_empty() && !name.contains(['*', ':'])) {
        Some(name) => format!("https://{name}:{}", address.port()),
        None => format!("https://{}", reached_at(address)),
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
    address: Option<SocketAddr>,
) -> api::ApiState {
    let (observer, gateways) = (Arc::clone(&common.observer), Arc::clone(&common.gateways));
    let events = Arc::clone(events);
    let broker = Arc::clone(broker);
    let (clock, store) = (common.clock.clone(), Arc::clone(&common.store));
    let surroundings = api::Surroundings {
        devices: Arc::clone(service) as Arc<dyn api::Devices>,
        groups: Arc::clone(service) as Arc<dyn api::Groups>,
        codecs: Arc::clone(service) as Arc<dyn api::Codecs>,
        shadows: shadows.for_api(),
        rules: Arc::new(rules.clone()),
        authority: {
            let identity = Arc::clone(&common.identity);
            Arc::new(move || identity.authority())
        },
        askers: {
            let identity = Arc::clone(&common.identity);
            Arc::new(move |shown| identity.asker(shown))
        },
        broker: Arc::clone(&broker),
        metrics: Arc::new(move || observer.scrape(&gateways)),
        problems: Arc::new(move || {
            let away = !broker.status().connected;
            let away = away.then(|| "the MQTT broker cannot be reached".to_owned());
            let trouble = store.trouble().map(|why| format!("the store fails: {why}"));
            away.into_iter().chain(trouble).collect()
        }),
        registry_events: Arc::new(move |event| events.registry(&event)),
        now: Arc::new(move || clock.now()),
    };
    let settings = api::Settings {
        loopback: address.is_some_and(|address| address.ip().is_loopback()),
        hosts: Vec::new(),
        public_host: config.http.public_url.as_ref().map(|url| url.host().to_owned()),
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
        let port = sockets.plain.as_ref().expect("it is on").address.port();
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
