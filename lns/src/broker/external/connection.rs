//! One connection to an external broker, from CONNECT to its loss.
//!
//! Five things run side by side and end together: one polls the library, one feeds it, one hands
//! over to the server what came in, one acknowledges what the server has let go, one watches that
//! anything moves. Feeding waits where the
//! library's queue is full, so it must not happen where the library is polled.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Outgoing,
    Packet, Publish, SubscribeFilter, SubscribeReasonCode,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{ExternalConfig, Link, MAX_PACKET};
use crate::broker::status::Counters;
use crate::broker::{Intake, Message, Origin, Publication, QoS, Taken, Ticket};

/// Requests between feeder and poller.
const REQUESTS: usize = 64;
/// How long nothing may move before the client is built anew: three keepalives. The library has
/// been seen to wait for ever after a loss at the wrong moment.
const STALLED: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Packet ids have 16 bits, so more cannot wait unacknowledged.
const INBOX: usize = u16::MAX as usize;
/// How often room in the server is looked for.
const RETRY: Duration = Duration::from_millis(5);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// Why a connection ended.
pub(super) enum Ended {
    /// It was lost or could not be made; the reason, for people.
    Lost(String),
    /// We are to stop.
    Stopped,
}

/// One connection.
pub(super) struct Connection<'a> {
    link: &'a Link,
    client: AsyncClient,
    /// When the broker last said anything, and when it last acknowledged while it had to.
    heard: Cell<Instant>,
    acknowledged: Cell<Instant>,
    established: Cell<bool>,
    /// The filters of each SUBSCRIBE that is not answered, in order.
    asked: RefCell<VecDeque<Vec<String>>>,
}

/// What the server has taken, and when it has let it go.
struct Held {
    publish: Publish,
    let_go: oneshot::Receiver<()>,
}

impl<'a> Connection<'a> {
    /// Connects, and returns when the connection is gone; and whether it had been there at all.
    pub async fn run(link: &'a Link, config: &ExternalConfig) -> (Ended, bool) {
        let (client, mut events) = AsyncClient::new(options(config), REQUESTS);
        let now = Instant::now();
        let connection = Self {
            link,
            client,
            heard: Cell::new(now),
            acknowledged: Cell::new(now),
            established: Cell::new(false),
            asked: RefCell::default(),
        };
        let (inbox, arrived) = mpsc::channel(INBOX);
        let (held, holding) = mpsc::channel(INBOX);
        let ended = tokio::select! {
            why = connection.poll(&mut events, inbox) => Ended::Lost(why),
            why = connection.feed() => Ended::Lost(why),
            why = connection.take_in(arrived, held) => Ended::Lost(why),
            why = connection.acknowledge(holding) => Ended::Lost(why),
            why = connection.watch() => Ended::Lost(why),
            () = link.told_to_stop() => Ended::Stopped,
        };
        if let (Ended::Stopped, true) = (&ended, connection.established.get()) {
            connection.say_goodbye(&mut events).await;
        }
        (ended, connection.established.get())
    }

    async fn poll(&self, events: &mut EventLoop, inbox: mpsc::Sender<Publish>) -> String {
        loop {
            let event = match events.poll().await {
                Ok(event) => event,
                Err(error) => return reason(&error),
            };
            match event {
                Event::Incoming(packet) => {
                    self.heard.set(Instant::now());
                    if let Err(why) = self.incoming(packet, &inbox) {
                        return why;
                    }
                }
                Event::Outgoing(Outgoing::Publish(packet)) => {
                    let mut window = self.link.window.lock();
                    if window.awaited() == 0 {
                        self.acknowledged.set(Instant::now());
                    }
                    window.number(packet);
                }
                Event::Outgoing(_) => {}
            }
        }
    }

    fn incoming(&self, packet: Packet, inbox: &mpsc::Sender<Publish>) -> Result<(), String> {
        match packet {
            Packet::ConnAck(_) => {
                self.established.set(true);
                self.link.is_back();
            }
            Packet::PubAck(acknowledged) => {
                self.acknowledged.set(Instant::now());
                let ticket = self.link.window.lock().acknowledge(acknowledged.pkid);
                if let Some(ticket) = ticket {
                    self.link.counters.acknowledge();
                    ticket.acknowledged();
                }
            }
            Packet::SubAck(answer) => {
                let asked = self.asked.borrow_mut().pop_front().unwrap_or_default();
                refused_filters(&asked, &answer.return_codes);
            }
            // Dropped unacknowledged, it comes again with the next connection.
            Packet::Publish(publish) => inbox
                .try_send(publish)
                .map_err(|_| String::from("more messages arrived than the server could take"))?,
            _ => {}
        }
        Ok(())
    }

    /// Gives the library what is to be said: first the subscriptions, with which the broker also
    /// repeats the retained states of the bridges; then everything unacknowledged, then the new.
    async fn feed(&self) -> String {
        let mut filters = self.link.heard.filters();
        if let Err(error) = self.tune(&filters, &[]).await {
            return error;
        }
        loop {
            let next = self.link.window.lock().next_to_send();
            let Some(message) = next else {
                tokio::select! {
                    () = self.link.pushed.notified() => {}
                    () = self.link.retuned.notified() => {
                        let wanted = self.link.heard.filters();
                        if let Err(error) = self.tune(&wanted, &filters).await {
                            return error;
                        }
                        filters = wanted;
                    }
                }
                continue;
            };
            if let Err(error) = self.say(message).await {
                return error;
            }
        }
    }

    /// Subscribes to what is wanted and was not, and the other way round.
    async fn tune(&self, wanted: &[String], had: &[String]) -> Result<(), String> {
        let fresh: Vec<_> = wanted.iter().filter(|filter| !had.contains(filter)).collect();
        let stale = had.iter().filter(|filter| !wanted.contains(filter));
        // Some brokers refuse a long SUBSCRIBE.
        for some in fresh.chunks(8) {
            let subscribe = some
                .iter()
                .map(|filter| SubscribeFilter::new(filter.to_string(), rumqttc::QoS::AtLeastOnce));
            self.asked.borrow_mut().push_back(some.iter().map(ToString::to_string).collect());
            self.client.subscribe_many(subscribe).await.map_err(|error| error.to_string())?;
        }
        for filter in stale {
            self.client.unsubscribe(filter).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn say(&self, message: Message) -> Result<(), String> {
        if self.link.heard.covers(&message.topic) {
            self.link.echoes.lock().expect(&message);
        }
        let Message { topic, payload, retain, .. } = message;
        // Whatever is asked: the ticket comes back with the PUBACK.
        let qos = rumqttc::QoS::AtLeastOnce;
        let said = self.client.publish_bytes(topic, qos, retain, payload).await;
        said.map_err(|error| error.to_string())
    }

    /// Hands over what came in, in order.
    async fn take_in(&self, mut arrived: Receiver<Publish>, held: Sender<Held>) -> String {
        while let Some(publish) = arrived.recv().await {
            let echo = self.link.echoes.lock().is_echo(&publish.topic, &publish.payload);
            let (told, let_go) = oneshot::channel();
            if !echo {
                // Dropped together with the acknowledgement, which is what is waited for.
                let acknowledge = Arc::new(move |_| {
                    let _ = &told;
                });
                let taken = Taken::from(Ticket::new(0, acknowledge));
                hand_over(&self.link.intake, publication(&publish), taken).await;
                Counters::count(&self.link.counters.taken_in);
            }
            if held.send(Held { publish, let_go }).await.is_err() {
                break;
            }
        }
        "the library has ended".into()
    }

    /// Acknowledges what the server has let go, in order (MQTT 3.1.1 §4.6).
    async fn acknowledge(&self, mut held: Receiver<Held>) -> String {
        while let Some(Held { publish, let_go }) = held.recv().await {
            // An error says that the other half is dropped, which is how it is let go.
            let _ = let_go.await;
            if let Err(error) = self.client.ack(&publish).await {
                return error.to_string();
            }
        }
        "the library has ended".into()
    }

    async fn watch(&self) -> String {
        loop {
            tokio::time::sleep(KEEP_ALIVE / 2).await;
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
    async fn say_goodbye(&self, events: &mut EventLoop) {
        if self.client.try_disconnect().is_err() {
            return;
        }
        let said = async {
            loop {
                match events.poll().await {
                    Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL, said).await;
    }
}

/// Hands a publication to the server, waiting for room.
pub(super) async fn hand_over(intake: &Intake, publication: Publication, taken: Taken) {
    let mut next = (publication, taken);
    while let Err(back) = intake(next.0, next.1) {
        next = back;
        tokio::time::sleep(RETRY).await;
    }
}

fn publication(publish: &Publish) -> Publication {
    let message = Message {
        qos: QoS::from_number(publish.qos as u8).unwrap_or_default(),
        retain: publish.retain,
        ..Message::new(publish.topic.clone(), publish.payload.clone())
    };
    Publication { message, origin: Origin::Elsewhere }
}

fn options(config: &ExternalConfig) -> MqttOptions {
    let url = &config.url;
    let mut options = MqttOptions::new(config.client_id.clone(), url.host.clone(), url.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        // A clean session would lose what the broker holds for us while we are away.
        .set_clean_session(false)
        .set_manual_acks(true)
        .set_inflight(config.window.max(1))
        .set_max_packet_size(MAX_PACKET, MAX_PACKET);
    if let Some(who) = &url.credentials {
        options.set_credentials(who.username.clone(), who.password.clone());
    }
    options
}

fn refused_filters(filters: &[String], codes: &[SubscribeReasonCode]) {
    for (filter, code) in filters.iter().zip(codes) {
        if matches!(code, SubscribeReasonCode::Failure) {
            tracing::error!(
                filter,
                "the MQTT broker refuses the subscription: allow it to this user in the broker"
            );
        }
    }
}

/// For people, with what to do where we know.
fn reason(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => "it refuses user or password: check them in broker_url".into(),
        ConnectionError::ConnectionRefused(code) => format!("it refuses the connection: {code:?}"),
        ConnectionError::NetworkTimeout => "it does not answer".into(),
        ConnectionError::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

impl Link {
    /// Says once that the broker is back, or there.
    fn is_back(&self) {
        Counters::count(&self.counters.connections);
        self.counters.connected.store(true, Ordering::Relaxed);
        let waiting = self.counters.in_flight.load(Ordering::Relaxed);
        tracing::info!(broker = %self.url, waiting, "connected to the MQTT broker");
    }
}
