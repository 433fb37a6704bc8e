//! Which events of devices and gateways are published: AWS's `/event-configurations…`, and under
//! `/v1/` with those of our own.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::registry::{EventConfiguration, Id, Kind};

use super::common::{done, json_of, list_of, page_of};
use super::events::{subject_of, switch};
use super::fields::{Fields, wrong};
use super::params::{Label, Params};
use super::{Answer, ApiError, ApiState, Shared, v1, wireless_gateways};

/// The subject of what is on for all devices and gateways.
const ALL: &str = "iotwireless";

/// The two words of AWS's switches.
const WORDS: [&str; 2] = ["Enabled", "Disabled"];

/// AWS's types that only Sidewalk has: they can be switched off, which they are.
const SIDEWALK: [&str; 3] = ["DeviceRegistrationState", "Proximity", "MessageDeliveryStatus"];

/// The types of LoRaWAN: of what kind of resource, and how their switches are called for all, by EUI
/// and by id.
struct Type {
    name: &'static str,
    kind: Kind,
    all: &'static str,
    by_eui: &'static str,
    by_id: &'static str,
}

const TYPES: [Type; 2] = [
    Type {
        name: "Join",
        kind: Kind::WirelessDevice,
        all: "WirelessDeviceEventTopic",
        by_eui: "DevEuiEventTopic",
        by_id: "WirelessDeviceIdEventTopic",
    },
    Type {
        name: "ConnectionStatus",
        kind: Kind::WirelessGateway,
        all: "WirelessGatewayEventTopic",
        by_eui: "GatewayEuiEventTopic",
        by_id: "WirelessGatewayIdEventTopic",
    },
];

/// Our own switches, and AWS's, as `/v1/` calls them.
const OURS: [(&str, &str); 3] = [
    ("join", "Join"),
    ("connection_status", "ConnectionStatus"),
    ("device_silence", "DeviceSilence"),
];

fn enabled(state: &ApiState, subject: &str) -> BTreeSet<String> {
    let record = state.registry.find::<EventConfiguration>(&subject.to_owned());
    record.map(|record| record.enabled.clone()).unwrap_or_default()
}

fn word(on: bool) -> &'static str {
    let [yes, no] = WORDS;
    if on { yes } else { no }
}

fn take_word(fields: &mut Fields, name: &str) -> Result<Option<bool>, ApiError> {
    Ok(fields.word(name, &WORDS)?.map(|word| word == WORDS[0]))
}

/// Takes what is said of Sidewalk, which may only be that it is off. Its switches are called so:
/// that in `Sidewalk`, and that beside it where there is one.
fn no_sidewalk(fields: &mut Fields, (inner, beside): (&str, Option<&str>)) -> Result<(), ApiError> {
    for name in SIDEWALK {
        let path = fields.path(name);
        let Some(mut event) = fields.object(name)? else { continue };
        let mut on = Vec::new();
        if let Some(beside) = beside {
            on.extend(take_word(&mut event, beside)?);
        }
        if let Some(mut sidewalk) = event.object("Sidewalk")? {
            on.extend(take_word(&mut sidewalk, inner)?);
            sidewalk.finish()?;
        }
        event.finish()?;
        if on.contains(&true) {
            return Err(wrong(&path, "this server speaks LoRaWAN only, not Sidewalk"));
        }
    }
    Ok(())
}

/// GetEventConfigurationByResourceTypes.
pub async fn show_all(State(state): Shared) -> Answer {
    let on = enabled(&state, ALL);
    let mut body = Map::new();
    for Type { name, all, .. } in TYPES {
        body.insert(name.to_owned(), json!({ "LoRaWAN": { all: word(on.contains(name)) } }));
    }
    for name in SIDEWALK {
        let off = json!({ "Sidewalk": { "WirelessDeviceEventTopic": word(false) } });
        body.insert(name.to_owned(), off);
    }
    json_of(StatusCode::OK, body)
}

/// UpdateEventConfigurationByResourceTypes. What is not named stays as it is.
pub async fn update_all(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let mut switches = Vec::new();
    for Type { name, all, .. } in TYPES {
        let Some(mut event) = fields.object(name)? else { continue };
        let Some(mut lorawan) = event.object("LoRaWAN")? else { continue };
        let on = take_word(&mut lorawan, all)?;
        switches.extend(on.map(|on| (name.to_owned(), on)));
        lorawan.finish()?;
        event.finish()?;
    }
    no_sidewalk(&mut fields, ("WirelessDeviceEventTopic", None))?;
    fields.finish()?;
    switch(&state, ALL.to_owned(), switches).await?;
    done()
}

/// The device or gateway that the request names.
fn named(state: &ApiState, label: &str, params: &mut Params) -> Result<(Kind, Id), ApiError> {
    let types = ["WirelessDeviceId", "DevEui", "WirelessGatewayId", "GatewayEui"];
    let lacks = || ApiError::validation(format!("identifierType: give {}", types.join(", ")));
    let kind = params.word("identifierType", &types)?.ok_or_else(lacks)?;
    params.take("partnerType")?;
    if kind.starts_with("WirelessDevice") || kind == "DevEui" {
        return Ok((Kind::WirelessDevice, v1::devices::find(state, label)?.id));
    }
    let gateway = match label.parse() {
        Ok(eui) => state
            .registry
            .gateway(eui)
            .ok_or_else(|| ApiError::not_found(Kind::WirelessGateway, label))?,
        Err(_) => wireless_gateways::find(&state.registry, label)?,
    };
    Ok((Kind::WirelessGateway, gateway.id))
}

fn events_of(kind: Kind, on: &BTreeSet<String>) -> Map<String, Value> {
    let mut events = Map::new();
    for Type { name, by_eui, by_id, .. } in TYPES.into_iter().filter(|event| event.kind == kind) {
        let by = |what: &str| word(on.contains(&format!("{name}/{what}")));
        let event = json!({ "LoRaWAN": { by_eui: by("Eui") }, by_id: by("Id") });
        events.insert(name.to_owned(), event);
    }
    events
}

/// GetResourceEventConfiguration.
pub async fn show(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let (kind, id) = named(&state, &label, &mut params)?;
    params.finish()?;
    json_of(StatusCode::OK, events_of(kind, &enabled(&state, &subject_of(kind, &id))))
}

/// UpdateResourceEventConfiguration.
pub async fn update(
    State(state): Shared,
    Label(label): Label,
    mut params: Params,
    body: Bytes,
) -> Answer {
    let (kind, id) = named(&state, &label, &mut params)?;
    params.finish()?;
    let mut fields = Fields::parse(&body)?;
    let mut switches = Vec::new();
    for Type { name, by_eui, by_id, .. } in TYPES.into_iter().filter(|event| event.kind == kind) {
        let Some(mut event) = fields.object(name)? else { continue };
        let on = take_word(&mut event, by_id)?;
        switches.extend(on.map(|on| (format!("{name}/Id"), on)));
        if let Some(mut lorawan) = event.object("LoRaWAN")? {
            let on = take_word(&mut lorawan, by_eui)?;
            switches.extend(on.map(|on| (format!("{name}/Eui"), on)));
            lorawan.finish()?;
        }
        event.finish()?;
    }
    no_sidewalk(&mut fields, ("AmazonIdEventTopic", Some("WirelessDeviceIdEventTopic")))?;
    fields.finish()?;
    switch(&state, subject_of(kind, &id), switches).await?;
    done()
}

/// ListEventConfigurations: the devices or gateways that have something on for themselves.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    let types = ["WirelessDevice", "WirelessGateway", "SidewalkAccount"];
    let wanted = params.word("resourceType", &types)?;
    let wanted = wanted.ok_or_else(|| ApiError::validation("resourceType: the query lacks it"))?;
    params.finish()?;
    let prefix = format!("{wanted}/");
    let start = page.start(|subject| Some(subject.to_owned()))?;
    let (records, token) =
        page_of(&state.registry, (&page, start), |record: &EventConfiguration| {
            record.subject.starts_with(&prefix)
        });
    let kind = if wanted == types[0] { Kind::WirelessDevice } else { Kind::WirelessGateway };
    let list = records.iter().map(|record| {
        json!({
            "Identifier": record.subject.strip_prefix(&prefix),
            "IdentifierType": format!("{wanted}Id"),
            "Events": events_of(kind, &record.enabled),
        })
    });
    list_of(("EventConfigurationsList", "NextToken"), list.collect(), token)
}

/// All switches, those of our own events among them.
pub async fn show_ours(State(state): Shared) -> Answer {
    let on = enabled(&state, ALL);
    let body: Map<String, Value> =
        OURS.iter().map(|(ours, name)| ((*ours).to_owned(), json!(on.contains(*name)))).collect();
    json_of(StatusCode::OK, body)
}

/// Switches them; what is not named stays as it is.
pub async fn update_ours(state: Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let mut switches = Vec::new();
    for (ours, name) in OURS {
        let on = fields.flag(ours)?;
        switches.extend(on.map(|on| (name.to_owned(), on)));
    }
    fields.finish()?;
    switch(&state, ALL.to_owned(), switches).await?;
    show_ours(state).await
}
