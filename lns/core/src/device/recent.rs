//! Requests that were queued in the last day, so that the same one again queues nothing.
//!
//! An application that did not hear the answer asks again with the same CorrelationId, which makes
//! the same id. The memory is durable and bounded: beyond 32 marked requests a day, the oldest is
//! forgotten.

use lns_lorawan::{TimeDelta, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a request is remembered.
const MEMORY: TimeDelta = TimeDelta::from_secs(24 * 3600);

/// How many are remembered.
const MOST: usize = 32;

/// The ids of marked requests, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent(Vec<(u64, Timestamp)>);

impl Recent {
    /// Whether this id was queued within the last 24 hours.
    pub fn knows(&self, id: u64, now: Timestamp) -> bool {
        self.0.iter().any(|(known, at)| *known == id && now.since(*at) <= MEMORY)
    }

    /// This id was queued now.
    pub fn remember(&mut self, id: u64, now: Timestamp) {
        self.0.retain(|(known, at)| *known != id && now.since(*at) <= MEMORY);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push((id, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_for_a_day_and_the_oldest_of_many_is_forgotten() {
        let at = Timestamp::from_secs;
        let mut recent = Recent::default();
        recent.remember(7, at(0));
        assert!(recent.knows(7, at(24 * 3600)));
        assert!(!recent.knows(7, at(24 * 3600 + 1)));
        for id in 0..MOST as u64 {
            recent.remember(100 + id, at(1));
        }
        assert!(!recent.knows(7, at(1)));
        assert!(recent.knows(100, at(1)));
        assert_eq!(recent.0.len(), MOST);
    }
}
