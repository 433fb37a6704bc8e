//! Whose a data directory is, and which releases open it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use lns::store::{FORMAT, Store, StoreError, StoreKind, Table, contract, export, import, open};

#[test]
fn a_second_process_is_told_who_holds_the_directory() {
    for kind in crate::DURABLE {
        let dir = crate::folder();
        let mut holder = Command::new(env!("CARGO_BIN_EXE_store-writer"))
            .args(["hold", kind.name(), &dir.path().display().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "open\n");

        let error = open(kind, dir.path()).err().unwrap();
        assert!(matches!(&error, StoreError::Locked { pid, .. } if *pid == Some(holder.id())));
        let text = error.to_string();
        assert!(text.contains(&format!("process {}", holder.id())), "{text}");
        assert!(text.contains("--data"), "{text}");

        drop(holder.stdin.take());
        holder.wait().unwrap();
        open(kind, dir.path()).unwrap();
    }
}

#[test]
fn a_store_that_was_closed_opens_with_everything() {
    for kind in crate::DURABLE {
        let dir = crate::folder();
        let store = open(kind, dir.path()).unwrap();
        contract::agrees_with_a_plain_map(&*store);
        let before = contract::dump(&*store);
        drop(store);
        assert_eq!(contract::dump(&*open(kind, dir.path()).unwrap()), before);
    }
}

#[test]
fn a_directory_of_a_newer_release_is_refused() {
    let dir = crate::folder();
    drop(open(StoreKind::Redb, dir.path()).unwrap());
    let newer = format!("lns-data {}\nstore something-new\n", FORMAT + 1);
    fs::write(dir.path().join("version"), newer).unwrap();
    let error = open(StoreKind::Redb, dir.path()).err().unwrap();
    assert!(
        matches!(error, StoreError::VersionTooNew { found, known: FORMAT, .. } if found == FORMAT + 1)
    );
    assert!(error.to_string().contains("newer release"), "{error}");
}

#[test]
fn another_kind_in_the_same_directory_is_refused() {
    let dir = crate::folder();
    drop(open(StoreKind::Redb, dir.path()).unwrap());
    let error = open(StoreKind::Sled, dir.path()).err().unwrap();
    assert!(error.to_string().contains("store.kind = \"redb\""), "{error}");
}

#[test]
fn a_marker_that_is_damaged_or_gone_is_refused() {
    let dir = crate::folder();
    drop(open(StoreKind::Redb, dir.path()).unwrap());
    let marker = dir.path().join("version");
    for text in ["", "nonsense\n", "lns-data 1\n", "lns-data 1\nstore nothing-known\n"] {
        fs::write(&marker, text).unwrap();
        assert!(matches!(open(StoreKind::Redb, dir.path()), Err(StoreError::Corrupt { .. })));
    }
    fs::remove_file(&marker).unwrap();
    assert!(matches!(open(StoreKind::Redb, dir.path()), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_store_that_was_there_and_is_gone_is_missed() {
    for kind in crate::DURABLE {
        let dir = crate::folder();
        let (folder, marker) = (dir.path().join(kind.name()), dir.path().join("version"));
        drop(open(kind, dir.path()).unwrap());
        // As an older release marks it, and as a death right after the marking leaves it.
        fs::write(&marker, format!("lns-data {FORMAT}\nstore {kind}\n")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        drop(open(kind, dir.path()).unwrap());

        fs::remove_dir_all(&folder).unwrap();
        let error = open(kind, dir.path()).err().unwrap().to_string();
        for expected in [kind.name(), "is gone", "a backup", "version"] {
            assert!(error.contains(expected), "{expected}: {error}");
        }
        assert!(!folder.exists(), "nothing is made in its place");
        fs::remove_file(&marker).unwrap();
        drop(open(kind, dir.path()).unwrap());
    }
}

#[test]
fn the_memory_store_leaves_no_trace() {
    let dir = crate::folder();
    let store = open(StoreKind::Memory, &dir.path().join("data")).unwrap();
    contract::reads_what_was_written(&*store);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = crate::folder();
    let file = dir.path().join("a-file");
    fs::write(&file, "").unwrap();
    let error = open(StoreKind::Sled, &file.join("data")).err().unwrap();
    assert!(error.to_string().contains("a-file/data"), "{error}");
}

#[test]
fn an_export_that_was_damaged_is_refused_with_its_line() {
    let store = open(StoreKind::Memory, Path::new("")).unwrap();
    store
        .commit(&[contract::put(Table::Meta, "k", "v"), contract::put(Table::Meta, "l", "w")])
        .unwrap();
    let mut text = Vec::new();
    export(&*store, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let damaged = [
        (text.replace("meta 6c", "meta 6d"), "line 3"),
        (text.replace("lns-export 1", "lns-export 2"), "format 2"),
        (text.lines().take(3).map(|l| format!("{l}\n")).collect(), "before its last line"),
        (
            text.lines().filter(|l| !l.starts_with("meta 6c")).map(|l| format!("{l}\n")).collect(),
            "promises 2",
        ),
        (String::new(), "not an export"),
    ];
    for (text, expected) in damaged {
        let to = open(StoreKind::Memory, Path::new("")).unwrap();
        let error = lns::store::import(&*to, &mut text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// The fixtures were written by the first release that had this format, and are never rewritten.
#[test]
fn directories_and_exports_of_older_releases_open() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("system/contract/fixtures/format-1");
    let expected = fs::read_to_string(fixtures.join("export.txt")).unwrap();
    for kind in crate::DURABLE {
        let dir = crate::folder();
        copy(&fixtures.join(kind.name()), dir.path());
        let store = open(kind, dir.path()).unwrap();
        assert_eq!(text_of(&*store), expected);
        store.commit(&[contract::put(Table::Meta, "still", "writable")]).unwrap();
    }
    let store = open(StoreKind::Memory, Path::new("")).unwrap();
    import(&*store, &mut expected.as_bytes()).unwrap();
    assert_eq!(text_of(&*store), expected);
}

fn text_of(store: &dyn Store) -> String {
    let mut text = Vec::new();
    export(store, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
