//! The doors to the world: the gateways' UDP port, the API, and the thread that keeps the house.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Extension;
use axum::extract::WebSocketUpgrade;
use axum::http::HeaderMap;
use axum::routing::get;
use gateway_bridge::{Bridge, BridgeConfig, BridgeHandle, Policy};
use tokio::sync::watch;

use super::build::Common;
use super::ears::{Ears, Here};
use super::gate;
use super::radio::Radios;
use super::registered::{self, Registrations};
use crate::api::{self, ClientAddress};
use crate::broker::{Broker, Transport};
use crate::committer::Batch;
use crate::config::Config;
use crate::events::Events;
use crate::outbox::Outbox;
use crate::registry::WirelessGateway;
use crate::service::Service;
use crate::shadows::Shadows;

/// How often new registrations are made known and cursors are stored.
const HOUSEKEEPING: Duration = Duration::from_millis(200);

/// How often the clock is compared with the system's.
const DISCIPLINE: Duration = Duration::from_secs(1);

/// The gateways' door.
#[derive(Default)]
pub(super) struct BridgeDoor {
    pub handle: Option<BridgeHandle>,
    pub thread: Option<JoinHandle<std::io::Result<()>>>,
    pub address: Option<SocketAddr>,
}

/// The administrators' door.
#[derive(Default)]
pub(super) struct HttpDoor {
    pub thread: Option<JoinHandle<()>>,
    pub address: Option<SocketAddr>,
}

/// Opens the UDP port, if there is one.
pub(super) fn open_bridge(
    config: &Config,
    common: &Common,
    (ears, radios): (&Arc<Ears>, &Radios),
) -> anyhow::Result<BridgeDoor> {
    let Some(address) = config.gateway.semtech_udp.address() else {
        return Ok(BridgeDoor::default());
    };
    let mut settings = BridgeConfig::default();
    // Registered gateways are never refused for want of room.
    let registered = common.registry.count::<WirelessGateway>();
    settings.sessions.most_gateways = registered + config.gateway.unknown_gateways as usize;
    settings.receive_buffer = config.gateway.receive_buffer.0 as usize;
    settings.policy = Policy {
        require_registered: config.gateway.require_registered_gateways,
        registered: registered::euis(&common.registry),
    };
    let bridge = Bridge::bind(address, settings, Arc::new(Here(Arc::clone(ears))))?;
    if let Some(warning) = bridge.receive_buffer_warning() {
        tracing::warn!("{warning}");
    }
    let handle = bridge.handle();
    let address = bridge.local_address();
    radios.set_here(handle.clone());
    let thread = bridge.spawn().context("starting the gateway bridge")?;
    Ok(BridgeDoor { handle: Some(handle), thread: Some(thread), address: Some(address) })
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

/// Opens the API, if there is one.
pub(super) fn open_http(
    config: &Config,
    common: &Common,
    rooms: Rooms<'_>,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<HttpDoor> {
    let Some(address) = config.http.listen.address() else {
        return Ok(HttpDoor::default());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("http")
        .enable_all()
        .build()?;
    let listener = runtime.block_on(api::bind(address))?;
    let address = listener.local_addr()?;
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
        hosts: Vec::new(),
        gateway_endpoint: format!("udp://{}", config.gateway.semtech_udp),
    };
    api::ApiState::new(Arc::clone(&common.registry), surroundings, settings)
}

/// Starts the thread that keeps the house: registrations, cursors, the clock, gauges.
pub(super) fn keep_house(
    config: &Config,
    common: &Common,
    (outbox, broker, bridge, ears): (
        &Arc<Outbox>,
        &Arc<dyn Broker>,
        Option<BridgeHandle>,
        &Arc<Ears>,
    ),
    stop: watch::Receiver<bool>,
) -> std::io::Result<JoinHandle<()>> {
    let require_registered = config.gateway.require_registered_gateways;
    let (clock, observer) = (common.clock.clone(), Arc::clone(&common.observer));
    let (registry, gateways) = (Arc::clone(&common.registry), Arc::clone(&common.gateways));
    let (partitions, committer) = (common.partitions.clone(), common.committer.clone());
    let (outbox, broker) = (Arc::clone(outbox), Arc::clone(broker));
    let (store, ledgers) = (Arc::clone(&common.store), Arc::clone(&common.ledgers));
    let (ears, identity) = (Arc::clone(ears), Arc::clone(&common.identity));
    let mut registrations = Registrations::default();
    let mut keep = move |last: &mut Instant| {
        registrations.sync(&registry, &gateways, bridge.as_ref(), require_registered);
        gate::refresh(&identity, &*broker);
        let mut writes = outbox.progress().moved();
        writes.append(&mut ledgers.lock());
        if !writes.is_empty() {
            let _ = committer.send(Batch { writes, releases: Vec::new() });
        }
        if last.elapsed() >= DISCIPLINE {
            *last = Instant::now();
            ears.miss();
            ears.events.look_around();
            observer.store_size(store.size_bytes());
            observer.broker_status(&broker.status());
            if let Some(step) = clock.discipline() {
                tracing::warn!(
                    seconds = step.as_secs_f64(),
                    "the system's clock was set; following"
                );
            }
        }
        observer.outbox_waiting.set(outbox.waiting() as i64);
        for (partition, waiting) in partitions.waiting().into_iter().enumerate() {
            let label = partition.to_string();
            observer.mailbox.with_label_values(&[label.as_str()]).set(waiting as i64);
        }
        if let Some(bridge) = &bridge {
            let name = |(name, label, value): (&str, &str, u64)| (format!("{name}/{label}"), value);
            observer.bridge_counters(bridge.counters().into_iter().map(name));
        }
    };
    let mut last = Instant::now();
    keep(&mut last);
    std::thread::Builder::new().name("housekeeping".into()).spawn(move || {
        while !*stop.borrow() {
            std::thread::sleep(HOUSEKEEPING);
            keep(&mut last);
        }
    })
}
