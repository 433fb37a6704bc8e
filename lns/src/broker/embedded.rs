//! Our own MQTT broker, in this process: the library `rmqtt` behind [`Broker`].
//!
//! Messages go in without a socket, and what clients publish to the server comes out through the
//! library's hooks. It runs in a runtime of its own, because the library's listener cannot be
//! stopped otherwise. Its queues are memory: the promise to a client is in `docs/MQTT.md`.

mod access;
mod hooks;
mod retain;

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rmqtt::codec::types::Publish as Packet;
use rmqtt::codec::v5::PublishProperties;
use rmqtt::context::ServerContext;
use rmqtt::net::{Builder, Listener};
use rmqtt::server::MqttServer;
use rmqtt::session::SessionState;
use rmqtt::types::{From as Sender, Id, QoS};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::heard::Heard;
use super::status::{Counters, Status};
use super::{Broker, BrokerError, Busy, Intake, Message, Origin, Publication, Ticket};
use access::Access;
pub use access::Credentials;
use hooks::{Hooks, hear};
use retain::Retained;

/// How many messages the forwarder takes at once.
const BATCH: usize = 256;
/// The only listener's name in the library's tables; any number.
const LISTENER: u16 = 1;
/// How much memory one packet may take. A message of ours is 2 KB; applications may use the broker
/// among themselves.
const MAX_PACKET: u32 = 1024 * 1024;

/// How the embedded broker is set up.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// Where to listen; port 0 lets the system choose ([`Embedded::address`] tells).
    pub address: SocketAddr,
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
    /// Threads to run it.
    pub threads: usize,
}

impl EmbeddedConfig {
    /// Defaults, on `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            bridge: None,
            application: None,
            in_flight: 8192,
            queue_per_client: 100_000,
            clients: 10_000,
            session_expiry: Duration::from_secs(2 * 60 * 60),
            threads: 2,
        }
    }
}

struct Job {
    message: Message,
    ticket: Ticket,
}

/// Our own MQTT broker, in this process.
pub struct Embedded {
    address: SocketAddr,
    bound: u64,
    jobs: mpsc::Sender<Job>,
    heard: Heard,
    counters: Arc<Counters>,
    stopped: AtomicBool,
    runtime: Mutex<Option<Runtime>>,
}

impl Embedded {
    /// Listens, and hands to `intake` what clients publish to the server.
    ///
    /// Blocks for the moment that it takes; callable from async code.
    pub fn start(config: EmbeddedConfig, intake: Intake) -> Result<Self, BrokerError> {
        let access = Access::new(config.address, config.bridge.clone(), config.application.clone());
        if access.open_to_the_world() {
            return Err(BrokerError::OpenToTheWorld { address: config.address });
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.threads.max(1))
            .thread_name("mqtt")
            .enable_all()
            .build()
            .map_err(BrokerError::Runtime)?;
        let counters = Arc::new(Counters::default());
        let heard = Heard::new();
        let hooks = Hooks {
            access: Arc::new(access),
            intake,
            heard: heard.clone(),
            counters: counters.clone(),
        };
        let (jobs, queue) = mpsc::channel(config.in_flight.max(1));
        let bound = config.in_flight.max(1) as u64;
        let (ready, started) = std::sync::mpsc::sync_channel(1);
        let own = hooks.clone();
        runtime.spawn(async move {
            let (context, server, address) = match set_up(&config, hooks).await {
                Ok(set_up) => set_up,
                Err(error) => return drop(ready.send(Err(error))),
            };
            tokio::spawn(forward(context, queue, own));
            // Nobody listens only if the caller is gone.
            let _ = ready.send(Ok(address));
            if let Err(error) = server.run().await {
                tracing::error!(%error, "the embedded MQTT broker has stopped");
            }
        });
        let unknown = || BrokerError::Runtime(std::io::Error::other("the MQTT threads have died"));
        let address = started.recv().map_err(|_| unknown())??;
        counters.connected.store(true, Ordering::Relaxed);
        Ok(Self {
            address,
            bound,
            jobs,
            heard,
            counters,
            stopped: AtomicBool::new(false),
            runtime: Mutex::new(Some(runtime)),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Broker for Embedded {
    fn publish(&self, message: Message, ticket: Ticket) -> Result<(), Busy> {
        if self.stopped.load(Ordering::Acquire) || !self.counters.admit(self.bound) {
            return Err(Busy { message, ticket });
        }
        self.jobs.try_send(Job { message, ticket }).map_err(|error| {
            self.counters.give_back();
            let Job { message, ticket } = error.into_inner();
            Busy { message, ticket }
        })
    }

    fn listen(&self, room: &'static str, filters: Vec<String>) {
        self.heard.set(room, filters);
    }

    fn status(&self) -> Status {
        self.counters.status(self.bound)
    }

    fn stop(&self, patience: Duration) {
        self.stopped.store(true, Ordering::Release);
        let Some(runtime) = self.runtime.lock().take() else { return };
        let deadline = Instant::now() + patience;
        while self.counters.in_flight.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        // In a thread, because a runtime may not be ended from within another.
        let ended = thread::spawn(move || runtime.shutdown_timeout(left.max(LAST_MOMENT)));
        let _ = ended.join();
        self.counters.connected.store(false, Ordering::Relaxed);
    }
}

/// How long the threads get to end when patience has run out.
const LAST_MOMENT: Duration = Duration::from_millis(200);

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.lock().take() {
            runtime.shutdown_background();
        }
    }
}

/// Everything up to the listening socket, so that only what cannot fail runs unobserved.
async fn set_up(
    config: &EmbeddedConfig,
    hooks: Hooks,
) -> Result<(ServerContext, MqttServer, SocketAddr), BrokerError> {
    let address = config.address;
    let listener = bind(config)?;
    let failed = |error: rmqtt::Error| BrokerError::Embedded { address, reason: error.to_string() };
    let bound = listener.local_addr().map_err(failed)?;
    let context = ServerContext::new()
        .mqtt_max_sessions(isize::try_from(config.clients).unwrap_or(isize::MAX))
        // It refuses clients by the machine's load average, which is not ours to judge.
        .busy_check_enable(false)
        .build()
        .await;
    *context.extends.retain_mut().await = Box::new(Retained::new());
    hooks.register(&context).await;
    let server = MqttServer::new(context.clone()).listener_by_id(listener, LISTENER).build();
    Ok((context, server, bound))
}

/// The listening socket, bound here so that a port in use is our error and not a line in a log.
fn bind(config: &EmbeddedConfig) -> Result<Listener, BrokerError> {
    let address = config.address;
    Builder::new()
        .name("mqtt")
        .laddr(address)
        .nodelay(true)
        .reuseaddr(Some(true))
        // Not even without a user name: the hook decides, and sees the will.
        .allow_anonymous(false)
        .max_packet_size(MAX_PACKET)
        .max_connections(config.clients)
        .max_inflight(NonZeroU16::new(1024).expect("1024 is not zero"))
        .max_mqueue_len(config.queue_per_client)
        .session_expiry_interval(config.session_expiry)
        .max_session_expiry_interval(config.session_expiry)
        // Messages wait as long as the session; a connected client is not sent them twice
        // (MQTT 5.0 §4.4).
        .message_expiry_interval(Duration::ZERO)
        .message_retry_interval(Duration::ZERO)
        .bind()
        .and_then(|listener| listener.tcp())
        .map_err(|error| bind_error(address, error))
}

fn bind_error(address: SocketAddr, error: rmqtt::Error) -> BrokerError {
    match error.downcast::<std::io::Error>() {
        Ok(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            BrokerError::PortInUse { address }
        }
        Ok(source) => BrokerError::Bind { address, source },
        Err(error) => BrokerError::Embedded { address, reason: error.to_string() },
    }
}

/// Puts the server's messages into the queues of the clients that subscribe to them, in order.
async fn forward(context: ServerContext, mut queue: mpsc::Receiver<Job>, own: Hooks) {
    let id = Id::new(context.node.id(), LISTENER, None, None, "lns".into(), None);
    let sender = Sender::from_system(id);
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        for Job { message, ticket } in batch.drain(..) {
            let heard = own.heard.covers(&message.topic).then(|| message.clone());
            let forwards =
                SessionState::forwards(&context, sender.clone(), packet(message), false, None);
            if let Err(error) = forwards.await {
                tracing::error!(%error, "the embedded MQTT broker lost a message");
            }
            let counters = own.counters.clone();
            match heard {
                None => acknowledge(&counters, ticket),
                Some(message) => {
                    let origin = Origin::Server { hops: message.hops };
                    let intake = own.intake.clone();
                    // What the server has to say next does not wait for what it hears.
                    tokio::spawn(async move {
                        hear(&intake, Publication { message, origin }).await;
                        acknowledge(&counters, ticket);
                    });
                }
            }
        }
    }
}

fn acknowledge(counters: &Counters, ticket: Ticket) {
    counters.acknowledge();
    ticket.acknowledged();
}

/// The library's form of a message.
fn packet(message: Message) -> rmqtt::types::Publish {
    let properties = message.properties.map(|given| PublishProperties {
        content_type: given.content_type.map(Into::into),
        correlation_data: given.correlation,
        message_expiry_interval: given.expiry.and_then(NonZeroU32::new),
        is_utf8_payload: given.is_utf8 == Some(true),
        response_topic: given.response_topic.map(Into::into),
        user_properties: given.user.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        ..PublishProperties::default()
    });
    let packet = Packet {
        dup: false,
        retain: message.retain,
        qos: QoS::try_from(message.qos.number()).unwrap_or(QoS::AtLeastOnce),
        topic: message.topic.into(),
        packet_id: None,
        payload: message.payload,
        properties,
    };
    packet.into()
}
