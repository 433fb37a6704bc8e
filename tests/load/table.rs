//! The tables, in Markdown.

use crate::joins::Joined;
use crate::measure::Measured;
use crate::search::Found;

/// Threads of one name that are listed, at most.
const THREADS: usize = 12;

/// One row: devices, gateways per frame, and what was found, once for each repetition.
pub struct Row {
    /// Known and sending.
    pub devices: usize,
    /// Hearing each frame.
    pub copies: u32,
    /// What was found, each time.
    pub found: Vec<Found>,
}

/// Uplinks.
pub fn uplinks(rows: &[Row]) -> String {
    let mut text = String::from(
        "| devices | gateways per frame | sustained, uplinks/s | closed loop, uplinks/s | \
         at 80 %, uplinks/s | CPU per uplink, µs | p50, ms | p99, ms | lost | all gateways named | memory, MiB | other programs |\n\
         |--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let of = |value: fn(&Found) -> f64| median(row.found.iter().map(value).collect());
        text += &format!(
            "| {} | {} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} % | {:.0} | {:.0} % |\n",
            row.devices,
            row.copies,
            of(|found| found.sustained),
            of(|found| found.closed_loop.rate),
            of(|found| found.comfort.rate),
            of(|found| found.comfort.cpu),
            of(|found| found.comfort.p50),
            of(|found| found.comfort.p99),
            of(|found| found.comfort.lost() as f64),
            of(|found| 100.0 * found.comfort.complete),
            of(|found| found.memory_mib as f64),
            of(|found| found.comfort.others),
        );
    }
    text
}

/// Where the server's processor time goes.
pub fn threads(measured: &Measured) -> String {
    let mut text = String::from("| thread | CPU per uplink, µs |\n|---|--:|\n");
    for (name, cpu) in measured.threads.iter().take(THREADS) {
        text += &format!("| `{name}` | {cpu:.1} |\n");
    }
    text += &format!("| all | {:.1} |\n", measured.cpu);
    text + &format!("| (generator and subscriber) | {:.1} |\n", measured.own_cpu)
}

/// A flood: more than can be served.
pub fn flood(rows: &[(usize, u32, Measured)]) -> String {
    let mut text = String::from(
        "| devices | gateways per frame | sent, uplinks/s | arrived, uplinks/s | arrived | \
         what became of the rest |\n|--:|--:|--:|--:|--:|---|\n",
    );
    for (devices, copies, m) in rows {
        text += &format!(
            "| {devices} | {copies} | {:.0} | {:.0} | {:.0} % | {} |\n",
            m.offered,
            m.rate,
            100.0 * m.arrived as f64 / m.sent.max(1) as f64,
            listed(&m.trouble),
        );
    }
    text
}

/// Joins.
pub fn joins(rows: &[Joined]) -> String {
    let mut text = String::from(
        "| asked, joins/s | requests | decided | answered | p50, ms | p99, ms | CPU per join, µs | \
         refused |\n|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for row in rows {
        text += &format!(
            "| {:.0} | {} | {} | {} | {:.0} | {:.0} | {:.0} | {} |\n",
            row.offered,
            row.requested,
            row.decided,
            row.answered,
            row.p50,
            row.p99,
            row.cpu,
            listed(&row.trouble),
        );
    }
    text
}

fn listed(trouble: &[(String, u64)]) -> String {
    if trouble.is_empty() {
        return "–".to_owned();
    }
    let listed: Vec<_> = trouble.iter().map(|(name, count)| format!("`{name}` {count}")).collect();
    listed.join(", ")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
