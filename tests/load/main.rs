//! The load table: how many uplinks a second the server carries from a gateway's datagram to
//! decoded JSON at an MQTT subscriber, counters durable, and what each costs.
//!
//! It starts the real server with a data directory of its own, makes devices known through the
//! API, sends datagrams that were built beforehand, and reads what comes out of the broker.
//! `README.md` beside this file says what the columns mean.

mod fleet;
mod flight;
mod http;
mod joins;
mod measure;
mod metrics;
mod pace;
mod process;
mod provision;
mod search;
mod subscriber;
mod table;
mod volley;
mod wire;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use fleet::Activation;
use measure::{Bench, Measured, Shape};
use pace::Pace;
use process::Process;
use table::Row;

/// How long a flood lasts.
const FLOOD: Duration = Duration::from_secs(3);

/// How long each rate of joins is asked for.
const JOINING: Duration = Duration::from_millis(1500);

/// Joins a second that are tried, one after another.
const JOIN_RATES: [f64; 4] = [500.0, 1000.0, 2000.0, 3000.0];

/// Gateways that hear joins: each may send little in an hour, and one thing at a time.
const JOIN_GATEWAYS: u32 = 800;

/// Measures the server under load and prints the table.
#[derive(Debug, Parser)]
struct Args {
    /// The server [default: `lns` beside this program].
    #[arg(long)]
    lns: Option<PathBuf>,
    /// Where data directories are made [default: the system's folder for temporary files].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// How many devices, one row each.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    devices: Vec<usize>,
    /// How many gateways hear each frame, one row each.
    #[arg(long, value_delimiter = ',', default_value = "1,3")]
    copies: Vec<u32>,
    /// Gateways in all.
    #[arg(long, default_value_t = 24)]
    gateways: u32,
    /// Frames in one datagram.
    #[arg(long, default_value_t = 4)]
    rxpk: usize,
    /// The subscriber's QoS.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    qos: u8,
    /// How long the measurement at the rate that was found takes, s.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often everything is measured; the table has the medians.
    #[arg(long, default_value_t = 1)]
    repeat: usize,
    /// Do not search: measure at this many uplinks/s.
    #[arg(long)]
    rate: Option<f64>,
    /// What is measured.
    #[arg(long, value_delimiter = ',', default_value = "uplinks,flood,joins")]
    only: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The rate that is sustained, and how it is at four fifths of it.
    Uplinks,
    /// What happens when far too much comes.
    Flood,
    /// Joins over the air.
    Joins,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let begun = Instant::now();
    let lab = Lab::open(&args)?;
    let (mut rows, mut floods) = (Vec::new(), Vec::new());
    if args.only.contains(&Part::Uplinks) || args.only.contains(&Part::Flood) {
        for devices in &args.devices {
            lab.uplinks(*devices, (&mut rows, &mut floods))?;
        }
    }
    println!("{}\n", machine());
    if !rows.is_empty() {
        println!("{}", table::uplinks(&rows));
        let last = rows.last().and_then(|row| row.found.last());
        if let Some(found) = last {
            println!("{}", table::threads(&found.comfort));
        }
    }
    if !floods.is_empty() {
        println!("{}", table::flood(&floods));
    }
    if args.only.contains(&Part::Joins) {
        println!("{}", table::joins(&lab.joins()?));
    }
    eprintln!("took {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Where servers are started.
struct Lab<'a> {
    args: &'a Args,
    binary: PathBuf,
    folder: tempfile::TempDir,
}

impl<'a> Lab<'a> {
    fn open(args: &'a Args) -> anyhow::Result<Self> {
        let beside = || Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("lns"));
        let binary = args.lns.clone().map_or_else(beside, Ok)?;
        let parent = args.dir.clone().unwrap_or_else(std::env::temp_dir);
        let folder = tempfile::Builder::new().prefix("lns-load-").tempdir_in(parent)?;
        Ok(Lab { args, binary, folder })
    }

    /// The data directory of a server that has stopped and knows so many devices.
    fn provisioned(&self, devices: usize, activation: Activation) -> anyhow::Result<PathBuf> {
        let home = self.folder.path().join(format!("{devices}-{activation:?}"));
        fs::create_dir(&home)?;
        let process = Process::start(&self.binary, &home)?;
        let begun = Instant::now();
        provision::devices(process.http, devices, activation)?;
        let took = begun.elapsed().as_secs_f64();
        eprintln!("{devices} devices made known through the API in {took:.1} s");
        process.stop()?;
        Ok(home)
    }

    /// A server with a copy of that directory.
    fn start(&self, template: &Path) -> anyhow::Result<Process> {
        let home = self.folder.path().join("running");
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        copy(template, &home)?;
        let begun = Instant::now();
        let process = Process::start(&self.binary, &home)?;
        eprintln!("  started in {:.1} s, process {}", begun.elapsed().as_secs_f64(), process.id());
        Ok(process)
    }

    fn uplinks(
        &self,
        devices: usize,
        (rows, floods): (&mut Vec<Row>, &mut Vec<(usize, u32, Measured)>),
    ) -> anyhow::Result<()> {
        let args = self.args;
        let template = self.provisioned(devices, Activation::Abp)?;
        for &copies in &args.copies {
            let shape =
                Shape { gateways: args.gateways, copies, per_datagram: args.rxpk, qos: args.qos };
            let mut found = Vec::new();
            for run in 1..=args.repeat {
                eprintln!("{devices} devices, {copies} gateways per frame, run {run}");
                let process = self.start(&template)?;
                let mut bench = Bench::open(&process, devices, shape)?;
                if args.only.contains(&Part::Uplinks) {
                    found.push(self.one(&mut bench)?);
                }
                if !args.only.contains(&Part::Uplinks) {
                    search::told("warm up", &bench.warm_up()?);
                }
                if args.only.contains(&Part::Flood) && run == args.repeat {
                    let flood = bench.measure(Pace::Flood, FLOOD)?;
                    search::told("flood", &flood);
                    floods.push((devices, copies, flood));
                }
                drop(bench);
                process.stop()?;
            }
            if !found.is_empty() {
                rows.push(Row { devices, copies, found });
            }
        }
        Ok(())
    }

    /// What a row says, searched for or at a given rate.
    fn one(&self, bench: &mut Bench<'_>) -> anyhow::Result<search::Found> {
        let time = Duration::from_secs(self.args.seconds);
        match self.args.rate {
            None => search::search(bench, time),
            Some(rate) => search::at(bench, rate, time),
        }
    }

    fn joins(&self) -> anyhow::Result<Vec<joins::Joined>> {
        let devices = self.args.devices.iter().copied().max().unwrap_or(1000);
        let template = self.provisioned(devices, Activation::Otaa)?;
        let process = self.start(&template)?;
        let mut joins = joins::Joins::open(&process, devices, JOIN_GATEWAYS)?;
        let rows: anyhow::Result<Vec<_>> =
            JOIN_RATES.into_iter().map(|rate| joins.measure(rate, JOINING)).collect();
        drop(joins);
        process.stop()?;
        rows
    }
}

/// Copies a folder and all that is in it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to).with_context(|| format!("creating {}", to.display()))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// What it was measured on.
fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores shared by server, generator and subscriber.", model.unwrap_or("?"))
}
