//! `lns ca`: the certificate of the server's own authority, for devices to trust.

use anyhow::bail;
use clap::Args;

use super::run::{RunArgs, problems_as_one};
use crate::identity::Authority;

#[derive(Debug, Args)]
pub(super) struct CaArgs {
    #[command(flatten)]
    run: RunArgs,
}

/// Prints it. The server may be running.
pub(super) fn print(args: &CaArgs) -> anyhow::Result<()> {
    let config = args.run.load().map_err(problems_as_one)?;
    let dir = &config.server.data_dir;
    let Some(pem) = Authority::certificate(dir)? else {
        bail!(
            "there is no authority in {} yet; start the server once, which makes it, or name \
             another directory with --data",
            dir.display()
        );
    };
    print!("{pem}");
    Ok(())
}
