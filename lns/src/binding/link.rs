//! The state of a link, from an uplink: what the named shadow `lorawan` reports.

use lns_core::AppEvent;
use lns_core::effect::UplinkEvent;
use lns_lorawan::{DevEui, Modulation, Timestamp};
use lns_pipeline::shadow::json::Json;
use lns_pipeline::shadow::{Node, Shadow};
use serde_json::{Map, Value, json};

/// The uplink that was reported last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// When it was heard.
    pub seen: Timestamp,
    /// Its name, as its message has it.
    event_id: Box<str>,
}

impl Last {
    /// From the shadow.
    pub fn read(shadow: &Shadow) -> Option<Self> {
        let reported = &shadow.state.as_ref()?.reported;
        let text = |name: &str| match reported.get(name) {
            Some(Node::Leaf { value: Json::Text(text), .. }) => Some(text.clone()),
            Some(Node::Leaf { .. } | Node::Branch(_)) | None => None,
        };
        let seen = Timestamp::parse_rfc3339(&text("last_seen")?)?;
        Some(Last { seen, event_id: text("event_id")? })
    }

    /// Whether it is this event, or one behind it: then this one was reported before. A device that
    /// is registered anew counts its events anew, but its clock has gone on.
    pub fn covers(&self, dev_eui: DevEui, event: &AppEvent) -> bool {
        let number = self.event_id.strip_prefix(&format!("{dev_eui}-"));
        let number = number.and_then(|number| number.parse::<u64>().ok());
        number.is_some_and(|number| number >= event.number) && self.seen >= event.at
    }
}

/// The values. One that is not known is left out, and keeps its last.
pub fn report((dev_eui, event): (DevEui, &AppEvent), uplink: &UplinkEvent) -> Value {
    let mut values = Map::new();
    let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
    put("event_id", json!(format!("{dev_eui}-{}", event.number)));
    put("last_seen", json!(event.at.to_rfc3339()));
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
