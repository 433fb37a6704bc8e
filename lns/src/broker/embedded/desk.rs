//! What can be asked of our own broker, and of no other: who is connected, what is retained.

use std::net::SocketAddr;
use std::sync::Arc;

use lns_broker::{DisconnectClient, DisconnectReason, Input, ReasonCode};
use tokio::sync::oneshot;

use super::owner::ToOwner;
use super::{Embedded, Stopped};
use crate::broker::{Client, Message, QoS, convert};

/// A client that is connected, or has a kept session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSeen {
    /// Whether it is connected.
    pub connected: bool,
    /// Its thing.
    pub thing: Option<Arc<str>>,
    /// From where it is, or was, connected.
    pub address: Option<SocketAddr>,
    /// Our address that it is connected to.
    pub entrance: Option<SocketAddr>,
    /// Whether its session outlives its connection.
    pub keeps_session: bool,
    /// Seconds that it does.
    pub session_expiry: u32,
    /// Since when it is connected, in microseconds since 1970, and its keep alive in seconds.
    pub connected_since: Option<(i64, u16)>,
    /// Since when it is not connected: microseconds since 1970.
    pub disconnected_at: Option<i64>,
    /// Why it is not, in the words of AWS's lifecycle events; `None` also where nobody knows after a
    /// restart.
    pub disconnect_reason: Option<&'static str>,
    /// Its topic filters, in order.
    pub filters: Vec<Subscribed>,
}

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// As the client wrote it.
    pub filter: Arc<str>,
    /// The highest QoS that it is given.
    pub qos: QoS,
}

/// A retained message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainedMessage {
    /// What is retained.
    pub message: Message,
    /// Since when: microseconds since 1970.
    pub published_at: i64,
}

/// Why a message has not come to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// It is not connected, or is not any more.
    Away,
    /// It may not receive this.
    Forbidden,
    /// It takes no message as large.
    TooLarge,
    /// It has too much to acknowledge.
    Busy,
}

/// The core's words for it; all others say that the client is away.
const NOT_SENT: [(ReasonCode, NotSent); 3] = [
    (ReasonCode::NotAuthorized, NotSent::Forbidden),
    (ReasonCode::PacketTooLarge, NotSent::TooLarge),
    (ReasonCode::QuotaExceeded, NotSent::Busy),
];

/// For how long it is told when and why a client without a session has gone, in microseconds: as long
/// as AWS IoT Core tells it. The core remembers 10,000 of them.
const REMEMBERED: i64 = 30 * 60 * 1_000_000;

impl Embedded {
    /// What is known of a client; `None`: it is not connected, and nothing is kept for it.
    ///
    /// # Errors
    /// The broker has stopped.
    pub async fn connection(&self, client_id: &str) -> Result<Option<ConnectionSeen>, Stopped> {
        let client_id = client_id.to_owned();
        self.ask(move |core, desk| {
            let seen = core.session(&client_id)?;
            Some(ConnectionSeen {
                connected: seen.connection.is_some(),
                thing: seen.peer.thing.clone(),
                address: seen.peer.address,
                entrance: seen.connection.and_then(|connection| desk.entrance(connection)),
                keeps_session: seen.expiry > 0,
                session_expiry: seen.expiry,
                connected_since: seen.connected.map(|(at, keep_alive)| (at.micros(), keep_alive)),
                disconnected_at: seen.disconnected.map(|at| at.micros()),
                disconnect_reason: seen.left.map(DisconnectReason::name),
                filters: seen
                    .filters
                    .into_iter()
                    .map(|(filter, qos)| Subscribed { filter, qos: convert::qos(qos) })
                    .collect(),
            })
        })
        .await
    }

    /// What is remembered of a client that has gone with its session not long before `now`, in
    /// microseconds since 1970.
    ///
    /// # Errors
    /// The broker has stopped.
    pub async fn departed(
        &self,
        client_id: &str,
        now: i64,
    ) -> Result<Option<ConnectionSeen>, Stopped> {
        let client_id = client_id.to_owned();
        self.ask(move |core, _| {
            let gone = core.departed(&client_id)?;
            let at = gone.disconnected.micros();
            (now - at < REMEMBERED).then(|| ConnectionSeen {
                connected: false,
                thing: gone.thing.clone(),
                address: None,
                entrance: None,
                keeps_session: false,
                session_expiry: 0,
                connected_since: None,
                disconnected_at: Some(at),
                disconnect_reason: gone.left.map(DisconnectReason::name),
                filters: Vec::new(),
            })
        })
        .await
    }

    /// Ends the connection of a client, and with `clean_session` what is kept for it.
    ///
    /// # Errors
    /// The broker has stopped.
    pub async fn disconnect(
        &self,
        client_id: &str,
        (clean_session, prevent_will): (bool, bool),
    ) -> Result<(), Stopped> {
        let client_id = client_id.into();
        let what = DisconnectClient { client_id, clean_session, prevent_will };
        let input = ToOwner::Input(Input::DisconnectClient(what));
        self.owner.send(input).await.map_err(|_| Stopped)
    }

    /// Publishes for somebody who has not come by MQTT and may do it; returns when the broker has
    /// taken responsibility, as [`Broker::publish`](crate::broker::Broker::publish) has it, or with
    /// why it does not.
    ///
    /// # Errors
    /// The broker has stopped.
    pub async fn publish_for(
        &self,
        client: Client,
        message: Message,
    ) -> Result<Result<(), ReasonCode>, Stopped> {
        let (say, said) = oneshot::channel();
        let publish = ToOwner::PublishFor(Arc::new(client), message, say);
        self.owner.send(publish).await.map_err(|_| Stopped)?;
        said.await.map_err(|_| Stopped)
    }

    /// Sends a message to one client that is connected, whatever it has subscribed to; at QoS 1
    /// returns when the client has acknowledged it.
    ///
    /// # Errors
    /// The broker has stopped.
    pub async fn send_direct(
        &self,
        client_id: &str,
        message: Message,
    ) -> Result<Result<(), NotSent>, Stopped> {
        let (say, said) = oneshot::channel();
        let direct = ToOwner::Direct(client_id.into(), message, say);
        self.owner.send(direct).await.map_err(|_| Stopped)?;
        let result = said.await.map_err(|_| Stopped)?;
        Ok(result.map_err(|reason| {
            let known = NOT_SENT.into_iter().find(|(known, _)| *known == reason);
            known.map_or(NotSent::Away, |(_, why)| why)
        }))
    }

    /// The message that is retained on a topic.
    ///
    /// # Errors
    /// The broker has stopped.
    pub async fn retained(&self, topic: &str) -> Result<Option<RetainedMessage>, Stopped> {
        let topic = topic.to_owned();
        self.ask(move |core, _| core.retained(&topic).map(seen)).await
    }

    /// At most `most` retained messages in the order of their topics, from the first after `topic`.
    ///
    /// # Errors
    /// The broker has stopped.
    pub async fn retained_after(
        &self,
        topic: Option<String>,
        most: usize,
    ) -> Result<Vec<RetainedMessage>, Stopped> {
        self.ask(move |core, _| {
            core.retained_after(topic.as_deref()).take(most).map(seen).collect()
        })
        .await
    }
}

fn seen(
    (publication, at): (&Arc<lns_broker::Publication>, lns_broker::Timestamp),
) -> RetainedMessage {
    let message = convert::message(&publication.message, &lns_broker::Origin::Server { hops: 0 });
    RetainedMessage { message, published_at: at.micros() }
}
