//! The contract of the stores, run against every kind.

mod crash;
mod directory;
mod full;
mod story;

use lns::store::{StoreKind, contract, open};

/// The properties that need nothing but a store, as a test of each kind.
macro_rules! contract_of {
    ($($module:ident: $kind:expr;)*) => {$(
        mod $module {
            use super::*;
            contract_of!(@properties $kind;
                reads_what_was_written
                performs_writes_in_order
                keeps_tables_apart
                scans_a_prefix_in_key_order
                lets_a_visitor_load_and_commit
                takes_empty_keys_and_values
                takes_large_values_up_to_the_limit
                commits_ten_thousand_writes
                serves_readers_during_commits
                takes_commits_from_two_threads
                agrees_with_a_plain_map
            );

            #[test]
            fn moves_to_every_kind() {
                for kind in StoreKind::ALL {
                    let (from, to) = (folder(), folder());
                    let from = open($kind, from.path()).unwrap();
                    let to = open(kind, to.path()).unwrap();
                    contract::moves_to_another_store(&*from, &*to);
                }
            }
        }
    )*};
    (@properties $kind:expr; $($property:ident)*) => {$(
        #[test]
        fn $property() {
            let dir = folder();
            contract::$property(&*open($kind, dir.path()).unwrap());
        }
    )*};
}

contract_of! {
    memory: StoreKind::Memory;
    sled: StoreKind::Sled;
    redb: StoreKind::Redb;
}

/// The kinds that outlive a process.
const DURABLE: [StoreKind; 2] = [StoreKind::Sled, StoreKind::Redb];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
