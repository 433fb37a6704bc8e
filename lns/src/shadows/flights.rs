//! How many requests of one connection for one thing are under way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;

/// A connection, by its client's identifier, and a thing.
type Route = (Arc<str>, Box<str>);

/// Requests under way. Bounded by the room's mailbox: each of them waits there.
pub(super) struct Flights {
    limit: usize,
    under_way: Arc<Mutex<HashMap<Route, usize>>>,
}

/// A request under way, until it is dropped.
pub(super) struct Flight {
    route: Route,
    under_way: Arc<Mutex<HashMap<Route, usize>>>,
}

/// Too many are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    /// So many may be.
    pub limit: usize,
}

impl Flights {
    /// At most `limit` a route; 0: any number.
    pub fn new(limit: usize) -> Self {
        Flights { limit, under_way: Arc::default() }
    }

    /// One more of this connection for this thing; `None` where nobody counts.
    pub fn depart(&self, client: &Arc<str>, thing: &str) -> Result<Option<Flight>, TooMany> {
        if self.limit == 0 {
            return Ok(None);
        }
        let route = (Arc::clone(client), thing.into());
        let mut under_way = self.under_way.lock();
        let count = under_way.entry(route.clone()).or_default();
        if *count >= self.limit {
            return Err(TooMany { limit: self.limit });
        }
        *count += 1;
        Ok(Some(Flight { route, under_way: Arc::clone(&self.under_way) }))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock();
        let route = (Arc::clone(&self.route.0), self.route.1.clone());
        if let Entry::Occupied(mut count) = under_way.entry(route) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_its_own_count_for_each_thing_and_nothing_is_left_behind() {
        let flights = Flights::new(2);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let first = flights.depart(&a, "lamp");
        let second = flights.depart(&a, "lamp");
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(flights.depart(&a, "lamp").err(), Some(TooMany { limit: 2 }));
        assert!(flights.depart(&a, "fan").is_ok() && flights.depart(&b, "lamp").is_ok());
        drop(first);
        let third = flights.depart(&a, "lamp");
        assert!(third.is_ok());
        drop((second, third));
        assert!(flights.under_way.lock().is_empty());
        assert!(Flights::new(0).depart(&a, "lamp").is_ok_and(|flight| flight.is_none()));
    }
}
