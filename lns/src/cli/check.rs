//! `lns check FILE`: all problems of a configuration at once, each with its key and its line.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::run::{RunArgs, problems_as_one};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The configuration file.
    file: PathBuf,
}

/// Checks the file as `lns run --config FILE` would read it, the environment included.
pub(super) fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let run = RunArgs { config: Some(args.file.clone()), ..RunArgs::default() };
    match run.load() {
        Ok(_) => {
            println!("{}: nothing is wrong", args.file.display());
            Ok(())
        }
        Err(problems) => {
            let count = problems.len();
            let noun = if count == 1 { "problem" } else { "problems" };
            bail!("{}\n{count} {noun}", problems_as_one(problems))
        }
    }
}
