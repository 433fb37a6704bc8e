//! Metrics that belong together.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::Make;

/// What gateways do.
pub(super) struct GatewayGauges {
    pub connected: IntGaugeVec,
    pub rtt_us: IntGaugeVec,
    pub receptions: IntGaugeVec,
    pub known: IntGauge,
    pub forgotten: IntGauge,
    pub no_offer_reasons: IntGaugeVec,
}

impl GatewayGauges {
    pub fn new(make: &Make<'_>) -> Self {
        GatewayGauges {
            connected: make.gauges("lns_gateway_connected", "1 while reachable", "gateway"),
            rtt_us: make.gauges(
                "lns_gateway_rtt_p99_microseconds",
                "99th percentile of a downlink's round trip",
                "gateway",
            ),
            receptions: make.gauges(
                "lns_gateway_receptions",
                "Receptions by this gateway since start",
                "gateway",
            ),
            known: make.gauge("lns_gateways_known", "Gateways registered or seen"),
            forgotten: make
                .gauge("lns_gateways_forgotten", "Unregistered gateways forgotten to make room"),
            no_offer_reasons: make.gauges(
                "lns_windows_without_offer",
                "Windows that a gateway could not serve, since the start",
                "reason",
            ),
        }
    }
}

/// What happens seldom.
pub(super) struct Rare {
    pub f_cnt_resets: IntCounterVec,
    pub relayed: IntCounterVec,
    pub reserved_f_ports: IntCounter,
    pub proprietary: IntCounterVec,
}

impl Rare {
    pub fn new(make: &Make<'_>) -> Self {
        Rare {
            f_cnt_resets: make.counters(
                "lns_f_cnt_resets_total",
                "Personalized devices that count from the start again",
                "what",
            ),
            relayed: make.counters("lns_relayed_total", "Frames forwarded by relays", "what"),
            reserved_f_ports: make
                .counter("lns_reserved_f_ports_total", "Uplinks on reserved ports"),
            proprietary: make.counters("lns_proprietary_total", "Proprietary frames", "what"),
        }
    }
}

/// What is asked of shadows.
pub(super) struct Shadows {
    pub requests: IntCounterVec,
    pub messages: IntCounterVec,
    pub dropped: IntCounter,
    pub downlinks: IntCounterVec,
}

impl Shadows {
    pub fn new(make: &Make<'_>) -> Self {
        Shadows {
            requests: make.counters_by(
                "lns_shadow_requests_total",
                "Requests to device shadows, by the code of the answer",
                &["verb", "code"],
            ),
            messages: make.counters(
                "lns_shadow_messages_total",
                "Messages about device shadows handed to the broker",
                "reply",
            ),
            dropped: make.counter(
                "lns_shadow_messages_dropped_total",
                "Messages about device shadows given up: the broker takes too little",
            ),
            downlinks: make.counters(
                "lns_shadow_downlinks_total",
                "Downlinks from desired states of LoRaWAN devices, by what became of them",
                "what",
            ),
        }
    }
}

/// What rules and their actions do.
pub struct RuleMeters {
    rules: IntCounterVec,
    actions: IntCounterVec,
    waiting: IntGaugeVec,
    /// Messages to a rule that there is not, by basic ingest.
    pub not_found: IntCounter,
}

/// What one rule does.
#[derive(Clone)]
pub struct RuleMeter {
    /// Messages that its filter matches.
    pub matched: IntCounter,
    /// Messages that its statement selected.
    pub selected: IntCounter,
    /// Messages that it, or a template of one of its actions, failed on.
    pub failed: IntCounter,
    /// Messages that it refused because too many rules had made them.
    pub looped: IntCounter,
}

/// What one action does.
#[derive(Clone)]
pub struct ActionMeters {
    /// Tasks made durable.
    pub queued: IntCounter,
    /// Tasks done.
    pub sent: IntCounter,
    /// Batches that failed and are tried again.
    pub retried: IntCounter,
    /// Tasks given up as dead letters.
    pub dead: IntCounter,
    /// Tasks given up because too many waited.
    pub skipped: IntCounter,
    /// Tasks that wait.
    pub waiting: IntGauge,
}

impl RuleMeters {
    pub(super) fn new(make: &Make<'_>) -> Self {
        RuleMeters {
            rules: make.counters_by("lns_rules_total", "Messages, by rule", &["rule", "what"]),
            actions: make.counters_by(
                "lns_actions_total",
                "Tasks of rules' actions",
                &["rule", "action", "what"],
            ),
            waiting: make.gauges_by(
                "lns_actions_waiting",
                "Tasks that wait for a rule's action",
                &["rule", "action"],
            ),
            not_found: make.counter(
                "lns_rules_not_found_total",
                "Messages to rules that do not exist, or are off",
            ),
        }
    }

    /// A rule's counters.
    pub fn rule(&self, rule: &str) -> RuleMeter {
        let count = |what| self.rules.with_label_values(&[rule, what]);
        RuleMeter {
            matched: count("matched"),
            selected: count("selected"),
            failed: count("failed"),
            looped: count("looped"),
        }
    }

    /// A rule is gone, and so are its counters.
    pub fn forget_rule(&self, rule: &str) {
        for what in ["matched", "selected", "failed", "looped"] {
            // An error says that it was not there.
            let _ = self.rules.remove_label_values(&[rule, what]);
        }
    }

    /// An action is gone, and so are its counters.
    pub fn forget_action(&self, rule: &str, action: &str) {
        for what in ["queued", "sent", "retried", "dead", "skipped"] {
            let _ = self.actions.remove_label_values(&[rule, action, what]);
        }
        let _ = self.waiting.remove_label_values(&[rule, action]);
    }

    /// An action's counters.
    pub fn action(&self, rule: &str, action: &str) -> ActionMeters {
        let count = |what| self.actions.with_label_values(&[rule, action, what]);
        ActionMeters {
            queued: count("queued"),
            sent: count("sent"),
            retried: count("retried"),
            dead: count("dead"),
            skipped: count("skipped"),
            waiting: self.waiting.with_label_values(&[rule, action]),
        }
    }
}
