//! The program itself, as it is installed: killed, told to end, and in bad situations.

mod bound;
mod broker_away;
mod device_sdks;
mod dice;
#[path = "../actions/endpoint.rs"]
mod endpoint;
mod exhausted;
mod external;
mod fleet;
mod https;
mod identity;
mod kill;
mod ledger;
mod mqtt_kept;
mod mqtt_limits;
mod refusals;
mod rule_commands;
mod rules;
mod shadows;
mod terminate;

use system_tests::harness::{Binary, Place};

/// The program under test.
const LNS: &str = env!("CARGO_BIN_EXE_lns");

/// Starts the server for US915, where no duty cycle limits downlinks, with more flags.
fn start(place: Place, folder: &std::path::Path, more: &[&str]) -> Binary {
    let flags = [&["--region", "US915"], more].concat();
    Binary::start(LNS, place, folder, &flags)
}
