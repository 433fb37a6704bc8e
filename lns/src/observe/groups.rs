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
