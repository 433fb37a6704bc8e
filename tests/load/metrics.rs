//! The server's own counters, and what changed in them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::http::Http;

/// Values by name and labels, as Prometheus writes them.
#[derive(Clone, Debug, Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Asks the server.
    pub fn scrape(api: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self::parse(&Http::connect(api)?.get("/metrics")?.body))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let values = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Metrics(values.collect())
    }

    /// How much more than before.
    pub fn since(&self, before: &Metrics, name: &str) -> f64 {
        let value = |metrics: &Metrics| metrics.0.get(name).copied().unwrap_or_default();
        value(self) - value(before)
    }

    /// What was refused, dropped or given up since, by name and label.
    pub fn trouble_since(&self, before: &Metrics) -> Vec<(String, u64)> {
        const TROUBLE: [&str; 8] = [
            "lns_rejects_total",
            "lns_late_copies_total",
            "lns_repeats_total",
            "lns_outbox_skipped_total",
            "lns_codec_errors_total",
            "lns_store_errors_total",
            "lns_downlinks_without_offer_total",
            "lns_downlinks_total{fate=\"refused\"}",
        ];
        let bridge = |name: &str| {
            name.starts_with("lns_bridge")
                && ["drop", "error", "full", "oversized"].iter().any(|word| name.contains(word))
        };
        let names = self
            .0
            .keys()
            .filter(|name| TROUBLE.iter().any(|trouble| name.starts_with(trouble)) || bridge(name));
        let changed = names.map(|name| (name.clone(), self.since(before, name) as u64));
        changed.filter(|(_, count)| *count > 0).collect()
    }
}
