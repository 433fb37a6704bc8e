//! `/v1/wireless-devices/{id}/class`: when and by which gateways a device can be spoken to.

use axum::extract::State;
use axum::http::StatusCode;
use lns_core::device::{Listening, PingSlotsSeen};
use serde_json::{Map, Value, json};

use crate::api::common::json_of;
use crate::api::params::Label;
use crate::api::telling::answer;
use crate::api::{Answer, DeviceError, Shared};

use super::devices::find;

/// Class, ping slots and paths.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let device = find(&state, &label)?;
    let seen = state.surroundings.devices.listening(device.dev_eui);
    let listening = answer::<_, DeviceError>(seen).await?;
    json_of(StatusCode::OK, document(&listening))
}

fn document(listening: &Listening) -> Map<String, Value> {
    let paths = listening
        .paths
        .iter()
        .map(|path| json!({ "gateway_eui": path.gateway, "margin": path.margin.to_f64() }));
    let entries = [
        ("class", json!(listening.class.name())),
        ("ping_slots", listening.ping_slots.as_ref().map_or(Value::Null, ping_slots)),
        ("paths", paths.collect()),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn ping_slots(slots: &PingSlotsSeen) -> Value {
    json!({
        "periodicity": slots.periodicity.value(),
        "period_s": slots.period().as_secs_f64(),
        "next_at": slots.next_at.map(|at| at.to_rfc3339()),
    })
}
