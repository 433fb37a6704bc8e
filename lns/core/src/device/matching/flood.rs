//! A bound on what strangers cost: a token bucket for each address.
//!
//! A frame that no session verifies costs a MIC computation a session, and anybody can send such
//! frames. Each address has a budget of them. While it is spent, a frame is tried with the nearest
//! sessions only: a device that keeps counting is among them, so that forged frames cannot silence
//! it, and they cost next to nothing.

use std::collections::HashMap;

use lns_lorawan::{DevAddr, TimeDelta, Timestamp};

/// How many MIC computations on misses an address may cause at once: ten frames that fit none of a
/// thousand sessions.
const BURST: u32 = 20_000;

/// How many it may cause in a second: about a thousandth of a core's time.
const REFILL_PER_SECOND: i64 = 10_000;

/// How many addresses' budgets are remembered. Only addresses of our own sessions get here; one that
/// finds no place counts as spent.
const PLACES: usize = 4_096;

/// How often a full table is searched for budgets that have filled up again.
const SWEEP: TimeDelta = TimeDelta::from_secs(1);

/// What addresses may still cost.
#[derive(Debug, Default)]
pub(super) struct Floods {
    places: HashMap<DevAddr, Bucket>,
    swept: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u32,
    at: Timestamp,
}

impl Floods {
    /// Whether an address may still cost something.
    pub fn is_spent(&mut self, dev_addr: DevAddr, now: Timestamp) -> bool {
        match self.places.get(&dev_addr) {
            Some(bucket) => bucket.tokens_at(now) == 0,
            None => self.places.len() >= PLACES && !self.sweep(now),
        }
    }

    /// A frame that nothing verifies has cost so many MIC computations.
    pub fn charge(&mut self, dev_addr: DevAddr, cost: u32, now: Timestamp) {
        if self.places.len() >= PLACES && !self.places.contains_key(&dev_addr) && !self.sweep(now) {
            return;
        }
        let full = Bucket { tokens: BURST, at: now };
        let bucket = self.places.entry(dev_addr).or_insert(full);
        *bucket = Bucket { tokens: bucket.tokens_at(now).saturating_sub(cost), at: now };
    }

    /// Forgets who owes nothing any more; whether there is room then.
    fn sweep(&mut self, now: Timestamp) -> bool {
        if self.swept.is_none_or(|at| now.since(at) >= SWEEP || now < at) {
            self.swept = Some(now);
            self.places.retain(|_, bucket| bucket.tokens_at(now) < BURST);
        }
        self.places.len() < PLACES
    }
}

impl Bucket {
    fn tokens_at(&self, now: Timestamp) -> u32 {
        let waited = now.since(self.at).micros().clamp(0, 10_000_000);
        let refilled = waited * REFILL_PER_SECOND / 1_000_000;
        self.tokens.saturating_add(u32::try_from(refilled).unwrap_or(BURST)).min(BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDR: DevAddr = DevAddr::new(7);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000) + TimeDelta::from_millis(millis)
    }

    #[test]
    fn a_budget_is_spent_and_fills_up_again() {
        let mut floods = Floods::default();
        assert!(!floods.is_spent(ADDR, at(0)));
        floods.charge(ADDR, BURST - 1, at(0));
        assert!(!floods.is_spent(ADDR, at(0)));
        floods.charge(ADDR, 2_000, at(0));
        assert!(floods.is_spent(ADDR, at(0)));
        assert!(!floods.is_spent(DevAddr::new(8), at(0)), "another address's is its own");
        assert!(!floods.is_spent(ADDR, at(1)), "a millisecond is worth ten");
        floods.charge(ADDR, 10, at(1));
        assert!(floods.is_spent(ADDR, at(1)));
        floods.charge(ADDR, BURST - 1, at(60_000));
        assert!(!floods.is_spent(ADDR, at(60_000)), "never more than full");
        floods.charge(ADDR, 1, at(60_000));
        assert!(floods.is_spent(ADDR, at(60_000)));
    }

    #[test]
    fn more_addresses_than_places_count_as_spent_until_some_have_filled_up() {
        let mut floods = Floods::default();
        for n in 0..=PLACES {
            floods.charge(DevAddr::new(n as u32), BURST, at(0));
        }
        assert_eq!(floods.places.len(), PLACES);
        let unknown = DevAddr::new(u32::MAX);
        assert!(floods.is_spent(unknown, at(0)));
        assert!(floods.is_spent(unknown, at(1_500)), "nobody's is full yet");
        assert!(!floods.is_spent(unknown, at(4_000)));
        assert!(floods.places.is_empty());
    }

    #[test]
    fn a_clock_that_is_set_back_gives_and_takes_nothing() {
        let mut floods = Floods::default();
        floods.charge(ADDR, BURST, at(10_000));
        assert!(floods.is_spent(ADDR, at(0)));
    }
}
