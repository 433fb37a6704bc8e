//! Somebody else's broker behind [`Broker`].
//!
//! Every message stays in our own window until its PUBACK, and outlives connections: when one is lost,
//! the next begins with everything unacknowledged. So an unplugged cable costs time and perhaps
//! duplicates, never a message. Why it speaks MQTT by itself is in `docs/decisions/external-broker.md`.

mod connection;
mod echoes;
mod filters;
mod greeting;
mod look;
mod read;
mod retry;
mod stream;
mod subscribed;
mod taken_in;
mod url;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::heard::Heard;
use super::status::{Counters, Status};
use super::{Broker, BrokerError, Busy, Intake, Message, Origin, Publication, Taken, Ticket};
use crate::store::{MemoryStore, Store};
use echoes::Echoes;
pub use retry::Speech;
pub use stream::BrokerTls;
use stream::Way;
use subscribed::Subscribed;
use taken_in::{Unanswered, hand_over};
pub use url::BrokerUrl;
use window::Window;

/// The largest packet either way, bytes; 1 MiB as on the embedded broker.
const MAX_PACKET: usize = 1024 * 1024;
/// What is published below goes to the rule named next, and nowhere else.
const BASIC_INGEST: &str = "$aws/rules/";
/// Room for the header.
const MAX_OVERHEAD: usize = 16;

/// How an external broker is used.
#[derive(Clone, Debug)]
pub struct ExternalConfig {
    /// Where it is.
    pub url: BrokerUrl,
    /// Our client id there: fixed, so that the broker keeps our session; no two servers may share
    /// one.
    pub client_id: String,
    /// Which MQTT.
    pub speech: Speech,
    /// Whom to trust, and what to show, where the URL says TLS.
    pub tls: BrokerTls,
    /// The most messages that are not acknowledged, waiting ones included.
    pub in_flight: usize,
    /// The most messages sent and not acknowledged at a time; a broker may want fewer.
    pub window: u16,
}

impl ExternalConfig {
    /// Defaults, for the broker at `url`.
    pub fn new(url: BrokerUrl) -> Self {
        Self {
            url,
            client_id: "lns".into(),
            speech: Speech::Auto,
            tls: BrokerTls::default(),
            in_flight: 8192,
            window: 1024,
        }
    }
}

/// What the thread of the connection and its users share.
struct Link {
    url: BrokerUrl,
    client_id: String,
    way: Way,
    window: Mutex<Window>,
    pushed: Notify,
    stop: Notify,
    stopping: AtomicBool,
    counters: Counters,
    intake: Intake,
    heard: Heard,
    /// The filters have changed since the broker was told.
    retuned: AtomicBool,
    subscribed: Mutex<Subscribed>,
    echoes: Mutex<Echoes>,
    /// What was taken in and not acknowledged when a connection was lost.
    unanswered: Mutex<Unanswered>,
}

impl Link {
    async fn told_to_stop(&self) {
        while !self.stopping.load(Ordering::Acquire) {
            self.stop.notified().await;
        }
    }
}

/// Somebody else's broker.
pub struct External {
    link: Arc<Link>,
    bound: u64,
    closed: AtomicBool,
    /// What the server publishes and listens to itself.
    own: mpsc::Sender<(Publication, Ticket)>,
    /// One who asks what is retained at a time.
    looking: tokio::sync::Mutex<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl External {
    /// As [`open`](Self::open), and remembers nothing over a restart.
    pub fn start(config: ExternalConfig, intake: Intake) -> Result<Self, BrokerError> {
        Self::open(config, intake, Arc::new(MemoryStore::new()))
    }

    /// Starts to connect, and returns at once: a broker that is not there is waited for. What it has
    /// been asked for is kept in `store`, because the broker keeps it, too.
    pub fn open(
        config: ExternalConfig,
        intake: Intake,
        store: Arc<dyn Store>,
    ) -> Result<Self, BrokerError> {
        let link = Arc::new(Link {
            url: config.url.clone(),
            client_id: config.client_id.clone(),
            way: Way::new(&config.url, &config.tls)?,
            window: Mutex::default(),
            pushed: Notify::new(),
            stop: Notify::new(),
            stopping: AtomicBool::new(false),
            counters: Counters::default(),
            intake,
            heard: Heard::new(),
            retuned: AtomicBool::new(false),
            subscribed: Mutex::new(Subscribed::read(store, &config.url, &config.client_id)),
            echoes: Mutex::default(),
            unanswered: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BrokerError::Runtime)?;
        let bound = config.in_flight.max(1) as u64;
        let shared = link.clone();
        let (own, heard) = mpsc::channel(config.in_flight.max(1));
        let thread = thread::Builder::new()
            .name("mqtt".into())
            .spawn(move || {
                runtime.spawn(hear_own(Arc::clone(&shared), heard));
                runtime.block_on(retry::keep_connected(&shared, &config));
                // A name that is being looked up must not hold us.
                runtime.shutdown_background();
            })
            .map_err(BrokerError::Runtime)?;
        let (closed, thread) = (AtomicBool::new(false), Mutex::new(Some(thread)));
        let looking = tokio::sync::Mutex::default();
        Ok(Self { link, bound, closed, own, looking, thread })
    }

    /// What the broker has retained on `topic`; why that is not known, for people.
    pub async fn retained(&self, topic: &str) -> Result<Option<Message>, String> {
        let _alone = self.looking.lock().await;
        look::retained(&self.link, topic).await
    }

    /// A message for one rule is nobody else's, and needs no broker.
    fn ingest(&self, message: Message, ticket: Ticket) -> Result<(), Busy> {
        if !self.link.heard.covers(&message.topic) {
            return Err(Busy { message, ticket });
        }
        let Ok(place) = self.own.try_reserve() else { return Err(Busy { message, ticket }) };
        let origin = Origin::Server { hops: message.hops };
        place.send((Publication { message, origin }, ticket));
        Ok(())
    }

    /// Has the server hear its own message; the ticket is split between it and the broker. Gives the
    /// ticket back when too many wait to be heard.
    fn hear(&self, message: &Message, ticket: Ticket) -> Result<Ticket, Ticket> {
        let Ok(place) = self.own.try_reserve() else { return Err(ticket) };
        let mut parts = ticket.split(2);
        let (Some(mine), Some(brokers)) = (parts.pop(), parts.pop()) else {
            unreachable!("a ticket splits into as many parts as are asked for")
        };
        let origin = Origin::Server { hops: message.hops };
        place.send((Publication { message: message.clone(), origin }, mine));
        Ok(brokers)
    }

    fn end(&self) -> Option<JoinHandle<()>> {
        self.closed.store(true, Ordering::Release);
        self.link.stopping.store(true, Ordering::Release);
        self.link.stop.notify_one();
        self.thread.lock().take()
    }
}

impl Broker for External {
    fn publish(&self, message: Message, ticket: Ticket) -> Result<(), Busy> {
        let counters = &self.link.counters;
        if message.topic.starts_with(BASIC_INGEST) && !self.closed.load(Ordering::Acquire) {
            return self.ingest(message, ticket);
        }
        if self.closed.load(Ordering::Acquire) || !counters.admit(self.bound) {
            return Err(Busy { message, ticket });
        }
        if !self.link.window.lock().has_room_for(&message) {
            counters.give_back();
            return Err(Busy { message, ticket });
        }
        if !fits(&message) {
            // Sent, it would end every connection from now on.
            tracing::error!(
                topic = message.topic,
                bytes = size(&message),
                "not published: the topic is not valid, or the message is larger than 1 MiB"
            );
            counters.acknowledge();
            ticket.acknowledged();
            return Ok(());
        }
        let ticket = if self.link.heard.covers(&message.topic) {
            match self.hear(&message, ticket) {
                Ok(ticket) => ticket,
                Err(ticket) => {
                    counters.give_back();
                    return Err(Busy { message, ticket });
                }
            }
        } else {
            ticket
        };
        self.link.window.lock().push(message, ticket);
        self.link.pushed.notify_one();
        Ok(())
    }

    fn listen(&self, room: &'static str, filters: Vec<String>) {
        self.link.heard.set(room, filters);
        self.link.retuned.store(true, Ordering::Release);
        self.link.pushed.notify_one();
    }

    fn external(&self) -> Option<&External> {
        Some(self)
    }

    fn status(&self) -> Status {
        self.link.counters.status(self.bound)
    }

    fn stop(&self, patience: Duration) {
        self.closed.store(true, Ordering::Release);
        let deadline = Instant::now() + patience;
        let counters = &self.link.counters;
        let waits = || {
            counters.in_flight.load(Ordering::Acquire) > 0
                && counters.connected.load(Ordering::Relaxed)
        };
        while waits() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        if let Some(thread) = self.end() {
            let _ = thread.join();
        }
        self.link.counters.connected.store(false, Ordering::Relaxed);
    }
}

impl Drop for External {
    fn drop(&mut self) {
        // The thread ends by itself; nobody waits for it here.
        let _ = self.end();
    }
}

/// Bytes of what a message says.
fn size(message: &Message) -> usize {
    let of = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() + 3);
    let properties = message.properties.as_deref().map_or(0, |given| {
        let user: usize = given.user.iter().map(|(name, value)| name.len() + value.len() + 5).sum();
        let correlation = given.correlation.as_ref().map_or(0, |data| data.len() + 3);
        // Payload format and expiry take 2 and 5.
        user + correlation + of(&given.content_type) + of(&given.response_topic) + 7
    });
    message.topic.len() + message.payload.len() + properties
}

/// Whether every broker can be expected to take it.
fn fits(message: &Message) -> bool {
    let topic = &message.topic;
    let named = !topic.is_empty() && !topic.contains(['+', '#', '\0']);
    let short = |text: &str| text.len() <= usize::from(u16::MAX) && !text.contains('\0');
    let said = message.properties.as_deref().is_none_or(|given| {
        let texts = given.content_type.iter().chain(&given.response_topic);
        texts.map(String::as_str).all(short)
            && given.user.iter().all(|(name, value)| short(name) && short(value))
            && given.correlation.as_ref().is_none_or(|it| it.len() <= usize::from(u16::MAX))
    });
    named && short(topic) && said && size(message) + MAX_OVERHEAD <= MAX_PACKET
}

/// The server's own words, for those of its rooms that listen to them. Not by way of the broker,
/// which knows nothing of rules and would not say whose they are.
async fn hear_own(link: Arc<Link>, mut own: mpsc::Receiver<(Publication, Ticket)>) {
    while let Some((publication, ticket)) = own.recv().await {
        hand_over(&link.intake, publication, Taken::from(ticket)).await;
    }
}
