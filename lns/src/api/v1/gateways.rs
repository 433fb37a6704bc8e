//! `/v1/wireless-gateways`: registered ones and those that were only heard.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lns_core::radio::forwarder::ForwarderModel;
use lns_lorawan::GatewayEui;
use serde_json::{Map, Value, json};

use crate::api::common::{DESCRIPTION, NAME, change_text, json_of, list_of, put};
use crate::api::fields::{Fields, flag, shown, wrong};
use crate::api::params::{Label, Page, Params};
use crate::api::running::GatewaySeen;
use crate::api::wireless_gateways::location;
use crate::api::{Answer, ApiError, ApiState, Shared};
use crate::registry::{Id, Kind, Registry, WirelessGateway};

/// What we know of a gateway from either side.
type Sides = (Option<Arc<WirelessGateway>>, Option<GatewaySeen>);

fn document(eui: GatewayEui, (registered, seen): &Sides) -> Value {
    let mut document = Map::new();
    document.insert("gateway_eui".to_owned(), json!(eui));
    document.insert("registered".to_owned(), json!(registered.is_some()));
    if let Some(gateway) = registered {
        document.insert("id".to_owned(), json!(gateway.id));
        put(&mut document, "name", gateway.name.clone());
        put(&mut document, "description", gateway.description.clone());
        put(&mut document, "region", gateway.region.clone());
        put(&mut document, "location", gateway.location.map(|place| json!(place)));
        let radio = &gateway.radio;
        put(&mut document, "forwarder", radio.forwarder.clone());
        document.insert("antenna_gain".to_owned(), json!(radio.antenna_gain));
        document.insert("beaconing".to_owned(), json!(radio.beaconing));
        document.insert("tags".to_owned(), json!(gateway.tags));
    }
    let connected = seen.as_ref().is_some_and(|seen| seen.connected);
    document.insert("connected".to_owned(), json!(connected));
    if let Some(seen) = seen {
        document.insert("last_seen_at".to_owned(), json!(seen.last_seen_at.to_rfc3339()));
        put(&mut document, "last_uplink_at", seen.last_uplink_at.map(|at| at.to_rfc3339()));
        put(&mut document, "address", seen.address.map(|address| address.to_string()));
    }
    document.into()
}

/// The registered gateway with this id or EUI.
fn registered(state: &ApiState, label: &str) -> Option<Arc<WirelessGateway>> {
    match label.parse() {
        Ok(eui) => state.registry.gateway(eui),
        Err(_) => Id::parse(label).and_then(|id| state.registry.find(&id)),
    }
}

/// One gateway, by id or EUI.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let gateway = registered(&state, &label);
    let eui = gateway.as_ref().map(|gateway| gateway.gateway_eui).or(label.parse().ok());
    let seen = eui.and_then(|eui| state.surroundings.devices.gateway(eui));
    match eui {
        Some(eui) if gateway.is_some() || seen.is_some() => {
            json_of(StatusCode::OK, document(eui, &(gateway, seen)))
        }
        Some(_) | None => Err(ApiError::not_found(Kind::WirelessGateway, label)),
    }
}

/// All gateways, in the order of their EUIs.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let start: Option<GatewayEui> = page.start(|text| text.parse().ok())?;
    let mut all: BTreeMap<GatewayEui, Sides> = BTreeMap::new();
    state.registry.walk(None, &mut |gateway: &Arc<WirelessGateway>| {
        all.entry(gateway.gateway_eui).or_default().0 = Some(Arc::clone(gateway));
        true
    });
    for seen in state.surroundings.devices.gateways() {
        let eui = seen.gateway;
        all.entry(eui).or_default().1 = Some(seen);
    }
    let mut rest = all.iter().filter(|(eui, _)| start.is_none_or(|start| **eui > start));
    let some: Vec<_> = rest.by_ref().take(page.size).collect();
    let more = rest.next().is_some();
    let token = some.last().filter(|_| more).map(|(eui, _)| Page::token(eui));
    let list = some.into_iter().map(|(eui, sides)| document(*eui, sides)).collect();
    list_of(("wireless_gateways", "next_token"), list, token)
}

/// Changes a registered gateway; `null` clears a field.
pub async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let gateway = registered(&state, &label)
        .ok_or_else(|| ApiError::not_found(Kind::WirelessGateway, label))?;
    let id = gateway.id;
    let changed = state
        .change(move |registry: &Registry| {
            registry.update(&id, |gateway: &mut WirelessGateway| change(gateway, &body))
        })
        .await?;
    let eui = changed.gateway_eui;
    let seen = state.surroundings.devices.gateway(eui);
    json_of(StatusCode::OK, document(eui, &(Some(changed), seen)))
}

fn change(gateway: &mut WirelessGateway, body: &[u8]) -> Result<(), ApiError> {
    let mut fields = Fields::parse(body)?;
    if let Some(name) = change_text(&mut fields, "name", NAME)? {
        gateway.name = name;
    }
    if let Some(description) = change_text(&mut fields, "description", DESCRIPTION)? {
        gateway.description = description;
    }
    if let Some(region) = change_text(&mut fields, "region", 64)? {
        gateway.region = region;
    }
    if fields.has("location") {
        gateway.location =
            location(&mut fields, ["location", "latitude", "longitude", "altitude"])?;
    }
    if let Some(forwarder) = change_text(&mut fields, "forwarder", 16)? {
        gateway.radio.forwarder = forwarder.map(known_forwarder).transpose()?;
    }
    let path = fields.path("antenna_gain");
    if let Some(gain) = fields.take_change("antenna_gain") {
        let value = gain.unwrap_or_else(|| json!(0));
        gateway.radio.antenna_gain = antenna_gain(&path, &value)?;
    }
    let path = fields.path("beaconing");
    if let Some(beaconing) = fields.take_change("beaconing") {
        gateway.radio.beaconing = flag(&path, &beaconing.unwrap_or(Value::Bool(false)))?;
    }
    fields.finish()
}

/// Whole dBi, as a forwarder's configuration has it.
fn antenna_gain(path: &str, value: &Value) -> Result<i8, ApiError> {
    let gain = value.as_i64().filter(|gain| (-20..=20).contains(gain));
    let gain = gain.and_then(|gain| i8::try_from(gain).ok());
    gain.ok_or_else(|| {
        wrong(path, format!("{} is not a whole number from -20 to 20", shown(value)))
    })
}

/// A forwarder's name, if it is one that we have a model of.
fn known_forwarder(name: String) -> Result<String, ApiError> {
    match ForwarderModel::parse(&name) {
        Some(ForwarderModel::Sx1301 | ForwarderModel::Sx1302) => Ok(name),
        Some(ForwarderModel::Unknown) | None => {
            Err(wrong("forwarder", format!("{name:?} is neither sx1301 nor sx1302")))
        }
    }
}
