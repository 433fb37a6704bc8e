//! What came in: handed to the server in order, and acknowledged when the server has let it go.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::broker::{Intake, Message, Origin, Publication, Taken, Ticket, convert};

/// How often room in the server is looked for.
const RETRY: Duration = Duration::from_millis(5);

/// A message of the broker's.
pub(super) struct Arrival {
    /// Absent when it was too large.
    pub message: Option<Message>,
    /// Absent at QoS 0.
    pub packet: Option<u16>,
    pub dup: bool,
}

impl From<lns_broker::Publish> for Arrival {
    fn from(publish: lns_broker::Publish) -> Self {
        let lns_broker::Publish { packet_id, dup, message, .. } = publish;
        let message = convert::message(&message, &lns_broker::Origin::Server { hops: 0 });
        Self { message: Some(message), packet: packet_id.map(|id| id.get()), dup }
    }
}

/// Whether the server has let go of a message.
#[derive(Default)]
pub(super) struct LetGo {
    done: AtomicBool,
    told: Notify,
}

impl LetGo {
    /// One that nobody has taken.
    pub fn done() -> Arc<Self> {
        Arc::new(Self { done: AtomicBool::new(true), told: Notify::new() })
    }

    /// One that is done when the last clone of the hold is dropped.
    pub fn hold() -> (Arc<Self>, Taken) {
        let let_go = Arc::new(Self::default());
        let tell = Arc::clone(&let_go);
        let ticket = Ticket::new(
            0,
            Arc::new(move |_| {
                tell.done.store(true, Ordering::Release);
                tell.told.notify_one();
            }),
        );
        (let_go, Taken::from(ticket))
    }

    /// Waits for it. One at a time may.
    pub async fn wait(&self) {
        while !self.done.load(Ordering::Acquire) {
            self.told.notified().await;
        }
    }
}

/// A message at QoS 1 that was taken in and not acknowledged.
pub(super) struct Held {
    pub packet: u16,
    /// What it says, in short.
    pub mark: u64,
    pub let_go: Arc<LetGo>,
}

/// What was not acknowledged when the connection before was lost. The broker sends it again, marked as
/// a repetition, if it still has our session.
#[derive(Default)]
pub(super) struct Unanswered {
    held: HashMap<u16, Held>,
    state: RandomState,
}

impl Unanswered {
    /// These are left of a connection, besides what was not repeated in it.
    pub fn keep(&mut self, held: VecDeque<Held>) {
        self.held.extend(held.into_iter().map(|held| (held.packet, held)));
    }

    /// The broker has forgotten our session: there will be no repetitions.
    pub fn forget(&mut self) {
        self.held.clear();
    }

    /// What a message says, in short.
    pub fn mark(&self, topic: &str, payload: &Bytes) -> u64 {
        self.state.hash_one((topic, payload))
    }

    /// The same message as it was taken in before, if this is its repetition.
    pub fn same(&mut self, packet: u16, dup: bool, mark: u64) -> Option<Held> {
        self.held.remove(&packet).filter(|held| dup && held.mark == mark)
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

/// A message of somebody else's broker.
pub(super) fn publication(message: Message) -> Publication {
    Publication { message, origin: Origin::Elsewhere }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(packet: u16, mark: u64) -> Unanswered {
        let mut unanswered = Unanswered::default();
        unanswered.keep(VecDeque::from([Held { packet, mark, let_go: LetGo::done() }]));
        unanswered
    }

    #[test]
    fn a_repetition_is_known_by_identifier_mark_and_body_and_only_once() {
        let mut unanswered = left(7, 1);
        assert!(unanswered.same(8, true, 1).is_none());
        assert!(unanswered.same(7, true, 1).is_some());
        assert!(unanswered.same(7, true, 1).is_none());
        assert!(left(7, 1).same(7, false, 1).is_none(), "a new message under an old identifier");
        assert!(left(7, 1).same(7, true, 2).is_none());
    }
}
