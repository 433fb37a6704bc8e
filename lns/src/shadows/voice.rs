//! What the room has to say: handed to the broker, or kept while that is busy.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::broker::{Broker, Busy, Message, Ticket};

/// Messages that wait while requests from MQTT are still taken; beyond it those wait, too.
pub(super) const MANY: usize = 4096;

/// Messages that wait at all: those of the requests that other doors bring while the broker takes
/// nothing. Beyond it the oldest are dropped: whoever missed one asks for the document.
const MOST: usize = 16_384;

/// How many messages wait, for those outside.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// So many.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The way to the broker.
pub(super) struct Voice {
    broker: Arc<dyn Broker>,
    queue: VecDeque<Message>,
    waiting: Waiting,
}

impl Voice {
    /// A voice with nothing to say.
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        Voice { broker, queue: VecDeque::new(), waiting: Waiting::default() }
    }

    /// Tells how many messages wait.
    pub fn waiting(&self) -> Waiting {
        self.waiting.clone()
    }

    /// Says a message, behind those that wait. Returns how many were dropped to make room: 0 or 1.
    pub fn say(&mut self, message: Message) -> u64 {
        self.queue.push_back(message);
        self.speak();
        let dropped = self.queue.len() > MOST;
        if dropped {
            self.queue.pop_front();
        }
        u64::from(dropped)
    }

    /// Hands over what waits, as far as the broker takes it. Whether nothing is left.
    pub fn speak(&mut self) -> bool {
        while let Some(message) = self.queue.pop_front() {
            if let Err(Busy { message, .. }) = self.broker.publish(message, Ticket::nobody()) {
                self.queue.push_front(message);
                break;
            }
        }
        self.waiting.0.store(self.queue.len(), Ordering::Relaxed);
        self.queue.is_empty()
    }
}
