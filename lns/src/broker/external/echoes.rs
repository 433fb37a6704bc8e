//! Our own messages, as the external broker says them back to us.
//!
//! What the server publishes on a topic that it listens to comes back like anybody's message. The
//! server has heard it already, with its origin, so the copy is let pass by. MQTT 3.1.1 has no mark
//! for it: a copy is known by topic and body. One that comes twice, after a lost connection, is
//! heard again, as any message may be at QoS 1.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::broker::Message;

/// The most that are remembered: as many as can be on their way to the broker.
const BOUND: usize = 8192;
/// How long a copy may take. One that never comes (the broker forbids us to read there) must not
/// hide the same message of another client for ever.
const LIFE: Duration = Duration::from_secs(30);

/// Messages of our own that are expected back.
#[derive(Default)]
pub(super) struct Echoes {
    expected: VecDeque<(Instant, u64)>,
    state: RandomState,
}

impl Echoes {
    /// The server has heard `message` itself.
    pub fn expect(&mut self, message: &Message) {
        if self.expected.len() == BOUND {
            self.expected.pop_front();
        }
        self.expected.push_back((Instant::now(), self.mark(&message.topic, &message.payload)));
    }

    /// Whether this is a copy of a message that the server has heard; it is expected no more.
    pub fn is_echo(&mut self, topic: &str, payload: &[u8]) -> bool {
        while self.expected.front().is_some_and(|(since, _)| since.elapsed() > LIFE) {
            self.expected.pop_front();
        }
        if self.expected.is_empty() {
            return false;
        }
        let mark = self.mark(topic, payload);
        let found = self.expected.iter().position(|(_, expected)| *expected == mark);
        found.is_some_and(|at| self.expected.remove(at).is_some())
    }

    fn mark(&self, topic: &str, payload: &[u8]) -> u64 {
        self.state.hash_one((topic, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_of_ours_is_passed_by_once() {
        let mut echoes = Echoes::default();
        let message = Message::new("a/b", "x");
        echoes.expect(&message);
        echoes.expect(&message);
        assert!(!echoes.is_echo("a/b", b"y"));
        assert!(echoes.is_echo("a/b", b"x"));
        assert!(echoes.is_echo("a/b", b"x"));
        assert!(!echoes.is_echo("a/b", b"x"));
    }

    #[test]
    fn no_more_are_remembered_than_the_bound() {
        let mut echoes = Echoes::default();
        for number in 0..=BOUND {
            echoes.expect(&Message::new("a", number.to_string()));
        }
        assert_eq!(echoes.expected.len(), BOUND);
        assert!(!echoes.is_echo("a", b"0"));
        assert!(echoes.is_echo("a", BOUND.to_string().as_bytes()));
    }
}
