//! `/wireless-gateways`: AWS's shape.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lns_lorawan::{GatewayEui, JoinEui, NetId};
use serde_json::{Map, Value, json};

use crate::registry::{Basics, Id, Kind, Location, Radio, Registry, WirelessGateway};

use super::common::{
    DESCRIPTION, NAME, change_text, created, done, id, identity, json_of, list_of, page_of, put,
    tags,
};
use super::fields::{Fields, shown, text, whole, wrong};
use super::params::{Label, Params};
use super::{Answer, ApiError, Shared, arn, association, events};

/// CreateWirelessGateway.
pub async fn create(State(state): Shared, body: Bytes) -> Answer {
    let gateway = read_new(&body)?;
    let made = state.change(move |registry| registry.create(gateway)).await?;
    created(Kind::WirelessGateway, &made.record().id)
}

fn read_new(body: &[u8]) -> Result<WirelessGateway, ApiError> {
    let mut fields = Fields::parse(body)?;
    let (id, made_by) = identity(&mut fields, Kind::WirelessGateway, body)?;
    let name = fields.text("Name", 0..=NAME)?;
    let description = fields.text("Description", 0..=DESCRIPTION)?;
    let tags = tags(&mut fields)?;
    let lorawan = fields.object("LoRaWAN")?;
    let mut lorawan = fields.required("LoRaWAN", lorawan)?;
    fields.finish()?;
    let gateway_eui = lorawan.read("GatewayEui")?;
    let beaconing = beaconing(&mut lorawan)?;
    let gateway = WirelessGateway {
        id,
        gateway_eui: lorawan.required("GatewayEui", gateway_eui)?,
        name,
        description,
        region: lorawan.text("RfRegion", 1..=64)?,
        max_eirp: max_eirp(&mut lorawan)?,
        location: location(&mut lorawan, ["Location", "Latitude", "Longitude", "Altitude"])?,
        // Whoever says where it beacons says that it does; its packet forwarder must be told as well.
        radio: Radio { beaconing: beaconing.is_some(), ..Radio::default() },
        basics: Basics {
            join_eui_filters: join_eui_filters(&mut lorawan)?,
            net_id_filters: net_id_filters(&mut lorawan)?,
            sub_bands: list_within(&mut lorawan, "SubBands", (8, 1..=8))?,
            beaconing,
        },
        thing: None,
        tags,
        made_by,
    };
    lorawan.finish()?;
    Ok(gateway)
}

fn max_eirp(fields: &mut Fields) -> Result<Option<f64>, ApiError> {
    let path = fields.path("MaxEirp");
    fields.take("MaxEirp").map(|value| within(&path, &value, (0.0, 30.0))).transpose()
}

fn within(path: &str, value: &Value, (low, high): (f64, f64)) -> Result<f64, ApiError> {
    let number = value.as_f64().filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| wrong(path, format!("{} is not within {low} to {high}", shown(value))))
}

/// Takes a place, whose fields have these names.
pub fn location(fields: &mut Fields, names: [&str; 4]) -> Result<Option<Location>, ApiError> {
    let [place, north, east, up] = names;
    let Some(mut place) = fields.object(place)? else { return Ok(None) };
    let mut number = |name: &str, limits| {
        let path = place.path(name);
        place.take(name).map(|value| within(&path, &value, limits)).transpose()
    };
    let latitude = number(north, (-90.0, 90.0))?;
    let longitude = number(east, (-180.0, 180.0))?;
    let altitude = number(up, (-1_000.0, 100_000.0))?;
    let latitude = place.required(north, latitude)?;
    let longitude = place.required(east, longitude)?;
    place.finish()?;
    Ok(Some(Location { latitude, longitude, altitude }))
}

/// Takes a list of at most so many entries and checks each.
fn list_of_checked(
    fields: &mut Fields,
    (name, most): (&str, usize),
    check: impl Fn(&str, &Value) -> Result<(), ApiError>,
) -> Result<Option<Value>, ApiError> {
    let path = fields.path(name);
    let Some(value) = fields.take(name) else { return Ok(None) };
    let list = value.as_array().ok_or_else(|| wrong(&path, "it is not a list"))?;
    if list.len() > most {
        return Err(wrong(&path, format!("it has {} entries and may have {most}", list.len())));
    }
    for (at, entry) in list.iter().enumerate() {
        check(&format!("{path}[{at}]"), entry)?;
    }
    Ok(Some(value))
}

fn list_within(
    fields: &mut Fields,
    name: &str,
    (most, range): (usize, std::ops::RangeInclusive<u32>),
) -> Result<Option<Value>, ApiError> {
    list_of_checked(fields, (name, most), |path, entry| whole(path, entry, &range).map(|_| ()))
}

fn hex_of<T: std::str::FromStr<Err: std::fmt::Display>>(
    path: &str,
    entry: &Value,
) -> Result<(), ApiError> {
    let text = text(path, entry.clone(), &(0..=64))?;
    text.parse::<T>().map(|_| ()).map_err(|problem| wrong(path, problem))
}

fn join_eui_filters(fields: &mut Fields) -> Result<Option<Value>, ApiError> {
    list_of_checked(fields, ("JoinEuiFilters", 3), |path, range| {
        match range.as_array().map(Vec::as_slice) {
            Some([first, last]) => {
                hex_of::<JoinEui>(path, first).and_then(|()| hex_of::<JoinEui>(path, last))
            }
            Some(_) | None => Err(wrong(path, "it is not a list of two JoinEUIs")),
        }
    })
}

fn net_id_filters(fields: &mut Fields) -> Result<Option<Value>, ApiError> {
    list_of_checked(fields, ("NetIdFilters", 10), hex_of::<NetId>)
}

fn beaconing(fields: &mut Fields) -> Result<Option<Value>, ApiError> {
    let path = fields.path("Beaconing");
    let Some(value) = fields.take("Beaconing") else { return Ok(None) };
    let mut beaconing = Fields::of(path, value.clone())?;
    beaconing.whole("DataRate", 0..=15)?;
    list_within(&mut beaconing, "Frequencies", (10, 100_000_000..=1_000_000_000))?;
    beaconing.finish()?;
    Ok(Some(value))
}

/// The gateway with this id.
pub fn find(registry: &Registry, text: &str) -> Result<Arc<WirelessGateway>, ApiError> {
    let id = id(text, Kind::WirelessGateway)?;
    registry.require::<WirelessGateway>(&id).map_err(Into::into)
}

/// GetWirelessGateway.
pub async fn show(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let types = ["WirelessGatewayId", "GatewayEui", "ThingName"];
    let kind = params.word("identifierType", &types)?;
    let kind = kind.ok_or_else(|| {
        ApiError::validation(format!(
            "identifierType: the query lacks it; give {}",
            types.join(", ")
        ))
    })?;
    params.finish()?;
    let missing = || ApiError::not_found(Kind::WirelessGateway, &*label);
    let gateway = match kind.as_str() {
        "WirelessGatewayId" => find(&state.registry, &label)?,
        "GatewayEui" => {
            let eui: GatewayEui =
                label.parse().map_err(|problem| wrong("GatewayEui", format!("{problem}")))?;
            state.registry.gateway(eui).ok_or_else(missing)?
        }
        _ => state.registry.find_by_alias(&label).ok_or_else(missing)?,
    };
    let mut body = entry(&gateway);
    association::put(&mut body, gateway.thing.as_deref());
    json_of(StatusCode::OK, body)
}

fn entry(gateway: &WirelessGateway) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("Arn".to_owned(), arn::of(Kind::WirelessGateway, &gateway.id).into());
    entry.insert("Id".to_owned(), json!(gateway.id));
    put(&mut entry, "Name", gateway.name.clone());
    put(&mut entry, "Description", gateway.description.clone());
    let mut lorawan = Map::new();
    lorawan.insert("GatewayEui".to_owned(), json!(gateway.gateway_eui));
    put(&mut lorawan, "RfRegion", gateway.region.clone());
    put(&mut lorawan, "MaxEirp", gateway.max_eirp);
    put(&mut lorawan, "JoinEuiFilters", gateway.basics.join_eui_filters.clone());
    put(&mut lorawan, "NetIdFilters", gateway.basics.net_id_filters.clone());
    put(&mut lorawan, "SubBands", gateway.basics.sub_bands.clone());
    put(&mut lorawan, "Beaconing", gateway.basics.beaconing.clone());
    entry.insert("LoRaWAN".to_owned(), lorawan.into());
    entry
}

/// ListWirelessGateways.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let start = page.start(Id::parse)?;
    let (gateways, token) = page_of(&state.registry, (&page, start), |_: &WirelessGateway| true);
    let list = gateways.iter().map(|gateway| {
        let mut entry = entry(gateway);
        let seen = state.surroundings.devices.gateway(gateway.gateway_eui);
        let last = seen.and_then(|seen| seen.last_uplink_at);
        put(&mut entry, "LastUplinkReceivedAt", last.map(|at| at.to_rfc3339()));
        Value::from(entry)
    });
    list_of(("WirelessGatewayList", "NextToken"), list.collect(), token)
}

/// UpdateWirelessGateway. Region, sub-bands and beaconing cannot be changed in AWS's shape.
pub async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let id = id(&label, Kind::WirelessGateway)?;
    let mut fields = Fields::parse(&body)?;
    let name = change_text(&mut fields, "Name", NAME)?;
    let description = change_text(&mut fields, "Description", DESCRIPTION)?;
    let max_eirp = max_eirp(&mut fields)?;
    let join_eui_filters = join_eui_filters(&mut fields)?;
    let net_id_filters = net_id_filters(&mut fields)?;
    fields.finish()?;
    let change = move |gateway: &mut WirelessGateway| -> super::Change {
        gateway.name = name.unwrap_or(gateway.name.take());
        gateway.description = description.unwrap_or(gateway.description.take());
        gateway.max_eirp = max_eirp.or(gateway.max_eirp);
        let basics = &mut gateway.basics;
        basics.join_eui_filters = join_eui_filters.or(basics.join_eui_filters.take());
        basics.net_id_filters = net_id_filters.or(basics.net_id_filters.take());
        Ok(())
    };
    state.change(move |registry: &Registry| registry.update(&id, change)).await?;
    done()
}

/// DeleteWirelessGateway.
pub async fn remove(State(state): Shared, Label(label): Label) -> Answer {
    let id = id(&label, Kind::WirelessGateway)?;
    let gone = state.change(move |registry: &Registry| -> super::Change {
        registry.remove::<WirelessGateway>(&id)?;
        events::forget(registry, Kind::WirelessGateway, &id)
    });
    gone.await?;
    done()
}
