//! What can be asked of the broker.

use std::sync::Arc;

use crate::event::{DisconnectReason, Peer};
use crate::message::{Publication, Qos};
use crate::packet::{ConnectionId, Version};
use crate::session::Subscribed;
use crate::time::Timestamp;

use super::Core;

/// How much the broker keeps, for metrics. Counted when asked: not for each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Clients that are connected.
    pub connections: usize,
    /// Sessions, connected or kept.
    pub sessions: usize,
    /// Subscriptions of all sessions.
    pub subscriptions: usize,
    /// Retained messages.
    pub retained: usize,
    /// Messages that wait in queues.
    pub queued: usize,
    /// Messages that clients have not acknowledged.
    pub in_flight: usize,
}

/// What is known of one client's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Whose.
    pub peer: Arc<Peer>,
    /// Which MQTT its client speaks.
    pub version: Version,
    /// Its connection, while it has one.
    pub connection: Option<ConnectionId>,
    /// Since when it has that, and after which silence in seconds its client says something.
    pub connected: Option<(Timestamp, u16)>,
    /// Since when it has none.
    pub disconnected: Option<Timestamp>,
    /// Why that has ended; `None`: it has not, or nobody knows after a restart.
    pub left: Option<DisconnectReason>,
    /// Seconds that it outlives its connection.
    pub expiry: u32,
    /// Its filters, in order, and the QoS of each.
    pub filters: Vec<(Arc<str>, Qos)>,
    /// Messages that wait for it.
    pub queued: usize,
    /// Messages that its client has not acknowledged.
    pub in_flight: usize,
}

/// What is remembered for a while of a client that has gone, with its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepartedView {
    /// Its thing.
    pub thing: Option<Arc<str>>,
    /// Since when it is not connected.
    pub disconnected: Timestamp,
    /// Why its connection has ended.
    pub left: Option<DisconnectReason>,
    /// When its session has ended.
    pub(super) forgotten: Timestamp,
}

impl Core {
    /// How much the broker keeps.
    pub fn status(&self) -> Status {
        let mut status = Status {
            connections: self.connections.len(),
            sessions: self.sessions.len(),
            retained: self.retained.len(),
            ..Status::default()
        };
        for session in self.sessions.iter() {
            status.subscriptions += session.subscriptions.len();
            status.queued += session.queue.len();
            status.in_flight += session.in_flight.len();
        }
        status
    }

    /// The session of a client.
    pub fn session(&self, client_id: &str) -> Option<SessionView> {
        let slot = self.sessions.find(client_id)?;
        let session = self.sessions.get(slot)?;
        let qos = |one: &Subscribed| {
            let leaf = self.table.leaf(one.leaf);
            let groups = leaf.groups.iter().filter(|group| group.name == one.filter);
            let in_groups = groups.flat_map(|group| &group.members);
            let mut all =
                leaf.plain.iter().filter(|_| !one.filter.starts_with("$share/")).chain(in_groups);
            all.find(|subscriber| subscriber.slot == slot)
                .map_or(Qos::AtMostOnce, |s| s.options.qos)
        };
        Some(SessionView {
            peer: session.peer.clone(),
            version: session.version,
            connection: session.connection.as_ref().map(|connection| connection.id),
            connected: session.connection.as_ref().map(|one| (one.connected, one.keep_alive)),
            disconnected: session.disconnected,
            left: session.left,
            expiry: session.expiry,
            filters: session
                .subscriptions
                .iter()
                .map(|one| (one.filter.clone(), qos(one)))
                .collect(),
            queued: session.queue.len(),
            in_flight: session.in_flight.len(),
        })
    }

    /// What is remembered of a client without a session.
    pub fn departed(&self, client_id: &str) -> Option<&DepartedView> {
        self.departed.find(client_id)
    }

    /// The retained message of a topic, and when it was published.
    pub fn retained(&self, topic: &str) -> Option<(&Arc<Publication>, Timestamp)> {
        let kept = self.retained.get(topic)?;
        Some((&kept.publication, kept.published))
    }

    /// Retained messages in the order of their topics, from the first topic after this one.
    pub fn retained_after(
        &self,
        topic: Option<&str>,
    ) -> impl Iterator<Item = (&Arc<Publication>, Timestamp)> {
        self.retained.after(topic).map(|kept| (&kept.publication, kept.published))
    }
}
