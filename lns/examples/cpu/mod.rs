//! Processor time of threads: what a message costs, however busy the machine is with other things.

use std::fs;
use std::time::Duration;

/// What `USER_HZ` is on Linux: the unit of `/proc/…/stat`.
const TICKS_PER_SECOND: u64 = 100;

/// User and system time of the threads of `process` whose names begin with one of `names`; of all
/// with `""`. `self` names this process. Threads that have ended do not count.
pub fn used(process: &str, names: &[&str]) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else { continue };
        let Some((name, used)) = parse(&stat) else { anyhow::bail!("cannot read {stat:?}") };
        if names.iter().any(|wanted| name.starts_with(wanted)) {
            ticks += used;
        }
    }
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// The name and the ticks of a line of `/proc/…/stat`; the name may have spaces and brackets.
fn parse(stat: &str) -> Option<(&str, u64)> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let field = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // utime and stime, the 14th and 15th of all.
    Some((name, field(11)? + field(12)?))
}

/// The middle one.
#[allow(dead_code, reason = "not every example has rounds")]
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
