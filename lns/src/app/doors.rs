//! The gateways' door, and the thread that keeps the house.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use gateway_bridge::{Bridge, BridgeConfig, BridgeHandle, Policy};
use tokio::sync::watch;

use super::build::Common;
use super::ears::{Ears, Here};
use super::gate;
use super::radio::Radios;
use super::registered::{self, Registrations};
use crate::broker::Broker;
use crate::committer::Batch;
use crate::config::Config;
use crate::outbox::Outbox;
use crate::registry::WirelessGateway;

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
    let certificates = Arc::clone(&common.certificates);
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
            certificates.look(clock.now(), &observer);
            store.look_again();
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
