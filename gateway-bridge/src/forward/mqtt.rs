//! The way to a server through an MQTT broker.
//!
//! The client library forgets what it has not delivered when the broker has forgotten the session,
//! and may stall without an error. So each connection is a new client, and delivery is accounted for
//! here: a message stays with us until its PUBACK, and goes back to the front of the queue when the
//! connection ends before. The server may see a message twice; it tells copies of an uplink apart by
//! gateway and counter anyway.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gateway_link::topic::{BRIDGE_FILTER, Kind, Topic};
use gateway_link::{BridgeState, Downlink, GatewayEui, GatewayEvent, Outcome, TxAck, Uplink};
use rumqttc::{
    AsyncClient, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet, Publish, QoS,
};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Forward;
use super::broker_url::BrokerUrl;
use super::outbox::{Message, Outbox};
use crate::semtech::shell::BridgeHandle;

/// Messages without PUBACK at a time.
const WINDOW: usize = 256;
/// Room in the client's own queue: the window, a subscription, a farewell.
const CLIENT_QUEUE: usize = WINDOW + 8;
/// Packet identifiers go round after so many. Far more than the window, so that one that the broker
/// is slow to acknowledge is not met again.
const PACKET_IDS: u16 = 4096;
/// A connection that owes us a PUBACK for so long is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_secs(2);
/// What a stopping bridge waits for the last PUBACKs.
const FAREWELL: Duration = Duration::from_secs(3);
/// Gateways that are remembered as ours; beyond it the memory starts afresh.
const MOST_KNOWN: usize = 20_000;

/// How to reach the server's broker.
#[derive(Clone)]
pub struct MqttConfig {
    /// The broker.
    pub broker: BrokerUrl,
    /// MQTT client id, one for each bridge, the same after a restart; without `/`, `+` and `#`.
    pub client_id: String,
    /// User and password.
    pub credentials: Option<(String, String)>,
    /// How many messages wait while the broker is away; 10 000 are a few megabytes.
    pub buffer: usize,
}

/// Forwards to a server behind an MQTT broker.
pub struct MqttForward {
    config: MqttConfig,
    outbox: Outbox,
    // Every bridge hears of every downlink; it answers for the gateways it has met.
    known: Mutex<HashSet<GatewayEui>>,
    published: AtomicU64,
    connections: AtomicU64,
    bad_downlinks: AtomicU64,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Lost(Box<rumqttc::ConnectionError>),
    #[error("the broker has acknowledged nothing for {} s", PATIENCE.as_secs())]
    Stalled,
    #[error("the broker acknowledges out of order")]
    OutOfOrder,
    #[error("the bridge stops")]
    Stopped,
}

impl Forward for MqttForward {
    fn uplink(&self, uplink: Uplink) {
        self.put(Topic::gateway(uplink.gateway_eui, Kind::Up), uplink.encode());
    }

    fn tx_ack(&self, ack: TxAck) {
        if ack.outcome == Outcome::NotConnected && !self.knows(ack.gateway_eui) {
            return;
        }
        self.put(Topic::gateway(ack.gateway_eui, Kind::Ack), ack.encode());
    }

    fn event(&self, gateway_eui: GatewayEui, event: GatewayEvent) {
        if let GatewayEvent::Connected { address, .. } = &event {
            tracing::info!(%gateway_eui, %address, "gateway connected");
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
            known.insert(gateway_eui);
        }
        self.put(Topic::gateway(gateway_eui, Kind::Stat), event.encode());
    }
}

impl MqttForward {
    /// Connects to nothing yet.
    pub fn new(config: MqttConfig) -> Self {
        Self {
            outbox: Outbox::new(config.buffer),
            config,
            known: Mutex::default(),
            published: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            bad_downlinks: AtomicU64::new(0),
        }
    }

    /// Every counter as name, label, value.
    pub fn counters(&self) -> Vec<(&'static str, &'static str, u64)> {
        vec![
            ("mqtt", "published", self.published.load(Relaxed)),
            ("mqtt", "connections", self.connections.load(Relaxed)),
            ("mqtt", "bad_downlinks", self.bad_downlinks.load(Relaxed)),
            ("mqtt", "dropped", self.outbox.dropped()),
            ("mqtt", "waiting", self.outbox.len() as u64),
        ]
    }

    /// Keeps a connection to the broker until `stop` becomes true; then sends what it can, says
    /// that the bridge is gone, and returns.
    pub async fn run(&self, bridge: BridgeHandle, mut stop: watch::Receiver<bool>) {
        let broker = &self.config.broker;
        loop {
            let (client, events) = AsyncClient::new(self.options(), CLIENT_QUEUE);
            let mut connection = Connection::new(self, client, &bridge);
            let ended = connection.run(events, &mut stop).await;
            self.outbox.put_back(connection.in_flight.into_iter().map(|(_, message)| message));
            if let Ended::Stopped = ended {
                return;
            }
            tracing::warn!(%broker, waiting = self.outbox.len(), "no broker: {ended}; trying again");
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    fn options(&self) -> MqttOptions {
        let MqttConfig { broker, client_id, credentials, .. } = &self.config;
        let mut options = MqttOptions::new(client_id, &broker.host, broker.port);
        let will = self.state(&BridgeState::Gone);
        options
            .set_clean_session(false)
            .set_keep_alive(Duration::from_secs(15))
            .set_inflight(PACKET_IDS)
            .set_max_packet_size(64 << 10, 64 << 10)
            .set_last_will(LastWill::new(will.topic, will.payload, QoS::AtLeastOnce, true));
        if let Some((user, password)) = credentials {
            options.set_credentials(user, password);
        }
        options
    }

    fn state(&self, state: &BridgeState) -> Message {
        let topic = Topic::Bridge { client_id: self.config.client_id.clone() };
        Message { topic: topic.to_string(), payload: state.encode(), retain: true }
    }

    fn put(&self, topic: Topic, payload: Vec<u8>) {
        self.outbox.push(Message { topic: topic.to_string(), payload, retain: false });
    }

    fn knows(&self, gateway_eui: GatewayEui) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&gateway_eui)
    }

    /// A message of the server. What it is worth by now is for the sessions to say: they drop what
    /// is past its deadline or of another boot, and answer.
    fn downlink(&self, publish: &Publish, bridge: &BridgeHandle) {
        let topic = Topic::parse(&publish.topic);
        match (topic, Downlink::decode(&publish.payload)) {
            (Some(Topic::Gateway { gateway_eui, kind: Kind::Down }), Ok(downlink))
                if downlink.gateway_eui == gateway_eui =>
            {
                bridge.send(downlink);
            }
            (_, Err(error)) => self.refuse(publish, &error.to_string()),
            (_, Ok(_)) => self.refuse(publish, "the message is for another gateway than the topic"),
        }
    }

    fn refuse(&self, publish: &Publish, reason: &str) {
        self.bad_downlinks.fetch_add(1, Relaxed);
        tracing::warn!(topic = %publish.topic, "downlink refused: {reason}");
    }
}

/// One connection to the broker, from connecting to its end.
struct Connection<'a> {
    forward: &'a MqttForward,
    client: AsyncClient,
    bridge: &'a BridgeHandle,
    /// Messages without PUBACK, in order, with the packet identifier once it is known.
    in_flight: VecDeque<(Option<u16>, Message)>,
    connected: bool,
    progress_at: Instant,
}

impl<'a> Connection<'a> {
    fn new(forward: &'a MqttForward, client: AsyncClient, bridge: &'a BridgeHandle) -> Self {
        let progress_at = Instant::now();
        let in_flight = VecDeque::new();
        Self { forward, client, bridge, in_flight, connected: false, progress_at }
    }

    async fn run(&mut self, events: EventLoop, stop: &mut watch::Receiver<bool>) -> Ended {
        // The client must be polled without a break, so a task of its own does nothing else.
        let (sender, mut events_in) = mpsc::channel(64);
        let poller = tokio::spawn(poll(events, sender));
        let ended = self.work(&mut events_in, stop).await;
        let ended = match ended {
            Ended::Stopped if self.connected => self.farewell(&mut events_in).await,
            other => other,
        };
        poller.abort();
        ended
    }

    async fn work(
        &mut self,
        events: &mut mpsc::Receiver<Result<Event, rumqttc::ConnectionError>>,
        stop: &mut watch::Receiver<bool>,
    ) -> Ended {
        loop {
            let may_send = self.connected && self.in_flight.len() < WINDOW;
            let forward = self.forward;
            tokio::select! {
                event = events.recv() => {
                    if let Err(ended) = self.event(event) {
                        return ended;
                    }
                }
                message = forward.outbox.next(), if may_send => self.publish(message),
                () = tokio::time::sleep_until(self.progress_at + PATIENCE) => {
                    if !self.in_flight.is_empty() || !self.connected {
                        return Ended::Stalled;
                    }
                    self.progress_at = Instant::now();
                }
                _ = stop.wait_for(|stop| *stop) => return Ended::Stopped,
            }
        }
    }

    /// Sends what waits, says goodbye, and waits a little for the PUBACKs.
    async fn farewell(
        &mut self,
        events: &mut mpsc::Receiver<Result<Event, rumqttc::ConnectionError>>,
    ) -> Ended {
        let until = Instant::now() + FAREWELL;
        let mut said = false;
        loop {
            while self.in_flight.len() < WINDOW && !said {
                let next = self.forward.outbox.pop();
                said = next.is_none();
                self.publish(next.unwrap_or_else(|| self.forward.state(&BridgeState::Gone)));
            }
            if self.in_flight.is_empty() {
                // A clean DISCONNECT, so that the broker does not publish the last will again.
                let _ = self.client.try_disconnect();
            }
            let Ok(event) = tokio::time::timeout_at(until, events.recv()).await else {
                return Ended::Stopped;
            };
            if self.event(event).is_err() {
                return Ended::Stopped;
            }
        }
    }

    fn event(
        &mut self,
        event: Option<Result<Event, rumqttc::ConnectionError>>,
    ) -> Result<(), Ended> {
        match event {
            None => return Err(Ended::Stalled),
            Some(Err(error)) => return Err(Ended::Lost(Box::new(error))),
            Some(Ok(Event::Incoming(Packet::ConnAck(_)))) => self.hello(),
            Some(Ok(Event::Incoming(Packet::PubAck(ack)))) => self.acknowledged(ack.pkid),
            Some(Ok(Event::Incoming(Packet::Publish(publish)))) => {
                self.forward.downlink(&publish, self.bridge);
            }
            Some(Ok(Event::Outgoing(Outgoing::Publish(pkid)))) => {
                if let Some(first) = self.in_flight.iter_mut().find(|(known, _)| known.is_none()) {
                    first.0 = Some(pkid);
                }
            }
            Some(Ok(Event::Outgoing(Outgoing::AwaitAck(_)))) => return Err(Ended::OutOfOrder),
            Some(Ok(Event::Incoming(_) | Event::Outgoing(_))) => {}
        }
        Ok(())
    }

    fn hello(&mut self) {
        tracing::info!(broker = %self.forward.config.broker, "broker connected");
        self.forward.connections.fetch_add(1, Relaxed);
        self.connected = true;
        self.progress_at = Instant::now();
        // The client's queue is empty now, and has room for more than these two.
        let _ = self.client.try_subscribe(BRIDGE_FILTER, QoS::AtLeastOnce);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.publish(self.forward.state(&BridgeState::Here { version }));
    }

    fn publish(&mut self, message: Message) {
        let Message { topic, payload, retain } = message.clone();
        // A full queue cannot be, since it has room for the window; were it full, the message would
        // stand without identifier, and `PATIENCE` would end the connection and send it again.
        let _ = self.client.try_publish(topic, QoS::AtLeastOnce, retain, payload);
        if self.in_flight.is_empty() {
            self.progress_at = Instant::now();
        }
        self.in_flight.push_back((None, message));
    }

    fn acknowledged(&mut self, pkid: u16) {
        self.progress_at = Instant::now();
        let found = self.in_flight.iter().position(|(known, _)| *known == Some(pkid));
        if let Some(at) = found {
            self.in_flight.remove(at);
            self.forward.published.fetch_add(1, Relaxed);
        }
    }
}

async fn poll(
    mut events: EventLoop,
    sender: mpsc::Sender<Result<Event, rumqttc::ConnectionError>>,
) {
    loop {
        let event = events.poll().await;
        let failed = event.is_err();
        if sender.send(event).await.is_err() || failed {
            return;
        }
    }
}
