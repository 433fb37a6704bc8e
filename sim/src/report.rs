//! What a simulation has come to, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use lns_lorawan::TimeDelta;

use crate::device::{Tally, Unheard};
use crate::gateway::GatewayTally;

/// The sum over all devices and gateways.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// How many devices.
    pub devices: usize,
    /// How many of them have a session.
    pub joined: usize,
    /// How many gateways.
    pub gateways: usize,
    /// How many of them the server answers.
    pub connected: usize,
    /// What the devices have lived through.
    pub total: Tally,
    /// What the gateways have lived through.
    pub air: GatewayTally,
    /// Uplinks that no gateway has heard.
    pub unheard_up: u64,
    /// Downlinks that were in the air and that nobody received, by reason.
    pub missed: BTreeMap<&'static str, u64>,
    /// Downlinks received, by how far they were off their window: the greatest, either way.
    pub worst_offset: TimeDelta,
    /// How late this process was at its worst. Beyond some 20 ms it, and not the server, is to
    /// blame for what was missed.
    pub worst_lag: TimeDelta,
}

impl Report {
    /// Nobody has received a downlink.
    pub(crate) fn miss(&mut self, reason: &Unheard) {
        *self.missed.entry(reason.label()).or_default() += 1;
    }

    /// A downlink was received this far off its window.
    pub(crate) fn off_by(&mut self, offset: TimeDelta) {
        self.worst_offset = self.worst_offset.max(offset.abs());
    }

    pub(crate) fn add_gateway(&mut self, tally: &GatewayTally) {
        let air = &mut self.air;
        air.received += tally.received;
        air.deaf += tally.deaf;
        air.push_data += tally.push_data;
        air.push_acks += tally.push_acks;
        air.pull_data += tally.pull_data;
        air.pull_acks += tally.pull_acks;
        air.pull_resp += tally.pull_resp;
        air.sent += tally.sent;
        air.warned += tally.warned;
        air.beacons += tally.beacons;
        air.unreadable += tally.unreadable;
        for (reason, count) in &tally.refused {
            *air.refused.entry(reason).or_default() += count;
        }
    }

    /// Downlinks that were in the air and that nobody received.
    pub fn missed_total(&self) -> u64 {
        self.missed.values().sum()
    }

    /// The table's rows: what, how many, and a remark.
    pub fn rows(&self) -> Vec<(&'static str, u64, String)> {
        let (total, air) = (&self.total, &self.air);
        let count = |number: usize| number as u64;
        let mut rows = vec![
            ("gateways", count(self.gateways), format!("{} connected", self.connected)),
            ("devices", count(self.devices), format!("{} with a session", self.joined)),
            ("Join-Requests", total.join_requests, format!("{} unanswered", total.join_failures)),
            ("joins", total.joins, format!("{} Rejoin-Requests", total.rejoin_requests)),
            ("uplinks", total.uplinks, format!("and {} repeats", total.repeats)),
            (
                "confirmed",
                total.confirmed,
                format!("{} acknowledged, {} given up", total.acked, total.given_up),
            ),
            (
                "heard by no gateway",
                self.unheard_up,
                format!("{} times a gateway was sending meanwhile", air.deaf),
            ),
            (
                "PUSH_DATA",
                air.push_data,
                format!("{} not acknowledged", air.push_data.saturating_sub(air.push_acks)),
            ),
            ("PULL_RESP", air.pull_resp, format!("{} sent", air.sent)),
        ];
        for (reason, refused) in &air.refused {
            rows.push(("  refused", *refused, (*reason).to_owned()));
        }
        let windows = format!(
            "RX1 {}, RX2 {}, ping slots {}, RXC {}",
            total.heard_rx1, total.heard_rx2, total.heard_ping, total.heard_rxc
        );
        rows.push(("downlinks heard", total.heard(), windows));
        rows.push(("  to groups", total.multicast, String::new()));
        rows.push(("  with a payload", total.payloads, String::new()));
        rows.push(("beacons", air.beacons, format!("{} heard by devices", total.beacons)));
        rows.push(("downlinks missed", self.missed_total(), String::new()));
        for (reason, missed) in &self.missed {
            rows.push(("  missed", *missed, (*reason).to_owned()));
        }
        rows
    }
}

/// A compact table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count, remark) in self.rows() {
            let line = format!("{what:<20} {count:>9}  {remark}");
            writeln!(f, "{}", line.trim_end())?;
        }
        let micros = self.worst_offset.micros();
        writeln!(f, "{:<20} {micros:>9}  µs from a window's nominal start, at most", "off by")?;
        let lag = self.worst_lag.millis();
        write!(f, "{:<20} {lag:>9}  ms that this simulator was late, at most", "lag")
    }
}
