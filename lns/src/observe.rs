//! What was seen, for people: the only file where a note becomes a metric, a log line or a line of
//! the live view. The metrics are listed in `docs/METRICS.md`, and a test compares.

mod groups;
mod live;
mod shadows;

use std::sync::Arc;
use std::time::Duration;

use lns_core::adr::Decision;
use lns_core::event::{Fate, Freshness};
use lns_core::{Note, Reject};
use lns_lorawan::{Db, DevEui, TimeDelta, Timestamp, Window};
use parking_lot::RwLock;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::gateways::Gateways;
use crate::message::Seen;

pub use groups::{ActionMeters, RuleMeter, RuleMeters};
use groups::{GatewayGauges, Rare, Shadows};
use live::live_line;

/// Somebody who watches what happens, line by line.
pub trait LiveView: Send + Sync {
    /// One line: when, a mark (▲ up, ▼ down, ✓ good, ✗ refused, · other), who, what.
    fn line(&self, at: Timestamp, mark: char, who: &str, what: &str);
}

/// Names devices for people.
pub type Namer = Box<dyn Fn(DevEui) -> String + Send + Sync>;

/// How many gateways have gauges of their own; more would make the scrape the load.
const GATEWAY_GAUGES: usize = 1000;

/// Metrics, logs and the live view.
pub struct Observer {
    registry: Registry,
    /// Receptions that came in from gateways.
    pub receptions: IntCounter,
    uplinks: IntCounter,
    repeats: IntCounter,
    lost: IntCounter,
    joins: IntCounter,
    late_copies: IntCounter,
    rejects: IntCounterVec,
    planned: IntCounter,
    no_offer: IntCounter,
    does_not_fit: IntCounter,
    downlinks: IntCounterVec,
    downlink_ends: IntCounterVec,
    downlink_margin: Histogram,
    acked: IntCounter,
    adr: IntCounterVec,
    mac: IntCounterVec,
    commit_seconds: Histogram,
    commit_records: Histogram,
    store_errors: IntCounter,
    uplink_seconds: Histogram,
    /// Events that a sink has taken responsibility for.
    pub published: IntCounterVec,
    /// Decodings that failed, by cause.
    pub codec_errors: IntCounterVec,
    /// How long decoding took.
    pub decode_seconds: Histogram,
    /// Events waiting for the broker.
    pub outbox_waiting: IntGauge,
    /// Events given up because the outbox was full or they were too old.
    pub outbox_skipped: IntCounter,
    /// Messages waiting in a partition's mailbox.
    pub mailbox: IntGaugeVec,
    gateways: GatewayGauges,
    broker: IntGaugeVec,
    store_bytes: IntGauge,
    certificate_ends: IntGaugeVec,
    bridge: IntGaugeVec,
    rare: Rare,
    shadows: Shadows,
    /// Rules and their actions.
    pub rules: RuleMeters,
    live: RwLock<Option<(Arc<dyn LiveView>, Namer)>>,
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer {
    /// Metrics at zero.
    pub fn new() -> Self {
        let registry = Registry::new();
        let make = Make(&registry);
        let observer = Observer {
            receptions: make.counter("lns_receptions_total", "Receptions from gateways, CRC good"),
            uplinks: make.counter("lns_uplinks_total", "New data frames accepted"),
            repeats: make.counter("lns_repeats_total", "Repeats of an accepted frame"),
            lost: make.counter("lns_uplinks_missing_total", "FCntUp values never received"),
            joins: make.counter("lns_joins_total", "Join-Requests accepted"),
            late_copies: make
                .counter("lns_late_copies_total", "Copies after their gathering closed"),
            rejects: make.counters("lns_rejects_total", "Frames refused", "reason"),
            planned: make.counter("lns_downlinks_planned_total", "Downlink frames filled"),
            no_offer: make.counter(
                "lns_downlinks_without_offer_total",
                "Occasions with something to say and no gateway to send it",
            ),
            does_not_fit: make.counter(
                "lns_downlinks_too_large_total",
                "Occasions whose windows were too small for the queued downlink",
            ),
            downlinks: make.counters("lns_downlinks_total", "Ends of handed-over frames", "fate"),
            downlink_ends: make.counters_by(
                "lns_downlink_ends_total",
                "Ends of handed-over frames, by window and cause",
                &["fate", "window", "cause"],
            ),
            downlink_margin: make.decibels(
                "lns_downlink_margin_decibels",
                "Expected margin of frames that gateways accepted",
            ),
            acked: make.counter("lns_downlinks_acked_total", "Confirmed downlinks acknowledged"),
            adr: make.counters("lns_adr_decisions_total", "Changes that ADR wanted", "decision"),
            mac: make.counters("lns_mac_oddities_total", "Unknown or unexpected MAC", "kind"),
            commit_seconds: make.histogram("lns_commit_seconds", "Time of one group commit", 1e-5),
            commit_records: make.histogram(
                "lns_commit_records",
                "Records in one group commit",
                1.0,
            ),
            store_errors: make.counter("lns_store_errors_total", "Commits that the store refused"),
            uplink_seconds: make.histogram(
                "lns_uplink_seconds",
                "From a frame's arrival to its event's delivery",
                1e-4,
            ),
            published: make.counters("lns_published_total", "Events delivered", "sink"),
            codec_errors: make.counters("lns_codec_errors_total", "Decodings failed", "cause"),
            decode_seconds: make.histogram("lns_decode_seconds", "Time of one decoding", 1e-6),
            outbox_waiting: make.gauge("lns_outbox_waiting", "Events waiting for a sink"),
            outbox_skipped: make.counter("lns_outbox_skipped_total", "Events given up: no room"),
            mailbox: make.gauges("lns_mailbox", "Messages waiting for a partition", "partition"),
            gateways: GatewayGauges::new(&make),
            broker: make.gauges("lns_broker", "How the MQTT broker is doing", "what"),
            store_bytes: make.gauge("lns_store_bytes", "Size of the store, approximately"),
            certificate_ends: make.gauges(
                "lns_tls_certificate_expiry_timestamp_seconds",
                "Until when the certificate is valid that is shown",
                "door",
            ),
            bridge: make.gauges("lns_bridge", "What the gateway bridge counted", "what"),
            rare: Rare::new(&make),
            shadows: Shadows::new(&make),
            rules: RuleMeters::new(&make),
            live: RwLock::new(None),
            registry: registry.clone(),
        };
        observer.begin_at_zero();
        observer.shadows_begin_at_zero();
        observer
    }

    /// Labels that are shown before they have happened.
    fn begin_at_zero(&self) {
        for label in Reject::LABELS {
            self.rejects.with_label_values(&[label]);
        }
        for decision in Decision::ALL {
            self.adr.with_label_values(&[decision.label()]);
        }
        for fate in ["accepted", "refused", "unknown", "expired"] {
            self.downlinks.with_label_values(&[fate]);
        }
        let Rare { f_cnt_resets, relayed, reserved_f_ports: _, proprietary } = &self.rare;
        for (counters, labels) in [
            (f_cnt_resets, ["noticed", "accepted"]),
            (relayed, ["forwarded", "unreadable"]),
            (proprietary, ["published", "limited"]),
        ] {
            for label in labels {
                counters.with_label_values(&[label]);
            }
        }
    }

    /// From now on, `view` is shown a line for everything that matters to people.
    pub fn watch(&self, view: Arc<dyn LiveView>, namer: Namer) {
        *self.live.write() = Some((view, namer));
    }

    /// One note.
    pub fn see(&self, seen: &Seen) {
        self.count(&seen.note);
        self.log(seen);
        if let Some((view, namer)) = &*self.live.read()
            && let Some((mark, what)) = live_line(&seen.note)
        {
            let who = match (seen.dev_eui, seen.dev_addr) {
                (Some(dev_eui), _) => namer(dev_eui),
                (None, Some(dev_addr)) => format!("DevAddr {dev_addr}"),
                (None, None) => "unknown".into(),
            };
            view.line(seen.at, mark, &who, &what);
        }
    }

    /// A line for the live view that no note stands for.
    pub fn show(&self, at: Timestamp, mark: char, who: &str, what: &str) {
        if let Some((view, _)) = &*self.live.read() {
            view.line(at, mark, who, what);
        }
    }

    /// Whether somebody watches.
    pub fn is_watched(&self) -> bool {
        self.live.read().is_some()
    }

    /// A proprietary frame was heard; `false`: it was not published, for there were too many.
    pub fn proprietary(&self, published: bool) {
        let what = if published { "published" } else { "limited" };
        self.rare.proprietary.with_label_values(&[what]).inc();
    }

    /// A group was committed.
    pub fn committed(&self, records: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_records.observe(records as f64);
    }

    /// The store refused a group.
    pub fn store_refused(&self, error: &crate::store::StoreError, retry_in: Duration) {
        self.store_errors.inc();
        // The store itself says once that it fails, and once that it works again.
        tracing::debug!(%error, ?retry_in, "the store refused a commit; nothing is lost, trying again");
    }

    /// An uplink's event was delivered, so long after the frame arrived.
    pub fn uplink_delivered(&self, after: TimeDelta) {
        self.uplink_seconds.observe(after.as_secs_f64());
    }

    /// Takes over what the gateway bridge counts.
    pub fn bridge_counters(&self, counters: impl IntoIterator<Item = (String, u64)>) {
        for (what, value) in counters {
            self.bridge.with_label_values(&[what.as_str()]).set(value as i64);
        }
    }

    /// Takes over how the broker is doing.
    pub fn broker_status(&self, status: &crate::broker::Status) {
        for (what, value) in [
            ("connected", u64::from(status.connected)),
            ("in_flight", status.in_flight),
            ("acknowledged", status.acknowledged),
            ("busy", status.busy),
            ("taken_in", status.taken_in),
            ("dropped", status.dropped),
            ("refused", status.refused),
            ("connections", status.connections),
            ("protocol", status.protocol),
        ] {
            self.broker.with_label_values(&[what]).set(value as i64);
        }
    }

    /// Takes over how large the store is.
    pub fn store_size(&self, bytes: u64) {
        self.store_bytes.set(bytes as i64);
    }

    /// Takes over until when the certificate is valid that is shown at a door.
    pub fn certificate_ends(&self, door: &str, end: Timestamp) {
        self.certificate_ends.with_label_values(&[door]).set(end.secs());
    }

    /// Takes over why windows were left without an offer.
    pub fn no_offers<'a>(&self, reasons: impl IntoIterator<Item = (&'a str, u64)>) {
        for (reason, count) in reasons {
            self.gateways.no_offer_reasons.with_label_values(&[reason]).set(count as i64);
        }
    }

    /// The metrics as Prometheus reads them.
    pub fn scrape(&self, gateways: &Gateways) -> String {
        let all = gateways.all();
        self.gateways.known.set(all.len() as i64);
        self.gateways.forgotten.set(gateways.forgotten() as i64);
        self.gateways.connected.reset();
        self.gateways.rtt_us.reset();
        self.gateways.receptions.reset();
        for gateway in all.iter().take(GATEWAY_GAUGES) {
            let eui = gateway.eui.to_string();
            let labels = [eui.as_str()];
            self.gateways.connected.with_label_values(&labels).set(i64::from(gateway.is_alive()));
            self.gateways.rtt_us.with_label_values(&labels).set(gateway.rtt().1.micros());
            let receptions = gateway.receptions.load(std::sync::atomic::Ordering::Relaxed);
            self.gateways.receptions.with_label_values(&labels).set(receptions as i64);
        }
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("metrics are valid by construction, and memory takes any text");
        String::from_utf8(text).expect("Prometheus text is UTF-8")
    }

    fn count(&self, note: &Note) {
        match note {
            Note::Uplink { freshness: Freshness::New | Freshness::Reset, lost, .. } => {
                self.uplinks.inc();
                self.lost.inc_by(u64::from(*lost));
            }
            Note::Uplink { freshness: Freshness::Repeat, .. } => self.repeats.inc(),
            Note::Joining { .. } | Note::Rejoining { .. } => self.joins.inc(),
            Note::Rejected(reject) => self.rejects.with_label_values(&[reject.label()]).inc(),
            Note::LateCopy { .. } => self.late_copies.inc(),
            Note::Planned { .. } => self.planned.inc(),
            Note::NoOffer => self.no_offer.inc(),
            Note::Sent { fate, window, margin, .. } => self.sent(fate, *window, *margin),
            Note::Acked { .. } => self.acked.inc(),
            Note::UnknownMacCommand { .. } => self.mac.with_label_values(&["unknown_cid"]).inc(),
            Note::UnexpectedMacAnswer { .. } => {
                self.mac.with_label_values(&["unexpected_answer"]).inc();
            }
            Note::MacRequestRefused { .. } => {
                self.mac.with_label_values(&["request_refused"]).inc();
            }
            Note::Adr(why) => self.adr.with_label_values(&[why.decision.label()]).inc(),
            Note::DoesNotFit { .. } => self.does_not_fit.inc(),
            Note::CountersForgotten { .. } => {
                self.rare.f_cnt_resets.with_label_values(&["noticed"]).inc();
            }
            Note::CountersReset { .. } => {
                self.rare.f_cnt_resets.with_label_values(&["accepted"]).inc();
            }
            Note::Relayed { readable } => {
                let what = if *readable { "forwarded" } else { "unreadable" };
                self.rare.relayed.with_label_values(&[what]).inc();
            }
            Note::ReservedFPort { .. } => self.rare.reserved_f_ports.inc(),
            Note::NoRejoin { .. }
            | Note::SessionConfirmed { .. }
            | Note::ClassChanged { .. }
            | Note::DevStatus { .. }
            | Note::DownCounterExhausted => {}
        }
    }

    fn sent(&self, fate: &Fate, window: Option<Window>, margin: Option<Db>) {
        self.downlinks.with_label_values(&[fate_label(fate)]).inc();
        let labels = [fate_label(fate), window_label(window), cause_label(fate)];
        self.downlink_ends.with_label_values(&labels).inc();
        if let (Fate::Accepted, Some(margin)) = (fate, margin) {
            self.downlink_margin.observe(f64::from(margin.hundredths()) / 100.0);
        }
    }

    fn log(&self, seen: &Seen) {
        let dev_eui = seen.dev_eui.map(|dev_eui| dev_eui.to_string()).unwrap_or_default();
        let dev_addr = seen.dev_addr.map(|dev_addr| dev_addr.to_string()).unwrap_or_default();
        match &seen.note {
            Note::Rejected(Reject::Bug) => {
                tracing::error!(
                    dev_eui,
                    "deciding panicked; the device is unchanged, the frame kept"
                );
            }
            Note::CountersForgotten { got, last } => tracing::warn!(
                dev_eui,
                got = got.0,
                last = last.0,
                "the device counts from the start again and its frames are refused; if it has \
                 really forgotten its counters: POST /v1/wireless-devices/{dev_eui}/reset-counters"
            ),
            Note::CountersReset { got, last, hears_us } => {
                tracing::info!(dev_eui, got = got.0, last = last.0, "counters begin anew");
                if !hears_us {
                    tracing::warn!(
                        dev_eui,
                        "the device can no longer hear us: downlink counters go on under the same \
                         keys and are too high for a device that begins at 0; give it new keys"
                    );
                }
            }
            Note::Rejected(reject) => {
                tracing::debug!(dev_eui, dev_addr, reason = reject.label(), "{reject}");
            }
            note => tracing::trace!(dev_eui, dev_addr, ?note),
        }
    }
}

/// A fate as a metric label.
pub fn fate_label(fate: &Fate) -> &'static str {
    match fate {
        Fate::Accepted => "accepted",
        Fate::Refused(_) => "refused",
        Fate::Unknown => "unknown",
        Fate::Expired => "expired",
    }
}

/// A window as a metric label; which one is not known of a frame whose gateway kept silent.
fn window_label(window: Option<Window>) -> &'static str {
    match window {
        Some(Window::Rx1) => "rx1",
        Some(Window::Rx2) => "rx2",
        Some(Window::Ping) => "ping",
        Some(Window::Rxc) => "rxc",
        None => "",
    }
}

/// Why a frame was refused, as a metric label. Gateways' inventions and sentences share one.
fn cause_label(fate: &Fate) -> &'static str {
    match fate {
        Fate::Refused(cause) => gateway_link::Refusal::from(&**cause).label(),
        Fate::Accepted | Fate::Unknown | Fate::Expired => "",
    }
}

/// Makes metrics and registers them.
struct Make<'a>(&'a Registry);

impl Make<'_> {
    fn counter(&self, name: &str, help: &str) -> IntCounter {
        let metric = IntCounter::new(name, help).expect("a valid metric");
        self.keep(metric)
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        let metric = IntCounterVec::new(Opts::new(name, help), &[label]).expect("a valid metric");
        self.keep(metric)
    }

    fn counters_by(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let metric = IntCounterVec::new(Opts::new(name, help), labels).expect("a valid metric");
        self.keep(metric)
    }

    fn gauges_by(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.keep(IntGaugeVec::new(Opts::new(name, help), labels).expect("a valid metric"))
    }

    /// Buckets of 5 dB from −20 to 60.
    fn decibels(&self, name: &str, help: &str) -> Histogram {
        let buckets = prometheus::linear_buckets(-20.0, 5.0, 17).expect("valid buckets");
        let options = HistogramOpts::new(name, help).buckets(buckets);
        self.keep(Histogram::with_opts(options).expect("a valid metric"))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        let metric = IntGauge::new(name, help).expect("a valid metric");
        self.keep(metric)
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> IntGaugeVec {
        let metric = IntGaugeVec::new(Opts::new(name, help), &[label]).expect("a valid metric");
        self.keep(metric)
    }

    /// Buckets that double from `smallest`, eighteen of them.
    fn histogram(&self, name: &str, help: &str, smallest: f64) -> Histogram {
        let buckets = prometheus::exponential_buckets(smallest, 2.0, 18).expect("valid buckets");
        let options = HistogramOpts::new(name, help).buckets(buckets);
        self.keep(Histogram::with_opts(options).expect("a valid metric"))
    }

    fn keep<M: prometheus::core::Collector + Clone + 'static>(&self, metric: M) -> M {
        self.0.register(Box::new(metric.clone())).expect("metric names are unique");
        metric
    }
}
