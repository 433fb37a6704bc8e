//! Our own MQTT broker, in this process.
//!
//! What a broker decides is [`lns_broker`]; here are its surroundings. One thread owns the core and
//! takes what has arrived in batches ([`owner`]); a task for each connection reads, parses, encodes and
//! writes ([`connection`]); a third party says who a client is ([`Gate`]); and one thread makes durable
//! what must be ([`keeper`]). `docs/decisions/own-broker.md` says why it is our own.

mod connection;
mod desk;
mod gate;
mod keeper;
mod line;
mod listen;
mod owner;
mod pace;
mod presence;
mod read;
mod rights;
mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lns_broker::{Bounds, Config, Core, Input, Limits, SessionRecord, Timestamp};
use lns_pipeline::topic::TopicFilter;
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::heard::Heard;
use super::status::{Counters, Status};
use super::{Broker, BrokerError, Busy, Intake, Message, Ticket};
use crate::clock::Clock;
use crate::store::{MemoryStore, Store};
use crate::tls::{self, TlsSettings};
pub use connection::Ends;
use connection::Reception;
pub use desk::{ConnectionSeen, NotSent, RetainedMessage, Subscribed};
use gate::Porter;
pub use gate::{Admitted, Caller, Gate, Transport};
use keeper::Shelf;
use listen::Hall;
use owner::{Desk, Owner, Returns, ToOwner};
pub use rights::Credentials;
use rights::Rights;
pub use websocket::WebSocketDoor;

/// What may wait for the broker's thread besides messages of the server: a batch of each of many
/// connections. When it is full the connections wait, and so do their clients.
const INBOX: usize = 4096;
/// How many clients are asked at a time who they are.
const ASKED_AT_ONCE: usize = 4;

/// How the embedded broker is set up.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// Where to listen; port 0 lets the system choose ([`Embedded::address`] tells).
    pub address: SocketAddr,
    /// Where to listen for TLS, and with what.
    pub tls: Option<(SocketAddr, TlsSettings)>,
    /// What bridges must show; `None`: anybody on loopback may be a bridge.
    pub bridge: Option<Credentials>,
    /// What applications must show; `None`: on loopback nothing, elsewhere none can connect.
    pub application: Option<Credentials>,
    /// The most messages from the server that are not yet in the clients' queues.
    pub in_flight: usize,
    /// The most messages that wait for one client; beyond it the oldest is dropped and counted.
    pub queue_per_client: usize,
    /// The most clients, connected or with a kept session.
    pub clients: usize,
    /// How long the session of a client of MQTT 3.1.1 is kept while it is away, and the longest
    /// that a client of MQTT 5 may ask for.
    pub session_expiry: Duration,
    /// Whether applications on loopback may come as nobody.
    pub anonymous: bool,
    /// What is bounded besides, because memory ends.
    pub bounds: Bounds,
    /// What is limited besides, by the operator's wish.
    pub limits: Limits,
    /// The most bytes of a second that one connection reads, and that it is written; `None`: no limit.
    pub bytes_per_second: Option<u32>,
    /// Threads that read and write connections.
    pub threads: usize,
}

impl EmbeddedConfig {
    /// Defaults, on `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            bridge: None,
            application: None,
            in_flight: 8192,
            queue_per_client: 100_000,
            clients: 50_000,
            session_expiry: Duration::from_secs(2 * 60 * 60),
            anonymous: true,
            bounds: Bounds::default(),
            limits: Limits::default(),
            bytes_per_second: None,
            threads: 2,
        }
    }

    fn core(&self) -> Config {
        let sessions = self.clients;
        let bounds = Bounds { sessions, queued_messages: self.queue_per_client, ..self.bounds };
        let session_expiry = u32::try_from(self.session_expiry.as_secs()).unwrap_or(u32::MAX);
        Config { bounds, limits: self.limits, session_expiry, ..Config::default() }
    }
}

/// What the broker needs of the server around it.
pub struct Surroundings {
    /// Gets what the server listens to.
    pub intake: Intake,
    /// Where sessions, queues and retained messages are kept.
    pub store: Arc<dyn Store>,
    /// Who the clients are; `None`: those of the two passwords of the configuration.
    pub gate: Option<Arc<dyn Gate>>,
    /// The server's clock.
    pub clock: Clock,
}

/// Our own MQTT broker, in this process.
pub struct Embedded {
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    bound: u64,
    owner: mpsc::Sender<ToOwner>,
    heard: Heard,
    counters: Arc<Counters>,
    stopped: AtomicBool,
    hall: Hall,
    running: Mutex<Option<Running>>,
}

/// What ends with the broker.
struct Running {
    connections: Runtime,
    core: JoinHandle<()>,
    keeper: JoinHandle<()>,
    shelf: Arc<Shelf>,
}

impl Embedded {
    /// A broker that keeps nothing over a restart.
    pub fn start(config: EmbeddedConfig, intake: Intake) -> Result<Self, BrokerError> {
        let (store, clock) = (Arc::new(MemoryStore::new()), Clock::start());
        Self::open(config, Surroundings { intake, store, gate: None, clock })
    }

    /// Reads back what was kept, and listens.
    ///
    /// Blocks for the moment that it takes; callable from async code.
    pub fn open(config: EmbeddedConfig, around: Surroundings) -> Result<Self, BrokerError> {
        let mut rights =
            Rights::new(config.address, config.bridge.clone(), config.application.clone());
        rights.loopback &= config.anonymous;
        if around.gate.is_none() && rights.open_to_the_world() {
            let is_here = config.address.ip().to_canonical().is_loopback();
            return Err(match is_here {
                true => BrokerError::NobodyCanConnect,
                false => BrokerError::OpenToTheWorld { address: config.address },
            });
        }
        let porter = Arc::new(Porter { gate: around.gate.clone(), rights });
        let acceptor = config
            .tls
            .as_ref()
            .map(|(_, settings)| tls::acceptor(settings, &tls::MQTT))
            .transpose()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.threads.max(1))
            .thread_name("mqtt")
            .enable_all()
            .build()
            .map_err(BrokerError::Runtime)?;
        let (plain, secure) = listeners(&runtime, &config)?;
        let unknown = |error: std::io::Error| BrokerError::Bind {
            address: config.address,
            reason: error.to_string(),
        };
        let address = plain.local_addr().map_err(unknown)?;
        let tls_address =
            secure.as_ref().map(|one| one.local_addr().map_err(unknown)).transpose()?;

        let counters = Arc::new(Counters::default());
        let (owner, inbox) = mpsc::channel(INBOX + config.in_flight);
        let reception = Arc::new(Reception {
            owner: owner.clone(),
            porter: Arc::clone(&porter),
            counters: Arc::clone(&counters),
            asking: Semaphore::new(ASKED_AT_ONCE),
            max_packet: config.core().bounds.packet_bytes as usize,
            bytes_per_second: config.bytes_per_second,
        });
        let numbers = u64::try_from(around.clock.now().micros()).unwrap_or(0);
        let hall = Hall {
            reception,
            places: Arc::new(Semaphore::new(config.clients.min(Semaphore::MAX_PERMITS))),
            numbers: Arc::new(AtomicU64::new(numbers)),
        };
        let (core, keeper, shelf) = start_core(&config, around, (inbox, &counters, &porter))?;
        runtime.spawn(hall.clone().accept(plain, None));
        if let Some(secure) = secure {
            runtime.spawn(hall.clone().accept(secure, acceptor));
        }
        counters.connected.store(true, Ordering::Relaxed);
        let broker = Self {
            address,
            tls_address,
            bound: config.in_flight.max(1) as u64,
            owner,
            heard: Heard::new(),
            counters,
            stopped: AtomicBool::new(false),
            hall,
            running: Mutex::new(Some(Running { connections: runtime, core, keeper, shelf })),
        };
        broker.tune();
        Ok(broker)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for TLS.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    /// The door for MQTT over WebSocket, which an HTTP server opens.
    pub fn websocket(&self) -> WebSocketDoor {
        WebSocketDoor { hall: self.hall.clone() }
    }

    /// What clients may do may have changed.
    pub fn access_changed(&self) {
        self.tell(ToOwner::Input(Input::AccessChanged));
    }

    /// Ends the connections of a principal that may not be connected any more.
    pub fn expel(&self, principal: &str) {
        self.tell(ToOwner::Expel(principal.into()));
    }

    /// Has the core hear what the rooms do.
    fn tune(&self) {
        let filters = self.heard.filters();
        let parsed = filters.iter().filter_map(|filter| TopicFilter::parse(filter).ok()).collect();
        self.tell(ToOwner::Input(Input::Listen(parsed)));
    }

    /// Asks the core something; the answer comes when what was said before has been decided.
    ///
    /// # Errors
    /// The broker has stopped.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core, &Desk) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (say, said) = oneshot::channel();
        let ask = ToOwner::Ask(Box::new(move |core, desk| {
            // Nobody listens when the one who asked has gone.
            let _ = say.send(question(core, desk));
        }));
        self.owner.send(ask).await.map_err(|_| Stopped)?;
        said.await.map_err(|_| Stopped)
    }

    /// Waits for a place in the inbox where there is none; for what is said rarely.
    fn tell(&self, mut what: ToOwner) {
        while let Err(mpsc::error::TrySendError::Full(back)) = self.owner.try_send(what) {
            what = back;
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The listening sockets, bound before anything runs, so that a port in use is our error and not a
/// line in a log.
fn listeners(
    runtime: &Runtime,
    config: &EmbeddedConfig,
) -> Result<(tokio::net::TcpListener, Option<tokio::net::TcpListener>), BrokerError> {
    let (plain, secure) = (config.address, config.tls.as_ref().map(|(address, _)| *address));
    let (say, said) = std::sync::mpsc::sync_channel(1);
    // Spawned, because a runtime may not block within another.
    runtime.spawn(async move {
        let bound = async {
            let plain = listen::bind(plain).await?;
            let secure = match secure {
                Some(address) => Some(listen::bind_tls(address).await?),
                None => None,
            };
            Ok((plain, secure))
        };
        // Nobody listens only if the caller is gone.
        let _ = say.send(bound.await);
    });
    let unknown = || BrokerError::Runtime(std::io::Error::other("the MQTT threads have died"));
    said.recv().map_err(|_| unknown())?
}

type Started = (JoinHandle<()>, JoinHandle<()>, Arc<Shelf>);

/// Starts the thread that owns the core, and the one that keeps its records.
fn start_core(
    config: &EmbeddedConfig,
    around: Surroundings,
    (inbox, counters, porter): (mpsc::Receiver<ToOwner>, &Arc<Counters>, &Porter),
) -> Result<Started, BrokerError> {
    let records = keeper::restore(&*around.store)
        .map_err(|error| BrokerError::Restore { reason: error.to_string() })?;
    let mut access =
        |session: &SessionRecord| porter.access(&session.client_id, session.principal.as_deref());
    let now = Timestamp::from_micros(around.clock.now().micros());
    let (core, outputs) = Core::restore(config.core(), now, records, &mut access);
    let (shelf, returns) = (Arc::new(Shelf::default()), Arc::new(Returns::default()));
    let told = Arc::clone(&returns.told);
    let keeper = keeper::start(around.store, Arc::clone(&shelf), told);
    let keeper = keeper.map_err(BrokerError::Runtime)?;
    let owner = Owner {
        core,
        inbox,
        intake: around.intake,
        shelf: Arc::clone(&shelf),
        returns,
        counters: Arc::clone(counters),
        clock: around.clock,
        desk: Desk::with(outputs),
    };
    let alone = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(BrokerError::Runtime)?;
    let thread = thread::Builder::new().name("mqtt-core".into());
    let core = thread.spawn(move || alone.block_on(owner.run())).map_err(BrokerError::Runtime)?;
    Ok((core, keeper, shelf))
}

/// The broker has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the MQTT broker has stopped")]
pub struct Stopped;

impl Broker for Embedded {
    fn publish(&self, message: Message, ticket: Ticket) -> Result<(), Busy> {
        if self.stopped.load(Ordering::Acquire) || !self.counters.admit(self.bound) {
            return Err(Busy { message, ticket });
        }
        self.owner.try_send(ToOwner::Publish(message, ticket)).map_err(|error| {
            self.counters.give_back();
            match error.into_inner() {
                ToOwner::Publish(message, ticket) => Busy { message, ticket },
                _ => unreachable!("what is given back is what was sent"),
            }
        })
    }

    fn listen(&self, room: &'static str, filters: Vec<String>) {
        self.heard.set(room, filters);
        self.tune();
    }

    fn embedded(&self) -> Option<&Embedded> {
        Some(self)
    }

    fn status(&self) -> Status {
        self.counters.status(self.bound)
    }

    fn stop(&self, patience: Duration) {
        self.stopped.store(true, Ordering::Release);
        let Some(running) = self.running.lock().take() else { return };
        let deadline = Instant::now() + patience;
        while self.counters.in_flight.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        self.tell(ToOwner::Input(Input::Stop));
        let left = deadline.saturating_duration_since(Instant::now()).max(LAST_MOMENT);
        // In a thread, because a runtime may not be ended from within another.
        let ended = thread::spawn(move || {
            let _ = running.core.join();
            running.shelf.end(deadline);
            let _ = running.keeper.join();
            // The connections end by themselves when their last words are written.
            running.connections.shutdown_timeout(left.min(LAST_MOMENT));
        });
        let _ = ended.join();
        self.counters.connected.store(false, Ordering::Relaxed);
    }
}

/// How long the connections get to write their last words.
const LAST_MOMENT: Duration = Duration::from_millis(200);

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(running) = self.running.lock().take() {
            let _ = self.owner.try_send(ToOwner::Input(Input::Stop));
            running.shelf.end(Instant::now());
            running.connections.shutdown_background();
        }
    }
}
