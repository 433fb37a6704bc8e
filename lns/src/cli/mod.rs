//! The command line: what can be asked of the `lns` binary.

mod ca;
mod check;
mod decode;
mod demo;
mod gateway_config;
mod run;
mod transfer;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::accept;

pub use run::RunArgs;

/// A LoRaWAN network server in one binary.
#[derive(Debug, Parser)]
#[command(name = "lns", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Without a command, the server runs.
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; the same as no command.
    Run(RunArgs),
    /// Run the server with a simulated gateway and devices, and show what happens.
    Demo(demo::DemoArgs),
    /// Show everything that is wrong with a configuration.
    Check(check::CheckArgs),
    /// Explain a frame, and open it where its keys are given.
    Decode(Box<decode::DecodeArgs>),
    /// Print a packet forwarder's configuration for this server.
    GatewayConfig(gateway_config::GatewayConfigArgs),
    /// Print the certificate of the server's own authority, for devices to trust.
    Ca(ca::CaArgs),
    /// Write every record of the data directory as text. The server must not be running.
    Export(transfer::ExportArgs),
    /// Read an export into an empty data directory.
    Import(transfer::ImportArgs),
}

/// Reads the command line and does what it asks.
///
/// 0 is done, 1 is a problem that was printed, 2 a command line that makes no sense.
pub fn main() -> ExitCode {
    let Cli { command, run } = Cli::parse();
    let command = command.unwrap_or(Command::Run(run));
    if matches!(command, Command::Run(_) | Command::Demo(_)) {
        accept::allow_open_files();
    } else {
        end_with_the_reader();
    }
    let done = match command {
        Command::Run(args) => run::run(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Check(args) => check::check(&args),
        Command::Decode(args) => decode::decode(&args),
        Command::GatewayConfig(args) => gateway_config::print(&args),
        Command::Ca(args) => ca::print(&args),
        Command::Export(args) => transfer::export(&args),
        Command::Import(args) => transfer::import(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{}", said_once(&problem));
            ExitCode::FAILURE
        }
    }
}

/// The problem and its causes. Some of our errors tell their cause within their own sentence.
fn said_once(problem: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in problem.chain().map(ToString::to_string) {
        if !said.contains(&cause) {
            let apart = if said.is_empty() { "" } else { ": " };
            said = said + apart + &cause;
        }
    }
    said
}

/// A command that only prints ends quietly when nobody reads any more (`lns decode … | head`), as
/// other programs do; Rust's default is a panic.
fn end_with_the_reader() {
    // SAFETY: no other thread runs yet, and the default action is a valid one.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_cause_is_told_once() {
        let cause = || std::io::Error::other("the disk is full");
        let told =
            anyhow::Error::new(cause()).context("cannot write x: the disk is full; clean up");
        assert_eq!(said_once(&told), "cannot write x: the disk is full; clean up");
        let untold = anyhow::Error::new(cause()).context("cannot write x");
        assert_eq!(said_once(&untold), "cannot write x: the disk is full");
    }
}
