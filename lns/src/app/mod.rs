//! The server, put together: every room, its thread and its doors. The only place where all of
//! them are known.

mod bridges;
mod broker_bounds;
mod build;
mod certificates;
mod doors;
mod ears;
mod gate;
mod http;
mod intake;
mod logging;
mod news;
mod parts;
mod proprietary;
mod radio;
mod registered;
mod rules;
mod shadows;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use crossbeam_channel::Sender;
use gateway_bridge::BridgeHandle;
use tokio::sync::watch;

use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::Config;
use crate::message::ToLanes;
use crate::observe::Observer;
use crate::outbox::Outbox;
use crate::registry::{Registry, WirelessDevice};
use crate::rooms::{Ledgers, Partitions};
use crate::service::Service;
use crate::store::Store;

pub use logging::init as init_logging;

/// How long a stopping server waits for the broker to take what is on its way. What it does not
/// take is in the store and is published after the next start.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A running server.
pub struct Server {
    addresses: Addresses,
    registry: Arc<Registry>,
    service: Arc<Service>,
    observer: Arc<Observer>,
    broker: Arc<dyn Broker>,
    intake: build::SharedIntake,
    radios: Arc<radio::Radios>,
    outbox: Arc<Outbox>,
    shadows: shadows::ShadowRoom,
    rules: rules::RuleRooms,
    store: Arc<dyn Store>,
    ledgers: Ledgers,
    partitions: Partitions,
    lanes: Sender<ToLanes>,
    bridge: Option<BridgeHandle>,
    abandon: Arc<AtomicBool>,
    stopping: watch::Sender<bool>,
    threads: Threads,
}

/// Where a running server listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    /// Semtech UDP; `None`: off.
    pub semtech_udp: Option<SocketAddr>,
    /// The embedded broker; `None`: another broker is used.
    pub mqtt: Option<SocketAddr>,
    /// The API; `None`: off.
    pub http: Option<SocketAddr>,
    /// The API over TLS; `None`: off.
    pub https: Option<SocketAddr>,
}

/// Threads, by when they end.
struct Threads {
    bridge: Option<JoinHandle<std::io::Result<()>>>,
    http: Option<JoinHandle<()>>,
    partitions: Vec<JoinHandle<()>>,
    lanes: JoinHandle<()>,
    committer: JoinHandle<bool>,
    workers: Vec<JoinHandle<()>>,
    housekeeping: JoinHandle<()>,
}

impl Server {
    /// Reads everything back and starts every room. Nothing is heard before all of them run.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let store: Arc<dyn Store> =
            Arc::from(crate::store::open(config.store.kind, &config.server.data_dir)?);
        build::start(config, &clock, store)
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Says where everything is.
    fn say_where(&self, config: &Config) {
        let devices = self.registry.count::<WirelessDevice>();
        let data = config.server.data_dir.display();
        tracing::info!(region = %config.server.region, devices, %data, "lns runs");
        match self.addresses.semtech_udp {
            Some(address) => tracing::info!("gateways: Semtech UDP on {address}"),
            None => tracing::info!("gateways: through MQTT bridges only"),
        }
        match (self.addresses.mqtt, &config.mqtt.broker_url) {
            (Some(address), _) if config.mqtt.anonymous == crate::config::Anonymous::Loopback => {
                tracing::info!("MQTT on {address}, without authentication")
            }
            (Some(address), _) => tracing::info!("MQTT on {address}, for users alone"),
            (None, Some(url)) => tracing::info!("MQTT at {url}"),
            (None, None) => {}
        }
    }

    /// Profiles, devices and gateways.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The devices in their partitions.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Metrics, and the place to watch.
    pub fn observer(&self) -> &Arc<Observer> {
        &self.observer
    }

    /// Stops intake, finishes what was taken in, makes it durable, and ends every thread.
    ///
    /// Fails when something that was decided could not be made durable.
    pub fn stop(self) -> anyhow::Result<()> {
        let Threads { bridge, http, partitions, lanes, committer, workers, housekeeping } =
            self.threads;
        self.stopping.send_replace(true);
        if let Some(bridge) = &self.bridge {
            bridge.stop();
        }
        let ended = |thread: std::thread::Result<()>| thread.ok().context("a room has panicked");
        if let Some(thread) = bridge {
            thread.join().ok().context("the bridge has panicked")??;
        }
        if let Some(thread) = http {
            ended(thread.join())?;
        }
        self.partitions.stop();
        for thread in partitions {
            ended(thread.join())?;
        }
        ended(housekeeping.join())?;
        self.abandon.store(true, Ordering::Relaxed);
        let committed = committer.join().ok().context("the committer has panicked")?;
        let _ = self.lanes.send(ToLanes::Stop);
        ended(lanes.join())?;
        self.outbox.stop(LAST_WORDS);
        for thread in workers {
            ended(thread.join())?;
        }
        // Before the rooms that actions need; what waits for an endpoint is in the store.
        let queued = self.rules.stop(LAST_WORDS);
        ended(self.shadows.stop())?;
        self.broker.stop(LAST_WORDS);
        *self.intake.write() = None;
        self.radios.forget_here();
        anyhow::ensure!(
            committed && queued,
            "the store refused the last changes; what they answered was not released. \
             See the log for its reason"
        );
        let mut last = std::mem::take(&mut *self.ledgers.lock());
        last.extend(self.outbox.progress().moved());
        self.store.commit(&last)?;
        Ok(())
    }
}

/// Runs a server until the process is told to end.
pub fn run(config: &Config) -> anyhow::Result<()> {
    init_logging(config.server.log_level, config.server.log_format);
    let end = EndSignal::listen().context("listening for SIGTERM")?;
    let server = Server::start(config)?;
    server.say_where(config);
    end.wait();
    tracing::info!("stopping: finishing what was taken in");
    server.stop()?;
    tracing::info!("stopped; everything is durable");
    Ok(())
}

/// What tells the process to end. From here on SIGINT and SIGTERM no longer kill it, so this comes
/// before anything that must not be cut off.
pub struct EndSignal {
    runtime: tokio::runtime::Runtime,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl EndSignal {
    /// Listens from now on.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listening = runtime.enter();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        drop(listening);
        Ok(Self { runtime, terminate, interrupt })
    }

    /// The same, but returns after `patience` in any case.
    pub fn wait_at_most(self, patience: std::time::Duration) {
        let Self { runtime, mut terminate, mut interrupt } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = tokio::time::sleep(patience) => {}
            }
        });
    }

    /// Returns when one has come, if only before this was called.
    pub fn wait(self) {
        let Self { runtime, mut terminate, mut interrupt } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
    }
}
