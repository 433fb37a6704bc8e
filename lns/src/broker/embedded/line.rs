//! What the broker's thread and a connection's task share: the packets on their way out.

use std::mem;

use lns_broker::{ConnectionId, ServerPacket};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The broker's end of one connection.
pub(super) struct Line {
    /// Which.
    pub id: ConnectionId,
    state: Mutex<State>,
    wake: Notify,
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
    pub fn new(id: ConnectionId) -> Self {
        Self { id, state: Mutex::default(), wake: Notify::new() }
    }

    /// One packet more; [`Self::wake`] when there are no more for now.
    pub fn push(&self, packet: ServerPacket) {
        self.state.lock().packets.push(packet);
    }

    /// There will be no more packets.
    pub fn close(&self) {
        self.state.lock().closed = true;
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
