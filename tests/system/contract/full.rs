//! A full disk costs the commits that it refuses, and nothing else.

use std::path::Path;
use std::process::{Command, Output};

use lns::store::{Fault, FaultyStore, MemoryStore, StoreError, Table, contract};

/// On a small tmpfs in a mount namespace of its own, which ends with the process. Where namespaces
/// or mounts are not permitted, a store that fails on command stands in, and the test says so.
#[test]
fn a_full_disk_is_named_and_survived() {
    if !mounts_are_permitted() {
        eprintln!("mounts are not permitted here: the full disk is an injected fault");
        return injected();
    }
    for kind in crate::DURABLE {
        let dir = crate::folder();
        let script = "mount -t tmpfs -o size=64m tmpfs \"$1\" && exec \"$2\" full \"$3\" \"$1\"";
        let output = in_namespace(script, dir.path(), kind.name());
        assert!(output.status.success(), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("outlived a full disk"));
    }
}

fn mounts_are_permitted() -> bool {
    in_namespace("mount -t tmpfs tmpfs \"$1\"", crate::folder().path(), "").status.success()
}

fn in_namespace(script: &str, dir: &Path, kind: &str) -> Output {
    let writer = env!("CARGO_BIN_EXE_store-writer");
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .args([dir.as_os_str(), writer.as_ref(), kind.as_ref()])
        .output()
        .expect("unshare and sh are there (util-linux)")
}

fn injected() {
    let (store, faults) = FaultyStore::new(Box::new(MemoryStore::new()));
    faults.next(1, Fault::Full);
    let refused = lns::store::Store::commit(&store, &[contract::put(Table::Meta, "k", "v")]);
    assert!(matches!(refused, Err(StoreError::Full { .. })));
    contract::reads_what_was_written(&store);
}
