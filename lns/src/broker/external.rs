//! Somebody else's broker, by the client library `rumqttc` behind [`Broker`].
//!
//! Every message stays in our own window until its PUBACK, and every connection gets a client of
//! its own: when one is lost, or stalls, the next begins with everything unacknowledged. So an
//! unplugged cable costs time and perhaps duplicates, never a message.

mod connection;
mod echoes;
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
use connection::{Connection, Ended, hand_over};
use echoes::Echoes;
pub use url::BrokerUrl;
use window::Window;

/// The largest packet either way, bytes; 1 MiB as on the embedded broker.
const MAX_PACKET: usize = 1024 * 1024;
/// Room for the topic and the header.
const MAX_OVERHEAD: usize = 16;
/// Waits between attempts to connect: from here…
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// …doubling to here.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How an external broker is used.
#[derive(Clone, Debug)]
pub struct ExternalConfig {
    /// Where it is.
    pub url: BrokerUrl,
    /// Our client id there: fixed, so that the broker keeps our session; no two servers may share
    /// one.
    pub client_id: String,
    /// The most messages that are not acknowledged, waiting ones included.
    pub in_flight: usize,
    /// The most messages sent and not acknowledged at a time.
    pub window: u16,
}

impl ExternalConfig {
    /// Defaults, for the broker at `url`.
    pub fn new(url: BrokerUrl) -> Self {
        Self { url, client_id: "lns".into(), in_flight: 8192, window: 1024 }
    }
}

/// What the thread of the connection and its users share.
struct Link {
    url: BrokerUrl,
    window: Mutex<Window>,
    pushed: Notify,
    stop: Notify,
    stopping: AtomicBool,
    counters: Counters,
    intake: Intake,
    heard: Heard,
    /// The filters have changed since the broker was told.
    retuned: Notify,
    echoes: Mutex<Echoes>,
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
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl External {
    /// Starts to connect, and returns at once: a broker that is not there is waited for.
    pub fn start(config: ExternalConfig, intake: Intake) -> Result<Self, BrokerError> {
        let link = Arc::new(Link {
            url: config.url.clone(),
            window: Mutex::default(),
            pushed: Notify::new(),
            stop: Notify::new(),
            stopping: AtomicBool::new(false),
            counters: Counters::default(),
            intake,
            heard: Heard::new(),
            retuned: Notify::new(),
            echoes: Mutex::default(),
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
                runtime.block_on(keep_connected(&shared, &config));
                // A name that is being looked up must not hold us.
                runtime.shutdown_background();
            })
            .map_err(BrokerError::Runtime)?;
        let (closed, thread) = (AtomicBool::new(false), Mutex::new(Some(thread)));
        Ok(Self { link, bound, closed, own, thread })
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
        if self.closed.load(Ordering::Acquire) || !self.link.counters.admit(self.bound) {
            return Err(Busy { message, ticket });
        }
        if !fits(&message) {
            // Sent, it would end every connection from now on.
            tracing::error!(
                topic = message.topic,
                bytes = message.payload.len(),
                "not published: the topic is not valid, or the message is larger than 1 MiB"
            );
            self.link.counters.acknowledge();
            ticket.acknowledged();
            return Ok(());
        }
        let ticket = if self.link.heard.covers(&message.topic) {
            match self.hear(&message, ticket) {
                Ok(ticket) => ticket,
                Err(ticket) => {
                    self.link.counters.give_back();
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
        self.link.retuned.notify_one();
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

/// Whether every broker can be expected to take it.
fn fits(message: &Message) -> bool {
    let topic = &message.topic;
    let named = !topic.is_empty() && !topic.contains(['+', '#', '\0']);
    let small = topic.len() + message.payload.len() + MAX_OVERHEAD <= MAX_PACKET;
    named && small && topic.len() <= usize::from(u16::MAX)
}

/// The server's own words, for those of its rooms that listen to them. Not by way of the broker,
/// which knows nothing of rules and would not say whose they are.
async fn hear_own(link: Arc<Link>, mut own: mpsc::Receiver<(Publication, Ticket)>) {
    while let Some((publication, ticket)) = own.recv().await {
        hand_over(&link.intake, publication, Taken::from(ticket)).await;
    }
}

/// What is remembered from one connection to the next.
struct Trouble {
    wait: Duration,
    /// Whether it has been said that the broker is missing.
    told: bool,
    /// Connections in a row that were made and lost without one acknowledgement.
    fruitless: u32,
}

/// So many in a row are not the network: the broker minds what we say.
const FRUITLESS: u32 = 3;

/// Connects, and connects again, until told to stop.
async fn keep_connected(link: &Link, config: &ExternalConfig) {
    let mut trouble = Trouble { wait: FIRST_WAIT, told: false, fruitless: 0 };
    loop {
        let begun = Instant::now();
        let acknowledged = link.counters.acknowledged.load(Ordering::Relaxed);
        let (ended, established) = Connection::run(link, config).await;
        link.counters.connected.store(false, Ordering::Relaxed);
        link.window.lock().rewind();
        let Ended::Lost(why) = ended else { return };
        let fruitful = link.counters.acknowledged.load(Ordering::Relaxed) > acknowledged;
        trouble.say(link, &why, established, fruitful);
        // One that drops us at once (two servers with one client id) is not hurried.
        if established && begun.elapsed() > LONGEST_WAIT {
            trouble.wait = FIRST_WAIT;
        }
        tokio::select! {
            () = tokio::time::sleep(trouble.wait) => {}
            () = link.told_to_stop() => return,
        }
        trouble.wait = (trouble.wait * 2).min(LONGEST_WAIT);
    }
}

impl Trouble {
    /// Says once that the broker is missing, and once that it seems to mind a message.
    fn say(&mut self, link: &Link, why: &str, established: bool, fruitful: bool) {
        self.told &= !established;
        if !self.told {
            self.told = true;
            tracing::warn!(
                broker = %link.url,
                why,
                "no MQTT broker: messages wait, the server runs on and keeps trying"
            );
        }
        self.fruitless = match (established, fruitful) {
            (true, false) => self.fruitless + 1,
            (true, true) => 0,
            (false, _) => self.fruitless,
        };
        if self.fruitless == FRUITLESS {
            let window = link.window.lock();
            let topic = window.oldest().unwrap_or("nothing");
            tracing::error!(
                broker = %link.url,
                topic,
                "the MQTT broker ends every connection before it acknowledges anything: see that \
                 it lets this user publish on the topic, and that nobody else uses the client id"
            );
        }
    }
}
