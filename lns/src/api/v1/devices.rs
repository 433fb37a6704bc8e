//! `/v1/wireless-devices`: a device without its secrets, with what AWS has no place for.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::api::common::{
    DESCRIPTION, NAME, change_text, id_field, json_of, list_of, page_of, put,
};
use crate::api::fields::{Fields, text, wrong};
use crate::api::params::{Label, Params};
use crate::api::wireless_devices::Filter;
use crate::api::{Answer, ApiError, ApiState, Shared};
use crate::registry::{Id, Keys, Kind, Registry, Tags, WirelessDevice};

/// How many variables a device has, and how long each value may be, in characters.
const VARIABLES: (usize, usize) = (64, 1024);

/// The device with this id or DevEUI.
pub fn find(state: &ApiState, label: &str) -> Result<Arc<WirelessDevice>, ApiError> {
    let device = match label.parse() {
        Ok(dev_eui) => state.registry.device(dev_eui),
        Err(_) => Id::parse(label).and_then(|id| state.registry.find(&id)),
    };
    device.ok_or_else(|| ApiError::not_found(Kind::WirelessDevice, label))
}

fn document(state: &ApiState, device: &WirelessDevice) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("id".to_owned(), json!(device.id));
    document.insert("dev_eui".to_owned(), json!(device.dev_eui));
    put(&mut document, "name", device.name.as_deref());
    put(&mut document, "description", device.description.as_deref());
    document.insert("destination".to_owned(), json!(device.destination));
    document.insert("device_profile_id".to_owned(), json!(device.device_profile_id));
    put(&mut document, "service_profile_id", device.service_profile_id.map(|id| id.to_string()));
    document.insert("activation".to_owned(), activation(&device.activation));
    put(&mut document, "codec", device.codec.as_deref());
    put(&mut document, "thing", device.thing.as_deref());
    document.insert("variables".to_owned(), json!(device.variables));
    document.insert("tags".to_owned(), json!(device.tags));
    let last = state.surroundings.devices.statistics(device.dev_eui);
    put(&mut document, "last_uplink_at", last.map(|last| last.last_uplink_at.to_rfc3339()));
    document
}

/// How a device comes by its session, without the keys.
fn activation(keys: &Keys) -> Value {
    match keys {
        Keys::Otaa10 { app_eui, join_eui, .. } => {
            json!({ "mode": "otaa", "keys": "1.0", "join_eui": join_eui.or(*app_eui) })
        }
        Keys::Otaa11 { join_eui, .. } => {
            json!({ "mode": "otaa", "keys": "1.1", "join_eui": join_eui })
        }
        Keys::Abp10 { dev_addr, f_cnt_start, .. } => {
            json!({ "mode": "abp", "keys": "1.0", "dev_addr": dev_addr, "f_cnt_start": f_cnt_start })
        }
        Keys::Abp11 { dev_addr, f_cnt_start, .. } => {
            json!({ "mode": "abp", "keys": "1.1", "dev_addr": dev_addr, "f_cnt_start": f_cnt_start })
        }
    }
}

/// One device.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let device = find(&state, &label)?;
    json_of(StatusCode::OK, document(&state, &device))
}

/// All devices, narrowed down as in AWS's list.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    let filter = Filter::read(&mut params)?;
    params.finish()?;
    let start = page.start(Id::parse)?;
    let (devices, token) =
        page_of(&state.registry, (&page, start), filter.question(&state.registry));
    let list = devices.iter().map(|device| document(&state, device).into()).collect();
    list_of(("wireless_devices", "next_token"), list, token)
}

/// Changes a device; `null` clears what may be empty.
pub async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let device = find(&state, &label)?;
    let (id, before) = (device.id, device.thing.clone());
    let changed = state
        .change(move |registry: &Registry| {
            registry.update(&id, |device: &mut WirelessDevice| change(device, &body))
        })
        .await?;
    state.bound([before, changed.thing.clone()]);
    state.tell(changed.dev_eui).await?;
    json_of(StatusCode::OK, document(&state, &changed))
}

fn change(device: &mut WirelessDevice, body: &[u8]) -> Result<(), ApiError> {
    let mut fields = Fields::parse(body)?;
    if let Some(name) = change_text(&mut fields, "name", NAME)? {
        device.name = name;
    }
    if let Some(description) = change_text(&mut fields, "description", DESCRIPTION)? {
        device.description = description;
    }
    if let Some(codec) = change_text(&mut fields, "codec", 128)? {
        device.codec = codec;
    }
    if let Some(thing) = change_text(&mut fields, "thing", 128)? {
        device.thing = thing;
    }
    if let Some(destination) = fields.text("destination", 1..=128)? {
        device.destination = destination.into();
    }
    if let Some(id) = id_field(&mut fields, "device_profile_id", Kind::DeviceProfile)? {
        device.device_profile_id = id;
    }
    if let Some(id) = change_text::<String>(&mut fields, "service_profile_id", 256)? {
        device.service_profile_id =
            id.map(|id| crate::api::common::id(&id, Kind::ServiceProfile)).transpose()?;
    }
    if let Some(variables) = fields.take_change("variables") {
        device.variables = variables.map(read_variables).transpose()?.unwrap_or_default();
    }
    fields.finish()
}

fn read_variables(value: Value) -> Result<Tags, ApiError> {
    let (most, longest) = VARIABLES;
    let Value::Object(map) = value else { return Err(wrong("variables", "it is not an object")) };
    if map.len() > most {
        let problem = format!("it has {} entries and may have {most}", map.len());
        return Err(wrong("variables", problem));
    }
    map.into_iter()
        .map(|(name, value)| {
            let path = format!("variables.{}", name.chars().take(64).collect::<String>());
            Ok((name, text(&path, value, &(0..=longest))?))
        })
        .collect()
}
