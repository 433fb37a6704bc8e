//! `/v1/wireless-devices/{id}/counters`: where they stand, and the cure for a device that has
//! forgotten them.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lns_lorawan::DevEui;
use serde_json::{Map, Value, json};

use crate::api::common::{json_of, put};
use crate::api::fields::Fields;
use crate::api::params::Label;
use crate::api::running::Counters;
use crate::api::telling::answer;
use crate::api::{Answer, Shared};

use super::devices::find;

/// What a device that begins at 0 means for downlinks once ours are beyond its reach.
const DEAF: &str = "a device that begins at 0 can no longer hear us: downlink counters go on under \
                    the same keys; give it new keys";

fn document(dev_eui: DevEui, counters: &Counters) -> Map<String, Value> {
    let mut document = Map::new();
    put(&mut document, "f_cnt_up", counters.f_cnt_up);
    put(&mut document, "n_f_cnt_down", counters.n_f_cnt_down);
    put(&mut document, "a_f_cnt_down", counters.a_f_cnt_down);
    document.insert("forgotten".to_owned(), json!(counters.forgotten));
    document.insert("reset_allowed".to_owned(), json!(counters.reset_allowed));
    let has_session = counters.n_f_cnt_down.is_some();
    let hint = match (counters.forgotten, counters.reset_allowed) {
        (_, true) if has_session && !counters.heard_from_zero => Some(DEAF.to_owned()),
        (true, false) => Some(format!(
            "the device counts from the start again and is refused; if it has really forgotten \
             its counters: POST /v1/wireless-devices/{dev_eui}/reset-counters"
        )),
        (true | false, _) => None,
    };
    put(&mut document, "hint", hint);
    document
}

/// Where a device's counters stand.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let device = find(&state, &label)?;
    let counters = answer(state.surroundings.devices.counters(device.dev_eui)).await?;
    json_of(StatusCode::OK, document(device.dev_eui, &counters))
}

/// The device has forgotten its counters: its next frame may count from the start, once.
pub async fn reset(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let device = find(&state, &label)?;
    if !body.is_empty() {
        Fields::parse(&body)?.finish()?;
    }
    let devices = &state.surroundings.devices;
    answer(devices.reset_counters(device.dev_eui)).await?;
    let counters = answer(devices.counters(device.dev_eui)).await?;
    json_of(StatusCode::OK, document(device.dev_eui, &counters))
}
