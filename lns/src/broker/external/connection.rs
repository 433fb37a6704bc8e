//! One connection to an external broker, from CONNECT to its loss.
//!
//! Six things run side by side on one thread and end together: one reads, one writes, one feeds the
//! writer, one hands over to the server what came in, one acknowledges what the server has let go, one
//! watches that anything moves.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use lns_broker::{PacketId, ReasonCode, Version};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, timeout};

use super::filters::{STATES, disjoint, wish};
use super::greeting::{Reader, Stage, Writer, open, opening};
use super::read::{Got, unreadable};
use super::taken_in::{Arrival, Held, LetGo, hand_over, publication};
use super::window::Parcel;
use super::{ExternalConfig, Link, MAX_OVERHEAD, size};
use crate::broker::Message;
use crate::broker::status::Counters;
use crate::broker::{convert, filter};
use lns_broker::wire::answer::{self, Answer, Welcome};
use lns_broker::wire::client::{self, Publishing};

/// How long nothing may move before the connection is given up: three keepalives.
const STALLED: Duration = Duration::from_secs(30);
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(500);
/// Packet ids have 16 bits, so more cannot wait unacknowledged. What comes at QoS 0 may take half.
const INBOX: usize = u16::MAX as usize;
/// More is not put between feeder and writer.
const HIGH_WATER: usize = 256 * 1024;
/// Filters in one SUBSCRIBE: some brokers refuse a long one.
const AT_ONCE: usize = 8;

/// Why a connection ended.
pub(super) enum Ended {
    /// It was lost or could not be made.
    Lost {
        /// For people.
        why: String,
        /// How far it came.
        stage: Stage,
    },
    /// We are to stop.
    Stopped,
}

/// One connection.
pub(super) struct Connection<'a> {
    link: &'a Link,
    version: Version,
    welcome: Welcome,
    /// The most of our messages that may be unacknowledged.
    window: usize,
    out: RefCell<BytesMut>,
    filled: Notify,
    room: Notify,
    /// When the broker last said anything, and when it last acknowledged while it had to.
    heard: Cell<Instant>,
    acknowledged: Cell<Instant>,
    /// The filters that stand, the ones that are to go, and those of each request not answered.
    standing: RefCell<Vec<String>>,
    leaving: RefCell<HashSet<String>>,
    asked: RefCell<HashMap<u16, Vec<String>>>,
    /// What the server has, in the order in which it came.
    holding: RefCell<VecDeque<Held>>,
    more_held: Notify,
    /// Refusals that have been said.
    said: RefCell<HashSet<u8>>,
}

impl<'a> Connection<'a> {
    /// Connects, and returns when the connection is gone.
    pub async fn run(link: &'a Link, config: &ExternalConfig, version: Version) -> Ended {
        let opening = opening(link, version);
        let opened = tokio::select! {
            opened = open(link, &opening) => opened,
            () = link.told_to_stop() => return Ended::Stopped,
        };
        let (welcome, mut reader, mut writer) = match opened {
            Ok(opened) => opened,
            Err((why, stage)) => return Ended::Lost { why, stage },
        };
        let connection = Self::begun(link, config, (version, welcome));
        let (inbox, arrived) = mpsc::channel(INBOX);
        let why = tokio::select! {
            why = connection.read(&mut reader, inbox) => Some(why),
            why = connection.write(&mut writer) => Some(why),
            why = connection.feed() => Some(why),
            why = connection.take_in(arrived) => Some(why),
            why = connection.acknowledge() => Some(why),
            why = connection.watch() => Some(why),
            () = link.told_to_stop() => None,
        };
        link.unanswered.lock().keep(connection.holding.take());
        let Some(why) = why else {
            connection.say_goodbye(&mut writer).await;
            return Ended::Stopped;
        };
        Ended::Lost { why, stage: Stage::Established }
    }

    /// The state of a connection that has just been made.
    fn begun(
        link: &'a Link,
        config: &ExternalConfig,
        (version, welcome): (Version, Welcome),
    ) -> Self {
        link.window.lock().rewind(welcome.session_present);
        if !welcome.session_present {
            link.unanswered.lock().forget();
            link.subscribed.lock().forget();
        }
        link.is_back(version);
        let most = welcome.receive_maximum.unwrap_or(u16::MAX);
        let now = Instant::now();
        Self {
            link,
            version,
            window: usize::from(config.window.clamp(1, most)),
            welcome,
            out: RefCell::default(),
            filled: Notify::new(),
            room: Notify::new(),
            heard: Cell::new(now),
            acknowledged: Cell::new(now),
            standing: RefCell::default(),
            leaving: RefCell::default(),
            asked: RefCell::default(),
            holding: RefCell::default(),
            more_held: Notify::new(),
            said: RefCell::default(),
        }
    }

    async fn read(&self, reader: &mut Reader, inbox: Sender<Arrival>) -> String {
        loop {
            let got = match reader.next().await {
                Ok(got) => got,
                Err(why) => return why,
            };
            self.heard.set(Instant::now());
            let done = match got {
                Got::Frame(frame) => match answer::parse(&frame, self.version) {
                    Ok(answer) => self.answer(answer, &inbox),
                    Err(error) => Err(unreadable(error)),
                },
                Got::TooLarge { size, topic, packet } => {
                    tracing::warn!(topic, size, "a message of more than 1 MiB is passed over");
                    Counters::count(&self.link.counters.dropped);
                    arrive(Arrival { message: None, packet, dup: false }, &inbox)
                }
            };
            if let Err(why) = done {
                return why;
            }
        }
    }

    fn answer(&self, answer: Answer, inbox: &Sender<Arrival>) -> Result<(), String> {
        match answer {
            Answer::ConnAck(_) => return Err("it says CONNACK a second time".to_owned()),
            Answer::PubAck { packet, reason } => return self.published(packet, reason),
            Answer::SubAck { packet, reasons } => {
                self.refused_filters(&self.answered(packet), &reasons);
            }
            Answer::UnsubAck { packet } => self.unsubscribed(&self.answered(packet)),
            Answer::PingResp => {}
            Answer::Disconnect { reason, words } => {
                let words = words.unwrap_or_else(|| reason.name().to_owned());
                return Err(format!("it ends the connection: {words}"));
            }
            Answer::Publish(publish) => {
                let arrival = Arrival::from(*publish);
                if arrival.packet.is_none() && inbox.capacity() < INBOX / 2 {
                    Counters::count(&self.link.counters.dropped);
                    return Ok(());
                }
                return arrive(arrival, inbox);
            }
        }
        Ok(())
    }

    /// One of our messages has been answered.
    fn published(&self, packet: PacketId, reason: ReasonCode) -> Result<(), String> {
        self.acknowledged.set(Instant::now());
        if reason.is_refusal() && !is_for_ever(reason) {
            return Err(format!("it does not take a message now: {}", reason.name()));
        }
        let mut window = self.link.window.lock();
        if reason.is_refusal() && self.said.borrow_mut().insert(reason.code()) {
            let (reason, topic) = (reason.name(), window.topic(packet.get()).unwrap_or_default());
            tracing::error!(
                reason,
                topic,
                "the MQTT broker refuses a message, which is dropped: allow the topic to this user \
                 in the broker (said once for each connection and reason)"
            );
        }
        let ticket = window.acknowledge(packet.get());
        drop(window);
        if let Some(ticket) = ticket {
            if reason.is_refusal() {
                Counters::count(&self.link.counters.refused);
            }
            self.link.counters.acknowledge();
            ticket.acknowledged();
        }
        self.room.notify_one();
        Ok(())
    }

    /// The filters of a request that has been answered.
    fn answered(&self, packet: PacketId) -> Vec<String> {
        self.link.window.lock().release(packet.get());
        self.asked.borrow_mut().remove(&packet.get()).unwrap_or_default()
    }

    fn refused_filters(&self, filters: &[String], reasons: &[ReasonCode]) {
        for (filter, reason) in filters.iter().zip(reasons) {
            if reason.is_refusal() {
                Counters::count(&self.link.counters.refused);
                tracing::error!(
                    filter,
                    reason = reason.name(),
                    "the MQTT broker refuses the subscription: allow it to this user in the broker"
                );
            }
        }
    }

    fn unsubscribed(&self, filters: &[String]) {
        self.leaving.borrow_mut().retain(|filter| !filters.contains(filter));
        self.link.subscribed.lock().remove(filters, &self.standing.borrow());
    }

    async fn write(&self, writer: &mut Writer) -> String {
        loop {
            let bytes = self.out.take();
            if bytes.is_empty() {
                self.filled.notified().await;
                continue;
            }
            if let Err(error) = writer.write(bytes).await {
                return error.to_string();
            }
            self.room.notify_one();
        }
    }

    /// Puts something behind what is to be written.
    fn put(&self, put: impl FnOnce(&mut BytesMut)) {
        put(&mut self.out.borrow_mut());
        self.filled.notify_one();
    }

    /// Says what is to be said: first the subscriptions, with which the broker also repeats the
    /// retained states of the bridges; then everything unacknowledged, then the new.
    async fn feed(&self) -> String {
        self.link.retuned.store(true, Ordering::Release);
        loop {
            // Before what is published from now on.
            if self.link.retuned.swap(false, Ordering::AcqRel) {
                self.tune();
            }
            while self.has_room() {
                let next = self.link.window.lock().next_to_send();
                let Some(parcel) = next else { break };
                self.say(parcel);
            }
            let settles = self.link.subscribed.lock().settles();
            let settled = async move {
                match settles {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.link.pushed.notified() => {}
                () = self.room.notified() => {}
                () = settled => {
                    self.link.subscribed.lock().settle();
                    self.link.retuned.store(true, Ordering::Release);
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        self.link.window.lock().awaited() < self.window && self.out.borrow().len() < HIGH_WATER
    }

    /// Subscribes to what is wanted and does not stand, and the other way round. In this order and in
    /// one breath, so that nothing falls between two filters; what is published in the same moment
    /// may come twice.
    fn tune(&self) {
        let mut subscribed = self.link.subscribed.lock();
        let wanted = disjoint(&subscribed.with_inherited(self.link.heard.filters()));
        subscribed.add(&wanted);
        let stale = subscribed.stale(&wanted);
        drop(subscribed);
        let fresh: Vec<String> = {
            let standing = self.standing.borrow();
            wanted.iter().filter(|filter| !standing.contains(filter)).cloned().collect()
        };
        for some in fresh.chunks(AT_ONCE) {
            let packet = self.ask(some);
            let wishes: Vec<_> =
                some.iter().map(|filter| (filter.as_str(), wish(filter))).collect();
            self.put(|out| client::subscribe(packet, &wishes, self.version, out));
        }
        let mut leaving = self.leaving.borrow_mut();
        let stale: Vec<String> =
            stale.into_iter().filter(|it| leaving.insert(it.clone())).collect();
        for some in stale.chunks(AT_ONCE) {
            let packet = self.ask(some);
            let filters: Vec<_> = some.iter().map(String::as_str).collect();
            self.put(|out| client::unsubscribe(packet, &filters, self.version, out));
        }
        self.standing.replace(wanted);
    }

    fn ask(&self, filters: &[String]) -> u16 {
        let packet = self.link.window.lock().reserve();
        self.asked.borrow_mut().insert(packet, filters.to_vec());
        packet
    }

    fn say(&self, parcel: Parcel) {
        let Parcel { place, message, since, packet, dup } = parcel;
        let expiry = message.properties.as_ref().and_then(|given| given.expiry);
        let waited = u32::try_from(since.elapsed().as_secs()).unwrap_or(u32::MAX);
        let expiry = expiry.map(|seconds| seconds.saturating_sub(waited));
        // Not for one that expires at once: that is the broker's to decide.
        if expiry == Some(0) && waited > 0 {
            return self.give_up(place);
        }
        let most = self.welcome.maximum_packet_size.map_or(usize::MAX, |most| most as usize);
        if size(&message) + MAX_OVERHEAD > most {
            tracing::error!(
                topic = message.topic,
                bytes = size(&message),
                most,
                "not published: the MQTT broker takes no packet of this size; raise its limit"
            );
            return self.give_up(place);
        }
        if self.version == Version::V311 && self.link.heard.covers(&message.topic) {
            self.link.echoes.lock().expect(&message);
        }
        if self.link.window.lock().awaited() == 1 {
            self.acknowledged.set(Instant::now());
        }
        let mut message = convert::publishing(message, None).message;
        message.retain &= self.welcome.retains;
        message.expiry = expiry;
        let publishing = Publishing { message: &message, packet, dup };
        self.put(|out| publishing.put(self.version, out));
    }

    /// A message that cannot be sent counts as sent (MQTT 5.0 §3.1.2.11.4).
    fn give_up(&self, place: u64) {
        let ticket = self.link.window.lock().give_up(place);
        if let Some(ticket) = ticket {
            Counters::count(&self.link.counters.dropped);
            self.link.counters.acknowledge();
            ticket.acknowledged();
        }
    }

    /// Hands over what came in, in order.
    async fn take_in(&self, mut arrived: Receiver<Arrival>) -> String {
        while let Some(Arrival { message, packet, dup }) = arrived.recv().await {
            let message = message.filter(|message| self.concerns_us(message));
            let mark = message
                .as_ref()
                .map_or(0, |it| self.link.unanswered.lock().mark(&it.topic, &it.payload));
            let before =
                packet.and_then(|packet| self.link.unanswered.lock().same(packet, dup, mark));
            let let_go = match (before, message) {
                (Some(before), _) => before.let_go,
                (None, Some(message)) => self.hand_over(message).await,
                (None, None) => LetGo::done(),
            };
            if let Some(packet) = packet {
                self.holding.borrow_mut().push_back(Held { packet, mark, let_go });
                self.more_held.notify_one();
            }
        }
        "nothing is read any more".to_owned()
    }

    /// Whether a message is news. What is retained from before is not, as on the embedded broker.
    fn concerns_us(&self, message: &Message) -> bool {
        if message.retain && !filter::covers(STATES, &message.topic) {
            return false;
        }
        self.version == Version::V5
            || !self.link.echoes.lock().is_echo(&message.topic, &message.payload)
    }

    async fn hand_over(&self, message: Message) -> Arc<LetGo> {
        let (let_go, taken) = LetGo::hold();
        hand_over(&self.link.intake, publication(message), taken).await;
        Counters::count(&self.link.counters.taken_in);
        let_go
    }

    /// Acknowledges what the server has let go, in order (MQTT 3.1.1 §4.6).
    async fn acknowledge(&self) -> String {
        loop {
            let first = self.holding.borrow().front().map(|held| Arc::clone(&held.let_go));
            let Some(let_go) = first else {
                self.more_held.notified().await;
                continue;
            };
            let_go.wait().await;
            if let Some(held) = self.holding.borrow_mut().pop_front() {
                self.put(|out| client::pub_ack(held.packet, out));
            }
        }
    }

    /// Says that we are here, and sees that the broker is.
    async fn watch(&self) -> String {
        let wanted = self.welcome.keep_alive.filter(|seconds| *seconds > 0);
        let wanted = wanted.map_or(KEEP_ALIVE, |seconds| Duration::from_secs(seconds.into()));
        let pace = wanted.min(KEEP_ALIVE) / 2;
        loop {
            tokio::time::sleep(pace).await;
            self.put(client::ping);
            if self.heard.get().elapsed() > STALLED {
                return format!("it has said nothing for {} s", STALLED.as_secs());
            }
            let waiting = self.link.window.lock().awaited();
            if waiting > 0 && self.acknowledged.get().elapsed() > STALLED {
                let seconds = STALLED.as_secs();
                return format!("it has acknowledged none of {waiting} messages for {seconds} s");
            }
        }
    }

    /// A broker that hears no DISCONNECT takes us for dead.
    async fn say_goodbye(&self, writer: &mut Writer) {
        self.put(client::disconnect);
        let said = async {
            if writer.write(self.out.take()).await.is_ok() {
                writer.close().await;
            }
        };
        let _ = timeout(FAREWELL, said).await;
    }
}

/// Dropped unacknowledged, a message comes again with the next connection.
fn arrive(arrival: Arrival, inbox: &Sender<Arrival>) -> Result<(), String> {
    let full = |_| "more messages arrived than the server could take".to_owned();
    inbox.try_send(arrival).map_err(full)
}

/// Whether a broker that says so of a message will always say so.
fn is_for_ever(reason: ReasonCode) -> bool {
    use ReasonCode as R;
    matches!(
        reason,
        R::NotAuthorized | R::TopicNameInvalid | R::PayloadFormatInvalid | R::PacketTooLarge
    )
}

impl Link {
    /// Says once that the broker is back, or there.
    fn is_back(&self, version: Version) {
        Counters::count(&self.counters.connections);
        self.counters.is_there(version);
        let waiting = self.counters.in_flight.load(Ordering::Relaxed);
        match version {
            Version::V5 => {
                tracing::info!(broker = %self.url, waiting, "connected to the MQTT broker");
            }
            Version::V311 => tracing::info!(
                broker = %self.url,
                waiting,
                "connected to the MQTT broker by MQTT 3.1.1: properties are not carried"
            ),
        }
    }
}
