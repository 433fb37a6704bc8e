//! Which bridges of their own process are there: by their word, and by their last will.
//!
//! A reception does not say which bridge it came through, so that nobody knows whose gateways are lost
//! with a bridge. With the last bridge all are. With one of several, those are that stay silent: a
//! gateway tells of itself every 30 s by whichever bridge it has.

use std::collections::HashSet;

use lns_lorawan::{TimeDelta, Timestamp};

/// How long a gateway may be silent after a bridge has gone while others are there: three of its
/// reports.
const GRACE: TimeDelta = TimeDelta::from_secs(90);

/// How many bridges are told apart. More than these only cost the grace its exactness.
const BRIDGES: usize = 1_000;

/// The bridges that are there.
#[derive(Debug, Default)]
pub struct Bridges {
    here: HashSet<String>,
    gone_at: Option<Timestamp>,
}

impl Bridges {
    /// A bridge says that it is there.
    pub fn here(&mut self, client_id: &str) {
        if self.here.len() < BRIDGES {
            self.here.insert(client_id.to_owned());
        }
    }

    /// A bridge is gone.
    pub fn gone(&mut self, client_id: &str, now: Timestamp) {
        self.here.remove(client_id);
        self.gone_at = Some(now);
    }

    /// Since when a gateway must have been silent to be gone with its bridge; once, when it is time
    /// to look.
    pub fn due(&mut self, now: Timestamp) -> Option<Timestamp> {
        let at = self.gone_at?;
        if self.here.is_empty() || now.since(at) >= GRACE {
            self.gone_at = None;
            return Some(at);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_secs(1_000);

    #[test]
    fn with_the_last_bridge_its_gateways_are_gone_at_once() {
        let mut bridges = Bridges::default();
        bridges.here("one");
        assert_eq!(bridges.due(AT), None);
        bridges.gone("one", AT);
        assert_eq!(bridges.due(AT), Some(AT));
        assert_eq!(bridges.due(AT), None, "once");
    }

    #[test]
    fn with_one_of_several_those_that_stay_silent_are() {
        let mut bridges = Bridges::default();
        bridges.here("one");
        bridges.here("two");
        bridges.gone("one", AT);
        assert_eq!(bridges.due(AT + TimeDelta::from_secs(89)), None);
        assert_eq!(bridges.due(AT + TimeDelta::from_secs(90)), Some(AT));
    }

    #[test]
    fn a_bridge_that_comes_back_at_once_loses_no_gateway_that_speaks_again() {
        let mut bridges = Bridges::default();
        bridges.here("one");
        bridges.gone("one", AT);
        bridges.here("one");
        assert_eq!(bridges.due(AT + TimeDelta::from_secs(1)), None);
    }
}
