//! A process to kill: it opens a store and commits, until somebody ends it.
//!
//! * `store-writer write KIND DIR PLACE` tells the story from `PLACE`, printing after each commit
//!   the place that it has reached;
//! * `store-writer hold KIND DIR` opens the store, says so, and keeps it until its input ends;
//! * `store-writer import KIND DIR` fills a new store with the export on its input: this is how the
//!   fixtures of older releases were made;
//! * `store-writer full KIND DIR` runs the store in `DIR`, a small file system of its own, out of
//!   space, and looks at what becomes of it.

mod story;

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::Path;

use lns::store::{Store, StoreError, StoreKind, Table, Write};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["write", kind, dir, place] => {
            write(&*open(kind, Path::new(dir)), place.parse().expect("PLACE is a number"));
        }
        ["hold", kind, dir] => {
            let _store = open(kind, Path::new(dir));
            println!("open");
            let _ended = std::io::stdin().read_to_end(&mut Vec::new());
        }
        ["import", kind, dir] => {
            let store = open(kind, Path::new(dir));
            lns::store::import(&*store, &mut std::io::stdin()).expect("the input is an export");
        }
        ["full", kind, dir] => full(kind, Path::new(dir)),
        _ => panic!("usage: store-writer write|hold|import|full KIND DIR [PLACE]"),
    }
}

fn open(kind: &str, dir: &Path) -> Box<dyn Store> {
    let kind: StoreKind = kind.parse().expect("KIND is a kind of store");
    lns::store::open(kind, dir).unwrap_or_else(|error| panic!("{error}"))
}

fn write(store: &dyn Store, mut place: u64) {
    let mut out = std::io::stdout().lock();
    loop {
        let next = place + story::group_at(place);
        let writes: Vec<Write> = (place..next).map(story::write_at).collect();
        store.commit(&writes).expect("a healthy store commits");
        place = next;
        writeln!(out, "{place}").and_then(|()| out.flush()).expect("somebody listens");
    }
}

fn full(kind: &str, dir: &Path) {
    let data = dir.join("data");
    let store = open(kind, &data);
    let group = |from: u32| -> Vec<Write> {
        (from..from + 50)
            .map(|i| Write::Put {
                table: Table::DeviceState,
                key: i.to_be_bytes().to_vec(),
                value: story::scramble(i.into()).to_be_bytes().repeat(100),
            })
            .collect()
    };
    store.commit(&group(0)).expect("there is space");
    fill(&dir.join("ballast"));
    let mut acknowledged = 50;
    let error = loop {
        match store.commit(&group(acknowledged)) {
            Ok(()) => acknowledged += 50,
            Err(error) => break error,
        }
        assert!(acknowledged < 200_000, "the file system never gets full");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    let again = store.commit(&group(acknowledged));
    assert!(matches!(again, Ok(()) | Err(StoreError::Full { .. })), "{again:?}");
    std::fs::remove_file(dir.join("ballast")).expect("the ballast can go");
    store.commit(&group(acknowledged)).expect("there is space again, without a restart");
    acknowledged += 50;
    check(&*store, &group, acknowledged);
    drop(store);
    check(&*open(kind, &data), &group, acknowledged);
    println!("{acknowledged} records outlived a full disk");
}

/// Takes all the space, then gives two megabytes back.
fn fill(path: &Path) {
    let mut ballast = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    let block = vec![0_u8; 64 << 10];
    while ballast.write_all(&block).is_ok() {}
    let length = ballast.metadata().expect("its length").len();
    ballast.set_len(length.saturating_sub(2 << 20)).expect("it shrinks");
}

fn check(store: &dyn Store, group: &dyn Fn(u32) -> Vec<Write>, acknowledged: u32) {
    for write in (0..acknowledged).step_by(50).flat_map(group) {
        let Write::Put { table, key, value } = write else { panic!("groups are puts") };
        assert_eq!(store.load(table, &key).expect("it loads"), Some(value));
    }
}
