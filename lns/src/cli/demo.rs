//! `lns demo`: the real server, and through real UDP on loopback a gateway and three devices.

use clap::Args;

use super::run::{RunArgs, problems_as_one};

/// The flags of `run`, and what concerns the demonstration.
#[derive(Clone, Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Stop by itself after so long [default: never].
    #[arg(long, value_name = "TIME")]
    duration: Option<humantime::Duration>,
}

/// Runs the demonstration until it is told to end.
pub(super) fn demo(args: &DemoArgs) -> anyhow::Result<()> {
    let config = args.run.load().map_err(problems_as_one)?;
    crate::app::run(&config)
}
