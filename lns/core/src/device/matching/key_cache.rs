//! Expanded keys of the sessions that were heard lately.
//!
//! Expanding a key costs as much as verifying a frame with it, and the result is larger than the
//! key: so a bounded number is kept. Two memories: a flat one of what a first look at a frame takes,
//! which a thousand candidates of one address go through, and one of whole sessions.

use lns_lorawan::{FNwkSIntKey, MicSchedule, SessionKeys, SessionSchedules};

/// A bounded memory of expanded keys: each session has one place, and the later one takes it.
#[derive(Debug)]
pub struct KeyCache {
    first_looks: Vec<Option<FirstLook>>,
    places: Vec<Option<Box<Place>>>,
}

/// 224 bytes, flat: what is scanned should lie side by side.
#[derive(Debug)]
struct FirstLook {
    key: FNwkSIntKey,
    schedule: MicSchedule,
}

#[derive(Debug)]
struct Place {
    keys: SessionKeys,
    schedules: SessionSchedules,
}

impl KeyCache {
    /// For up to about so many sessions; at least one.
    pub fn new(sessions: usize) -> Self {
        let sessions = sessions.max(1);
        KeyCache {
            first_looks: std::iter::repeat_with(|| None).take(sessions).collect(),
            places: std::iter::repeat_with(|| None).take(sessions).collect(),
        }
    }

    /// These keys, expanded.
    pub fn schedules(&mut self, keys: &SessionKeys) -> &SessionSchedules {
        let index = index(&keys.f_nwk_s_int_key, self.places.len());
        let place = &mut self.places[index];
        if place.as_ref().is_some_and(|place| place.keys != *keys) {
            *place = None;
        }
        let fresh = || Box::new(Place { keys: keys.clone(), schedules: keys.schedules() });
        &place.get_or_insert_with(fresh).schedules
    }

    /// This key, expanded.
    pub fn first_look(&mut self, key: &FNwkSIntKey) -> &MicSchedule {
        let index = index(key, self.first_looks.len());
        let place = &mut self.first_looks[index];
        if place.as_ref().is_some_and(|place| place.key != *key) {
            *place = None;
        }
        let fresh = || FirstLook { key: key.clone(), schedule: MicSchedule::from(key) };
        &place.get_or_insert_with(fresh).schedule
    }
}

/// Keys are as good as random, and so is any part of one.
fn index(key: &FNwkSIntKey, places: usize) -> usize {
    let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = *key.as_bytes();
    let number = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
    let places = u64::try_from(places).unwrap_or(u64::MAX);
    usize::try_from(number % places).unwrap_or(0)
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
            cache.schedules(&keys);
            assert!(cache.places[0].as_ref().is_some_and(|place| place.keys == keys));
            cache.first_look(&keys.f_nwk_s_int_key);
            assert!(cache.first_looks[0].as_ref().is_some_and(|it| it.key == keys.f_nwk_s_int_key));
        }
    }
}
