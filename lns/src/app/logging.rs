//! The log: text for people or JSON for machines, to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogLevel};

/// Starts the log. A second call changes nothing.
///
/// Libraries below us are heard from warnings on, whatever our own level.
pub fn init(level: LogLevel, format: LogFormat) {
    let filter = format!("warn,lns={0},gateway_bridge={0}", level.name());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // Only a process with a log already refuses, and then there is a log.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
