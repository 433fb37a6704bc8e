//! What waits for the broker.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A message for the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    pub retain: bool,
}

/// A bounded queue. When it is full the oldest message makes room: an uplink of an hour ago is worth
/// less than one of now, and a device that waits for its answer has long stopped waiting.
#[derive(Debug)]
pub struct Outbox {
    waiting: Mutex<VecDeque<Message>>,
    filled: Notify,
    most: usize,
    dropped: AtomicU64,
}

impl Outbox {
    pub fn new(most: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            filled: Notify::new(),
            most: most.max(1),
            dropped: AtomicU64::new(0),
        }
    }

    /// Appends, never waits.
    pub fn push(&self, message: Message) {
        let mut waiting = self.lock();
        waiting.push_back(message);
        self.trim(&mut waiting);
        drop(waiting);
        self.filled.notify_one();
    }

    /// Puts messages that were not acknowledged back to the front, in their order.
    pub fn put_back(&self, messages: impl DoubleEndedIterator<Item = Message>) {
        let mut waiting = self.lock();
        for message in messages.rev() {
            waiting.push_front(message);
        }
        self.trim(&mut waiting);
        drop(waiting);
        self.filled.notify_one();
    }

    pub fn pop(&self) -> Option<Message> {
        self.lock().pop_front()
    }

    /// The next message, as soon as there is one. When cancelled it has taken nothing.
    pub async fn next(&self) -> Message {
        loop {
            let filled = self.filled.notified();
            if let Some(message) = self.pop() {
                return message;
            }
            filled.await;
        }
    }

    /// How many had to make room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    fn trim(&self, waiting: &mut VecDeque<Message>) {
        let surplus = waiting.len().saturating_sub(self.most);
        waiting.drain(..surplus);
        self.dropped.fetch_add(surplus as u64, Relaxed);
    }

    // A poisoned queue is a whole queue: no operation leaves it half done.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(n: u8) -> Message {
        Message { topic: "t".into(), payload: vec![n], retain: false }
    }

    fn drain(outbox: &Outbox) -> Vec<u8> {
        std::iter::from_fn(|| outbox.pop()).map(|message| message.payload[0]).collect()
    }

    #[test]
    fn the_oldest_makes_room_and_is_counted() {
        let outbox = Outbox::new(3);
        (1..=5).for_each(|n| outbox.push(message(n)));
        assert_eq!((outbox.len(), outbox.dropped()), (3, 2));
        assert_eq!(drain(&outbox), [3, 4, 5]);
    }

    #[test]
    fn what_is_put_back_comes_first_and_in_order() {
        let outbox = Outbox::new(4);
        (3..=5).for_each(|n| outbox.push(message(n)));
        outbox.put_back([message(1), message(2)].into_iter());
        assert_eq!(outbox.dropped(), 1);
        assert_eq!(drain(&outbox), [2, 3, 4, 5]);
    }
}
