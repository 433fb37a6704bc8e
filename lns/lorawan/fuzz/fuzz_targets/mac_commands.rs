//! Any bytes: read commands of both directions; what was read must encode to the same meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lns_lorawan::{DownlinkMacCommands, UplinkMacCommands};

fuzz_target!(|bytes: &[u8]| {
    let up: Vec<_> = UplinkMacCommands::new(bytes).filter_map(Result::ok).collect();
    let mut encoded = Vec::new();
    for command in &up {
        command.encode(&mut encoded).expect("what came from the air can go back");
    }
    let again: Vec<_> = UplinkMacCommands::new(&encoded).filter_map(Result::ok).collect();
    assert_eq!(up, again);

    let down: Vec<_> = DownlinkMacCommands::new(bytes).filter_map(Result::ok).collect();
    let mut encoded = Vec::new();
    for command in &down {
        command.encode(&mut encoded).expect("what came from the air can go back");
    }
    let again: Vec<_> = DownlinkMacCommands::new(&encoded).filter_map(Result::ok).collect();
    assert_eq!(down, again);
});
