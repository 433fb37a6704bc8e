//! Expanded keys of the sessions that were heard lately.
//!
//! Expanding a session's keys costs as much as verifying a frame with them, and the result is ten
//! times as large as the keys: so a bounded number is kept.

use lns_lorawan::{SessionKeys, SessionSchedules};

/// A bounded memory of expanded keys: each session has one place, and the later one takes it.
#[derive(Debug)]
pub struct KeyCache {
    places: Vec<Option<Box<Place>>>,
}

#[derive(Debug)]
struct Place {
    keys: SessionKeys,
    schedules: SessionSchedules,
}

impl KeyCache {
    /// For up to about so many sessions; at least one.
    pub fn new(sessions: usize) -> Self {
        KeyCache { places: std::iter::repeat_with(|| None).take(sessions.max(1)).collect() }
    }

    /// These keys, expanded.
    pub fn schedules(&mut self, keys: &SessionKeys) -> &SessionSchedules {
        let index = self.index(keys);
        let place = &mut self.places[index];
        if place.as_ref().is_some_and(|place| place.keys != *keys) {
            *place = None;
        }
        let fresh = || Box::new(Place { keys: keys.clone(), schedules: keys.schedules() });
        &place.get_or_insert_with(fresh).schedules
    }

    /// Keys are as good as random, and so is any part of one.
    fn index(&self, keys: &SessionKeys) -> usize {
        let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = *keys.f_nwk_s_int_key.as_bytes();
        let number = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
        let places = u64::try_from(self.places.len()).unwrap_or(u64::MAX);
        usize::try_from(number % places).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lns_lorawan::{AppSKey, NwkSKey};

    #[test]
    fn sessions_that_share_a_place_do_not_share_keys() {
        let mut cache = KeyCache::new(1);
        for byte in [1u8, 2, 1] {
            let key = NwkSKey::from_bytes([byte; 16]);
            let keys = SessionKeys::v1_0(&key, AppSKey::from_bytes([byte; 16]));
            let place = cache.index(&keys);
            cache.schedules(&keys);
            assert!(cache.places[place].as_ref().is_some_and(|place| place.keys == keys));
        }
    }
}
