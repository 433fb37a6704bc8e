//! What every store must do: one function a property, run against each kind.
//!
//! The crash images and the full disk need processes and mounts of their own; they live with the
//! system tests.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{MAX_KEY, MAX_VALUE, Store, StoreError, Table, Write, export, import};

/// A put, briefly.
pub fn put(table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Write {
    Write::Put { table, key: key.into(), value: value.into() }
}

/// A delete, briefly.
pub fn delete(table: Table, key: impl Into<Vec<u8>>) -> Write {
    Write::Delete { table, key: key.into() }
}

/// Everything that `store` holds, in the order in which it shows it.
pub fn dump(store: &dyn Store) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for table in Table::ALL {
        for (key, value) in scan(store, table, &[]) {
            all.push((table, key, value));
        }
    }
    all
}

fn scan(store: &dyn Store, table: Table, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let scanned = store.scan(table, prefix, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    });
    scanned.expect("a healthy store scans");
    found
}

fn commit(store: &dyn Store, writes: &[Write]) {
    store.commit(writes).expect("a healthy store commits");
}

fn load(store: &dyn Store, table: Table, key: &[u8]) -> Option<Vec<u8>> {
    store.load(table, key).expect("a healthy store loads")
}

/// What was committed is read, overwritten and deleted; what was not is not there.
pub fn reads_what_was_written(store: &dyn Store) {
    assert_eq!(load(store, Table::Meta, b"a"), None);
    commit(store, &[put(Table::Meta, "a", "1"), put(Table::Meta, "b", "2")]);
    assert_eq!(load(store, Table::Meta, b"a").as_deref(), Some(&b"1"[..]));
    commit(store, &[put(Table::Meta, "a", "longer than before")]);
    assert_eq!(load(store, Table::Meta, b"a").as_deref(), Some(&b"longer than before"[..]));
    commit(store, &[delete(Table::Meta, "a"), delete(Table::Meta, "never was")]);
    assert_eq!(load(store, Table::Meta, b"a"), None);
    assert_eq!(load(store, Table::Meta, b"b").as_deref(), Some(&b"2"[..]));
}

/// Within a commit, the last write to a key wins.
pub fn performs_writes_in_order(store: &dyn Store) {
    commit(
        store,
        &[put(Table::Meta, "a", "1"), delete(Table::Meta, "a"), put(Table::Meta, "a", "2")],
    );
    assert_eq!(load(store, Table::Meta, b"a").as_deref(), Some(&b"2"[..]));
    commit(store, &[put(Table::Meta, "a", "3"), delete(Table::Meta, "a")]);
    assert_eq!(load(store, Table::Meta, b"a"), None);
    commit(store, &[]);
}

/// The same key in two tables is two records, and a scan of one table shows none of another.
pub fn keeps_tables_apart(store: &dyn Store) {
    let writes: Vec<Write> = Table::ALL.iter().map(|t| put(*t, "k", t.name())).collect();
    commit(store, &writes);
    for table in Table::ALL {
        assert_eq!(scan(store, table, &[]), [(b"k".to_vec(), table.name().into())]);
    }
    commit(store, &[delete(Table::Events, "k")]);
    assert_eq!(dump(store).len(), Table::ALL.len() - 1);
}

/// Scans show what has the prefix, bytewise ascending, 0xff included, and end when told.
pub fn scans_a_prefix_in_key_order(store: &dyn Store) {
    let keys: [&[u8]; 7] = [b"\xff\xff", b"b", b"ab", b"a", b"a\xff\xff", b"\xff", b"a\x00"];
    let writes: Vec<Write> = keys.iter().map(|k| put(Table::Events, *k, *k)).collect();
    commit(store, &writes);
    let keys_of = |prefix: &[u8]| -> Vec<Vec<u8>> {
        scan(store, Table::Events, prefix).into_iter().map(|(key, _)| key).collect()
    };
    let expected: [&[u8]; 4] = [b"a", b"a\x00", b"ab", b"a\xff\xff"];
    assert_eq!(keys_of(b"a"), expected);
    let expected: [&[u8]; 2] = [b"\xff", b"\xff\xff"];
    assert_eq!(keys_of(b"\xff"), expected);
    assert_eq!(keys_of(b"").len(), keys.len());
    assert!(keys_of(b"c").is_empty());
    let mut shown = 0;
    let scanned = store.scan(Table::Events, b"", &mut |_, _| {
        shown += 1;
        if shown == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    scanned.expect("a healthy store scans");
    assert_eq!(shown, 2);
}

/// A visitor may use the store that it visits.
pub fn lets_a_visitor_load_and_commit(store: &dyn Store) {
    commit(store, &[put(Table::Events, "1", "x"), put(Table::Events, "2", "y")]);
    let scanned = store.scan(Table::Events, b"", &mut |key, value| {
        assert_eq!(load(store, Table::Events, key).as_deref(), Some(value));
        commit(store, &[put(Table::Cursors, key, value), delete(Table::Events, key)]);
        ControlFlow::Continue(())
    });
    scanned.expect("a healthy store scans");
    assert!(scan(store, Table::Events, &[]).is_empty());
    assert_eq!(scan(store, Table::Cursors, &[]).len(), 2);
}

/// Nothing is a key, and a value.
pub fn takes_empty_keys_and_values(store: &dyn Store) {
    commit(
        store,
        &[put(Table::Meta, "", ""), put(Table::Events, "", "x"), put(Table::Events, "k", "")],
    );
    assert_eq!(load(store, Table::Meta, b"").as_deref(), Some(&b""[..]));
    assert_eq!(load(store, Table::Events, b"").as_deref(), Some(&b"x"[..]));
    assert_eq!(load(store, Table::Events, b"k").as_deref(), Some(&b""[..]));
    commit(store, &[delete(Table::Events, "")]);
    assert_eq!(scan(store, Table::Events, &[]), [(b"k".to_vec(), Vec::new())]);
}

/// The largest key and value are taken; beyond them the whole commit is refused, and said.
pub fn takes_large_values_up_to_the_limit(store: &dyn Store) {
    let large: Vec<u8> = (0..MAX_VALUE).map(|i| (i % 251) as u8).collect();
    let long_key = vec![7; MAX_KEY];
    commit(store, &[put(Table::Codecs, long_key.clone(), large.clone())]);
    assert_eq!(load(store, Table::Codecs, &long_key), Some(large.clone()));
    let too_large = [put(Table::Meta, "a", "1"), put(Table::Codecs, "k", vec![0; MAX_VALUE + 1])];
    assert!(matches!(store.commit(&too_large), Err(StoreError::TooLong { part: "value", .. })));
    let too_long = [put(Table::Meta, "a", "1"), delete(Table::Codecs, vec![0; MAX_KEY + 1])];
    assert!(matches!(store.commit(&too_long), Err(StoreError::TooLong { part: "key", .. })));
    assert_eq!(load(store, Table::Meta, b"a"), None);
    commit(store, &[delete(Table::Codecs, long_key.clone())]);
    assert_eq!(load(store, Table::Codecs, &long_key), None);
}

/// Ten thousand writes are one commit.
pub fn commits_ten_thousand_writes(store: &dyn Store) {
    let writes: Vec<Write> =
        (0..10_000_u32).map(|i| put(Table::DeviceState, i.to_be_bytes(), [i as u8; 200])).collect();
    commit(store, &writes);
    let found = scan(store, Table::DeviceState, &[]);
    assert_eq!(found.len(), writes.len());
    for (i, (key, value)) in (0..10_000_u32).zip(&found) {
        assert_eq!((key.as_slice(), value.as_slice()), (&i.to_be_bytes()[..], &[i as u8; 200][..]));
    }
    assert!(store.size_bytes() > 0);
}

/// Readers are served while commits are under way, and never see half a value.
pub fn serves_readers_during_commits(store: &dyn Store) {
    let value = |round: u8| vec![round; 300];
    let round_of = |round: u8| -> Vec<Write> {
        (0..50_u8).map(|key| put(Table::DeviceState, [key], value(round))).collect()
    };
    commit(store, &round_of(0));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let found = scan(store, Table::DeviceState, &[]);
                    assert_eq!(found.len(), 50);
                    assert!(found.iter().all(|(_, found)| *found == value(found[0])));
                    assert_eq!(load(store, Table::DeviceState, &[7]).map(|v| v.len()), Some(300));
                }
            });
        }
        for round in 1..=60 {
            commit(store, &round_of(round));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(scan(store, Table::DeviceState, &[]).iter().all(|(_, found)| *found == value(60)));
}

/// Two threads that commit lose nothing of each other.
pub fn takes_commits_from_two_threads(store: &dyn Store) {
    std::thread::scope(|scope| {
        for thread in 0..2_u8 {
            scope.spawn(move || {
                for round in 0..40_u8 {
                    let own = put(Table::Events, [thread, round], [round; 100]);
                    commit(store, &[own, put(Table::Meta, "contended", [thread, round])]);
                    assert!(load(store, Table::Events, &[thread, round]).is_some());
                }
            });
        }
    });
    assert_eq!(scan(store, Table::Events, &[]).len(), 80);
    let last = load(store, Table::Meta, b"contended").expect("both threads wrote it");
    assert_eq!(last[1], 39);
}

/// A long random story ends as a plain map says that it should.
pub fn agrees_with_a_plain_map(store: &dyn Store) {
    let mut model: BTreeMap<(Table, Vec<u8>), Vec<u8>> = BTreeMap::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for _ in 0..300 {
        let mut writes = Vec::new();
        for _ in 0..draw(20) {
            let table = Table::ALL[draw(Table::ALL.len() as u64) as usize];
            let key: Vec<u8> = (0..draw(4)).map(|_| b"\x00a\xff"[draw(3) as usize]).collect();
            if draw(4) == 0 {
                model.remove(&(table, key.clone()));
                writes.push(delete(table, key));
            } else {
                let value = vec![draw(256) as u8; draw(400) as usize];
                model.insert((table, key.clone()), value.clone());
                writes.push(put(table, key, value));
            }
        }
        commit(store, &writes);
    }
    let expected: Vec<_> = model.into_iter().map(|((t, key), value)| (t, key, value)).collect();
    assert_eq!(dump(store), expected);
}

/// Fills `from`, moves it to the empty `to` as text, and finds the same there.
pub fn moves_to_another_store(from: &dyn Store, to: &dyn Store) {
    agrees_with_a_plain_map(from);
    commit(from, &[put(Table::Codecs, "large", vec![9; 300_000]), put(Table::Meta, "", "")]);
    let mut text = Vec::new();
    let out = export(from, &mut text).expect("a healthy store exports");
    let back = import(to, &mut text.as_slice()).expect("an export imports");
    assert_eq!(out, back);
    assert_eq!(out.records, dump(from).len() as u64);
    assert_eq!(dump(from), dump(to));
    assert!(matches!(import(to, &mut text.as_slice()), Err(StoreError::NotEmpty)));
}
