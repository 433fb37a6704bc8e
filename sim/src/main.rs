//! The `sim` binary: a fleet of devices and gateways against any server that speaks Semtech's UDP
//! protocol.

mod cli;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use sim::provision::{csv, provision};
use sim::{Config, Event, Handle, Report};
use tokio::signal::unix::{Signal, SignalKind, signal};

use cli::Work;

/// How often the progress line is written.
const TICK: Duration = Duration::from_millis(250);
/// How often it is written where it cannot be overwritten.
const PLAIN_TICK: Duration = Duration::from_secs(10);

/// 0 is done, 1 is a problem that was printed, 2 a command line that makes no sense.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let work = match cli::work_of(std::env::args()) {
        Ok(work) => work,
        // `--help` is an answer, too; a problem is printed and ends with 2.
        Err(answer) => answer.exit(),
    };
    match work_on(work).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

async fn work_on(work: Work) -> anyhow::Result<()> {
    if work.list {
        print!("{}", csv(&work.scenario));
        return Ok(());
    }
    if let Some(to) = &work.provision {
        let bar = ProgressBar::new(work.scenario.devices as u64);
        let made = provision(to, &work.scenario, |count| bar.set_position(count as u64))?;
        bar.finish_and_clear();
        eprintln!("{} devices created, {} were there already", made.created, made.already);
    }
    let Some(server) = work.server else { return Ok(()) };
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let bar = progress_bar();
    let told = bar.clone();
    let on_event = work.events.then(|| {
        let on_event = move |event: &Event| told.suspend(|| println!("{} {event}", event.at()));
        Box::new(on_event) as sim::run::OnEvent
    });
    let handle = sim::run(Config { server, scenario: work.scenario, on_event })?;
    watch(&handle, &bar, (work.duration, &mut signals)).await;
    let report = handle.stop();
    bar.finish_and_clear();
    println!("{report}");
    if let Some(advice) = advice(&report) {
        eprintln!("{advice}");
    }
    Ok(())
}

/// What to look at when nothing came of it.
fn advice(report: &Report) -> Option<&'static str> {
    if report.connected == 0 {
        return Some("no gateway was answered: is the server at this address, on UDP?");
    }
    (report.joined == 0 && report.total.join_failures > 0)
        .then_some("no device joined: does the server know them (--provision, --list)?")
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}

/// Writes the progress line until the time is up or a signal comes.
async fn watch(
    handle: &Handle,
    bar: &ProgressBar,
    (duration, signals): (Option<Duration>, &mut Signals),
) {
    let started = Instant::now();
    let mut next_plain = started + PLAIN_TICK;
    while duration.is_none_or(|duration| started.elapsed() < duration) {
        let left = duration.map_or(TICK, |duration| duration.saturating_sub(started.elapsed()));
        tokio::select! {
            () = tokio::time::sleep(TICK.min(left)) => {}
            () = signals.any() => return,
        }
        let line = progress(&handle.report());
        if bar.is_hidden() && Instant::now() >= next_plain {
            eprintln!("{} s: {line}", started.elapsed().as_secs());
            next_plain += PLAIN_TICK;
        }
        bar.set_message(line);
        bar.tick();
    }
}

fn progress(report: &Report) -> String {
    let total = &report.total;
    format!(
        "{}/{} gateways, {}/{} joined by {} requests, {} uplinks, {} downlinks heard \
         (RX1 {}, RX2 {}, ping slots {}, RXC {}), {} missed",
        report.connected,
        report.gateways,
        report.joined,
        report.devices,
        total.join_requests,
        total.uplinks,
        total.heard(),
        total.heard_rx1,
        total.heard_rx2,
        total.heard_ping,
        total.heard_rxc,
        report.missed_total(),
    )
}

/// Ctrl-C and `kill`.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
