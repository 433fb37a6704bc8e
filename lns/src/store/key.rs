//! One ordered map for all tables: the table's tag, then the key.
//!
//! One map has one order of writes, which the contract asks for across tables.

use super::{MAX_KEY, MAX_VALUE, StoreError, Table, Write};

/// The key in the one map.
pub(super) fn full(table: Table, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(key.len() + 1);
    full.push(table.tag());
    full.extend_from_slice(key);
    full
}

/// The caller's part of a key in the one map.
pub(super) fn inner(full: &[u8]) -> &[u8] {
    full.get(1..).unwrap_or_default()
}

/// Refuses a commit with a key or value beyond the limits, before anything of it is written.
pub(super) fn check(writes: &[Write]) -> Result<(), StoreError> {
    let within = |table, part, len, max| {
        if len > max { Err(StoreError::TooLong { table, part, len, max }) } else { Ok(()) }
    };
    for write in writes {
        match write {
            Write::Put { table, key, value } => {
                within(*table, "key", key.len(), MAX_KEY)?;
                within(*table, "value", value.len(), MAX_VALUE)?;
            }
            Write::Delete { table, key } => within(*table, "key", key.len(), MAX_KEY)?,
        }
    }
    Ok(())
}
