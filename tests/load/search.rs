//! How fast a server can go on for ever, and how it does at four fifths of that.

use std::time::Duration;

use crate::measure::{Bench, Measured, WINDOW};
use crate::pace::Pace;

/// How long each step of the search takes.
const STEP: Duration = Duration::from_secs(2);

/// The first step, as a share of what the closed loop did.
const BEGIN: f64 = 0.7;

/// From one step to the next.
const UP: f64 = 1.1;
const DOWN: f64 = 0.8;

/// Steps at most, so that the table takes minutes.
const STEPS: u32 = 7;

/// How often a rate that was luck is lowered.
const ATTEMPTS: u32 = 3;

/// The share of the sustained rate at which everything else is measured.
pub const COMFORT: f64 = 0.8;

/// What one row of the table says.
#[derive(Clone, Debug)]
pub struct Found {
    /// In a closed loop: no queue grows, and nobody waits for a clock.
    pub closed_loop: Measured,
    /// The highest rate that was sustained; 0 when none was.
    pub sustained: f64,
    /// At [`COMFORT`] of that.
    pub comfort: Measured,
    /// Memory of the server at the end, MiB.
    pub memory_mib: u64,
}

/// Searches, and measures for `time` at the rate that was found.
pub fn search(bench: &mut Bench<'_>, time: Duration) -> anyhow::Result<Found> {
    told("warm up", &bench.warm_up()?);
    let closed_loop = bench.measure(Pace::Window(WINDOW), STEP)?;
    told("closed loop", &closed_loop);
    let sustained = climb(bench, closed_loop.rate * BEGIN)?;
    let (sustained, comfort) = settle(bench, sustained, time)?;
    Ok(Found { closed_loop, sustained, comfort, memory_mib: bench.memory_mib()? })
}

/// Four fifths of what a few seconds sustained must be easy for longer; else it was luck.
fn settle(
    bench: &mut Bench<'_>,
    mut sustained: f64,
    time: Duration,
) -> anyhow::Result<(f64, Measured)> {
    for attempt in 1.. {
        let comfort = bench.measure(Pace::Rate(sustained.max(100.0) * COMFORT), time)?;
        told("at 80 %", &comfort);
        if comfort.sustained() || attempt == ATTEMPTS {
            return Ok((sustained, comfort));
        }
        sustained *= COMFORT;
    }
    unreachable!("the last attempt returns")
}

/// Does not search: measures at a rate that is given.
pub fn at(bench: &mut Bench<'_>, rate: f64, time: Duration) -> anyhow::Result<Found> {
    let closed_loop = bench.warm_up()?;
    told("warm up", &closed_loop);
    let comfort = bench.measure(Pace::Rate(rate), time)?;
    told("measured", &comfort);
    let sustained = if comfort.sustained() { rate } else { 0.0 };
    Ok(Found { closed_loop, sustained, comfort, memory_mib: bench.memory_mib()? })
}

/// Up until it is too much; or down until it is not.
fn climb(bench: &mut Bench<'_>, mut rate: f64) -> anyhow::Result<f64> {
    let mut best = 0.0;
    for _ in 0..STEPS {
        let step = bench.measure(Pace::Rate(rate), STEP)?;
        told("step", &step);
        match (step.sustained(), best > 0.0) {
            (true, _) => best = rate,
            (false, true) => break,
            (false, false) => {}
        }
        rate *= if best > 0.0 { UP } else { DOWN };
    }
    Ok(best)
}

/// One line about a measurement, for whoever watches.
pub fn told(what: &str, measured: &Measured) {
    let m = measured;
    eprintln!(
        "  {what:<12} sent {:>6.0}/s  arrived {:>6.0}/s  p50 {:>7.2} ms  p99 {:>8.2} ms  CPU {:>5.1} µs  \
         lost {}  backlog {}  doubled {}  complete {:.0} %  own CPU {:.1} µs  others {:.0} %{}",
        m.offered,
        m.rate,
        m.p50,
        m.p99,
        m.cpu,
        m.lost(),
        m.backlog,
        m.duplicates,
        100.0 * m.complete,
        m.own_cpu,
        m.others,
        if m.punctuality < 0.95 { "  (the sender was late)" } else { "" },
    );
    let threads: Vec<_> =
        m.threads.iter().take(7).map(|(name, cpu)| format!("{name} {cpu:.1}")).collect();
    eprintln!("    {:.0} records a commit; µs: {}", m.group, threads.join(", "));
    for (name, count) in &m.trouble {
        eprintln!("    {name} {count}");
    }
}
