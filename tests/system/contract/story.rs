//! An endless story of writes in which each is known by its place alone, so that whoever finds a
//! store can tell how far the story got.

use std::collections::BTreeMap;

use lns::store::{Table, Write};

/// What a store holds: what is written so far.
pub type Records = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// The write at `place`. A tenth are deletes; values carry their place, most are small, one in
/// two hundred is larger than what sled keeps in its log.
pub fn write_at(place: u64) -> Write {
    let dice = scramble(place);
    let table = [Table::DeviceState, Table::Events, Table::DevNonces][(dice % 3) as usize];
    let key = (scramble(dice) % 400).to_be_bytes()[6..].to_vec();
    if dice % 10 == 7 {
        return Write::Delete { table, key };
    }
    let length = match dice % 200 {
        0 => 200_000,
        1..20 => 5_000,
        _ => 8 + (dice >> 32) % 400,
    };
    let mut value = vec![dice as u8; length as usize];
    value[..8].copy_from_slice(&place.to_be_bytes());
    Write::Put { table, key, value }
}

/// How many writes the commit that starts at `place` has: 1 to 60.
pub fn group_at(place: u64) -> u64 {
    1 + scramble(!place) % 60
}

/// Performs `write` on a plain map.
#[allow(dead_code, reason = "of the two that share this file, only the checker needs it")]
pub fn perform(write: Write, records: &mut Records) {
    match write {
        Write::Put { table, key, value } => records.insert((table, key), value),
        Write::Delete { table, key } => records.remove(&(table, key)),
    };
}

/// splitmix64: any number to a number that looks like none before.
pub fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
