//! So many a second.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::time::Timestamp;

/// A second's worth at once, and then as many as each second brings.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allowance {
    /// When everything that was allowed would have been spent evenly.
    spent_until: Timestamp,
}

impl Allowance {
    /// Takes one; `false`: there is none.
    pub fn take(&mut self, per_second: u32, now: Timestamp) -> bool {
        let Some(cost) = 1_000_000_i64.checked_div(i64::from(per_second)) else { return false };
        let after = self.spent_until.max(now).micros().saturating_add(cost);
        let is_there = after <= now.plus_seconds(1).micros();
        if is_there {
            self.spent_until = Timestamp::from_micros(after);
        }
        is_there
    }

    /// The same where there may be no limit.
    pub fn takes(&mut self, per_second: Option<u32>, now: Timestamp) -> bool {
        per_second.is_none_or(|most| self.take(most, now))
    }
}

/// Clients whose last CONNECTs are remembered at a time. Beyond it the oldest is forgotten, and may
/// come too early once.
const REMEMBERED: usize = 100_000;

/// How fast clients connect, altogether and each.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    all: Allowance,
    each: HashMap<Arc<str>, Allowance>,
    /// In the order of their first CONNECT that is remembered.
    order: VecDeque<(Timestamp, Arc<str>)>,
}

impl Arrivals {
    /// Whether one more may connect.
    pub fn take(&mut self, most: Option<u32>, now: Timestamp) -> bool {
        self.all.takes(most, now)
    }

    /// Whether this client may connect once more.
    pub fn take_of(&mut self, client: &Arc<str>, most: Option<u32>, now: Timestamp) -> bool {
        let Some(most) = most else { return true };
        self.forget_old(now);
        if !self.each.contains_key(client) {
            self.order.push_back((now, client.clone()));
        }
        self.each.entry(client.clone()).or_default().take(most, now)
    }

    /// Forgets those whose allowance is whole again, and the oldest where there are too many.
    fn forget_old(&mut self, now: Timestamp) {
        while let Some((since, client)) = self.order.pop_front() {
            let is_full = self.each.len() >= REMEMBERED;
            if since.plus_seconds(1) > now && !is_full {
                return self.order.push_front((since, client));
            }
            let is_owing = self.each.get(&client).is_some_and(|one| one.spent_until > now);
            if is_owing && !is_full {
                self.order.push_back((now, client));
            } else {
                self.each.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_micros(1_795_428_930_000_000).plus_millis(millis)
    }

    #[test]
    fn a_seconds_worth_may_come_at_once_and_no_more() {
        let mut allowance = Allowance::default();
        let burst = (0..20).filter(|_| allowance.take(10, at(0))).count();
        assert_eq!(burst, 10);
        assert!(!allowance.take(10, at(99)));
        assert!(allowance.take(10, at(100)));
        assert!(!allowance.take(10, at(150)));
        let later = (0..20).filter(|_| allowance.take(10, at(60_000))).count();
        assert_eq!(later, 10, "what is not used is not saved");
        assert!(!allowance.take(0, at(90_000)));
    }

    #[test]
    fn each_client_has_an_allowance_and_none_is_remembered_for_long() {
        let mut arrivals = Arrivals::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        assert!(arrivals.take_of(&a, Some(1), at(0)));
        assert!(!arrivals.take_of(&a, Some(1), at(999)));
        assert!(arrivals.take_of(&b, Some(1), at(999)));
        assert!(arrivals.take_of(&a, Some(1), at(1000)));
        assert!(!arrivals.take_of(&a, Some(1), at(1500)));
        for number in 0..1000 {
            assert!(arrivals.take_of(&format!("{number}").into(), Some(1), at(2000 + number * 10)));
        }
        assert!(arrivals.each.len() < 220, "{}", arrivals.each.len());
        assert!(arrivals.take_of(&a, None, at(0)));
    }

    #[test]
    fn however_many_come_they_are_not_all_remembered() {
        let mut arrivals = Arrivals::default();
        for number in 0..REMEMBERED + 1000 {
            arrivals.take_of(&format!("{number}").into(), Some(1), at(0));
        }
        assert!(arrivals.each.len() <= REMEMBERED);
        assert!(arrivals.order.len() <= REMEMBERED);
    }
}
