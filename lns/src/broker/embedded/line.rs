//! What the broker's thread and a connection's task share: the packets on their way out.

use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use lns_broker::{ConnectionId, ServerPacket};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Batches of packets of one client that wait for the broker's thread at most. Who says more waits
/// itself, and not those behind it.
const HANDED: usize = 4;

/// The broker's end of one connection.
pub(super) struct Line {
    /// Which.
    pub id: ConnectionId,
    /// Our address that the client has come to.
    pub entrance: Option<SocketAddr>,
    state: Mutex<State>,
    wake: Notify,
    /// Batches that the broker's thread has not come to.
    handed: AtomicUsize,
    /// It has come to one.
    heard: Notify,
}

/// What a connection's task finds.
#[derive(Default)]
pub(super) struct State {
    /// To be written, in order. Bounded by the core: unwritten bytes of messages, and one answer for
    /// each packet read, of which the task reads no more while its bytes are not taken.
    pub packets: Vec<ServerPacket>,
    /// Nothing comes after these.
    pub closed: bool,
    /// The client's packets are not to be read for now.
    pub paused: bool,
}

impl Line {
    pub fn new(id: ConnectionId, entrance: Option<SocketAddr>) -> Self {
        let (wake, heard) = (Notify::new(), Notify::new());
        Self { id, entrance, state: Mutex::default(), wake, handed: AtomicUsize::new(0), heard }
    }

    /// Waits until one more batch may be handed over, and counts it.
    pub async fn hand(&self) {
        while self.handed.load(Ordering::Acquire) >= HANDED && !self.state.lock().closed {
            self.heard.notified().await;
        }
        self.handed.fetch_add(1, Ordering::AcqRel);
    }

    /// The broker's thread has come to a batch.
    pub fn hear(&self) {
        self.handed.fetch_sub(1, Ordering::AcqRel);
        self.heard.notify_one();
    }

    /// One packet more; [`Self::wake`] when there are no more for now.
    pub fn push(&self, packet: ServerPacket) {
        self.state.lock().packets.push(packet);
    }

    /// There will be no more packets.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.heard.notify_one();
    }

    /// The client's packets are not to be read for now, or again.
    pub fn pause(&self, paused: bool) {
        self.state.lock().paused = paused;
    }

    /// Has the task look.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Returns when there may be something to find.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Takes the packets into `packets`, which is empty; whether it is closed, and paused.
    pub fn take(&self, packets: &mut Vec<ServerPacket>) -> (bool, bool) {
        let mut state = self.state.lock();
        mem::swap(&mut state.packets, packets);
        (state.closed, state.paused)
    }
}
