//! The state of a link, from an uplink: what the named shadow `lorawan` reports.

use lns_core::effect::UplinkEvent;
use lns_lorawan::{Modulation, Timestamp};
use serde_json::{Map, Value, json};

/// The values. One that is not known is left out, and keeps its last.
pub fn report(at: Timestamp, uplink: &UplinkEvent) -> Value {
    let mut values = Map::new();
    let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
    put("last_seen", json!(at.to_rfc3339()));
    put("f_cnt_up", json!(uplink.f_cnt_up.0));
    put("data_rate", json!(uplink.data_rate.value()));
    put("dev_addr", json!(uplink.dev_addr.to_string()));
    put("gateways", json!(uplink.receptions.len()));
    if let Some(f_port) = uplink.f_port {
        put("f_port", json!(f_port));
    }
    if let Some(battery) = uplink.battery {
        put("battery", json!(battery));
    }
    if let Some(margin) = uplink.margin {
        put("margin", json!(margin));
    }
    if let Some(best) = uplink.receptions.first() {
        put("gateway", json!(best.gateway.to_string()));
        put("rssi", hundredths(best.rssi.hundredths()));
        put("snr", hundredths(best.snr.hundredths()));
        put("frequency", json!(best.frequency.hz()));
        if let Modulation::Lora { spreading_factor, .. } = best.modulation {
            put("spreading_factor", json!(spreading_factor.value()));
        }
    }
    Value::Object(values)
}

fn hundredths(value: i16) -> Value {
    json!(f64::from(value) / 100.0)
}
