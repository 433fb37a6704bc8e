//! `/wireless-devices`: AWS's shape.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lns_lorawan::DevEui;
use serde_json::{Map, Value, json};

use crate::registry::{Id, Kind, MulticastGroup, Registry, RegistryError, Tags, WirelessDevice};

use super::common::{
    CODEC_TAG, DESCRIPTION, NAME, change_text, created, done, id, id_field, identity, json_of,
    list_of, page_of, put, tags,
};
use super::fields::{Fields, whole, wrong};
use super::params::{Label, Params};
use super::{Answer, ApiError, ApiState, Shared, arn, association, events, keys};

/// What kinds of device AWS knows.
const TYPES: [&str; 2] = ["LoRaWAN", "Sidewalk"];

/// CreateWirelessDevice.
pub async fn create(State(state): Shared, body: Bytes) -> Answer {
    let device = read_new(&body)?;
    let made = state.change(move |registry| registry.create(device)).await?;
    // A repeated request tells the owner again: the first may have died in between.
    state.tell(made.record().dev_eui).await?;
    created(Kind::WirelessDevice, &made.record().id)
}

fn read_new(body: &[u8]) -> Result<WirelessDevice, ApiError> {
    let mut fields = Fields::parse(body)?;
    let (id, made_by) = identity(&mut fields, Kind::WirelessDevice, body)?;
    let kind = fields.word("Type", &TYPES)?;
    let kind = fields.required("Type", kind)?;
    if kind == "Sidewalk" || fields.take("Sidewalk").is_some() {
        return Err(wrong("Type", "this server speaks LoRaWAN only, not Sidewalk"));
    }
    no_positioning(&mut fields)?;
    let name = fields.text("Name", 0..=NAME)?;
    let description = fields.text("Description", 0..=DESCRIPTION)?;
    let destination = fields.text("DestinationName", 1..=128)?;
    let destination = fields.required("DestinationName", destination)?;
    let mut tags = tags(&mut fields)?;
    let lorawan = fields.object("LoRaWAN")?;
    let mut lorawan = fields.required("LoRaWAN", lorawan)?;
    fields.finish()?;
    let profile = id_field(&mut lorawan, "DeviceProfileId", Kind::DeviceProfile)?;
    let dev_eui = lorawan.read("DevEui")?;
    let device = WirelessDevice {
        id,
        dev_eui: lorawan.required("DevEui", dev_eui)?,
        name: name.map(Into::into),
        description: description.map(Into::into),
        destination: destination.into(),
        device_profile_id: lorawan.required("DeviceProfileId", profile)?,
        service_profile_id: id_field(&mut lorawan, "ServiceProfileId", Kind::ServiceProfile)?,
        activation: keys::read(&mut lorawan)?,
        f_ports: f_ports(&mut lorawan)?.map(Box::new),
        codec: lorawan.text("Codec", 1..=128)?.or_else(|| tags.remove(CODEC_TAG)),
        thing: None,
        variables: Tags::new(),
        tags,
        made_by,
    };
    lorawan.finish()?;
    Ok(device)
}

fn no_positioning(fields: &mut Fields) -> Result<(), ApiError> {
    match fields.word("Positioning", &["Enabled", "Disabled"])?.as_deref() {
        Some("Enabled") => {
            Err(wrong("Positioning", "Enabled: this server does not locate devices"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Takes `FPorts`: checked, kept and shown.
fn f_ports(lorawan: &mut Fields) -> Result<Option<Value>, ApiError> {
    let path = lorawan.path("FPorts");
    let Some(value) = lorawan.take("FPorts") else { return Ok(None) };
    let mut fields = Fields::of(path, value.clone())?;
    for name in ["Fuota", "Multicast", "ClockSync"] {
        fields.whole(name, 1..=223)?;
    }
    if let Some(mut positioning) = fields.object("Positioning")? {
        for name in ["ClockSync", "Stream", "Gnss"] {
            positioning.whole(name, 1..=223)?;
        }
        positioning.finish()?;
    }
    let path = fields.path("Applications");
    if let Some(list) = fields.take("Applications") {
        let Value::Array(list) = list else { return Err(wrong(&path, "it is not a list")) };
        if list.len() > 223 {
            return Err(wrong(&path, "it has more entries than there are ports"));
        }
        for (at, entry) in list.into_iter().enumerate() {
            let mut entry = Fields::of(format!("{path}[{at}]"), entry)?;
            let port = entry.path("FPort");
            entry.take("FPort").map(|value| whole(&port, &value, &(1..=223))).transpose()?;
            entry.word("Type", &["SemtechGeolocation"])?;
            entry.text("DestinationName", 1..=128)?;
            entry.finish()?;
        }
    }
    fields.finish()?;
    Ok(Some(value))
}

/// The device that an identifier of this type names.
fn identified(
    state: &ApiState,
    (text, kind): (&str, &str),
) -> Result<Arc<WirelessDevice>, ApiError> {
    let missing = || ApiError::not_found(Kind::WirelessDevice, text);
    match kind {
        "WirelessDeviceId" => find(&state.registry, text),
        "DevEui" => {
            let dev_eui: DevEui =
                text.parse().map_err(|problem| wrong("DevEui", format!("{problem}")))?;
            state.registry.device(dev_eui).ok_or_else(missing)
        }
        "ThingName" => state.registry.find_by_alias(text).ok_or_else(missing),
        // Sidewalk serial numbers name no device here.
        _ => Err(missing()),
    }
}

/// The device with this id.
pub fn find(registry: &Registry, text: &str) -> Result<Arc<WirelessDevice>, ApiError> {
    let id = id(text, Kind::WirelessDevice)?;
    registry.require::<WirelessDevice>(&id).map_err(Into::into)
}

/// GetWirelessDevice.
pub async fn show(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let types = ["WirelessDeviceId", "DevEui", "ThingName", "SidewalkManufacturingSn"];
    let kind = params.word("identifierType", &types)?;
    let kind = kind.ok_or_else(|| {
        ApiError::validation(format!(
            "identifierType: the query lacks it; give {}",
            types.join(", ")
        ))
    })?;
    params.finish()?;
    let device = identified(&state, (&label, &kind))?;
    let mut body = entry(&device);
    put(&mut body, "Description", device.description.as_deref());
    association::put(&mut body, device.thing.as_deref());
    // It can be nothing else here.
    body.insert("Positioning".to_owned(), json!("Disabled"));
    body.insert("LoRaWAN".to_owned(), lorawan(&device).into());
    json_of(StatusCode::OK, body)
}

fn lorawan(device: &WirelessDevice) -> Map<String, Value> {
    let mut lorawan = Map::new();
    lorawan.insert("DevEui".to_owned(), json!(device.dev_eui));
    lorawan.insert("DeviceProfileId".to_owned(), json!(device.device_profile_id));
    put(&mut lorawan, "ServiceProfileId", device.service_profile_id.map(|id| id.to_string()));
    keys::write(&device.activation, &mut lorawan);
    put(&mut lorawan, "FPorts", device.f_ports.as_deref().cloned());
    lorawan
}

fn entry(device: &WirelessDevice) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("Arn".to_owned(), arn::of(Kind::WirelessDevice, &device.id).into());
    entry.insert("Id".to_owned(), json!(device.id));
    entry.insert("Type".to_owned(), json!("LoRaWAN"));
    put(&mut entry, "Name", device.name.as_deref());
    entry.insert("DestinationName".to_owned(), json!(device.destination));
    entry
}

/// What a list of devices is narrowed down to.
#[derive(Debug, Default)]
pub struct Filter {
    destination: Option<String>,
    device_profile: Option<String>,
    service_profile: Option<String>,
    multicast_group: Option<String>,
    /// Something that no device has.
    nothing: bool,
}

impl Filter {
    /// Takes AWS's filters.
    pub fn read(params: &mut Params) -> Result<Self, ApiError> {
        let kind = params.word("wirelessDeviceType", &TYPES)?;
        Ok(Self {
            destination: params.take("destinationName")?,
            device_profile: params.take("deviceProfileId")?,
            service_profile: params.take("serviceProfileId")?,
            nothing: kind.as_deref() == Some("Sidewalk")
                // No device is in a task that cannot be made yet.
                || params.take("fuotaTaskId")?.is_some(),
            multicast_group: params.take("multicastGroupId")?,
        })
    }

    /// Turns the filters into a question. An id that is none is nobody's.
    pub fn question(self, registry: &Registry) -> impl Fn(&WirelessDevice) -> bool {
        let group = self.multicast_group.as_deref().map(|text| {
            let group = Id::parse(text).and_then(|id| registry.find::<MulticastGroup>(&id));
            group.map(|group| group.members.clone()).unwrap_or_default()
        });
        let id_of = |text: &Option<String>| text.as_deref().map(Id::parse);
        let profile = id_of(&self.device_profile);
        let service = id_of(&self.service_profile);
        move |device| {
            !self.nothing
                && group.as_ref().is_none_or(|members| members.contains(&device.id))
                && self.destination.as_deref().is_none_or(|name| *device.destination == *name)
                && profile.is_none_or(|id| id == Some(device.device_profile_id))
                && service.is_none_or(|id| id.is_some() && id == device.service_profile_id)
        }
    }
}

/// ListWirelessDevices.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    let filter = Filter::read(&mut params)?;
    params.finish()?;
    let start = page.start(Id::parse)?;
    let (devices, token) =
        page_of(&state.registry, (&page, start), filter.question(&state.registry));
    let list = devices.iter().map(|device| {
        let mut entry = entry(device);
        let last = state.surroundings.devices.statistics(device.dev_eui);
        put(&mut entry, "LastUplinkReceivedAt", last.map(|s| s.last_uplink_at.to_rfc3339()));
        entry.insert("LoRaWAN".to_owned(), json!({ "DevEui": device.dev_eui }));
        Value::from(entry)
    });
    list_of(("WirelessDeviceList", "NextToken"), list.collect(), token)
}

/// UpdateWirelessDevice.
pub async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let device = find(&state.registry, &label)?;
    let change = read_change(&body)?;
    let id = device.id;
    state.change(move |registry: &Registry| registry.update(&id, change)).await?;
    state.tell(device.dev_eui).await?;
    done()
}

/// Reads a change; keys and DevEUI are not among what can be changed.
fn read_change(
    body: &[u8],
) -> Result<impl FnOnce(&mut WirelessDevice) -> Result<(), RegistryError> + Send + use<>, ApiError>
{
    let mut fields = Fields::parse(body)?;
    if fields.take("Sidewalk").is_some() {
        return Err(wrong("Sidewalk", "this server speaks LoRaWAN only"));
    }
    no_positioning(&mut fields)?;
    let name = change_text(&mut fields, "Name", NAME)?;
    let description = change_text(&mut fields, "Description", DESCRIPTION)?;
    let destination = fields.text("DestinationName", 1..=128)?;
    let mut lorawan = match fields.object("LoRaWAN")? {
        Some(lorawan) => lorawan,
        None => Fields::of("LoRaWAN".to_owned(), json!({}))?,
    };
    fields.finish()?;
    let device_profile = id_field(&mut lorawan, "DeviceProfileId", Kind::DeviceProfile)?;
    let service_profile = id_field(&mut lorawan, "ServiceProfileId", Kind::ServiceProfile)?;
    let f_cnt_start = keys::read_change(&mut lorawan)?;
    let f_ports = f_ports(&mut lorawan)?;
    let codec = change_text(&mut lorawan, "Codec", 128)?;
    lorawan.finish()?;
    Ok(move |device: &mut WirelessDevice| {
        device.name = name.unwrap_or(device.name.take());
        device.description = description.unwrap_or(device.description.take());
        device.codec = codec.unwrap_or(device.codec.take());
        device.destination = destination.map_or_else(|| device.destination.clone(), Into::into);
        device.device_profile_id = device_profile.unwrap_or(device.device_profile_id);
        device.service_profile_id = service_profile.or(device.service_profile_id);
        if let Some(f_ports) = f_ports {
            device.f_ports = Some(Box::new(merged(device.f_ports.as_deref(), f_ports)));
        }
        match f_cnt_start {
            Some(start) => {
                keys::set_f_cnt_start(&mut device.activation, start).map_err(RegistryError::Unfit)
            }
            None => Ok(()),
        }
    })
}

/// A change of `FPorts` names some of them; the others stay.
fn merged(before: Option<&Value>, change: Value) -> Value {
    let mut ports = before.and_then(Value::as_object).cloned().unwrap_or_default();
    if let Value::Object(change) = change {
        ports.extend(change);
    }
    ports.into()
}

/// DeleteWirelessDevice.
pub async fn remove(State(state): Shared, Label(label): Label) -> Answer {
    let id = id(&label, Kind::WirelessDevice)?;
    let gone = state.change(move |registry: &Registry| -> Result<_, RegistryError> {
        let device = registry.remove::<WirelessDevice>(&id)?;
        events::forget(registry, Kind::WirelessDevice, &id)?;
        Ok(device)
    });
    let device = gone.await?;
    state.bound([device.thing.clone(), None]);
    state.tell(device.dev_eui).await?;
    done()
}
